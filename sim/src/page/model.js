// The recorded run, and what everyone holds after each step of it.

const page = JSON.parse(document.getElementById("run").textContent);
const run = page.run;
const steps = run.steps, messages = run.messages, links = run.links;
const CLIENTS = run.scenario.clients.length, SERVER = CLIENTS, STORE = CLIENTS + 1, LANES = CLIENTS + 2;
const REPOSITORIES = run.scenario.repositories.map((plan) => plan.name);
const HUES = [215, 28, 150, 285, 340, 190, 52, 255, 100, 320];

const laneName = (lane) => (lane === SERVER ? "server" : lane === STORE ? "store" : `client ${lane}`);
const laneColor = (lane) =>
  lane >= CLIENTS ? "var(--dim)" : `hsl(${HUES[lane % HUES.length]} var(--lane-s) var(--lane-l))`;

/** What a message is for, which decides its colour. */
function flavour(message) {
  const word = message.label.split(" ", 1)[0];
  if (word === "ping" || word === "pong") return "heartbeat";
  return ["push", "events", "ack", "error"].includes(word) ? word : "control";
}
for (const message of messages) message.flavour = flavour(message);
for (const work of run.work) {
  steps[work.begun].work = work;
  if (work.ended !== null) steps[work.ended].work = work;
}
links.forEach((link, index) => {
  // Connections of one client that overlap are drawn beside each other.
  link.index = index;
  link.slot = links.slice(0, index).filter((other) => other.client === link.client).length % 2;
  for (const step of [link.asked, link.accepted, link.connected, link.client_closed, link.server_closed]) {
    if (step !== null) steps[step].link = index;
  }
});

/** The state after a step. `seek` moves it to any other; every change of it can be taken back. */
const state = {
  at: -1,
  undo: [],
  epoch: null,
  nodes: Array.from({ length: LANES }, () => ({ state: "absent", clock: null, changed: -1 })),
  logs: REPOSITORIES.map(() => ({ events: [], head: 0, changed: -1 })),
  clients: Array.from({ length: CLIENTS }, () => fresh()),
};

function fresh() {
  return REPOSITORIES.map(() => ({ after: 0, generation: 0, changed: -1, own: new Map(), records: new Map() }));
}

function set(object, key, value, undo) {
  const before = object[key];
  undo.push(() => { object[key] = before; });
  object[key] = value;
}

function put(map, key, value, undo) {
  const had = map.has(key), before = map.get(key);
  undo.push(() => { if (had) map.set(key, before); else map.delete(key); });
  map.set(key, value);
}

function apply(change, step, undo) {
  const replica = change.client === undefined ? null : state.clients[change.client][change.repository];
  const at = steps[step].at;
  switch (change.is) {
    case "node":
      set(state.nodes[change.lane], "state", change.state, undo);
      return set(state.nodes[change.lane], "changed", step, undo);
    case "clock":
      return set(state.nodes[change.lane], "clock", { at, ...change.reading }, undo);
    case "cursor":
      if (replica.after === change.after && replica.generation === change.generation) return;
      set(replica, "after", change.after, undo);
      set(replica, "generation", change.generation, undo);
      return set(replica, "changed", step, undo);
    case "own": {
      const before = replica.own.get(change.event);
      const record = change.record || (before ? before.record : "");
      return put(replica.own, change.event, { record, state: change.state, changed: step }, undo);
    }
    case "record": {
      const before = replica.records.get(change.record);
      if (before && before.data === change.data && before.pending === change.pending) return;
      return put(replica.records, change.record, { data: change.data, pending: change.pending, changed: step }, undo);
    }
    case "forget":
      return set(state.clients, change.client, fresh(), undo);
    case "log": {
      const log = state.logs[change.repository];
      undo.push(() => { log.events.length = Math.min(log.events.length, change.sequence - 1); });
      log.events[change.sequence - 1] = { ...change, at, step };
      set(log, "head", change.sequence, undo);
      return set(log, "changed", step, undo);
    }
    case "head": {
      const log = state.logs[change.repository];
      if (log.head === change.sequence) return;
      const gone = log.events.splice(change.sequence);
      undo.push(() => { log.events.push(...gone); });
      set(log, "head", change.sequence, undo);
      return set(log, "changed", step, undo);
    }
    case "epoch":
      return set(state, "epoch", change.epoch, undo);
  }
}

/** Moves the state to the one after a step. */
function seek(step) {
  while (state.at < step) {
    state.at += 1;
    const undo = [];
    for (const change of steps[state.at].changes || []) apply(change, state.at, undo);
    state.undo[state.at] = undo;
  }
  while (state.at > step) {
    const undo = state.undo[state.at];
    for (let index = undo.length - 1; index >= 0; index -= 1) undo[index]();
    state.at -= 1;
  }
}

/** Whether a step of a link's life is past. */
const past = (step) => step !== null && step <= state.at;

/** What a client's connection is like: [words, mood]. */
function connection(client) {
  const of = links.filter((link) => link.client === client && past(link.asked));
  const last = of[of.length - 1];
  if (!last || past(last.client_closed)) {
    const left = of.some((link) => past(link.accepted) && !past(link.server_closed));
    return left ? ["server holds an old one", "warn"] : ["offline", ""];
  }
  if (!past(last.connected)) return ["connecting", "warn"];
  if (past(last.server_closed)) return ["half open: server left", "bad"];
  return ["connected", "good"];
}

/** What a node's clocks read after the selected step, or null. */
function clocks(lane) {
  const clock = state.nodes[lane].clock;
  if (!clock) return null;
  const passed = (steps[state.at].at - clock.at) * (1 + clock.drift_ppm / 1e6);
  return { wall: clock.wall_ms + passed / 1e3, monotonic: clock.monotonic + (clock.ticking ? passed : 0), ...{ drift: clock.drift_ppm } };
}

// Words and numbers.

function duration(micros) {
  const seconds = micros / 1e6, sign = micros < 0 ? "−" : "", size = Math.abs(seconds);
  const trim = (number, digits) => String(Number(number.toFixed(digits)));
  if (size >= 86400) return `${sign}${trim(size / 86400, 1)} d`;
  if (size >= 3600) return `${sign}${trim(size / 3600, 1)} h`;
  if (size >= 60) return `${sign}${trim(size / 60, 1)} min`;
  if (size >= 1) return `${sign}${trim(size, 2)} s`;
  if (size >= 0.001) return `${sign}${trim(size * 1e3, 2)} ms`;
  return `${sign}${trim(size * 1e6, 0)} µs`;
}

/** A moment of true time, from the beginning. */
function moment(micros) {
  const pad = (number, width) => String(number).padStart(width, "0");
  const seconds = Math.floor(micros / 1e6), fraction = pad(micros % 1e6, 6);
  const days = Math.floor(seconds / 86400);
  const clock = `${Math.floor((seconds % 86400) / 3600)}:${pad(Math.floor((seconds % 3600) / 60), 2)}:${pad(seconds % 60, 2)}`;
  const short = `${fraction.slice(0, 3)}\u2009${fraction.slice(3)}`;
  if (seconds < 60) return `${seconds}.${short} s`;
  return `${days > 0 ? `${days} d ` : ""}${clock}.${short}`;
}

function date(ms) {
  const time = new Date(ms);
  return Number.isNaN(time.getTime()) ? "?" : time.toISOString().replace("T", " ").replace("Z", "");
}

/** JSON with line breaks, byte for byte otherwise: numbers and escapes stay as they were sent. */
function broken(text) {
  let out = "", depth = 0, inside = false, escaped = false;
  const line = () => `\n${"  ".repeat(Math.max(depth, 0))}`;
  for (let index = 0; index < text.length; index += 1) {
    const char = text[index];
    if (inside) {
      out += char;
      if (escaped) escaped = false;
      else if (char === "\\") escaped = true;
      else if (char === '"') inside = false;
    } else if (char === "{" || char === "[") {
      const empty = text[index + 1] === "}" || text[index + 1] === "]";
      depth += 1;
      out += empty ? char : char + line();
    } else if (char === "}" || char === "]") {
      depth -= 1;
      out += text[index - 1] === "{" || text[index - 1] === "[" ? char : line() + char;
    } else if (char === ",") out += char + line();
    else {
      inside = char === '"';
      out += char === ":" ? ": " : char;
    }
  }
  return out;
}

/** A sentence about writes, with the names of repositories in the place of their numbers. */
function named(text) {
  if (!text.includes(" writes ")) return text;
  return text.replace(/(writes |, )(−?)(\d+)\//g, (whole, before, sign, index) =>
    (REPOSITORIES[index] === undefined ? whole : `${before}${sign}${REPOSITORIES[index]}/`));
}

const cut = (text, length) => (text.length > length ? `${text.slice(0, length - 1)}…` : text);
