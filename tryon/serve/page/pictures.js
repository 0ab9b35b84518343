// Where pictures come from: files, drops, the clipboard, the camera.

const KINDS = ['image/jpeg', 'image/png', 'image/webp'];
const find = (id) => document.getElementById(id);

/** Files among what was dropped or pasted; a HEIC photo may come without a type, and the server says what it thinks. */
export function filesOf(transfer) {
  return [...(transfer?.files ?? [])].filter((file) => file.type === '' || file.type.startsWith('image/'));
}

export function isShowable(file) {
  return KINDS.includes(file.type);
}

/** Call `use(files)` for every choice of a file input, also for the same file again. */
export function onChoice(input, use) {
  input.addEventListener('keydown', (event) => {
    if (event.key !== 'Enter') return; // the space bar opens it anyway
    event.preventDefault();
    input.click();
  });
  input.addEventListener('change', () => {
    const files = [...input.files];
    input.value = '';
    if (files.length) use(files);
  });
}

/** Drops anywhere: `use(files, target element)`. Marks the zone under the pointer. */
export function onDrop(zones, use) {
  const zoneOf = (event) => zones.find((zone) => zone.contains(event.target));
  const mark = (zone) => zones.forEach((other) => other.classList.toggle('over', other === zone));
  addEventListener('dragover', (event) => {
    if (![...event.dataTransfer.types].includes('Files')) return;
    event.preventDefault();
    mark(zoneOf(event));
  });
  addEventListener('dragleave', (event) => {
    if (!event.relatedTarget) mark(null);
  });
  addEventListener('drop', (event) => {
    mark(null);
    const files = filesOf(event.dataTransfer);
    event.preventDefault();
    if (files.length) use(files, zoneOf(event));
  });
}

export function onPaste(use) {
  addEventListener('paste', (event) => {
    const files = filesOf(event.clipboardData);
    if (!files.length) return;
    event.preventDefault();
    use(files);
  });
}

export const hasCamera = Boolean(window.isSecureContext && navigator.mediaDevices?.getUserMedia);

/** Let somebody take a photo; resolves to a JPEG file, or null when cancelled. */
export async function photograph(role) {
  const dialog = find('camera');
  const video = find('video');
  const countdown = find('countdown');
  let facing = role === 'person' ? 'user' : 'environment';
  let stream = null;
  let timer = 0;

  async function open() {
    close();
    stream = await navigator.mediaDevices.getUserMedia({
      audio: false,
      video: { facingMode: facing, width: { ideal: 1920 }, height: { ideal: 1920 } },
    });
    video.srcObject = stream;
    video.classList.toggle('mirrored', facing === 'user');
    await video.play();
  }

  function close() {
    stream?.getTracks().forEach((track) => track.stop());
    stream = null;
  }

  find('camera-hint').textContent =
    role === 'person'
      ? 'Step back until your upper body is in the picture; you have three seconds.'
      : 'Lay it flat or hang it up, sleeves beside the body, and show it whole.';
  countdown.textContent = '';
  await open();
  dialog.showModal();
  return new Promise((resolve) => {
    let done = false;
    const finish = (result) => {
      if (done) return;
      done = true;
      clearTimeout(timer);
      close();
      if (dialog.open) dialog.close();
      resolve(result);
    };
    const count = (left) => {
      countdown.textContent = left || '';
      if (left) timer = setTimeout(() => count(left - 1), 1000);
      else grab(video).then(finish);
    };
    find('shoot').onclick = () => {
      clearTimeout(timer);
      count(role === 'person' ? 3 : 0);
    };
    find('turn').onclick = () => {
      facing = facing === 'user' ? 'environment' : 'user';
      open().catch(() => finish(null));
    };
    find('camera-close').onclick = () => finish(null);
    dialog.onclose = () => finish(null);
  });
}

/** The camera's picture as it is, not mirrored: letters on shirts stay readable. */
function grab(video) {
  const canvas = document.createElement('canvas');
  canvas.width = video.videoWidth;
  canvas.height = video.videoHeight;
  canvas.getContext('2d').drawImage(video, 0, 0);
  return new Promise((resolve) => canvas.toBlob(resolve, 'image/jpeg', 0.95));
}

/** One of the server's own pictures. */
export async function example(name) {
  const answer = await fetch(`demo/${name}.jpg`);
  return answer.blob();
}
