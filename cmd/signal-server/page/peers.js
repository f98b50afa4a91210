// The table of the people under "Connection details": state, path, and for each mode the round trip, the loss and a small chart.

import { modes } from "./probe.js";
import { svg } from "./svg.js";

const labels = ["Who", "State", "Path", "Reliable", "Unreliable, ordered", "Unreliable"];
const samples = 30;

export class Peers {
  /** @type {Map<number, HTMLTableRowElement>} */ rows = new Map();

  constructor() {
    this.table = document.querySelector("#table table");
    this.body = this.table.querySelector("tbody");
    this.alone = document.getElementById("alone");
    this.words = document.getElementById("alone-words");
    this.details = /** @type {HTMLDetailsElement} */ (document.getElementById("details"));
    this.hint = document.getElementById("table-hint");
  }

  /**
   * @param {{id: number, name: string, state: string, path: string, kinds: string, host: boolean}[]} peers
   * @param {import("./probe.js").Probes} probes
   * @param {boolean} known whether the server tells who is here
   */
  show(peers, probes, known) {
    this.alone.hidden = peers.length > 0;
    text(this.words, known ? "Nobody else is here yet. Send somebody the link, or open it in a second tab." : "Whether somebody else is here is not known without the server.");
    this.table.hidden = this.hint.hidden = !peers.length;
    if (!this.details.open) return; // it is work, with many people
    for (const [id, row] of this.rows) {
      if (peers.some((p) => p.id === id)) continue;
      row.remove();
      this.rows.delete(id);
    }
    for (const p of peers) {
      const [name, state, path, ...figures] = this.row(p.id).cells;
      text(name, `${p.name}, ${p.id}` + (p.host ? " (host)" : ""));
      text(state.firstElementChild, p.state);
      state.firstElementChild.className = `state ${p.state}`;
      text(path, p.path || "–");
      path.title = p.kinds;
      const series = p.state === "connected" ? probes.of(p.id) : null;
      figures.forEach((cell, i) => cell.replaceChildren(...(series ? figure(series[modes[i]].times) : ["–"])));
    }
  }

  /** @param {number} id */
  row(id) {
    let row = this.rows.get(id);
    if (row) return row;
    row = document.createElement("tr");
    labels.forEach((label, i) => {
      const cell = document.createElement(i ? "td" : "th"); // the peer is its row's heading
      row.append(cell);
      if (!i) cell.scope = "row";
      cell.dataset.label = label;
      if (i > 2) cell.className = "figure";
      if (i === 1) cell.append(document.createElement("span"));
    });
    this.rows.set(id, row);
    const after = [...this.rows.keys()].filter((other) => other > id).sort((a, b) => a - b)[0];
    this.body.insertBefore(row, this.rows.get(after) ?? null);
    return row;
  }
}

/** Sets the text if it differs: an unchanged text costs the browser no work. @param {Element} element @param {string} value */
function text(element, value) {
  if (element.textContent !== value) element.textContent = value;
}

/** @param {(number | null)[]} times @returns {(Node | string)[]} */
function figure(times) {
  if (!times.length) return ["…"];
  const back = times.filter((t) => t !== null);
  const lost = Math.round((100 * (times.length - back.length)) / times.length);
  const words = document.createElement("span"), loss = document.createElement("span");
  const last = back.at(-1);
  loss.className = lost ? "loss some" : "loss";
  loss.textContent = `${lost} % lost`;
  words.append(last === undefined ? "no answer " : `${duration(last)} `, loss);
  return [words, chart(times)];
}

const duration = (/** @type {number} */ ms) => `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;

/** Lines from ping to ping; a red stroke below is a lost one. @param {(number | null)[]} times */
function chart(times) {
  const top = Math.max(1, ...times.map((t) => t ?? 0));
  const x = (/** @type {number} */ i) => ((samples - times.length + i) * 100) / (samples - 1);
  const y = (/** @type {number} */ t) => (26 - (22 * t) / top).toFixed(1);
  const lines = [], strokes = [];
  let points = [];
  times.forEach((t, i) => {
    if (t !== null) return points.push(`${x(i).toFixed(1)},${y(t)}`);
    strokes.push(svg("line", { class: "lost", x1: x(i), x2: x(i), y1: 20, y2: 28 }));
    lines.push(points);
    points = [];
  });
  lines.push(points);
  return svg("svg", { class: "spark", viewBox: "0 0 100 28", preserveAspectRatio: "none", "aria-hidden": true },
    ...lines.filter((l) => l.length).map((l) => svg("polyline", { points: l.join(" ") })), ...strokes);
}
