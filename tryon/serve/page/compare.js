// The picture before and after, with a divider that follows the pointer; arrow keys work through the range input.

const figure = document.getElementById('compare');
const before = document.getElementById('before');
const after = document.getElementById('after');
const range = document.getElementById('split');
const calm = matchMedia('(prefers-reduced-motion: reduce)');
let shown = false; // whether the divider was shown moving once

function place(percent) {
  range.value = percent;
  range.setAttribute('aria-valuetext', `${Math.round(percent)} percent before`);
  figure.style.setProperty('--split', `${percent}%`);
  figure.classList.toggle('all-after', percent < 4);
  figure.classList.toggle('all-before', percent > 96);
}

function follow(event) {
  const box = figure.getBoundingClientRect();
  place(Math.min(100, Math.max(0, (100 * (event.clientX - box.left)) / box.width)));
}

before.addEventListener('load', () => {
  figure.style.setProperty('--ratio', before.naturalWidth / before.naturalHeight);
});
range.addEventListener('input', () => place(Number(range.value)));
figure.addEventListener('pointerdown', (event) => {
  if (event.button !== 0 || !figure.classList.contains('both')) return;
  figure.setPointerCapture(event.pointerId);
  range.focus({ preventScroll: true, focusVisible: false });
  follow(event);
  event.preventDefault();
});
figure.addEventListener('pointermove', (event) => {
  if (figure.hasPointerCapture(event.pointerId)) follow(event);
});

/** Sweep once from the old picture to the new one, so that people see that there is a slider. */
function reveal() {
  if (shown) return;
  shown = true;
  if (calm.matches) return place(0);
  const start = performance.now();
  const step = (now) => {
    const t = Math.min(1, (now - start) / 1100);
    place(100 * (1 - t * t * (3 - 2 * t)));
    if (t < 1) requestAnimationFrame(step);
  };
  requestAnimationFrame(step);
}

/** Show the person alone (`made` null), or beside what was made. Both are addresses of pictures. */
export async function compare(person, made, words) {
  before.alt = made ? 'You before' : 'Your photo';
  after.alt = made ? words : '';
  if (before.getAttribute('src') !== person) before.src = person;
  const both = Boolean(made);
  if (both && after.getAttribute('src') !== made) {
    const loader = new Image();
    loader.src = made;
    await loader.decode().catch(() => {});
    after.src = made;
  }
  if (!both) after.removeAttribute('src');
  figure.classList.toggle('both', both);
  range.disabled = !both;
  range.hidden = !both;
  if (both) reveal();
  else place(100);
  if (both && shown && Number(range.value) > 96) place(0);
}

/** The next picture sweeps again (a new person). */
export function forget() {
  shown = false;
}
