"use strict";
// The data never becomes markup: every text goes through textContent or an attribute.
const data = JSON.parse(document.getElementById("data").textContent);
const $ = (id) => document.getElementById(id);
const CHUNK = 60, LARGEST = 8;

const address = (path) => path.split("/").map(encodeURIComponent).join("/");
const rows = data.rows.map(([id, person, garment, picture, preview, size, quality, category, warnings]) => ({
  id, person, garment, picture, preview, size, quality, category, warnings,
  text: [id, data.photos[person][0], data.photos[garment][0]].join("\n").toLowerCase(),
}));
const failures = data.failures.map(([id, person, garment, code, message, remedy]) => ({
  id, person, garment, code, message, remedy, text: [id, person, garment].join("\n").toLowerCase(),
}));

function make(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  Object.assign(node, properties);
  node.append(...children);
  return node;
}

const shown = (number) => (typeof number === "number" ? number.toFixed(2) : "–");
const short = (path) => path.split("/").pop();

// ---- which rows, in which order

let chosen = [], drawn = 0, current = 0, opener = null;

function fits(row) {
  const show = $("show").value;
  const words = $("search").value.toLowerCase().split(/\s+/).filter(Boolean);
  if (!words.every((word) => row.text.includes(word))) return false;
  if (row.code !== undefined) {
    const names = [["person", row.person], ["garment", row.garment]];
    return names.every(([side, name]) => $(side).value === "" || data.photos[Number($(side).value)][0] === name)
      && (show === "" || show === "failed" || show === "=" + row.code);
  }
  return ["person", "garment"].every((side) => $(side).value === "" || Number($(side).value) === row[side])
    && (show === "" || show === "made" || (show === "warned" && row.warnings.length > 0)
      || row.warnings.some(([code]) => show === "!" + code));
}

function update() {
  chosen = [...rows, ...failures].filter(fits);
  const order = $("order").value;
  if (order !== "") {
    const sign = order === "low" ? 1 : -1;
    const key = (row) => (typeof row.quality === "number" ? sign * row.quality : Infinity);
    chosen.sort((a, b) => (key(a) === key(b) ? 0 : key(a) - key(b)));
  }
  $("count").textContent = `${chosen.length} of ${rows.length + failures.length}`;
  $("nothing").hidden = chosen.length > 0;
  $("cards").replaceChildren();
  drawn = 0;
  drawMore();
}

function drawMore() {
  const part = chosen.slice(drawn, drawn + CHUNK);
  $("cards").append(...part.map((row, i) => (row.code === undefined ? card(row, drawn + i) : failed(row))));
  drawn += part.length;
}

const lazy = (path, alt, className = "") =>
  make("img", { loading: "lazy", decoding: "async", src: address(path), alt, className });

function card(row, index) {
  const name = `${short(data.photos[row.person][0])} in ${short(data.photos[row.garment][0])}`;
  const button = make("button", { type: "button", className: "picture", ariaLabel: `Enlarge ${row.id}` },
    lazy(row.preview, name), lazy(data.photos[row.garment][1], "", "small"));
  button.addEventListener("click", () => open(index));
  const chips = make("div", { className: "chips" }, make("span", { className: "chip", textContent: `quality ${shown(row.quality)}` }));
  for (const [code, message] of row.warnings) {
    chips.append(make("span", { className: "chip warn", textContent: code, title: message }));
  }
  return make("li", { className: "card" }, button, make("div", { className: "text" }, make("b", { textContent: row.id }), chips));
}

function failed(row) {
  return make("li", { className: "card failed" }, make("div", { className: "text" },
    make("b", { textContent: row.code }), make("span", { textContent: row.id || `${row.person} + ${row.garment}` }),
    make("p", { textContent: `${row.message} ${row.remedy}` })));
}

// ---- enlarged: before and after under a slider, zoom and shift

const view = { zoom: 1, x: 0, y: 0, at: 50 };

function place() {
  const stage = $("stage"), box = stage.getBoundingClientRect();
  view.x = Math.min(0, Math.max(view.x, box.width * (1 - view.zoom)));
  view.y = Math.min(0, Math.max(view.y, box.height * (1 - view.zoom)));
  const inner = box.width ? ((view.at / 100) * box.width - view.x) / (view.zoom * box.width) : view.at / 100;
  const styles = {
    "--zoom": view.zoom, "--x": `${view.x}px`, "--y": `${view.y}px`, "--at": `${view.at}%`, "--inner": `${inner * 100}%`,
  };
  for (const [name, value] of Object.entries(styles)) stage.style.setProperty(name, value);
  stage.classList.toggle("zoomed", view.zoom > 1);
  $("scale").textContent = `${Math.round(view.zoom * 100)}%`;
  $("in").disabled = view.zoom >= LARGEST;
  $("out").disabled = view.zoom <= 1;
}

/** Zoom by a factor, keeping the point (x, y) of the stage, as shares of its sides, in place. */
function zoom(factor, x = 0.5, y = 0.5) {
  const box = $("stage").getBoundingClientRect();
  const next = Math.min(LARGEST, Math.max(1, view.zoom * factor)), change = next / view.zoom;
  view.x = x * box.width - change * (x * box.width - view.x);
  view.y = y * box.height - change * (y * box.height - view.y);
  view.zoom = next;
  place();
}

function slide(percent) {
  view.at = Math.min(100, Math.max(0, percent));
  $("slider").value = view.at;
  place();
}

const neighbour = (step) => {
  let index = current + step;
  while (chosen[index] && chosen[index].code !== undefined) index += step;
  return index;
};

function open(index) {
  const row = chosen[index];
  if (!row || row.code !== undefined) return;
  current = index;
  const [person, before] = data.photos[row.person], [garment, cloth] = data.photos[row.garment];
  $("title").textContent = row.id;
  $("before").src = address(before);
  $("after").src = address(row.picture);
  $("cloth").src = address(cloth);
  $("cloth").alt = `garment: ${garment}`;
  $("file").href = address(row.picture);
  $("stage").style.setProperty("--ratio", row.size[0] / row.size[1]);
  const facts = [["person", person], ["garment", garment], ["category", row.category], ["quality", shown(row.quality)],
    ["size", row.size.join(" × ")], ...row.warnings.map(([code, message]) => [code, message])];
  $("facts").replaceChildren(...facts.flatMap(([name, value]) => [make("dt", { textContent: name }), make("dd", { textContent: value })]));
  $("previous").disabled = !chosen[neighbour(-1)];
  $("next").disabled = !chosen[neighbour(1)];
  Object.assign(view, { zoom: 1, x: 0, y: 0 });
  if (!$("viewer").open) {
    opener = document.activeElement;
    $("viewer").showModal();
    $("slider").focus();
  }
  place();
}

let drag = null;
$("stage").addEventListener("pointerdown", (event) => {
  const shift = view.zoom > 1 && event.target !== $("handle");
  drag = { shift, x: event.clientX - view.x, y: event.clientY - view.y };
  $("stage").setPointerCapture(event.pointerId);
  move(event);
});
function move(event) {
  if (!drag) return;
  if (drag.shift) {
    view.x = event.clientX - drag.x;
    view.y = event.clientY - drag.y;
    place();
  } else {
    const box = $("stage").getBoundingClientRect();
    slide(((event.clientX - box.left) / box.width) * 100);
  }
}
$("stage").addEventListener("pointermove", move);
for (const kind of ["pointerup", "pointercancel"]) $("stage").addEventListener(kind, () => { drag = null; });
$("stage").addEventListener("wheel", (event) => {
  const box = $("stage").getBoundingClientRect();
  zoom(event.deltaY < 0 ? 1.25 : 0.8, (event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height);
  event.preventDefault();
}, { passive: false });
$("slider").addEventListener("input", () => slide(Number($("slider").value)));
$("in").addEventListener("click", () => zoom(1.5));
$("out").addEventListener("click", () => zoom(1 / 1.5));
$("previous").addEventListener("click", () => open(neighbour(-1)));
$("next").addEventListener("click", () => open(neighbour(1)));
$("close").addEventListener("click", () => $("viewer").close());
$("viewer").addEventListener("close", () => { if (opener?.isConnected) opener.focus({ preventScroll: true }); });
$("viewer").addEventListener("click", (event) => { if (event.target === $("viewer")) $("viewer").close(); });
window.addEventListener("resize", () => { if ($("viewer").open) place(); });

const KEYS = {
  ArrowLeft: () => slide(view.at - 5), ArrowRight: () => slide(view.at + 5), j: () => open(neighbour(1)), k: () => open(neighbour(-1)),
  "+": () => zoom(1.5), "=": () => zoom(1.5), "-": () => zoom(1 / 1.5), 0: () => zoom(0),
};
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if ($("viewer").open) {
    if (!KEYS[event.key]) return;
    KEYS[event.key]();
  } else if (event.key === "/" && !/^(INPUT|SELECT)$/.test(event.target.tagName)) $("search").focus();
  else return;
  event.preventDefault();
});

// ---- controls

function count(keys) {
  const counts = new Map();
  for (const key of keys) counts.set(key, (counts.get(key) || 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1]);
}

function fill(select, entries) {
  select.replaceChildren(...entries.map(([value, textContent]) => make("option", { value, textContent })));
}

for (const side of ["person", "garment"]) {
  const found = count(rows.map((row) => row[side])).map(([number, n]) => [String(number), `${short(data.photos[number][0])} (${n})`]);
  fill($(side), [["", "all"], ...found.sort((a, b) => a[1].localeCompare(b[1]))]);
}
const warned = rows.filter((row) => row.warnings.length > 0).length;
fill($("show"), [["", "all"],
  ...(failures.length ? [["made", `pictures (${rows.length})`], ["failed", `failures (${failures.length})`]] : []),
  ...(warned ? [["warned", `with a warning (${warned})`]] : []),
  ...count(rows.flatMap((row) => [...new Set(row.warnings.map(([code]) => code))])).map(([code, n]) => ["!" + code, `${code} (${n})`]),
  ...count(failures.map((row) => row.code)).map(([code, n]) => ["=" + code, `${code} (${n})`])]);

$("filters").addEventListener("input", update);
$("filters").addEventListener("submit", (event) => event.preventDefault());
$("filters").addEventListener("reset", () => setTimeout(update));
$("widen").addEventListener("click", () => $("reset").click());
const observer = new IntersectionObserver((entries) => {
  if (!entries.some((entry) => entry.isIntersecting) || drawn >= chosen.length) return;
  drawMore();
  observer.unobserve($("end")); // asks again, if the end is still in sight
  observer.observe($("end"));
}, { rootMargin: "900px" });
update();
observer.observe($("end"));
