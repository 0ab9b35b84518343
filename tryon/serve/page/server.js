// Talking to the server: one request at a time, patient when it is busy.

const SAY = {
  offline: ['The server can’t be reached.', 'Check the connection, then try again.'],
  broken: ['The server gave an answer that makes no sense.', 'Try again.'],
};
let token = '';

export class Refusal extends Error {
  constructor(status, body) {
    super(body.message);
    Object.assign(this, { status, code: body.code, remedy: body.remedy, picture: body.picture });
  }
}

function refusal(what, status = 0) {
  const [message, remedy] = SAY[what];
  return new Refusal(status, { code: what, message, remedy });
}

const pause = (seconds, signal) =>
  new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, seconds * 1000);
    signal?.addEventListener('abort', () => {
      clearTimeout(timer);
      reject(signal.reason);
    });
  });

/** Ask until somebody gives a token, or gives up. */
function askForToken() {
  const dialog = document.getElementById('token-dialog');
  const field = document.getElementById('token');
  field.value = '';
  dialog.returnValue = '';
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.onclose = () => {
      token = field.value.trim();
      resolve(dialog.returnValue === 'ok' && token !== '');
    };
  });
}

/**
 * POST a form, and do again what is worth doing again: a busy server (429, 503), a token that is missing (401).
 * `onWait(seconds)` is told about pauses.
 */
async function post(form, accept, signal, onWait) {
  for (let attempt = 0; ; attempt += 1) {
    let answer;
    try {
      const headers = { Accept: accept, ...(token && { Authorization: `Bearer ${token}` }) };
      answer = await fetch('v1/tryon', { method: 'POST', body: form, headers, signal });
    } catch (error) {
      if (signal?.aborted) throw error;
      throw refusal('offline');
    }
    if (answer.ok) return answer;
    const body = await answer.json().catch(() => null);
    if (answer.status === 401 && (await askForToken())) continue;
    if ((answer.status === 429 || answer.status === 503) && attempt < 8) {
      const seconds = Math.min(20, Number(answer.headers.get('Retry-After')) || 3);
      onWait(seconds);
      await pause(seconds, signal);
      continue;
    }
    throw body?.message ? new Refusal(answer.status, body) : refusal('broken', answer.status);
  }
}

function blobOf({ media_type: type, base64 }) {
  return new Blob([Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0))], { type });
}

function formOf(person, piece, more) {
  const form = new FormData();
  // the names of files are nobody's business
  form.append('person', person, 'person');
  form.append('garment', piece.file, 'garment');
  form.append('category', piece.category);
  if (piece.hue !== null) form.append('hue', piece.hue);
  if (piece.lightness) form.append('lightness', piece.lightness);
  for (const [name, value] of Object.entries(more)) form.append(name, value);
  return form;
}

/** Try a piece on: {report, picture: Blob, explain: {name: Blob}}. */
export async function tryOn(person, piece, { explain = false, signal, onWait = () => {} } = {}) {
  const form = formOf(person, piece, { format: 'jpeg', ...(explain && { explain: 'true' }) });
  const answer = await post(form, 'application/json', signal, onWait);
  const record = await answer.json().catch(() => {
    throw refusal('broken');
  });
  const pictures = Object.entries(record.explain ?? {}).map(([name, picture]) => [name, blobOf(picture)]);
  return { report: record.report, picture: blobOf(record.picture), explain: Object.fromEntries(pictures) };
}

/** The same picture as a lossless file. */
export async function lossless(person, piece, onWait = () => {}) {
  return (await post(formOf(person, piece, {}), 'image/png', undefined, onWait)).blob();
}
