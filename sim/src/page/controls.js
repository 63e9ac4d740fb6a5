// Header, steps, filters, keys.

const PLAY = "M3 0l10 6l-10 6z", PAUSE = "M2 0h4v12H2zM8 0h4v12H8z";
let playing = null, speed = 8;

/** Selects a step and shows it; one that is filtered out stands for the visible one before it. */
function select(index, { scroll = true } = {}) {
  let row = view.rows.findLastIndex((step) => step <= index);
  if (row < 0) row = 0;
  view.step = view.rows.length ? view.rows[row] : 0;
  seek(view.step);
  if (scroll) reveal();
  byId("scrubber").value = row;
  byId("tip").hidden = true;
  drawWhere(row);
  drawHeads();
  draw();
  drawPanel();
  drawMap();
}

function reveal() {
  const box = byId("diagram"), y = view.place[view.step], height = box.clientHeight - HEAD;
  if (y < box.scrollTop + 40 || y > box.scrollTop + height - 60) box.scrollTop = Math.max(0, y - height * 0.45);
}

function move(by) {
  const row = view.rows.indexOf(view.step) + by;
  select(view.rows[Math.max(0, Math.min(view.rows.length - 1, row))]);
}

/** To the nearest visible step, forward or back, for which something holds. */
function moveTo(direction, holds) {
  for (let row = view.rows.indexOf(view.step) + direction; row >= 0 && row < view.rows.length; row += direction) {
    if (holds(steps[view.rows[row]])) return select(view.rows[row]);
  }
}

function play(on) {
  clearInterval(playing);
  playing = on ? setInterval(() => { if (view.step === view.rows[view.rows.length - 1]) play(false); else move(1); }, 1000 / speed) : null;
  byId("play").querySelector("path").setAttribute("d", playing ? PAUSE : PLAY);
}

function drawWhere(row) {
  byId("where").replaceChildren(h("span", null, "step ", h("b", null, row + 1), ` of ${view.rows.length}`, " · ", h("b", null, moment(steps[view.step].at))));
}

function drawTop() {
  const { scenario, failure, ended_at: ended } = run;
  document.documentElement.dataset.ready = "yes";
  byId("heading").replaceChildren(h("h1", null, page.title), h("span", null, `seed ${scenario.seed} · profile ${scenario.profile} · ${CLIENTS} clients · ${page.incidents.length} incidents · ${duration(ended)} simulated`));
  byId("verdict").replaceChildren(failure
    ? h("button", { class: "box failed", title: "Go to the failure", onclick: () => select(steps.length - 1) }, h("b", null, failure.invariant), h("span", null, failure.message))
    : h("div", { class: "box held" }, h("span", null, "Every guarantee held.")));
}

function drawTools() {
  const icon = (path) => s("svg", { width: 14, height: 12, viewBox: "0 0 14 12", "aria-hidden": "true" }, s("path", { d: path, fill: "currentColor" }));
  const button = (id, path, title, onclick) => h("button", { id, class: "go", title, "aria-label": title, onclick }, icon(path));
  byId("transport").replaceChildren(
    button("first", "M1 0h2v12H1zM13 0v12L4 6z", "First step", () => select(view.rows[0])), button("back", "M11 0v12L2 6z", "Previous step", () => move(-1)),
    button("play", PLAY, "Play", () => play(!playing)), button("next", "M2 0l6.500 6L2 12zM10 0h2v12h-2z", "Next step", () => move(1)),
    button("last", "M1 0l9 6l-9 6zM11 0h2v12h-2z", "Last step", () => select(view.rows[view.rows.length - 1])),
    h("select", { title: "Steps a second", "aria-label": "Steps a second", onchange: (event) => { speed = Number(event.target.value); if (playing) play(true); } },
      [2, 8, 30].map((rate) => h("option", { value: rate, selected: rate === speed }, `${rate}/s`))));
  const toggle = (text, on, flip, color) => h("button", { "aria-pressed": String(on), onclick: () => { flip(); filter(); } }, color ? h("span", { class: "swatch", color }) : null, text);
  const inSet = (set, item) => () => { if (set.has(item)) set.delete(item); else set.add(item); };
  const lanes = Array.from({ length: LANES }, (_, lane) => toggle(laneName(lane), view.lanes.has(lane), inSet(view.lanes, lane), laneColor(lane)));
  const repositories = REPOSITORIES.length > 1 ? [h("span", { class: "gap" }), REPOSITORIES.map((name, index) => toggle(name, view.repositories.has(index), inSet(view.repositories, index)))] : [];
  const kinds = Object.keys(view.kinds).map((kind) => toggle(kind, view.kinds[kind], () => { view.kinds[kind] = !view.kinds[kind]; }));
  byId("filters").replaceChildren(...lanes, ...repositories.flat(), h("span", { class: "gap" }), ...kinds, h("span", { class: "gap" }),
    h("button", { title: "Light or dark", "aria-label": "Light or dark", onclick: theme }, "◐"));
}

function theme() {
  const dark = getComputedStyle(document.documentElement).getPropertyValue("--paper").trim() === "#16171a";
  document.documentElement.dataset.theme = dark ? "light" : "dark";
  drawMap();
}

/** After a filter has changed. */
function filter() {
  const kept = view.step;
  drawTools();
  arrange();
  select(kept);
}

function arrange() {
  layout();
  columns();
  byId("scrubber").max = Math.max(0, view.rows.length - 1);
}

/** The strip above the scrubber: where something happens in the run. */
function drawMap() {
  const canvas = byId("map"), scale = window.devicePixelRatio || 1;
  const { clientWidth: width, clientHeight: height } = canvas;
  canvas.width = width * scale;
  canvas.height = height * scale;
  const pen = canvas.getContext("2d"), style = getComputedStyle(document.documentElement);
  const color = (name) => style.getPropertyValue(`--${name}`).trim();
  pen.scale(scale, scale);
  const x = (row) => 2 + ((width - 4) * row) / Math.max(1, view.rows.length - 1);
  const marks = { crash: ["bad", 16], incident: ["warn", 13], clock: ["warn", 10], sleep: ["warn", 10], stop: ["warn", 12], write: ["push", 9], failure: ["bad", 22], heal: ["good", 22], close: ["faint", 9] };
  view.rows.forEach((index, row) => {
    const [name, size] = marks[steps[index].kind] || ["line", 5];
    pen.fillStyle = color(name);
    pen.fillRect(x(row) - 0.8, 24 - size, name === "line" ? 1 : 2, size);
  });
  pen.fillStyle = color("selected-line");
  pen.fillRect(x(view.rows.indexOf(view.step)) - 1, 0, 2, 26);
}

const KEYS = {
  ArrowDown: () => move(1), ArrowRight: () => move(1), j: () => move(1),
  ArrowUp: () => move(-1), ArrowLeft: () => move(-1), k: () => move(-1),
  PageDown: () => move(10), PageUp: () => move(-10),
  Home: () => select(view.rows[0]), End: () => select(view.rows[view.rows.length - 1]),
  " ": () => play(!playing), f: () => select(steps.length - 1),
  n: () => { const { lane } = steps[view.step]; moveTo(1, (step) => step.lane === lane); },
  p: () => { const { lane } = steps[view.step]; moveTo(-1, (step) => step.lane === lane); },
  i: () => moveTo(1, (step) => step.incident !== undefined || step.kind === "incident"),
};

document.addEventListener("keydown", (event) => {
  const act = KEYS[event.key];
  if (!act || event.ctrlKey || event.metaKey || event.altKey || event.target.tagName === "SELECT") return;
  if (event.key === " " && event.target.tagName === "BUTTON") return;
  event.preventDefault();
  act();
});

byId("scrubber").addEventListener("input", (event) => select(view.rows[Number(event.target.value)]));
let waiting = false;
byId("diagram").addEventListener("scroll", () => {
  if (waiting) return;
  waiting = true;
  requestAnimationFrame(() => { waiting = false; draw(); });
});
window.addEventListener("resize", () => { columns(); drawHeads(); draw(); drawMap(); });
byId("divider").addEventListener("pointerdown", (event) => {
  const divider = event.target;
  divider.setPointerCapture(event.pointerId);
  const drag = (at) => {
    document.querySelector("main").style.setProperty("--panel", `${Math.max(260, Math.min(window.innerWidth - 360, window.innerWidth - at.clientX))}px`);
    columns(); drawHeads(); draw();
  };
  divider.addEventListener("pointermove", drag);
  divider.addEventListener("pointerup", () => divider.removeEventListener("pointermove", drag), { once: true });
});

// A link may name a step, a tab and a theme: #step=12&tab=schedule&theme=dark
const wanted = new URLSearchParams(location.hash.slice(1));
if (["light", "dark"].includes(wanted.get("theme"))) document.documentElement.dataset.theme = wanted.get("theme");
if (["schedule", "legend"].includes(wanted.get("tab"))) tab = wanted.get("tab");
drawTop();
drawTools();
arrange();
if (steps.length) select(Number(wanted.get("step") || steps.length) - 1);
