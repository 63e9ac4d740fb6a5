// What everyone holds after the selected step.

const MAX_ROWS = 60, MAX_LOG = 12;
let tab = "state", previous = -1;

/** Whether something changed since the step that was selected before in order. */
const isNew = (changed) => changed > previous && changed <= view.step;

function drawPanel() {
  const row = view.rows.indexOf(view.step);
  previous = row > 0 ? view.rows[row - 1] : -1;
  const tabs = [["state", "State"], ["schedule", `Schedule (${page.incidents.length})`], ["legend", "Legend"]].map(([id, name]) =>
    h("button", { role: "tab", "aria-selected": String(tab === id), onclick: () => { tab = id; drawPanel(); } }, name));
  const content = { state: drawState, schedule: drawSchedule, legend: drawLegend }[tab]();
  const panel = byId("panel"), scrolled = panel.scrollTop;
  panel.replaceChildren(h("div", { class: "tabs", role: "tablist" }, tabs), ...content.flat(3));
  panel.scrollTop = scrolled;
}

function drawState() {
  return [drawStep(), drawNodes(), ...REPOSITORIES.map((_, index) => index).filter((index) => view.repositories.has(index)).flatMap(drawRepository)];
}

function drawStep() {
  const step = steps[view.step], failed = step.kind === "failure";
  const facts = [`${failed ? "after the last step" : laneName(step.lane)} · ${step.kind.replace("_", " ")} · ${moment(step.at)}`];
  if (step.incident !== undefined) facts.push(` · incident ${step.incident + 1}`);
  return h("div", { class: `what${failed ? " failed" : ""}`, color: failed ? "var(--bad)" : laneColor(step.lane) },
    h("div", { class: "title" }, step.kind === "commit" && summary(step) ? summary(step) : named(step.label)),
    h("div", { class: "facts" }, facts),
    step.message !== undefined ? aboutMessage(step.message) : null);
}

function drawNodes() {
  const server = clocks(SERVER);
  const rows = [...view.lanes].sort((a, b) => a - b).filter((lane) => lane !== STORE).map((lane) => {
    const node = state.nodes[lane], clock = clocks(lane);
    const mood = { running: "good", down: "bad", asleep: "warn" }[node.state] || "";
    const [link, feel] = lane < CLIENTS && node.state === "running" ? connection(lane) : ["", ""];
    const off = clock && server && lane !== SERVER ? clock.wall - server.wall : 0;
    const apart = Math.abs(off) >= 1 ? `${off > 0 ? "+" : ""}${duration(off * 1e3)}` : "";
    return h("tr", null,
      h("td", { class: "key" }, swatch(lane), laneName(lane)),
      h("td", { class: isNew(node.changed) ? "changed" : null }, h("span", { class: `badge ${mood}` }, node.state === "absent" ? "not there" : node.state)),
      h("td", null, link ? h("span", { class: `badge ${feel}` }, link) : null),
      h("td", { class: "mono", title: clock ? `monotonic ${moment(Math.round(clock.monotonic))}, ${clock.drift} ppm too fast` : null },
        clock ? date(clock.wall) : "", apart ? h("div", { class: Math.abs(off) > 6e4 ? "differs" : "none" }, `${apart} to the server`) : null));
  });
  return [h("h2", null, "Nodes", state.epoch ? h("em", null, `epoch ${cut(state.epoch, 20)}`) : null),
    h("table", null, h("thead", null, h("tr", null, h("th", null, ""), h("th", null, "state"), h("th", null, "connection"), h("th", null, "wall clock"))), h("tbody", null, rows))];
}

function drawRepository(repository) {
  const log = state.logs[repository];
  const clients = [...view.lanes].filter((lane) => lane < CLIENTS).sort((a, b) => a - b);
  const replicas = clients.map((client) => state.clients[client][repository]);
  const heads = clients.map((client) => h("th", null, swatch(client), client));
  const plan = run.scenario.repositories[repository];
  return [
    h("h2", null, plan.name, h("em", null, `${plan.policy} · head ${log.head}`)),
    h("div", { class: "scroll" }, h("table", null,
      h("thead", null, h("tr", null, h("th", null, ""), heads, h("th", null, "log"))),
      h("tbody", null, cursorRow(clients, replicas, log), outboxRow(replicas), ...recordRows(replicas, log)))),
    drawLog(log, clients, replicas),
  ];
}

function cursorRow(clients, replicas, log) {
  const cells = replicas.map((replica, place) => {
    const share = log.head ? Math.min(100, (100 * replica.after) / log.head) : 0;
    const again = replica.generation ? h("span", { class: "badge", title: "how often it was folded from 0" }, `gen ${replica.generation}`) : null;
    return h("td", { class: isNew(replica.changed) ? "changed" : null }, `${replica.after} `, again,
      h("div", { class: "bar", color: laneColor(clients[place]) }, h("i", { style: `width:${share}%` })));
  });
  return h("tr", null, h("td", { class: "key" }, "cursor"), cells, h("td", { class: isNew(log.changed) ? "changed" : null }, `head ${log.head}`));
}

function outboxRow(replicas) {
  const cells = replicas.map((replica) => {
    const own = [...replica.own.entries()], count = (state) => own.filter(([, event]) => event.state === state).length;
    const fresh = own.some(([, event]) => isNew(event.changed));
    const names = own.filter(([, event]) => event.state === "pending").map(([id, event]) => `${event.record} (${id})`);
    const badges = [["pending", "warn"], ["acked", "good"], ["doubted", "warn"], ["rejected", "bad"]].filter(([state]) => count(state))
      .map(([state, mood]) => [h("span", { class: `badge ${mood}` }, `${count(state)} ${state}`), " "]);
    return h("td", { class: fresh ? "changed" : null, title: names.slice(0, 20).join("\n") || null }, badges.length ? badges : h("span", { class: "none" }, "empty"));
  });
  return h("tr", null, h("td", { class: "key" }, "outbox"), cells, h("td", null));
}

function recordRows(replicas, log) {
  const newest = new Map();
  for (const event of log.events) if (event) newest.set(event.record, event);
  const names = new Set([...newest.keys(), ...replicas.flatMap((replica) => [...replica.records.keys()])]);
  const sorted = [...names].sort();
  const isFresh = (name) => replicas.some((replica) => isNew((replica.records.get(name) || { changed: -1 }).changed)) || isNew((newest.get(name) || { step: -1 }).step);
  // What changed comes first where not everything has room.
  const shown = sorted.length > MAX_ROWS ? [...sorted.filter(isFresh), ...sorted.filter((name) => !isFresh(name))].slice(0, MAX_ROWS) : sorted;
  const rows = shown.map((name) => recordRow(name, replicas, newest.get(name), log));
  if (sorted.length > shown.length) rows.push(h("tr", null, h("td", { class: "key", colspan: replicas.length + 2 }, `… ${sorted.length - shown.length} more records`)));
  return rows;
}

function recordRow(name, replicas, newest, log) {
  // Clients that have read everything and wait for nothing have to show the same.
  const settled = replicas.filter((replica) => replica.after === log.head && ![...replica.own.values()].some((own) => own.state === "pending" || own.state === "acked"));
  const seen = new Set(settled.map((replica) => JSON.stringify((replica.records.get(name) || { data: null }).data)));
  const cells = replicas.map((replica) => {
    const record = replica.records.get(name);
    const classes = ["value"];
    if (record && isNew(record.changed)) classes.push("changed");
    if (seen.size > 1 && settled.includes(replica)) classes.push("differs");
    const pending = record && record.pending ? "pending" : null;
    if (!record || record.data === null) return h("td", { class: `${classes.join(" ")} none` }, h("span", { class: pending }, record ? "deleted" : "–"));
    return tip(h("td", { class: classes.join(" ") }, h("span", { class: pending }, cut(record.data, 80))), () => [h("pre", null, broken(record.data))]);
  });
  const last = newest
    ? tip(h("td", { class: `value${isNew(newest.step) ? " changed" : ""}` }, h("span", { class: "none" }, `${newest.sequence} `), newest.data === null ? "deleted" : cut(newest.data, 80)), () => [h("pre", null, broken(newest.data || "deleted"))])
    : h("td", { class: "none" }, "–");
  return h("tr", null, h("td", { class: "key", title: name }, name), cells, last);
}

/** Whose event it is, as far as a client says so. */
function author(id, repository) {
  return state.clients.findIndex((replicas) => replicas[repository].own.has(id));
}

function drawLog(log, clients, replicas) {
  if (log.head === 0) return h("p", { class: "none" }, "The log is empty.");
  const wanted = new Set([1]);
  for (let sequence = Math.max(1, log.head - MAX_LOG + 1); sequence <= log.head; sequence += 1) wanted.add(sequence);
  for (const replica of replicas) for (const near of [replica.after, replica.after + 1]) if (near >= 1 && near <= log.head) wanted.add(near);
  const rows = [];
  let before = 0;
  for (const sequence of [...wanted].sort((a, b) => a - b)) {
    if (sequence > before + 1) rows.push(h("tr", null, h("td", { class: "none", colspan: 4 }, `⋮ ${sequence - before - 1} more`)));
    before = sequence;
    const event = log.events[sequence - 1];
    if (!event) continue;
    const whose = author(event.event, event.repository);
    const chips = clients.filter((_, place) => replicas[place].after === sequence).map((client) => h("span", { class: "chip", color: laneColor(client), title: `the cursor of client ${client}` }, `▸ ${client}`));
    rows.push(h("tr", { class: isNew(event.step) ? "changed" : null },
      h("td", { class: "key" }, sequence),
      h("td", { class: "value", title: event.event }, whose >= 0 ? swatch(whose) : null, event.record),
      h("td", { class: "value wide", title: event.data }, event.data === null ? h("span", { class: "none" }, "deleted") : cut(event.data, 48)),
      h("td", null, chips)));
  }
  return h("details", { open: true }, h("summary", { class: "none" }, "log and cursors"), h("table", null, h("tbody", null, rows)));
}

function drawSchedule() {
  const step = new Map();
  steps.forEach((of, index) => { if (of.incident !== undefined && !step.has(of.incident)) step.set(of.incident, index); });
  const lines = page.incidents.map((text, index) => {
    const target = step.get(index);
    const now = target !== undefined && steps[view.step].incident === index;
    return h("li", null, h("button", { disabled: target === undefined, class: now ? "now" : null, title: target === undefined ? "did not happen in this run" : null, onclick: () => select(target) },
      h("span", { class: "number" }, index + 1), h("span", null, named(text))));
  });
  return [
    h("h2", null, "What was planned"), h("ol", { class: "schedule" }, lines),
    h("h2", null, "What is around it"), h("dl", null, page.setup.map(([name, text]) => [h("dt", null, name), h("dd", null, text)])),
    h("h2", null, "Again"), h("div", { class: "command" }, h("code", null, page.command), copyButton(page.command)),
  ];
}

function copyButton(text) {
  const button = h("button", { class: "copy", onclick: async () => {
    await navigator.clipboard.writeText(text);
    button.textContent = "copied";
  } }, "copy");
  return button;
}

function drawLegend() {
  const picture = (kind, lane = 0) => s("svg", { width: 22, height: 22, viewBox: "-11 -11 22 22" }, mark({ kind, lane }));
  const kinds = [["start", "starts"], ["stop", "stops in good order"], ["crash", "crashes"], ["sleep", "falls asleep"], ["awake", "wakes up"], ["clock", "a wall clock is set"],
    ["incident", "something of the schedule happens"], ["write", "the application writes"], ["commit", "durable on a disk"], ["connect", "asks for a connection"],
    ["open", "an end of a connection is open"], ["close", "an end of a connection is over"], ["failure", "a guarantee does not hold"]];
  const lines = [["push", "events on their way to the server"], ["events", "events on their way to a client"], ["ack", "acks"], ["error", "errors"], ["control", "everything else"]];
  const dash = { ack: "5 3", control: "2 3" };
  return [
    h("h2", null, "Marks"), h("dl", null, kinds.map(([kind, text]) => [h("dt", null, picture(kind)), h("dd", null, text)])),
    h("h2", null, "Arrows"), h("dl", null, lines.map(([name, text]) => [h("dt", null, s("svg", { width: 44, height: 12 }, s("line", { x1: 0, x2: 44, y1: 6, y2: 6, style: `stroke:var(--${name})`, "stroke-width": 2, "stroke-dasharray": dash[name] }))), h("dd", null, text)]),
      h("dt", null, "✕"), h("dd", null, "never arrived: lost with its connection (red), or still on its way at the end (grey)")),
    h("h2", null, "Columns"), h("p", null, "A thick line beside a client is its end of a connection, one beside the server is the server's end, in the client's colour. Where one goes on without the other the connection is half open. A green bar is a commit under way; a red one was lost. A column is dashed red while its node is down and dotted while it sleeps."),
    h("p", null, "Yellow in the panel: changed at this step. Red: clients that have read everything and have nothing pending show different data."),
    h("h2", null, "Keys"), h("dl", null, [["↓ ↑", "next, previous step"], ["PgDn PgUp", "ten steps"], ["Home End", "first, last step"], ["space", "play, pause"], ["f", "to the failure"], ["n p", "next, previous step on the same node"], ["i", "next incident"]].map(([keys, text]) =>
      [h("dt", null, keys.split(" ").map((key) => [h("kbd", null, key), " "])), h("dd", null, text)])),
  ];
}
