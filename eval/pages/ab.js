"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const $ = (id) => document.getElementById(id);
const KEY = `tryon-ab-${data.page}`;
const total = data.cases.length;

// One voter's session: {voter, seed, started, finished, votes: [{choice, seconds}]}, in the voter's order.
let session = null, shownAt = 0;

function load() {
  try {
    const kept = JSON.parse(localStorage.getItem(KEY));
    if (kept && Number.isInteger(kept.seed) && Array.isArray(kept.votes) && kept.votes.length <= total) return kept;
  } catch { /* nothing kept, or not readable: begin anew */ }
  return null;
}

function keep() {
  try { localStorage.setItem(KEY, JSON.stringify(session)); } catch { /* private window: the votes live as long as the page */ }
}

/** Numbers in [0, 1) from a 32-bit seed (mulberry32). */
function generator(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t = (t + Math.imul(t ^ (t >>> 7), t | 61)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** The voter's order of the cases, and which of the two pictures stands on the left. */
function plan(seed) {
  const next = generator(seed);
  const order = data.cases.map((_, i) => ({ index: i, turned: next() < 0.5 }));
  for (let i = order.length - 1; i > 0; i--) {
    const j = Math.floor(next() * (i + 1));
    [order[i], order[j]] = [order[j], order[i]];
  }
  return order;
}

function screen(name) {
  for (const id of ["start", "vote", "end"]) $(id).hidden = id !== name;
}

// ---- voting

function show() {
  const at = session.votes.length;
  if (at >= total) return finish();
  screen("vote");
  const { index, turned } = plan(session.seed)[at];
  const item = data.cases[index];
  const sides = turned ? [item.results[1], item.results[0]] : item.results;
  $("person").src = item.person;
  $("garment-view").hidden = !item.garment;
  document.querySelector(".views").classList.toggle("alone", !item.garment);
  if (item.garment) $("garment").src = item.garment;
  [$("left").src, $("right").src] = sides;
  $("progress").textContent = `${at + 1} of ${total}`;
  $("bar").max = total;
  $("bar").value = at;
  $("undo").disabled = at === 0;
  $("stop").disabled = at === 0;
  document.querySelector(".views").scrollTop = 0;
  shownAt = performance.now();
}

function vote(choice) {
  session.votes.push({ choice, seconds: Math.round((performance.now() - shownAt) / 100) / 10 });
  keep();
  show();
}

function undo() {
  if (!session.votes.length) return;
  session.votes.pop();
  keep();
  show();
}

function zoom() {
  $("zoom").setAttribute("aria-pressed", String($("vote").classList.toggle("larger")));
}

// ---- the result

function unseal() {
  const bytes = Uint8Array.from(atob(data.sealed), (c, i) => c.charCodeAt(0) ^ data.page.charCodeAt(i % data.page.length));
  return JSON.parse(new TextDecoder().decode(bytes));
}

/** Wilson's score interval, 95 %; the same formula as in ab_result.py. */
function wilson(successes, trials) {
  if (trials === 0) return [0, 1];
  const z = 1.959963984540054, share = successes / trials, shrink = 1 + (z * z) / trials;
  const centre = (share + (z * z) / (2 * trials)) / shrink;
  const half = (z / shrink) * Math.sqrt((share * (1 - share)) / trials + (z * z) / (4 * trials * trials));
  return [successes === 0 ? 0 : Math.max(0, centre - half), successes === trials ? 1 : Math.min(1, centre + half)];
}

function outcome() {
  const secret = unseal();
  const order = plan(session.seed);
  const votes = session.votes.map(({ choice, seconds }, at) => {
    const { index, turned } = order[at];
    const { pair, category, swapped } = secret.cases[index];
    const left = secret.systems[Number(swapped !== turned)];
    const right = secret.systems[Number(swapped === turned)];
    return { pair, category, left, right, better: choice === "tie" ? null : choice === "left" ? left : right, seconds };
  });
  return {
    kind: "tryon-ab", format: secret.format, page: data.page, systems: secret.systems, voter: session.voter,
    seed: session.seed, started: session.started, finished: session.finished, cases: total, votes,
  };
}

const percent = (share) => `${(100 * share).toFixed(0)} %`;
const range = ([low, high]) => `${(100 * low).toFixed(0)} to ${(100 * high).toFixed(0)} %`;

function count(votes, systems) {
  const of = (better) => votes.filter((one) => one.better === better).length;
  return { one: of(systems[0]), two: of(systems[1]), ties: of(null) };
}

function finish() {
  if (!session.finished) {
    session.finished = new Date().toISOString();
    keep();
  }
  screen("end");
  const { votes, systems } = outcome();
  const sum = count(votes, systems), decided = sum.one + sum.two;
  const ahead = sum.one >= sum.two ? 0 : 1, most = Math.max(sum.one, sum.two);
  const interval = wilson(most, decided);
  $("verdict").textContent = interval[0] > 0.5 ? `${systems[ahead]} is preferred` : "No preference shown";
  $("sentence").textContent = decided === 0 ? `All ${sum.ties} votes are ties.`
    : `${systems[ahead]} was chosen in ${most} of ${decided} decided votes: ${percent(most / decided)}, 95 % interval ${range(interval)}. Ties: ${sum.ties}.`;
  $("share").replaceChildren(...[["one", sum.one], ["tie", sum.ties], ["two", sum.two]].map(([name, n]) => {
    const part = document.createElement("div");
    part.className = name;
    part.style.flexGrow = n;
    return part;
  }));
  drawTable(votes, systems);
  $("incomplete").textContent = votes.length < total ? `Finished early: ${votes.length} of ${total} cases.` : "";
}

function drawTable(votes, systems) {
  const row = (cells, tag) => {
    const line = document.createElement("tr");
    cells.forEach(([text, kind], i) => {
      const cell = document.createElement(i === 0 ? "th" : tag);
      cell.textContent = text;
      cell.className = kind || "";
      line.append(cell);
    });
    return line;
  };
  const head = document.createElement("thead"), body = document.createElement("tbody");
  head.append(row([["votes"], [systems[0], "one"], ["ties"], [systems[1], "two"], [`share of ${systems[0]}`]], "th"));
  const categories = [...new Set(votes.map((one) => one.category))].sort();
  const groups = [["all", votes], ...(categories.length > 1 ? categories.map((c) => [c || "unknown", votes.filter((v) => v.category === c)]) : [])];
  for (const [label, some] of groups) {
    const { one, two, ties } = count(some, systems);
    const share = one + two ? `${percent(one / (one + two))} (${range(wilson(one, one + two))})` : "–";
    body.append(row([[label], [one], [ties], [two], [share]], "td"));
  }
  $("table").replaceChildren(head, body);
}

function save() {
  const address = URL.createObjectURL(new Blob([JSON.stringify(outcome(), null, 2) + "\n"], { type: "application/json" }));
  const link = document.createElement("a");
  const voter = session.voter.replace(/[^\p{L}\p{N}_-]+/gu, "-").slice(0, 40);
  link.href = address;
  link.download = `ab-${voter || session.seed}.json`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 10000);
}

// ---- events

$("begin").addEventListener("submit", (event) => {
  event.preventDefault();
  const seed = crypto.getRandomValues(new Uint32Array(1))[0];
  session = { voter: $("voter").value.trim(), seed, started: new Date().toISOString(), finished: null, votes: [] };
  keep();
  show();
});
for (const button of document.querySelectorAll("[data-choice]")) button.addEventListener("click", () => vote(button.dataset.choice));
$("undo").addEventListener("click", undo);
$("zoom").addEventListener("click", zoom);
for (const id of ["left-view", "right-view"]) $(id).addEventListener("click", zoom);
$("stop").addEventListener("click", () => $("sure").showModal());
$("sure-no").addEventListener("click", () => $("sure").close());
$("sure-yes").addEventListener("click", () => { $("sure").close(); finish(); });
$("save").addEventListener("click", save);
$("again").addEventListener("click", () => {
  try { localStorage.removeItem(KEY); } catch { /* nothing was kept */ }
  session = null;
  $("voter").value = "";
  screen("start");
});

const KEYS = { ArrowLeft: () => vote("left"), ArrowRight: () => vote("right"), ArrowDown: () => vote("tie"), Backspace: undo, z: zoom, Z: zoom };
document.addEventListener("keydown", (event) => {
  if ($("vote").hidden || $("sure").open || event.ctrlKey || event.metaKey || event.altKey) return;
  const act = KEYS[event.key];
  if (!act) return;
  event.preventDefault();
  if (!event.repeat) act(); // a key held down is one vote
});

$("total").textContent = `${total} ${total === 1 ? "case" : "cases"}`;
session = load();
if (session === null) screen("start");
else if (session.finished) finish();
else show();
