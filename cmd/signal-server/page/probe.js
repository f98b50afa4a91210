// Pings, as rtc-client knows them: a NUL, "ping" or "pong", and 8 bytes that the asking end chose. The
// answer comes back in the same mode. A pong that nobody asked for is ignored by all, so one with the
// bytes of hello says that a page like this one is here.

export const modes = ["reliable", "unreliable_ordered", "unreliable"];

const ping = "\0ping", pong = "\0pong", size = 13;
const shown = 30; // pings
const lostAfter = 2000; // ms
const text = new TextEncoder();

/** @param {Uint8Array} data @param {string} prefix */
export const begins = (data, prefix) => data.length >= prefix.length && [...prefix].every((c, i) => data[i] === c.charCodeAt(0));

export const hello = text.encode(pong + "rtc-page");

/** @param {Uint8Array} data */
export const isHello = (data) => data.length === size && hello.every((b, i) => data[i] === b);

/** The pings to one peer in one mode. */
class Series {
  /** @type {{number: number, at: number, time?: number}[]} */ sent = []; // the last ones, oldest first

  /** @param {number} number */
  answered(number, at = performance.now()) {
    const probe = this.sent.find((p) => p.number === number && p.time === undefined);
    if (probe) probe.time = at - probe.at;
  }

  /** Of the pings of which it is known: ms, or null where nothing came back. @returns {(number | null)[]} */
  get times() {
    const known = performance.now() - lostAfter;
    return this.sent.filter((p) => p.time !== undefined || p.at < known).map((p) => p.time ?? null);
  }
}

/** The pings to everybody. */
export class Probes {
  number = 0;
  /** @type {Map<number, Record<string, Series>>} */ peers = new Map();

  /** Pings all peers in all modes. @param {any} node */
  ask(node) {
    for (const id of this.peers.keys()) if (!node.peers.includes(id)) this.peers.delete(id);
    for (const peer of node.peers) {
      for (const [mode, series] of Object.entries(this.of(peer))) {
        const data = new Uint8Array(size);
        data.set(text.encode(ping));
        new DataView(data.buffer).setUint32(9, ++this.number);
        try {
          node.trySend({ peer, mode, data });
        } catch {
          continue; // it has just gone, or its buffer is full
        }
        series.sent.push({ number: this.number, at: performance.now() });
        if (series.sent.length > shown) series.sent.shift();
      }
    }
  }

  /** @param {number} peer */
  of(peer) {
    const known = this.peers.get(peer) ?? Object.fromEntries(modes.map((mode) => [mode, new Series()]));
    this.peers.set(peer, known);
    return known;
  }

  /** Reports whether a packet was a ping or a pong; the first is answered. @param {any} node @param {any} packet */
  take(node, { peer, channel, mode, data }) {
    if (data.length !== size) return false;
    const view = new DataView(data.buffer, data.byteOffset);
    if (begins(data, pong)) {
      if (channel === 0) this.peers.get(peer)?.[mode].answered(view.getUint32(9));
      return true;
    }
    if (!begins(data, ping)) return false;
    const answer = data.slice();
    answer.set(text.encode(pong));
    try {
      node.trySend({ peer, channel, mode, data: answer });
    } catch {} // an answer for which there is no room is a lost one
    return true;
  }
}
