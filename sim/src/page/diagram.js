// The space-time diagram: a column for each node, time from top to bottom. Only what is in view is drawn.

const AXIS = 122, HEAD = 60, ROW = 22, LANE = 128, RIGHT = 180;
/** From how long an idle time on it is drawn as a break, in microseconds. */
const BREAK = 2e6;

const view = {
  step: 0,
  lanes: new Set(Array.from({ length: LANES }, (_, lane) => lane)),
  repositories: new Set(REPOSITORIES.map((_, index) => index)),
  kinds: { heartbeats: false, storage: false, notices: false },
  rows: [], place: [], breaks: [], height: 0, x: [],
};

const LOUD = new Set(["failed", "kept", "lost", "torn"]);

function isVisible(index) {
  const step = steps[index];
  if (step.kind === "failure" || step.kind === "heal") return true;
  if (!view.lanes.has(step.lane)) return false;
  if (step.message !== undefined) {
    const message = messages[step.message];
    if (message.flavour === "heartbeat" && !view.kinds.heartbeats) return false;
    if (message.repository !== null && !view.repositories.has(message.repository)) return false;
    return view.lanes.has(links[message.link].client);
  }
  if (step.link !== undefined && !view.lanes.has(links[step.link].client)) return false;
  if (step.kind === "notice") return view.kinds.notices;
  if (step.kind === "begin" || step.kind === "end") {
    return view.kinds.storage || (step.kind === "end" && step.work && LOUD.has(step.work.ending));
  }
  return true;
}

/** Gives every step its place; idle times shrink to a few pixels. */
function layout() {
  view.rows = [];
  view.breaks = [];
  let y = 18, before = 0;
  steps.forEach((step, index) => {
    if (!isVisible(index)) {
      view.place[index] = Math.max(y - ROW, 4);
      return;
    }
    const gap = step.at - before;
    if (gap >= BREAK && view.rows.length > 0) {
      view.breaks.push({ y: y + 2, gap });
      y += 32;
    } else if (gap > 1e3) y += Math.min(24, 5 * Math.log10(gap / 1e3));
    before = step.at;
    view.place[index] = y;
    view.rows.push(index);
    y += ROW;
  });
  view.height = y + 40;
  view.spans = lifelines();
}

/** For each lane the stretches of what its node did. */
function lifelines() {
  const spans = Array.from({ length: LANES }, () => [{ from: 0, to: view.height, state: "absent" }]);
  steps.forEach((step, index) => {
    for (const change of step.changes || []) {
      if (change.is !== "node") continue;
      const of = spans[change.lane];
      of[of.length - 1].to = view.place[index];
      of.push({ from: view.place[index], to: view.height, state: change.state });
    }
  });
  return spans;
}

function columns() {
  const box = byId("diagram"), shown = [...view.lanes].sort((a, b) => a - b);
  // Many columns stand closer, so that the server stays in sight.
  const least = shown.length > 8 ? 92 : LANE;
  const width = Math.max(box.clientWidth, AXIS + RIGHT + least * Math.max(shown.length - 1, 1) + 40);
  const spacing = shown.length > 1 ? (width - AXIS - RIGHT - 40) / (shown.length - 1) : 0;
  view.x = [];
  shown.forEach((lane, place) => { view.x[lane] = AXIS + 40 + Math.min(spacing, 340) * place; });
  view.width = width;
  byId("canvas").style.height = `${view.height}px`;
  byId("canvas").style.width = `${width}px`;
  byId("lanes").style.width = `${width}px`;
  // Room for columns, then for labels behind the last of them.
  view.spacing = Math.min(spacing || LANE, 340);
}

function drawHeads() {
  const heads = [...view.lanes].sort((a, b) => a - b).map((lane) =>
    h("div", { class: "lane", style: `left:${view.x[lane]}px`, color: lane < CLIENTS ? laneColor(lane) : null },
      h("b", null, laneName(lane)), headline(lane)));
  byId("lanes").replaceChildren(h("span", { class: "axis" }, "true time"), ...heads);
}

/** What a node holds, in a few characters. */
function headline(lane) {
  const node = state.nodes[lane].state;
  if (lane < CLIENTS && node === "running") {
    const after = state.clients[lane].map((replica) => replica.after).join(" ");
    const pending = state.clients[lane].reduce((sum, replica) => sum + pendingOf(replica), 0);
    return [h("small", null, `cursor ${after}`), h("small", null, pending ? `${pending} in outbox` : "outbox empty")];
  }
  if (lane === STORE) return h("small", null, `head ${state.logs.map((log) => log.head).join(" ")}`);
  return h("small", null, node === "absent" ? "not there" : node);
}

const pendingOf = (replica) => [...replica.own.values()].filter((own) => own.state === "pending").length;

/** Draws what is in view. */
function draw() {
  const box = byId("diagram"), picture = byId("picture");
  const top = box.scrollTop, height = Math.max(box.clientHeight - HEAD, 50), bottom = top + height;
  picture.setAttribute("width", view.width);
  picture.setAttribute("height", height);
  const inView = (from, to) => to >= top - 30 && from <= bottom + 30;
  const scene = s("g", { transform: `translate(0 ${-top})` });
  scene.append(...drawRows(inView), ...drawLanes(inView), ...drawLinks(inView), ...drawWork(inView));
  messages.forEach((message, index) => {
    const path = route(message);
    if (path && inView(path.y1, Math.max(path.y2, path.y1))) scene.append(...drawMessage(message, index, path));
  });
  scene.append(...drawLabels(inView));
  picture.replaceChildren(scene);
}

function drawLanes(inView) {
  const shapes = [];
  for (const lane of view.lanes) {
    const x = view.x[lane], color = laneColor(lane);
    for (const span of view.spans[lane]) {
      if (!inView(span.from, span.to)) continue;
      const line = (extra) => s("line", { x1: x, x2: x, y1: span.from, y2: span.to, style: `stroke:${color}`, class: "still", ...extra });
      if (span.state === "running") shapes.push(line({ "stroke-width": 2 }));
      else if (span.state === "asleep") shapes.push(line({ "stroke-width": 2, "stroke-dasharray": "1 6", "stroke-linecap": "round" }));
      else if (span.state === "down") shapes.push(line({ "stroke-width": 1.2, "stroke-dasharray": "3 5", style: "stroke:var(--bad)", opacity: 0.7 }));
      else shapes.push(line({ "stroke-width": 1, "stroke-dasharray": "1 5", opacity: 0.5 }));
    }
  }
  return shapes;
}

function drawRows(inView) {
  const shapes = [];
  for (const { y, gap } of view.breaks) {
    if (!inView(y, y + 30)) continue;
    const end = view.width - 12;
    let zigzag = `M${AXIS - 12} ${y + 8}`;
    for (let x = AXIS - 12, side = 1; x < end; x += 9, side = -side) zigzag += `L${x + 9} ${y + 8 + side * 2.5}`;
    shapes.push(s("path", { d: zigzag, fill: "none", stroke: "var(--line)", class: "still" }),
      s("text", { x: AXIS - 18, y: y + 12, class: "gap", "text-anchor": "end" }, `${duration(gap)} later`));
  }
  let before = null;
  for (const index of rowsInView()) {
    const step = steps[index], y = view.place[index];
    if (!inView(y, y)) continue;
    const classes = ["row", index === view.step ? "selected" : "", step.kind === "failure" ? "broken" : ""].join(" ");
    const row = s("rect", { x: 6, y: y - ROW / 2, width: view.width - 12, height: ROW, rx: 4, class: classes });
    row.addEventListener("click", () => select(index));
    shapes.push(row);
    if (before !== step.at) shapes.push(s("text", { x: AXIS - 18, y: y + 4, "text-anchor": "end", class: "time still" }, moment(step.at)));
    before = step.at;
  }
  return shapes;
}

/** The visible steps around the view. */
function rowsInView() {
  const box = byId("diagram"), top = box.scrollTop - 60, bottom = box.scrollTop + box.clientHeight + 60;
  let low = 0, high = view.rows.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (view.place[view.rows[middle]] < top) low = middle + 1;
    else high = middle;
  }
  let end = low;
  while (end < view.rows.length && view.place[view.rows[end]] <= bottom) end += 1;
  return view.rows.slice(low, end);
}

const clientBar = (link) => view.x[link.client] + 7 + link.slot * 5;
const serverBar = (link) => view.x[SERVER] - 8 - (link.client % 12) * 5;

function drawLinks(inView) {
  const shapes = [];
  for (const link of links) {
    if (!view.lanes.has(link.client)) continue;
    const style = `stroke:${laneColor(link.client)}`;
    const bar = (x, from, to, attributes) => {
      const y1 = view.place[from], y2 = to === null ? view.height : view.place[to];
      if (inView(y1, y2)) shapes.push(s("line", { x1: x, x2: x, y1, y2: Math.max(y2, y1 + 2), style, class: "still", ...attributes }));
    };
    const open = { "stroke-width": 3.5, "stroke-linecap": "round", opacity: 0.75 };
    const attempt = { "stroke-width": 1.5, "stroke-dasharray": "2 3", opacity: 0.9 };
    bar(clientBar(link), link.asked, link.connected !== null ? link.connected : link.client_closed, attempt);
    if (link.connected !== null) bar(clientBar(link), link.connected, link.client_closed, open);
    if (link.accepted !== null && view.lanes.has(SERVER)) bar(serverBar(link), link.accepted, link.server_closed, open);
  }
  return shapes;
}

function drawWork(inView) {
  const shapes = [];
  for (const work of run.work) {
    const writes = work.label.startsWith("commit") || work.label.startsWith("append");
    if (!view.lanes.has(work.lane) || !(writes || view.kinds.storage)) continue;
    const from = view.place[work.begun], to = work.ended === null ? view.height : view.place[work.ended];
    if (!inView(from, to)) continue;
    const color = work.ending === null ? "var(--faint)" : LOUD.has(work.ending) ? "var(--bad)" : "var(--good)";
    const x = work.lane === STORE ? view.x[STORE] - 11 : view.x[work.lane] - 12;
    const bar = s("rect", { x, y: from, width: 5, height: Math.max(to - from, 5), rx: 2, style: `fill:${color}`, opacity: 0.75 });
    shapes.push(tip(bar, () => {
      const end = work.ended === null ? "never ended" : `${work.ending} after ${duration(steps[work.ended].at - steps[work.begun].at)}`;
      return [h("div", { class: "title" }, `${laneName(work.lane)}: ${work.label}`), h("div", { class: "facts" }, end)];
    }));
  }
  return shapes;
}

/** Where a message's arrow goes; null if it is filtered out. */
function route(message) {
  const link = links[message.link];
  if (!view.lanes.has(link.client) || !view.lanes.has(SERVER)) return null;
  if (message.flavour === "heartbeat" && !view.kinds.heartbeats) return null;
  if (message.repository !== null && !view.repositories.has(message.repository)) return null;
  const ends = [clientBar(link) + 2, serverBar(link) - 2];
  const [x1, x2] = message.way === "up" ? ends : ends.reverse();
  const y1 = view.place[message.sent];
  if (message.arrived !== null) return { x1, y1, x2, y2: view.place[message.arrived], whole: true };
  const end = message.lost === null ? y1 + 40 : Math.max(view.place[message.lost], y1 + 12);
  // Where it got lost nobody saw: a part of the way.
  return { x1, y1, x2: x1 + (x2 - x1) * 0.6, y2: y1 + Math.min((end - y1) * 0.6, 70), whole: false };
}

function drawMessage(message, index, { x1, y1, x2, y2, whole }) {
  const color = `var(--${message.flavour === "heartbeat" ? "control" : message.flavour})`;
  const dash = { ack: "5 3", control: "2 3", heartbeat: "1 4" }[message.flavour] || null;
  const near = steps[view.step].message === index ? " near" : "";
  const hit = s("line", { x1, y1, x2, y2, class: "hit" });
  hit.addEventListener("click", () => select(message.sent));
  tip(hit, () => [h("div", { class: "title" }, message.label), ...aboutMessage(index)]);
  const arrow = s("line", { x1, y1, x2, y2, class: `arrow${near}`, style: `stroke:${color}`, "stroke-dasharray": dash, opacity: whole ? null : 0.75 });
  const shapes = [hit, arrow];
  if (whole) {
    const angle = Math.atan2(y2 - y1, x2 - x1), size = 8;
    const corner = (turn) => `${x2 - size * Math.cos(angle + turn)} ${y2 - size * Math.sin(angle + turn)}`;
    shapes.push(s("path", { d: `M${x2} ${y2}L${corner(0.38)}L${corner(-0.38)}Z`, style: `fill:${color}`, class: "still" }));
  } else {
    const mood = message.lost === null ? "var(--dim)" : "var(--bad)";
    shapes.push(s("path", { d: `M${x2 - 5} ${y2 - 5}l10 10m0 -10l-10 10`, style: `stroke:${mood}`, "stroke-width": 2.2, fill: "none", class: "still" }));
  }
  return shapes;
}

/** What a step's mark looks like, around 0 0. */
function mark(step) {
  const color = laneColor(step.lane);
  const circle = (radius, style) => s("circle", { r: radius, style });
  switch (step.kind) {
    case "crash": return [circle(8.5, "fill:var(--bad)"), s("path", { d: "M-3.5 -3.5L3.5 3.5M3.5 -3.5L-3.5 3.5", stroke: "var(--paper)", "stroke-width": 2.2 })];
    case "start": return [circle(7, `fill:${color}`), s("path", { d: "M-2 -3.4L3.6 0L-2 3.4Z", fill: "var(--paper)" })];
    case "stop": return [circle(7, `fill:${color}`), s("rect", { x: -2.8, y: -2.8, width: 5.6, height: 5.6, fill: "var(--paper)" })];
    case "sleep": return [circle(7.5, `fill:var(--paper);stroke:${color};stroke-width:1.6`), s("path", { d: "M1.5 -4.5A4.6 4.6 0 1 0 4.3 2.2A3.8 3.8 0 0 1 1.5 -4.5Z", style: `fill:${color}` })];
    case "awake": return [circle(7.5, `fill:var(--paper);stroke:${color};stroke-width:1.6`), circle(3, `fill:${color}`)];
    case "clock": return [circle(7, "fill:var(--paper);stroke:var(--warn);stroke-width:1.8"), s("path", { d: "M0 -4V0L3 2", fill: "none", stroke: "var(--warn)", "stroke-width": 1.6 })];
    case "incident": return [s("path", { d: "M0 -8L8.5 6.5H-8.5Z", fill: "var(--warn)" }), s("path", { d: "M0 -3.5V1.8M0 3.6V5", stroke: "var(--paper)", "stroke-width": 1.9 })];
    case "write": return [s("path", { d: "M0 -6.5L6.5 0L0 6.5L-6.5 0Z", style: `fill:${color}` })];
    case "commit": return [s("rect", { x: -4.5, y: -4.5, width: 9, height: 9, rx: 2, fill: "var(--good)" })];
    case "open": return [circle(4.5, `fill:${color}`)];
    case "connect": return [circle(4, `fill:var(--paper);stroke:${color};stroke-width:1.6`)];
    case "close": return [circle(4.5, "fill:var(--paper);stroke:var(--bad);stroke-width:1.8")];
    case "end": return [circle(4, step.work && LOUD.has(step.work.ending) ? "fill:var(--bad)" : "fill:var(--faint)")];
    case "failure": return [circle(8.5, "fill:var(--bad)"), s("path", { d: "M0 -5V1.5M0 3.6V5.4", stroke: "var(--paper)", "stroke-width": 2.4 })];
    default: return [circle(2.6, `fill:${color}`)];
  }
}

/** A step in the words of its own column. */
function words(step) {
  if (step.kind === "commit") return summary(step) || step.label;
  if (step.lane < CLIENTS) return named(step.label).replace(new RegExp(`^(the \\w+ \\w+ of )?client ${step.lane} `), (_, what) => what || "");
  return step.label;
}

/** What a commit changed. */
function summary(step) {
  const parts = [], records = [], logs = new Map();
  let outbox = 0;
  for (const change of step.changes || []) {
    const name = REPOSITORIES.length > 1 ? `${REPOSITORIES[change.repository]} ` : "";
    if (change.is === "cursor") parts.push(`${name}cursor ${change.after}`);
    if (change.is === "own" && change.state === "pending") outbox += 1;
    if (change.is === "record" && !records.includes(change.record)) records.push(change.record);
    if (change.is === "log") logs.set(name, [...(logs.get(name) || []), change.sequence]);
  }
  for (const [name, of] of logs) parts.push(`${name}log ${of[0]}${of.length > 1 ? `..${of[of.length - 1]}` : ""}`);
  if (outbox) parts.push(`+${outbox} outbox`);
  if (records.length) parts.push(records.slice(0, 3).join(", ") + (records.length > 3 ? ` +${records.length - 3}` : ""));
  return parts.join(" · ");
}

const MOODS = { crash: "bad", failure: "bad", incident: "warn", clock: "warn", close: "soft", connect: "soft", open: "soft", begin: "soft", end: "soft", notice: "soft", start: "strong", stop: "strong", write: "strong", arrive: "soft" };

function drawLabels(inView) {
  const shapes = [];
  for (const index of rowsInView()) {
    const step = steps[index], y = view.place[index], x = view.x[step.lane];
    if (step.kind === "heal") {
      shapes.push(s("line", { x1: AXIS - 12, x2: view.width - 12, y1: y, y2: y, stroke: "var(--good)", "stroke-dasharray": "8 4", class: "still" }),
        s("text", { x: AXIS - 6, y: y - 4, class: "halo still strong", style: "fill:var(--good)" }, "the faults end"));
      continue;
    }
    if (!inView(y, y) || (x === undefined && step.kind !== "failure")) continue;
    const at = x === undefined ? AXIS : x;
    const message = step.message === undefined ? null : messages[step.message];
    if (!message) shapes.push(s("g", { transform: `translate(${at} ${y})`, class: "still" }, mark(step)));
    const text = label(step, message, index);
    if (!text) continue;
    // The server's labels stand on the side of its clients, where its arrows go.
    const left = step.lane === SERVER;
    const offset = step.kind === "failure" ? 15 : left ? 16 + Math.min(CLIENTS, 12) * 5 : 20;
    const beside = left ? at - AXIS : view.width - at - offset - 10;
    const room = step.kind === "failure" ? beside : Math.min(beside, Math.max(view.spacing * (message ? 1 : 1.4) - offset, 110));
    const fits = Math.floor(room / (step.kind === "failure" ? 6.4 : 5.7));
    const flavour = message && step.kind === "send" ? `fill:var(--${message.flavour === "heartbeat" ? "control" : message.flavour})` : null;
    shapes.push(s("text", { x: left ? at - offset : at + offset, y: y + (message ? -3 : 4), "text-anchor": left ? "end" : "start",
      class: `halo still ${MOODS[step.kind] || ""}`, style: flavour }, cut(text, fits)));
  }
  return shapes;
}

function label(step, message, index) {
  if (!message) {
    const cause = step.incident === undefined ? "" : `#${step.incident + 1} `;
    return cause + words(step);
  }
  if (step.kind === "send") return message.label;
  // An arrival far below its send says again what it is.
  const far = view.place[index] - view.place[message.sent] > 300;
  return far ? message.label : "";
}
