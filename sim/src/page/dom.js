// Elements without markup: every text goes in as text.

const byId = (id) => document.getElementById(id);

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "color") element.style.setProperty("--c", value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  for (const child of children.flat(3)) {
    if (child === null || child === undefined || child === false) continue;
    element.append(child);
  }
  return element;
}

const h = (tag, attributes, ...children) => fill(document.createElement(tag), attributes, children);
const s = (tag, attributes, ...children) =>
  fill(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);

const swatch = (lane) => h("span", { class: "swatch", color: laneColor(lane) });

/** Shows a tip beside the pointer for as long as it is over an element. */
function tip(element, content) {
  const box = byId("tip");
  element.addEventListener("pointerenter", (event) => {
    box.replaceChildren(...content());
    box.hidden = false;
    const { innerWidth, innerHeight } = window, bounds = box.getBoundingClientRect();
    box.style.left = `${Math.max(6, Math.min(event.clientX + 16, innerWidth - bounds.width - 8))}px`;
    box.style.top = `${Math.max(6, Math.min(event.clientY + 14, innerHeight - bounds.height - 8))}px`;
  });
  element.addEventListener("pointerleave", () => { box.hidden = true; });
  return element;
}

/** A message in full, for tips and the panel. */
function aboutMessage(index) {
  const message = messages[index], link = links[message.link];
  const [from, to] = message.way === "up" ? [laneName(link.client), "server"] : ["server", laneName(link.client)];
  const sent = steps[message.sent].at;
  let fate = "still on its way at the end";
  if (message.arrived !== null) fate = `arrived after ${duration(steps[message.arrived].at - sent)}`;
  else if (message.lost === message.sent) fate = "into nothing: nobody was at the other end any more";
  else if (message.lost !== null) fate = `lost: never arrived, known ${duration(steps[message.lost].at - sent)} later`;
  const whole = run.texts[message.text];
  return [
    h("div", { class: "facts" }, `${from} → ${to} · sent ${moment(sent)} · ${fate} · ${message.bytes} bytes`),
    h("pre", null, broken(whole)),
  ];
}
