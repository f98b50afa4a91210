// How long packets take to each peer and back, and how the clocks of the peers differ: an optional module.
//
//   import { join } from "./rtcpeer.js";
//   import { PeerTimes } from "./times.js";
//
//   const times = new PeerTimes();
//   const node = await join(url, { times });
//   ...
//   times.rtt(peer); times.offset(peer);
//
// It measures as the Go package does, by times in beats, in microseconds. PROTOCOL.md has the arithmetic
// ("Control frames", Times).

import { maxId, now } from "./basics.js";
import { answers, asks, knowsTimes } from "./control.js";

/** @import { Control } from "./control.js" */
/** @import { Link } from "./link.js" */
/** @import { Path } from "./path.js" */

/** What is known of a peer; offset is what its clock is ahead of this end's. @typedef {{rtt: number, offset: number}} PeerTime */

// How often, in ms, a link that carries packets is measured, and how often an idle one. Ticks come every half second, so this
// amounts to once a second and once in five seconds.
const timeEach = 750, timeEachIdle = 4750;
const firstTimes = 4; // answers after which the next question follows at once, on each path
const longest = 6e7; // the longest round trip that is believed
const drift = 1e4; // in a time t, two clocks drift apart by at most t / drift
const contradiction = 5000; // a larger contradiction means that a clock was set, or that its machine was asleep
const maxTold = 32; // guests that a host tells of in one beat
const maxKept = 16384; // peers behind the host

/** In microseconds. It is never set, unlike Date.now. */
const clock = () => Math.round(1000 * (performance.timeOrigin + now()));

const differ = (/** @type {number} */ a, /** @type {number} */ b) => Math.abs(a - b);

/** Measures the round trips and clocks of a node's peers: config.times of join. */
export class PeerTimes {
  /** @internal @type {Map<number, Timing>} */ timings = new Map();

  /**
   * Returns the smoothed round trip of a small packet to a connected peer, in ms; for a peer behind a star's host, the round
   * trip through the host. It is measured once a second while packets pass, and otherwise every five seconds. It is
   * undefined while it is not known, or if the peer or the host does not measure. A browser measures only with this module.
   * @param {number} peer
   */
  rtt(peer) {
    const t = this.time(peer);
    return t && t.rtt / 1000;
  }

  /**
   * Returns how far a peer's clock is ahead of performance.timeOrigin + performance.now() here, in ms. The clock of a peer in
   * Go is Node.Now. The result is wrong by at most half of the shortest recent round trip. It is undefined while not known.
   * @param {number} peer
   */
  offset(peer) {
    const t = this.time(peer);
    return t && t.offset / 1000;
  }

  /** @internal @param {number} peer @returns {PeerTime | undefined} */
  time(peer) {
    const own = this.timings.get(peer);
    if (own) return own.link.state === "connected" ? own.known : undefined;
    for (const { link, known: near, others } of this.timings.values()) {
      const far = link.node.peers.includes(peer) && link.peer === link.node.host && others.get(peer);
      if (near && far) return { rtt: near.rtt + far.rtt, offset: near.offset + far.offset };
    }
    return undefined;
  }

  /** Begins to measure a link. @internal @param {Link} link */
  of(link) {
    for (const [peer, t] of this.timings) if (t.link.over) this.timings.delete(peer);
    const timing = new Timing(this, link);
    this.timings.set(link.peer, timing);
    return timing;
  }
}

/** What a link knows of the way to the other end and of its clock. @internal */
class Timing {
  takes = false; // the other end understands times
  theirs = 0; // the other end's clock, in the last beat over the present path
  ours = 0; // this end's clock when that came
  settled = false; // smoothed has a round trip of the present path
  smoothed = 0; // round trip
  /** The measurement with the most certain offset. */ best = { at: 0, rtt: Infinity, offset: 0 };
  /** Other guests: what a host has told of them, or was told. @type {Map<number, PeerTime>} */ others = new Map();
  measured = 0; // when the way was measured last; 0: not yet on this path
  packets = 0; // how many had passed by then
  soon = 0; // how many more answers are followed by a question

  /** @param {PeerTimes} owner @param {Link} link */
  constructor(owner, link) {
    this.owner = owner;
    this.link = link;
  }

  get known() {
    return this.best.at ? { rtt: this.smoothed, offset: this.best.offset } : undefined;
  }

  /** Takes a beat of the other end over the present path. @param {Path} path @param {Control} beat */
  beaten(path, { flags = 0, times }) {
    const at = clock(), { link } = this;
    if (flags & knowsTimes) this.takes = true;
    if (times) this.take(times, at);
    if (times && link.peer === link.node.host && link.node.topology === "star") this.hear(times.slice(3));
    if (flags & answers && this.takes && this.soon-- > 0) path.tell(asks);
  }

  /** @param {number[]} times @param {number} at */
  take([theirs, origin, held], at) {
    const { best } = this;
    const rtt = at - origin - held, offset = theirs - at + rtt / 2, doubt = best.rtt / 2 + (at - best.at) / drift;
    this.theirs = theirs;
    this.ours = at;
    if (!origin || rtt < 0 || rtt > longest) return;
    this.smoothed += (rtt - this.smoothed) / (this.settled ? 4 : 1);
    this.settled = true;
    if (rtt / 2 <= doubt || differ(offset, best.offset) > rtt / 2 + doubt + contradiction) this.best = { at, rtt, offset };
  }

  /** Takes what the host tells of its guests. The announcement of a guest may come later. @param {number[]} times */
  hear(times) {
    for (; times.length; times = times.slice(3)) {
      const [id, rtt, n] = times;
      if (id <= maxId && (this.others.has(id) || this.others.size < maxKept)) this.others.set(id, { rtt, offset: (n % 2 ? -n - 1 : n) / 2 });
    }
  }

  /** Asks the other end when it is time for that: both learn from question and answer. @param {Path} path */
  tick(path) {
    const { link } = this;
    const packets = link.lanes.reduce((sum, { sent, received }) => sum + sent + received, 0);
    if (!link.published || !link.negotiation.offers) return;
    if (!this.measured) this.soon = firstTimes;
    else if (!this.takes || now() - this.measured < (packets === this.packets ? timeEachIdle : timeEach)) return;
    this.measured = now();
    this.packets = packets;
    path.tell(asks);
  }

  /** The times that a beat sent now has. @param {number} flags */
  times(flags) {
    if (!flags || !this.takes) return [];
    const at = clock(), { node, peer } = this.link;
    const times = [at, this.theirs, this.theirs && at - this.ours];
    if (node.topology === "mesh" || node.id !== node.host) return times;
    for (const [id, { link, known: t }] of this.owner.timings) {
      const before = this.others.get(id);
      if (!t || id === peer || link.state !== "connected" || times.length > 3 * maxTold) continue;
      if (before && differ(t.rtt, before.rtt) <= Math.max(1000, before.rtt / 8) && differ(t.offset, before.offset) <= 1000) continue;
      this.others.set(id, t);
      const offset = Math.round(t.offset);
      times.push(id, Math.round(t.rtt), offset < 0 ? -2 * offset - 1 : 2 * offset);
    }
    for (const id of this.others.keys()) if (!this.owner.timings.has(id)) this.others.delete(id);
    return times;
  }

  /** The link goes over another path. Offsets stay true. */
  moved() {
    this.theirs = this.measured = 0;
    this.settled = false;
  }
}
