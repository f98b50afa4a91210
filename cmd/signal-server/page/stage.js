// The stage: everybody's face, the links between them, and emoji that are thrown. A room here is {me, host, topology, peers},
// and a peer {id, state, quality, relayed, path}: state is connected, interrupted, connecting or failed; quality is good,
// fair, poor or unknown; relayed, reached through the host.
//
// Whoever has not been moved has a place that depends on how many there are and on the size of this stage. Places are
// {x, y}, 0 to 1, from the left and the upper edge.

import { svg } from "./svg.js";

const names = { good: "good connection", fair: "slow or with losses", poor: "poor connection", unknown: "not measured yet", connecting: "connecting", interrupted: "interrupted", failed: "no connection" };
const said = { connecting: "Connecting with", interrupted: "Nothing is heard from", failed: "No link with" };
const step = 0.04; // of a move with a key
const clickMoves = 5; // pixels that a finger may move, and still click
const mostThrown = 40; // emoji in the air
const airTime = 2500; // ms, as room.css
const ringed = 6; // people in a ring; more are in rows

const stage = document.getElementById("stage"), field = document.getElementById("field"), links = document.getElementById("links");
const legend = document.getElementById("legend");
const clamp = (/** @type {number} */ n) => Math.min(1, Math.max(0, n));

export class Stage {
  /** @type {Map<number, HTMLButtonElement>} */ nodes = new Map();
  /** Of those that were moved. @type {Map<number, {x: number, y: number}>} */ moved = new Map();
  /** @type {Map<number, {x: number, y: number}>} */ places = new Map();
  /** @type {{from: number, to: number, line: SVGElement}[]} */ lines = [];
  /** @type {any} */ room = null;
  key = ""; // of the links that are drawn

  /**
   * @param {import("./people.js").People} people
   * @param {{move: (x: number, y: number, done: boolean) => void, press: (id: number) => void, hit: (x: number, y: number) => void, drop: (id: number, files: File[]) => void, note: (text: string) => void}} acts
   */
  constructor(people, acts) {
    this.people = people;
    this.acts = acts;
    new ResizeObserver(() => this.room && this.arrange()).observe(field);
    stage.addEventListener("click", (e) => {
      if (/** @type {Element} */ (e.target).closest("button, #alone")) return;
      const { x, y } = this.at(e);
      acts.hit(x, y);
    });
    stage.addEventListener("dragover", (e) => this.aim(e));
    stage.addEventListener("dragleave", (e) => stage.contains(/** @type {any} */ (e.relatedTarget)) || this.aim(null));
    stage.addEventListener("drop", (e) => {
      e.preventDefault();
      const target = this.aim(null, e);
      const { files, items } = e.dataTransfer;
      const folders = [...items].map((item) => item.webkitGetAsEntry()).filter((entry) => entry?.isDirectory).map(({ name }) => name);
      for (const folder of folders) acts.note(`${folder} is a folder. Send the files in it, or make a zip file of it.`);
      acts.drop(target, [...files].filter(({ name }) => !folders.includes(name)));
    });
  }

  open() {
    for (const node of this.nodes.values()) node.remove();
    this.nodes.clear();
    this.moved.clear();
    this.room = null;
    this.key = "";
  }

  /** @param {any} room */
  show(room) {
    this.room = room;
    const ids = [room.me, ...room.peers.map((/** @type {any} */ p) => p.id)];
    for (const [id, node] of this.nodes) {
      if (ids.includes(id)) continue;
      node.remove();
      this.nodes.delete(id);
      this.moved.delete(id);
    }
    for (const id of ids) this.face(id);
    const key = JSON.stringify([room.topology, room.host, room.peers.map((/** @type {any} */ p) => [p.id, p.state, p.quality, p.relayed])]);
    if (key !== this.key) this.link();
    this.key = key;
    links.setAttribute("aria-label", this.sentence());
    this.arrange();
  }

  /** @param {number} id */
  face(id) {
    const { me, host, topology, peers } = this.room;
    const p = peers.find((/** @type {any} */ other) => other.id === id);
    let node = this.nodes.get(id);
    if (!node) {
      node = document.createElement("button");
      node.type = "button";
      node.dataset.id = String(id);
      const face = document.createElement("span"), label = document.createElement("bdi");
      face.className = "face";
      face.ariaHidden = "true";
      label.className = "label";
      node.append(face, label);
      if (id === me) this.draggable(node);
      else node.addEventListener("click", () => this.acts.press(id));
      this.nodes.set(id, node);
      field.append(node);
    }
    const who = this.people.of(id), name = this.people.name(id);
    const state = p?.state ?? "me";
    node.className = `node ${state}${topology === "star" && id === host ? " host" : ""}`;
    node.dataset.color = String(who.color);
    node.querySelector(".face").textContent = who.emoji;
    const hosts = topology === "star" && id === host ? ", host" : "";
    const label = p ? name : "You";
    const shown = state === "connected" || state === "me" ? label : `${label}, ${names[state]}`;
    if (node.querySelector("bdi").textContent !== shown) node.querySelector("bdi").textContent = shown;
    node.ariaLabel = p ? `${name}${hosts}: ${[p.path, names[state === "connected" ? p.quality : state]].filter(Boolean).join(", ")}` : `You, ${name}${hosts}. The arrow keys move you.`;
    node.title = p ? name : "";
  }

  /** @param {HTMLButtonElement} node */
  draggable(node) {
    /** @type {{x: number, y: number, pulled: boolean} | null} */ let from = null;
    node.addEventListener("pointerdown", (e) => {
      from = { x: e.clientX, y: e.clientY, pulled: false };
      node.setPointerCapture(e.pointerId);
    });
    node.addEventListener("pointermove", (e) => {
      if (!from) return;
      from.pulled ||= Math.hypot(e.clientX - from.x, e.clientY - from.y) > clickMoves;
      if (!from.pulled) return;
      const { x, y } = this.at(e);
      this.move(this.room.me, x, y);
      this.acts.move(x, y, false);
    });
    const end = () => {
      const place = this.moved.get(this.room.me);
      if (from?.pulled && place) this.acts.move(place.x, place.y, true);
    };
    node.addEventListener("pointerup", end);
    node.addEventListener("pointercancel", () => (end(), (from = null)));
    node.addEventListener("click", () => {
      if (!from?.pulled) this.acts.press(this.room.me); // a drag ends with a click, too
      from = null;
    });
    node.addEventListener("keydown", (e) => {
      const [dx, dy] = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] }[e.key] ?? [0, 0];
      if (!dx && !dy) return;
      e.preventDefault();
      const { x, y } = this.places.get(this.room.me);
      this.move(this.room.me, clamp(x + dx), clamp(y + dy));
      this.acts.move(clamp(x + dx), clamp(y + dy), true);
    });
  }

  /** Where on the field an event is. @param {MouseEvent} e */
  at(e) {
    const box = field.getBoundingClientRect();
    return { x: clamp((e.clientX - box.left) / box.width), y: clamp((e.clientY - box.top) / box.height) };
  }

  /** Shows who would get what is dropped, and returns the id: 0 is everybody. @param {DragEvent | null} e @param {DragEvent} [at] */
  aim(e, at = e) {
    e?.preventDefault();
    const node = /** @type {HTMLElement | null} */ (/** @type {Element} */ (at?.target)?.closest?.(".node:not(.me)"));
    stage.classList.toggle("target", !!e && !node);
    for (const other of this.nodes.values()) other.classList.toggle("target", !!e && other === node);
    return Number(node?.dataset.id ?? 0);
  }

  /** @param {number} id @param {number} x @param {number} y */
  move(id, x, y) {
    this.moved.set(id, { x, y });
    if (this.room && this.nodes.has(id)) this.put(id, { x, y });
  }

  /** @param {number} id @param {{x: number, y: number}} place */
  put(id, { x, y }) {
    this.places.set(id, { x, y });
    const { style } = this.nodes.get(id);
    style.left = `${(100 * x).toFixed(2)}%`;
    style.top = `${(100 * y).toFixed(2)}%`;
    for (const { from, to, line } of this.lines) {
      if (from === id) (line.setAttribute("x1", String(1000 * x)), line.setAttribute("y1", String(1000 * y)));
      if (to === id) (line.setAttribute("x2", String(1000 * x)), line.setAttribute("y2", String(1000 * y)));
    }
  }

  /** Puts everybody where they belong. */
  arrange() {
    const { clientWidth: width, clientHeight: height } = field;
    const all = layout(this.room, width, height);
    stage.dataset.crowd = all.size > 24 ? "many" : all.size > ringed ? "some" : "few";
    if (all.size > ringed) field.style.setProperty("--name", `${Math.floor(width / columnsFor(all.size, width, height)) - 2}px`); // no name is over another
    else field.style.removeProperty("--name");
    for (const [id, place] of all) this.put(id, this.moved.get(id) ?? place);
  }

  /** Draws the own links, and those that the others must have among them. */
  link() {
    const edges = edgesOf(this.room);
    this.lines = edges.map(({ from, to, state, quality }) => ({ from, to, line: svg("line", { class: `link ${state}`, "data-quality": quality }) }));
    links.replaceChildren(...this.lines.map(({ line }) => line));
    const kinds = [...new Set(edges.map((e) => (e.state === "connected" ? e.quality : e.state)))];
    legend.replaceChildren(...kinds.map((kind) => entry(kind, names[kind] ?? "between others")));
  }

  /** @param {number} id @param {string} emoji @param {number} [x] @param {number} [y] */
  throw(id, emoji, x, y) {
    const place = x === undefined || y === undefined ? this.places.get(id) : { x, y };
    if (!place || document.hidden || field.querySelectorAll(".thrown").length >= mostThrown) return;
    const span = document.createElement("span");
    span.className = "thrown";
    span.ariaHidden = "true";
    span.textContent = emoji;
    span.style.left = `${100 * place.x}%`;
    span.style.top = `${100 * place.y}%`;
    field.append(span);
    setTimeout(() => span.remove(), airTime);
  }

  /** The stage in words. */
  sentence() {
    const { me, host, topology, peers } = this.room;
    const list = (/** @type {any[]} */ of) => this.people.names(of.map((p) => p.id));
    const direct = peers.filter((/** @type {any} */ p) => p.state === "connected" && !p.relayed), relayed = peers.filter((/** @type {any} */ p) => p.relayed);
    const parts = topology === "star" ? [host === me ? "You are the host." : `The host is ${this.people.name(host)}.`] : [];
    parts.push(direct.length ? `You are connected with ${list(direct)}.` : "You are connected with nobody.");
    if (relayed.length) parts.push(`Through the host: ${list(relayed)}.`);
    for (const [state, words] of Object.entries(said)) {
      const some = peers.filter((/** @type {any} */ p) => p.state === state);
      if (some.length) parts.push(`${words} ${list(some)}.`);
    }
    return parts.join(" ");
  }
}

/** @param {number} size of a crowd @param {number} width @param {number} height */
const columnsFor = (size, width, height) => Math.max(1, Math.min(size, Math.ceil(Math.sqrt((size * width) / Math.max(1, height)))));

/** A few in a ring, a star's host in its middle; more in rows. @param {any} room @param {number} width @param {number} height @returns {Map<number, {x: number, y: number}>} */
function layout({ me, host, topology, peers }, width, height) {
  const ids = [me, ...peers.map((/** @type {any} */ p) => p.id)].sort((a, b) => a - b);
  if (ids.length === 1) return new Map([[me, { x: 0.5, y: 1 }]]); // below the text for a user who is alone
  if (ids.length === 2) return new Map(ids.map((id, i) => [id, { x: i ? 0.8 : 0.2, y: 0.5 }]));
  if (ids.length > ringed) {
    const columns = columnsFor(ids.length, width, height);
    const rows = Math.ceil(ids.length / columns);
    return new Map(ids.map((id, i) => [id, { x: (0.5 + (i % columns)) / columns, y: rows > 1 ? Math.floor(i / columns) / (rows - 1) : 0.5 }]));
  }
  const centre = topology === "star" ? host : 0, ring = ids.filter((id) => id !== centre);
  const places = new Map(ring.map((id, i) => {
    const angle = (2 * Math.PI * i) / ring.length - Math.PI / (ring.length % 2 ? 2 : ring.length) + (ring.length === 2 ? Math.PI / 2 : 0);
    return [id, { x: 0.5 + 0.42 * Math.cos(angle), y: 0.5 + 0.5 * Math.sin(angle) }];
  }));
  const ys = [...places.values()].map(({ y }) => y), off = 0.5 - (Math.min(...ys) + Math.max(...ys)) / 2;
  for (const place of places.values()) place.y += off; // the middle of a triangle is below that of its circle
  if (ids.includes(centre)) places.set(centre, { x: 0.5, y: 0.5 });
  return places;
}

/** @param {any} room @returns {{from: number, to: number, state: string, quality?: string}[]} */
function edgesOf({ me, host, topology, peers }) {
  const own = peers.filter((/** @type {any} */ p) => !p.relayed).map((/** @type {any} */ { id, state, quality }) => ({ from: me, to: id, state, quality }));
  const others = peers.filter((/** @type {any} */ p) => p.state === "connected").map((/** @type {any} */ p) => p.id);
  if (topology === "star") return [...peers.filter((/** @type {any} */ p) => p.relayed).map((/** @type {any} */ p) => ({ from: host, to: p.id, state: "others" })), ...own];
  const among = others.length > 12 ? [] : others.flatMap((/** @type {number} */ from, /** @type {number} */ i) => others.slice(i + 1).map((/** @type {number} */ to) => ({ from, to, state: "others" })));
  return [...among, ...own];
}

/** @param {string} kind @param {string} name */
function entry(kind, name) {
  const li = document.createElement("li"), quality = kind in { good: 1, fair: 1, poor: 1, unknown: 1 };
  li.append(svg("svg", { viewBox: "0 0 32 10", "aria-hidden": true }, svg("line", { class: `link ${quality ? "connected" : kind}`, "data-quality": kind, x1: 0, y1: 5, x2: 32, y2: 5 })), name);
  return li;
}
