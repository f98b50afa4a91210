// The drawing of who is connected to whom. A room here is {me, host, topology, peers}, and a peer
// {id, state, relayed}: state is connected, interrupted, connecting or failed; relayed, reached through the host.

import { svg } from "./svg.js";

const width = 400, height = 280;
const names = { connected: "direct link", connecting: "connecting", interrupted: "interrupted", failed: "no link" };
const said = { connecting: "Connecting with", interrupted: "Nothing is heard of", failed: "No link with" };

export class Drawing {
  key = ""; // of what is drawn

  constructor() {
    this.root = document.getElementById("drawing");
    this.legend = document.getElementById("legend");
  }

  /** @param {any} room */
  show(room) {
    const key = JSON.stringify(room);
    if (key === this.key) return;
    this.key = key;
    const places = layout(room), lines = edges(room);
    const r = Math.max(7, Math.min(15, 200 / places.size));
    this.root.setAttribute("aria-label", sentence(room));
    this.root.replaceChildren(
      ...lines.map(({ from, to, state }) => {
        const [x1, y1] = places.get(from), [x2, y2] = places.get(to);
        return svg("line", { class: `link ${state}`, x1, y1, x2, y2 });
      }),
      ...[...places].map(([id, [x, y]]) => node(room, id, x, y, r)),
    );
    const between = room.topology === "star" ? "between others and the host" : "between others, not seen from here";
    this.legend.replaceChildren(...[...new Set(lines.map((l) => l.state))].map((state) => entry(state, names[state] ?? between)));
  }
}

/** Everybody in a ring, a star's host in its middle. @param {any} room @returns {Map<number, [number, number]>} */
function layout({ me, host, topology, peers }) {
  const centre = topology === "star" ? host : 0;
  const ids = [me, ...peers.map((p) => p.id)];
  const ring = ids.filter((id) => id !== centre);
  const middle = height / 2 - 14;
  if (ids.length === 1) return new Map([[me, [width / 2, middle]]]);
  if (ids.length === 2) return new Map(ids.map((id, i) => [id, [width / 2 + (i ? 90 : -90), middle]]));
  const places = new Map(ring.map((id, i) => {
    const angle = (2 * Math.PI * i) / ring.length - Math.PI;
    return [id, [round(width / 2 + 155 * Math.cos(angle)), round(middle + 100 * Math.sin(angle))]];
  }));
  if (ids.includes(centre)) places.set(centre, [width / 2, middle]);
  return /** @type {any} */ (places);
}

const round = (/** @type {number} */ n) => Math.round(n * 10) / 10;

/** Own links, and those that the others must have among them. @param {any} room */
function edges({ me, host, topology, peers }) {
  const own = peers.filter((p) => !p.relayed).map((p) => ({ from: me, to: p.id, state: p.state }));
  const others = peers.filter((p) => p.state === "connected").map((p) => p.id);
  if (topology === "star") return [...peers.filter((p) => p.relayed).map((p) => ({ from: host, to: p.id, state: "others" })), ...own];
  const among = others.length > 40 ? [] : others.flatMap((from, i) => others.slice(i + 1).map((to) => ({ from, to, state: "others" })));
  return [...among, ...own];
}

/** @param {any} room @param {number} id @param {number} x @param {number} y @param {number} r */
function node({ me, host, topology, peers }, id, x, y, r) {
  const state = id === me ? "me" : peers.find((p) => p.id === id).state;
  const hosts = topology === "star" && id === host;
  const shape = hosts ? svg("rect", { x: x - r, y: y - r, width: 2 * r, height: 2 * r, rx: 4 }) : svg("circle", { cx: x, cy: y, r });
  const below = [id === me && "you", hosts && "host", state !== "me" && state !== "connected" && state].filter(Boolean).join(", ");
  const g = svg("g", { class: `node ${state}`, "data-id": id }, shape);
  if (r > 8) g.append(svg("text", { x, y: y + r + 15 }, String(id)));
  if (below) g.append(svg("text", { class: "below", x, y: y + r + (r > 8 ? 29 : 13) }, below));
  return g;
}

/** @param {string} state @param {string} name */
function entry(state, name) {
  const li = document.createElement("li");
  li.append(svg("svg", { viewBox: "0 0 32 10", "aria-hidden": true }, svg("line", { class: `link ${state}`, x1: 0, y1: 5, x2: 32, y2: 5 })), name);
  return li;
}

/** The drawing in words. @param {any} room */
function sentence({ me, host, topology, peers }) {
  const list = (/** @type {any[]} */ of) => of.map((p) => p.id).join(", ");
  const direct = peers.filter((p) => p.state === "connected" && !p.relayed), relayed = peers.filter((p) => p.relayed);
  const parts = [topology === "star" ? `A star around host ${host}.` : "A mesh."];
  parts.push(direct.length ? `You are ${me}, directly connected with ${list(direct)}.` : `You are ${me}, connected with nobody.`);
  if (relayed.length) parts.push(`Through the host: ${list(relayed)}.`);
  for (const [state, words] of Object.entries(said)) {
    const some = peers.filter((p) => p.state === state);
    if (some.length) parts.push(`${words} ${list(some)}.`);
  }
  return parts.join(" ");
}
