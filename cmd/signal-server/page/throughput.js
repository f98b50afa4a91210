// A throughput test: packets in the reliable mode to one peer, for as many milliseconds as #progress.max says. The other end
// says how much has arrived, and never more than a window is on the way, so that a star's host in between is not flooded.
//
//   00 't' 'h' 'r' 'u' kind test            kind 'd': data follows; 'e': that was all
//   00 't' 'h' 'r' 'u' 'a' test received    to the sender, a double, big-endian
//
// test is a number of 4 bytes that the sender chose. Only pages get these, see hello.

import { begins } from "./probe.js";

const head = "\0thru", data = 100, end = 101, ack = 97; // 'd', 'e', 'a'
const packetSize = 16 * 1024; // what a member accepts by default
const least = 256 * 1024, most = 2 * 1024 * 1024; // of the window; half of what a host lets wait for a guest
const patience = 8000; // ms
const ackEvery = 64 * 1024;

/** @param {number} kind @param {number} test @param {number} size */
function packet(kind, test, size) {
  const bytes = new Uint8Array(size);
  bytes.set(new TextEncoder().encode(head));
  bytes[5] = kind;
  new DataView(bytes.buffer).setUint32(6, test);
  return bytes;
}

const megabytes = (/** @type {number} */ n) => `${(n / 1e6).toFixed(n < 1e7 ? 1 : 0)} MB`;

/**
 * Bytes that may be on the way: twice what arrives within a round trip. Two megabytes at once into a path of
 * a millisecond overrun the buffers in it, and what is lost there takes seconds to come.
 * @param {{acked: number, at: number}} run @param {number} began @param {number} roundTrip
 */
function windowOf(run, began, roundTrip) {
  const rate = run.acked / Math.max(1, run.at - began);
  return Math.min(most, Math.max(least, 2 * rate * roundTrip));
}

export class Throughput {
  /** @type {any} */ node = null;
  /** @type {Set<number>} */ able = new Set(); // peers that said hello
  /** @type {Map<number, {test: number, bytes: number, told: number}>} */ receiving = new Map();
  /** @type {{test: number, peer: number, acked: number, at: number, wake: () => void} | null} */ running = null;

  /** @param {import("./people.js").People} people @param {(peer: number) => number} roundTrip in ms */
  constructor(people, roundTrip) {
    this.people = people;
    this.roundTrip = roundTrip;
    this.form = /** @type {HTMLFormElement} */ (document.getElementById("measure"));
    this.target = /** @type {HTMLSelectElement} */ (document.getElementById("target"));
    this.progress = /** @type {HTMLProgressElement} */ (document.getElementById("progress"));
    this.arrived = /** @type {HTMLElement} */ (document.getElementById("arrived")); // not read aloud, unlike result
    this.result = /** @type {HTMLElement} */ (document.getElementById("result"));
    this.form.addEventListener("submit", (e) => {
      e.preventDefault();
      if (!this.running && this.target.value) this.measure(Number(this.target.value));
    });
  }

  /** @param {any} node */
  open(node) {
    this.node = node;
    this.able.clear();
    this.receiving.clear();
    this.running?.wake();
    this.running = null;
    this.progress.value = 0;
    this.arrived.textContent = this.result.textContent = "";
    this.update();
  }

  /** @param {number} peer */
  meet(peer) {
    this.able.add(peer);
    this.update();
  }

  /** @param {number} peer */
  part(peer) {
    this.able.delete(peer);
    this.receiving.delete(peer);
    this.running?.wake();
    this.update();
  }

  update() {
    const before = this.target.value;
    const peers = [...this.able].sort((a, b) => a - b);
    this.target.replaceChildren(...peers.map((id) => new Option(this.people.name(id), String(id))));
    if (!peers.length) this.target.append(new Option("nobody with this page yet", ""));
    if (this.able.has(Number(before))) this.target.value = before;
    for (const control of [this.target, this.form.querySelector("button")]) control.disabled = !!this.running || !peers.length;
  }

  /** @param {number} peer */
  async measure(peer) {
    const { node } = this;
    const run = { test: Math.floor(Math.random() * 2 ** 32), peer, acked: 0, at: performance.now(), wake: () => {} };
    this.running = run;
    this.update();
    this.result.textContent = `Sending to ${this.people.name(peer)} …`;
    let words;
    try {
      words = await this.send(node, run);
    } catch (/** @type {any} */ error) {
      words = `The test stopped: ${error.message}`;
    }
    if (this.running !== run) return; // another room by now
    this.running = null;
    this.arrived.textContent = "";
    this.result.textContent = words;
    this.update();
  }

  /** @param {any} node @param {NonNullable<Throughput["running"]>} run */
  async send(node, run) {
    const { peer, test } = run;
    const began = performance.now(), duration = this.progress.max;
    const bytes = packet(data, test, packetSize);
    const roundTrip = this.roundTrip(peer);
    let sent = 0, shown = 0;
    while (performance.now() - began < duration) {
      while (sent - run.acked > windowOf(run, began, roundTrip) - packetSize) await this.moved(run);
      await node.send({ peer, data: bytes });
      sent += bytes.length;
      if (performance.now() - shown < 100) continue;
      shown = performance.now();
      this.progress.value = shown - began;
      this.arrived.textContent = `${megabytes(run.acked)} arrived …`;
    }
    await node.send({ peer, data: packet(end, test, 10) });
    while (run.acked < sent) await this.moved(run);
    this.progress.value = duration;
    const seconds = (run.at - began) / 1000;
    return `${megabytes(sent)} arrived at ${this.people.name(peer)} in ${seconds.toFixed(1)} s: ${megabytes(sent / seconds)}/s, ${Math.round((sent * 8) / seconds / 1e6)} Mbit/s.`;
  }

  /** Waits for the next acknowledgement. @param {NonNullable<Throughput["running"]>} run */
  async moved(run) {
    const { acked } = run;
    let timer;
    await new Promise((resolve) => {
      run.wake = () => resolve(undefined);
      timer = setTimeout(resolve, patience);
    });
    clearTimeout(timer);
    if (this.running !== run || !this.able.has(run.peer)) throw new Error(`${this.people.name(run.peer)} is gone.`);
    if (run.acked === acked && performance.now() - run.at >= patience) throw new Error(`nothing arrived at ${this.people.name(run.peer)} for ${patience / 1000} s. Its tab may be asleep, or the path too slow.`);
  }

  /** Reports whether a packet was part of a test. @param {any} packet as received */
  take({ peer, data: bytes }) {
    if (bytes.length < 10 || !begins(bytes, head)) return false;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const kind = bytes[5], test = view.getUint32(6);
    const { running } = this;
    if (kind === ack && bytes.length === 18 && running?.peer === peer && running.test === test) {
      running.acked = view.getFloat64(10);
      running.at = performance.now();
      running.wake();
    } else if (kind === data || kind === end) this.receive(peer, test, kind, bytes.length);
    return true;
  }

  /** @param {number} peer @param {number} test @param {number} kind @param {number} size */
  receive(peer, test, kind, size) {
    let r = this.receiving.get(peer);
    if (r?.test !== test) this.receiving.set(peer, (r = { test, bytes: 0, told: 0 }));
    if (kind === data) r.bytes += size;
    if (kind === end && !this.running) this.result.textContent = `${this.people.name(peer)} has sent ${megabytes(r.bytes)} here, for a test.`;
    if (kind === data && r.bytes - r.told < ackEvery) return;
    r.told = r.bytes;
    const answer = packet(ack, test, 18);
    new DataView(answer.buffer).setFloat64(10, r.bytes);
    this.node.send({ peer, data: answer }).catch(() => {}); // it has just gone
  }
}
