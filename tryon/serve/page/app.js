// The fitting room: one person, a rail of clothes, one request at a time.

import { compare, forget } from './compare.js';
import { example, hasCamera, isShowable, onChoice, onDrop, onPaste, photograph } from './pictures.js';
import { lossless, tryOn } from './server.js';

const find = (id) => document.getElementById(id);
const MOST = 24; // pieces on the rail
const EXAMPLES = ['shirt', 'striped', 'hoodie'];
/** Intermediate pictures: name in the answer -> words, in the order of the work. */
const STEPS = {
  pose: 'Where your body is',
  parse: 'Hair, skin, clothes: each has a colour',
  garment_mask: 'The piece, cut out of its photo',
  agnostic: 'What you wore, taken away',
  warped_garment: 'The piece, laid onto your body',
  alpha: 'Where it will be seen',
  gain: 'Light and shade of the cloth',
  edit_mask: 'White is what changes; the rest is your photo, untouched',
};
/** Codes of warnings whose own words are for the command line. */
const WORDS = {
  several_people: 'There are several people in your photo; the most prominent one is dressed. Cut the photo to choose.',
};

/** Codes of errors whose remedy is for programs. */
const REMEDIES = { unsupported_category: 'Choose “Find out for me” under “What is it?”.' };

let person = null; // {file, url, error: why nobody can be dressed in this photo}
let pieces = []; // see `newPiece`
let selected = null;
let working = null; // {piece, abort}
let count = 0;

// --- what is known about a piece ------------------------------------------------------------------------------------

/** status: waiting, working, done, failed; `made` {report, url, file} and `steps` {name: url} belong to the settings. */
function newPiece(file) {
  count += 1;
  const settings = { category: 'auto', hue: null, lightness: 0 };
  return { id: count, file, url: URL.createObjectURL(file), status: 'waiting', note: '', ...settings };
}

function drop(piece) {
  if (piece.made) URL.revokeObjectURL(piece.made.url);
  Object.values(piece.steps ?? {}).forEach((url) => URL.revokeObjectURL(url));
  piece.made = piece.steps = piece.error = null;
}

/** Do a piece again; its old picture stays in sight until there is a new one. */
function again(piece, { keep = false } = {}) {
  if (working?.piece === piece) working.abort.abort();
  if (!keep) drop(piece);
  Object.assign(piece, { status: 'waiting', error: null, note: '' });
  draw();
  pump();
}

async function pump() {
  if (working || !person || person.error) return;
  const piece = selected?.status === 'waiting' ? selected : pieces.find((other) => other.status === 'waiting');
  if (!piece) return;
  const abort = new AbortController();
  const mine = (working = { piece, abort });
  piece.status = 'working';
  draw();
  try {
    const options = { explain: find('how').open && piece === selected, signal: abort.signal };
    const onWait = (seconds) => {
      piece.note = `The server is busy; again in ${seconds} s`;
      draw();
    };
    const { report, picture, explain } = await tryOn(person.file, piece, { ...options, onWait });
    if (abort.signal.aborted) throw abort.signal.reason;
    drop(piece);
    piece.made = { report, file: picture, url: URL.createObjectURL(picture) };
    if (options.explain) keepSteps(piece, explain);
    piece.status = 'done';
    if (piece === selected) say(`Done. ${warningsOf(piece).join(' ')}`);
  } catch (error) {
    if (!abort.signal.aborted) {
      drop(piece);
      const blamed = error.picture === 'person' ? person : piece;
      Object.assign(piece, { status: blamed === person ? 'waiting' : 'failed' });
      blamed.error = error;
    }
  } finally {
    piece.note = '';
    if (working === mine) working = null;
    draw();
    pump();
  }
}

function keepSteps(piece, explain) {
  piece.steps = Object.fromEntries(Object.entries(explain).map(([name, blob]) => [name, URL.createObjectURL(blob)]));
}

function warningsOf(piece) {
  return (piece?.made?.report.warnings ?? []).map((warning) => WORDS[warning.code] ?? warning.message);
}

// --- what people do -------------------------------------------------------------------------------------------------

function setPerson(file) {
  if (person) URL.revokeObjectURL(person.url);
  person = { file, url: URL.createObjectURL(file), error: null };
  forget();
  working?.abort.abort();
  working = null;
  pieces.forEach((piece) => {
    drop(piece);
    piece.status = 'waiting';
  });
  draw();
  pump();
  if (!pieces.length) say('Your photo is here. Now add clothes.');
}

function addPieces(files) {
  const room = MOST - pieces.length;
  if (files.length > room) say(`The rail holds ${MOST} pieces.`);
  const added = files.slice(0, Math.max(0, room)).map(newPiece);
  pieces.push(...added);
  if (added.length) select(added[0]);
  pump();
}

function select(piece) {
  selected = piece;
  draw();
  if (piece && find('how').open) showSteps();
  find('rail').querySelector('[aria-pressed=true]')?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
}

function remove(piece) {
  const place = pieces.indexOf(piece);
  if (working?.piece === piece) {
    working.abort.abort();
    working = null;
  }
  drop(piece);
  URL.revokeObjectURL(piece.url);
  pieces.splice(place, 1);
  if (selected === piece) selected = pieces[Math.min(place, pieces.length - 1)] ?? null;
  draw();
  const next = selected ? tileOf(selected)?.querySelector('.tile') : find('garment-file');
  next?.focus();
  pump();
}

let later = 0;
function tune(change) {
  if (!selected) return;
  Object.assign(selected, change);
  drawTune();
  clearTimeout(later);
  const piece = selected;
  later = setTimeout(() => again(piece, { keep: true }), 300);
}

/** The intermediate pictures of the selected piece: asked for when somebody wants to see them. */
async function showSteps() {
  const piece = selected;
  if (!piece || piece.status !== 'done' || piece.steps || piece.asking) return drawSteps();
  piece.asking = true;
  drawSteps();
  const made = piece.made;
  try {
    const { explain } = await tryOn(person.file, piece, { explain: true });
    if (piece.made === made) keepSteps(piece, explain);
  } catch (error) {
    say(`${error.message} ${error.remedy ?? ''}`);
  } finally {
    piece.asking = false;
    drawSteps();
  }
}

function saveAs(file, name) {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(file);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

async function savePng() {
  const button = find('download-png');
  button.disabled = true;
  try {
    saveAs(await lossless(person.file, selected), `fitting-room-${selected.id}.png`);
  } catch (error) {
    say(`${error.message} ${error.remedy ?? ''}`);
  } finally {
    button.disabled = false;
  }
}

async function useCamera(role) {
  try {
    const file = await photograph(role);
    if (file) role === 'person' ? setPerson(file) : addPieces([file]);
  } catch {
    showError({ message: 'The camera can’t be used.', remedy: 'Allow it in the browser, or choose a photo instead.' });
  }
}

// --- what is seen ---------------------------------------------------------------------------------------------------

function say(text) {
  find('status').textContent = text;
}

function draw() {
  const piece = selected;
  find('welcome').hidden = Boolean(person);
  find('compare').hidden = !person;
  find('toolbar').hidden = !person;
  if (person) compare(person.url, piece?.made?.url ?? null, 'You wearing the piece').then(drawBusy);
  drawBusy();
  showError(person?.error ?? piece?.error);
  const ready = piece?.status === 'done';
  find('download').disabled = find('download-png').disabled = !ready;
  find('how').hidden = !piece?.made;
  const list = find('warnings');
  list.replaceChildren(...(ready ? warningsOf(piece) : []).map((words) => element('li', { textContent: words })));
  list.hidden = !list.childElementCount;
  drawRail();
  drawTune();
  drawSteps();
}

function drawBusy() {
  const busy = person && !person.error && (selected?.status === 'working' || selected?.status === 'waiting');
  find('busy').hidden = !busy;
  find('busy-text').textContent = selected?.note || 'Trying it on';
}

function showError(error) {
  find('error').hidden = !error;
  if (!error) return;
  const [message, remedy] = [error.message, REMEDIES[error.code] ?? error.remedy ?? ''];
  if (find('error-message').textContent !== message) find('error-message').textContent = message;
  find('error-remedy').textContent = remedy;
  find('retry').hidden = selected?.status !== 'failed' || Boolean(error.picture);
}

function element(kind, properties = {}, children = []) {
  const node = Object.assign(document.createElement(kind), properties);
  node.append(...children);
  return node;
}

const tileOf = (piece) => find('rail').querySelector(`[data-id="${piece.id}"]`);

function newTile(piece) {
  const cloth = element('img', { className: 'cloth', alt: '', src: piece.url });
  if (!isShowable(piece.file)) cloth.hidden = true;
  const worn = element('img', { className: 'worn', alt: '', hidden: true });
  const mark = element('span', { className: 'mark' });
  const tile = element('button', { type: 'button', className: 'tile' }, [cloth, worn, mark]);
  tile.addEventListener('click', () => select(piece));
  const cross = element('button', { type: 'button', className: 'remove', title: 'Take it off the rail' });
  const icon = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  const use = document.createElementNS('http://www.w3.org/2000/svg', 'use');
  use.setAttribute('href', '#i-close');
  icon.append(use);
  cross.append(icon);
  cross.addEventListener('click', () => remove(piece));
  const item = element('li', {}, [tile, cross]);
  item.dataset.id = piece.id;
  return item;
}

const STATE = { waiting: 'waits', working: 'is being tried on', done: 'tried on', failed: 'can’t be tried on' };

function drawTile(piece, place) {
  const item = tileOf(piece);
  const [tile, cross] = item.children;
  const [, worn, mark] = tile.children;
  item.className = `piece ${person && !person.error ? piece.status : ''}`;
  tile.setAttribute('aria-pressed', piece === selected);
  tile.setAttribute('aria-label', `Piece ${place + 1}${person && !person.error ? `, ${STATE[piece.status]}` : ''}`);
  cross.setAttribute('aria-label', `Remove piece ${place + 1}`);
  mark.textContent = piece.status === 'failed' ? '!' : '';
  worn.hidden = !piece.made;
  if (!piece.made) return worn.removeAttribute('src');
  if (worn.getAttribute('src') === piece.made.url) return;
  worn.src = piece.made.url;
  const box = piece.made.report.edit_box;
  worn.onload = () => {
    if (!box) return;
    worn.style.objectPosition = `${position(box[0], box[2], worn.naturalWidth)} ${position(box[1], box[3], worn.naturalHeight)}`;
  };
}

/** Where a crop has to lie for its middle to be that of the changed region. */
function position(low, high, size) {
  return `${Math.round((100 * (low + high)) / 2 / Math.max(size, 1))}%`;
}

function drawRail() {
  const rail = find('rail');
  const known = new Set(pieces.map((piece) => String(piece.id)));
  for (const item of rail.querySelectorAll('[data-id]')) if (!known.has(item.dataset.id)) item.remove();
  for (const piece of pieces) if (!tileOf(piece)) rail.lastElementChild.before(newTile(piece));
  pieces.forEach(drawTile);
  find('count').textContent = pieces.length ? `${pieces.length}` : '';
  find('wardrobe').classList.toggle('filled', pieces.length > 0);
  rail.lastElementChild.hidden = pieces.length >= MOST;
}

function drawTune() {
  find('tune').hidden = !selected || !person;
  if (!selected) return;
  find('category').value = selected.category;
  find('hue').value = selected.hue ?? 0;
  find('hue').classList.toggle('unset', selected.hue === null);
  find('lightness').value = selected.lightness;
  find('original').hidden = selected.hue === null && selected.lightness === 0;
}

function drawSteps() {
  const steps = selected?.steps;
  const names = steps ? Object.keys(STEPS).filter((name) => name in steps) : [];
  const figures = names.map((name) =>
    element('figure', {}, [
      element('img', { src: steps[name], alt: '', className: name }),
      element('figcaption', { textContent: STEPS[name] }),
    ]),
  );
  if (!figures.length && selected?.asking) figures.push(element('p', { className: 'hint', textContent: 'One moment' }));
  find('steps').replaceChildren(...figures);
}

// --- wiring ---------------------------------------------------------------------------------------------------------

function take(files, zone) {
  if (zone === find('stage') || (!person && zone !== find('wardrobe'))) {
    setPerson(files[0]);
    if (files.length > 1) addPieces(files.slice(1));
  } else addPieces(files);
}

onChoice(find('person-file'), ([file]) => setPerson(file));
onChoice(find('person-change'), ([file]) => setPerson(file));
onChoice(find('garment-file'), addPieces);
onDrop([find('stage'), find('wardrobe')], take);
onPaste((files) => take(files, null));
for (const button of document.querySelectorAll('[data-camera]')) {
  button.hidden = !hasCamera;
  button.addEventListener('click', () => useCamera(button.dataset.camera));
}
find('example').addEventListener('click', async () => {
  setPerson(await example('person'));
  addPieces(await Promise.all(EXAMPLES.map(example)));
});
find('example-clothes').addEventListener('click', async () => addPieces(await Promise.all(EXAMPLES.map(example))));
find('category').addEventListener('change', (event) => tune({ category: event.target.value }));
find('hue').addEventListener('input', (event) => tune({ hue: Number(event.target.value) }));
find('lightness').addEventListener('input', (event) => tune({ lightness: Number(event.target.value) }));
find('original').addEventListener('click', () => tune({ hue: null, lightness: 0 }));
find('retry').addEventListener('click', () => selected && again(selected));
find('download').addEventListener('click', () => saveAs(selected.made.file, `fitting-room-${selected.id}.jpg`));
find('download-png').addEventListener('click', savePng);
find('how').addEventListener('toggle', () => find('how').open && showSteps());
draw();
