"use strict";
// The page's data never becomes markup: every text goes through textContent or an attribute.
const data = JSON.parse(document.getElementById("data").textContent);
const $ = (id) => document.getElementById(id);
const CHUNK = 24;
const names = data.systems;
const metricNames = Object.keys(data.metrics);

function make(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  Object.assign(node, properties);
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

function show(value) {
  if (value === null || value === undefined) return "–";
  if (value !== 0 && Math.abs(value) < 0.001) return value.toExponential(1);
  return Math.abs(value) >= 1000 ? Math.round(value).toLocaleString("en") : String(Number(value.toPrecision(3)));
}

const unit = (name) => (data.metrics[name].unit ? " " + data.metrics[name].unit : "");
const result = (item, system) => item.results[system] || null;
const value = (item, system, metric) => {
  const number = result(item, system)?.metrics[metric];
  return typeof number === "number" ? number : null;
};

// ---- which pairs, in which order

function badness(item) {
  const metric = $("metric").value;
  if (metric === "") return null;
  const sign = data.metrics[metric].better === "lower" ? 1 : -1;
  const systems = $("by").value === "" ? names : [$("by").value];
  const values = systems.map((system) => value(item, system, metric)).filter((number) => number !== null);
  return values.length ? Math.max(...values.map((number) => sign * number)) : null;
}

function matches(item) {
  const words = $("search").value.toLowerCase().split(/\s+/).filter(Boolean);
  const text = `${item.id}\n${item.person_name}\n${item.garment_name || ""}`.toLowerCase();
  const of = Object.values(item.results);
  const outcome = $("outcome").value, warning = $("warning").value, category = $("category").value;
  return words.every((word) => text.includes(word))
    && (category === "" || of.some((r) => r.category === category))
    && (warning === "" || (warning === "any" ? of.some((r) => r.warnings.length) : of.some((r) => r.warnings.includes(warning.slice(1)))))
    && (outcome === "" || (outcome === "ok" && of.every((r) => !r.error)) || (outcome === "failed" && of.some((r) => r.error))
      || of.some((r) => r.error && "=" + r.error.code === outcome));
}

let chosen = [], drawn = 0, current = -1, opener = null;

function update() {
  chosen = data.cases.filter(matches);
  const direction = $("direction").value === "worst" ? 1 : -1;
  const keyed = chosen.map((item) => [badness(item), item]);
  // pairs without a value can't be compared: they come last, and the outcome filter finds them
  const rank = (key) => (key === null ? -Infinity : direction * key);
  if ($("metric").value !== "") keyed.sort(([a], [b]) => (rank(a) === rank(b) ? 0 : rank(b) - rank(a)));
  chosen = keyed.map(([, item]) => item);
  $("count").textContent = `${chosen.length} of ${data.cases.length} pairs`;
  $("nothing").hidden = chosen.length > 0;
  $("cases").replaceChildren();
  drawn = 0;
  current = -1;
  drawMore();
  drawHistograms();
}

function drawMore() {
  const metric = $("metric").value;
  for (const item of chosen.slice(drawn, drawn + CHUNK)) $("cases").append(card(item, metric, drawn++));
}

// ---- one pair

function picture(item, url, label, right) {
  if (!url) return make("div", { className: "absent" }, make("span", { textContent: "no picture" }));
  const button = make("button", { type: "button", className: "picture", ariaLabel: `${label} of ${item.id}, enlarge` });
  button.append(make("img", { src: url, loading: "lazy", decoding: "async", alt: `${label}, ${item.id}` }));
  button.addEventListener("click", () => openViewer(chosen.indexOf(item), right));
  return button;
}

function cell(item, system, metric) {
  const r = result(item, system);
  const caption = make("figcaption", {}, make("b", { textContent: system }));
  if (r && metric !== "") {
    const text = show(value(item, system, metric)) + (value(item, system, metric) === null ? "" : unit(metric));
    caption.append(" ", make("span", { className: "value", textContent: text, title: data.metrics[metric].label }));
  }
  let view;
  if (r === null) view = make("div", { className: "absent", textContent: "not measured" });
  else if (r.error) {
    view = make("div", { className: "absent", title: r.error.remedy || "" },
      make("b", { textContent: r.error.code }), make("span", { textContent: r.error.message }));
  } else view = picture(item, r.picture, system, system);
  return make("figure", {}, view, caption);
}

function card(item, metric, index) {
  const line = make("div", { className: "line" }, make("h3", { textContent: item.id }));
  const every = Object.values(item.results);
  for (const category of new Set(every.map((r) => r.category).filter(Boolean))) {
    line.append(make("span", { className: "chip", textContent: category }));
  }
  for (const warning of new Set(every.flatMap((r) => r.warnings))) {
    line.append(make("span", { className: "chip warn", textContent: warning, title: "warning" }));
  }
  for (const code of new Set(every.filter((r) => r.error).map((r) => r.error.code))) {
    line.append(make("span", { className: "chip fail", textContent: code, title: "failure" }));
  }
  const row = make("div", { className: "row" });
  row.append(make("figure", {}, picture(item, item.person, "person", names[0]), make("figcaption", { textContent: "person" })));
  if (item.garment_name !== null) {
    row.append(make("figure", {}, picture(item, item.garment, "garment", "\tgarment"), make("figcaption", { textContent: "garment" })));
  }
  for (const system of names) row.append(cell(item, system, metric));
  const node = make("li", { className: "case", tabIndex: -1 }, line, row);
  node.dataset.index = index;
  return node;
}

function focusCase(index) {
  if (index < 0 || index >= chosen.length) return;
  while (drawn <= index) drawMore();
  current = index;
  const node = $("cases").children[index];
  node.focus({ preventScroll: true });
  node.scrollIntoView({ block: "nearest" });
}

// ---- distributions

function drawHistograms() {
  const box = $("histograms");
  box.replaceChildren();
  for (const metric of metricNames) {
    const series = names.map((system) => chosen.map((item) => value(item, system, metric)).filter((v) => v !== null));
    const all = series.flat();
    if (!all.length) continue;
    const about = data.metrics[metric];
    const button = make("button", { type: "button", className: "histogram", title: about.about },
      make("strong", { textContent: about.label }),
      make("span", { className: "soft small", textContent: `${unit(metric).trim()} ${about.better === "lower" ? "← better" : "better →"}`.trim() }),
      histogram(series, all));
    button.setAttribute("aria-pressed", String($("metric").value === metric));
    button.addEventListener("click", () => { $("metric").value = metric; update(); $("pictures-title").scrollIntoView(); });
    box.append(button);
  }
}

function histogram(series, all) {
  const BINS = 24, WIDTH = 240, HEIGHT = 26, GAP = 14;
  const space = "http://www.w3.org/2000/svg";
  const draw = (tag, attributes, text = "") => {
    const node = document.createElementNS(space, tag);
    for (const [key, number] of Object.entries(attributes)) node.setAttribute(key, number);
    node.textContent = text;
    return node;
  };
  const low = all.reduce((a, b) => Math.min(a, b)), high = all.reduce((a, b) => Math.max(a, b));
  const span = high - low || Math.abs(low) || 1;
  const from = high > low ? low : low - span / 2;
  const height = series.length * (HEIGHT + GAP) + 14;
  const svg = draw("svg", { viewBox: `0 0 ${WIDTH} ${height}`, role: "img" });
  svg.append(draw("title", {}, series.map((v, i) => `${names[i]}: ${v.length} values`).join(", ")));
  series.forEach((values, i) => {
    const bottom = (i + 1) * (HEIGHT + GAP);
    svg.append(draw("text", { x: 0, y: bottom - HEIGHT - 2 }, names[i].slice(0, 40)));
    const bins = new Array(BINS).fill(0);
    for (const v of values) bins[Math.min(BINS - 1, Math.floor(((v - from) / span) * BINS))] += 1;
    const top = Math.max(...bins, 1);
    bins.forEach((count, bin) => {
      const h = count ? Math.max(1.5, (count / top) * HEIGHT) : 0;
      if (h) svg.append(draw("rect", { x: (bin * WIDTH) / BINS + 0.5, y: bottom - h, width: WIDTH / BINS - 1, height: h }));
    });
    svg.append(draw("line", { class: "base", x1: 0, x2: WIDTH, y1: bottom, y2: bottom }));
    if (values.length) {
      const x = ((values.reduce((a, b) => a + b) / values.length - from) / span) * WIDTH;
      svg.append(draw("line", { class: "mean", x1: x, x2: x, y1: bottom - HEIGHT, y2: bottom }));
    }
  });
  svg.append(draw("text", { x: 0, y: height - 2 }, show(from)));
  svg.append(draw("text", { x: WIDTH, y: height - 2, "text-anchor": "end" }, show(from + span)));
  return svg;
}

// ---- enlarged, two pictures under a slider

const PERSON = "\tperson", GARMENT = "\tgarment"; // a tab can't be in a system's name

function choices(item) {
  const all = [[PERSON, "person", item.person], [GARMENT, "garment", item.garment]];
  for (const system of names) all.push([system, system, result(item, system)?.picture]);
  return all.filter(([, , url]) => url);
}

function openViewer(index, right) {
  if (index < 0 || index >= chosen.length) return;
  const item = chosen[index];
  const kept = { left: $("left").value || PERSON, right: right || $("right").value };
  current = index;
  const options = choices(item);
  if (!options.length) return;
  for (const side of ["left", "right"]) {
    $(side).replaceChildren(...options.map(([key, label], i) => make("option", { value: key, textContent: `${i + 1} ${label}` })));
    const known = options.some(([key]) => key === kept[side]);
    $(side).value = known ? kept[side] : options[side === "left" ? 0 : options.length - 1][0];
  }
  $("viewer-title").textContent = `${item.id} (${index + 1} of ${chosen.length})`;
  $("previous").disabled = index === 0;
  $("next").disabled = index === chosen.length - 1;
  $("facts").replaceChildren(facts(item));
  drawPair();
  if (!$("viewer").open) {
    opener = document.activeElement;
    $("viewer").showModal();
    $("slider").focus();
  }
}

function drawPair() {
  const options = choices(chosen[current]);
  const url = (key) => options.find(([name]) => name === key)[2];
  $("over").src = url($("left").value);
  $("under").src = url($("right").value);
  $("over").alt = $("left").selectedOptions[0].textContent;
  $("under").alt = $("right").selectedOptions[0].textContent;
}

for (const [image, select] of [["under", "right"], ["over", "left"]]) {
  $(image).addEventListener("load", () => {
    // the frame takes the shape of the person photo, which the results share
    if ($(select).value === GARMENT && $("left").value !== $("right").value) return;
    $("viewer").style.setProperty("--ratio", $(image).naturalWidth / $(image).naturalHeight);
  });
}

function slide(percent) {
  $("slider").value = percent;
  $("stage").style.setProperty("--at", `${$("slider").value}%`);
}

function facts(item) {
  const head = make("tr", {}, make("th", { textContent: "metric" }), ...names.map((name) => make("th", { textContent: name })));
  const table = make("table", {}, make("thead", {}, head));
  const body = make("tbody");
  const row = (label, get) => body.append(make("tr", {}, make("th", { textContent: label }),
    ...names.map((name) => make("td", { textContent: get(result(item, name)) }))));
  row("outcome", (r) => (r === null ? "–" : r.error ? r.error.code : "picture"));
  for (const metric of metricNames) {
    if (names.some((name) => value(item, name, metric) !== null)) {
      row(data.metrics[metric].label + (unit(metric) && `,${unit(metric)}`), (r) => show(r?.metrics[metric]));
    }
  }
  row("own estimate of quality", (r) => show(r?.quality));
  row("seconds", (r) => show(r?.seconds));
  row("warnings", (r) => r?.warnings.join(", ") || "–");
  table.append(body);
  return make("div", {}, make("p", { className: "soft small", textContent: [item.person_name, item.garment_name].filter(Boolean).join("  +  ") }), table);
}

// ---- controls

function fill(select, entries) {
  select.replaceChildren(...entries.map(([key, label]) => make("option", { value: key, textContent: label })));
  select.disabled = entries.length < 2;
}

function count(list) {
  const counts = new Map();
  for (const key of list) counts.set(key, (counts.get(key) || 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1]);
}

function prepare() {
  const measured = metricNames.filter((metric) => data.cases.some((item) => names.some((name) => value(item, name, metric) !== null)));
  fill($("metric"), [...measured.map((name) => [name, data.metrics[name].label]), ["", "list of pairs"]]);
  $("metric").disabled = false;
  fill($("by"), [["", "any system"], ...names.map((name) => [name, name])]);
  const rows = data.cases.map((item) => Object.values(item.results));
  const per = (get) => count(rows.flatMap((of) => [...new Set(of.flatMap(get))]));
  fill($("category"), [["", "all"], ...per((r) => r.category || []).map(([key, n]) => [key, `${key} (${n})`])]);
  const failures = per((r) => (r.error ? r.error.code : []));
  fill($("outcome"), [["", "all"], ["ok", "all systems made a picture"],
    ...(failures.length ? [["failed", "a system failed"]] : []), ...failures.map(([key, n]) => ["=" + key, `${key} (${n})`])]);
  const warnings = per((r) => r.warnings);
  fill($("warning"), [["", "all"], ...(warnings.length ? [["any", "any warning"]] : []),
    ...warnings.map(([key, n]) => ["=" + key, `${key} (${n})`])]);
  $("cases").style.setProperty("--n", names.length + (data.cases.some((item) => item.garment_name !== null) ? 2 : 1));
  $("distributions").hidden = !measured.length;
  $("pictures").hidden = false;
}

function reset(event) {
  event.preventDefault();
  $("search").value = "";
  for (const id of ["metric", "by", "direction", "category", "outcome", "warning"]) $(id).selectedIndex = 0;
  update();
}

$("filters").addEventListener("input", update);
$("filters").addEventListener("submit", (event) => event.preventDefault());
$("filters").addEventListener("reset", reset);
$("widen").addEventListener("click", () => $("reset").click());
$("close").addEventListener("click", () => $("viewer").close());
$("viewer").addEventListener("close", () => { if (opener?.isConnected) opener.focus({ preventScroll: true }); });
$("viewer").addEventListener("click", (event) => { if (event.target === $("viewer")) $("viewer").close(); });
$("previous").addEventListener("click", () => openViewer(current - 1));
$("next").addEventListener("click", () => openViewer(current + 1));
$("left").addEventListener("change", drawPair);
$("right").addEventListener("change", drawPair);
$("slider").addEventListener("input", () => slide($("slider").value));
for (const kind of ["pointerdown", "pointermove"]) {
  $("stage").addEventListener(kind, (event) => {
    if (kind === "pointermove" && !event.buttons) return;
    const box = $("stage").getBoundingClientRect();
    $("stage").setPointerCapture(event.pointerId);
    slide(((event.clientX - box.left) / box.width) * 100);
  });
}

function viewerKey(event) {
  const digit = /^Digit([1-9])$/.exec(event.code);
  if (event.key === "j" || event.key === "n") openViewer(current + 1);
  else if (event.key === "k" || event.key === "p") openViewer(current - 1);
  else if (digit) {
    const select = event.shiftKey ? $("left") : $("right");
    if (digit[1] <= select.options.length) { select.selectedIndex = digit[1] - 1; drawPair(); }
  } else if (event.key === "ArrowLeft" || event.key === "ArrowRight") {
    if (event.target.tagName === "SELECT") return;
    slide(Number($("slider").value) + (event.key === "ArrowLeft" ? -5 : 5));
  } else return;
  event.preventDefault();
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if ($("viewer").open) { viewerKey(event); return; }
  if (/^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName)) {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  if (event.key === "j") focusCase(current + 1);
  else if (event.key === "k") focusCase(current - 1);
  else if (event.key === "/") $("search").focus();
  else if (event.key === "r") $("reset").click();
  else if (event.key === "Enter" && event.target.classList.contains("case")) openViewer(current);
  else return;
  event.preventDefault();
});

document.addEventListener("focusin", (event) => {
  const node = event.target.closest?.(".case");
  if (node) current = Number(node.dataset.index);
});

new IntersectionObserver((entries) => { if (entries.some((entry) => entry.isIntersecting)) drawMore(); }, { rootMargin: "1200px" })
  .observe($("end"));
prepare();
update();
