// The events that wait for the program. Each lane of each link has a credit of 256 KiB. Beyond it, an unreliable packet is
// dropped ("no_credit"). A browser cannot stop reading one channel to slow down the sender, so a reliable lane may hold up to
// 4 MiB. Beyond that its link ends as slow.

import { eventCost, KiB, MiB } from "./basics.js";
import { RtcPeerError } from "./errors.js";

/** @import { Lane } from "./lane.js" */
/** @import { Parting } from "./link.js" */
/** @import { Peer } from "./peer.js" */
/** @import { Event, Packet, Reason } from "./types.js" */

/** What the program has been told of a peer. @typedef {{id: number, state: "new" | "here" | "gone", interrupted?: boolean, entry?: Peer}} Presence */

export const receiveBuffer = 256 * KiB; // bytes of one lane that may wait for the program, see Inbox
export const receiveLimit = 4 * MiB;
const maxControl = 4096; // events other than packets that may wait before no new links are made

export class Inbox {
  /** @type {{event: Event, lane?: Lane, size: number}[]} */ queue = [];
  head = 0; // index of the next event in queue
  control = 0; // entries that are no packets
  closed = false; // nothing is pushed any more; what is there can still be taken, unless close was called
  /** @type {RtcPeerError | null} */ error = null; // why it was closed; next throws it once
  /** @type {{resolve: (r: IteratorResult<Event, undefined>) => void, reject: (why: RtcPeerError) => void}[]} */ waiters = [];

  get waiting() {
    return this.queue.length - this.head;
  }

  /** Whether too many events other than packets wait. */
  get backlogged() {
    return this.control >= maxControl;
  }

  /** @param {Event} event @param {Lane} [lane] @param {number} [size] */
  push(event, lane, size = 0) {
    if (this.closed) return;
    const waiter = this.waiters.shift();
    if (waiter) return waiter.resolve({ done: false, value: event });
    if (lane) lane.filed(size);
    else this.control++;
    this.queue.push({ event, lane, size });
  }

  /** @returns {Event | undefined} */
  take() {
    const entry = this.queue[this.head];
    if (!entry) return undefined;
    if (++this.head > 1024 && 2 * this.head > this.queue.length) {
      this.queue.splice(0, this.head);
      this.head = 0;
    }
    if (entry.lane) entry.lane.fetched(entry.size);
    else this.control--;
    return entry.event;
  }

  /** @returns {Promise<IteratorResult<Event, undefined>>} */
  async next() {
    const value = this.take();
    if (value) return { done: false, value };
    return new Promise((resolve, reject) => {
      this.waiters.push({ resolve, reject });
      if (this.closed) this.release();
    });
  }

  /** @param {Presence} p */
  connected(p) {
    if (p.state !== "new") return;
    p.state = "here";
    const metadata = p.entry?.member.metadata;
    this.push({ kind: "connected", peer: p.id, ...(metadata !== undefined && { metadata }) });
  }

  /** @param {Presence} p @param {Reason} reason @param {Parting} [parting] */
  disconnected(p, reason, parting) {
    if (p.state === "here") this.push({ kind: "disconnected", peer: p.id, reason, ...parting });
    p.state = "gone";
  }

  /** A program that takes no events is not told of interruptions, or the queue would grow without end. @param {Presence} p */
  interrupted(p) {
    if (p.state !== "here" || this.backlogged) return;
    p.interrupted = true;
    this.push({ kind: "interrupted", peer: p.id });
  }

  /** @param {Presence} p */
  resumed(p) {
    if (p.state !== "here" || !p.interrupted) return;
    p.interrupted = false;
    this.push({ kind: "resumed", peer: p.id });
  }

  /** Tells of the connection to the signaling server, unless too many events wait. @param {Event} event */
  signaling(event) {
    if (!this.backlogged) this.push(event);
  }

  /** Adds a packet. Returns the reason if it was dropped, or "". @param {Presence} p @param {Lane} lane @param {Packet} packet */
  packet(p, lane, packet) {
    if (p.state !== "here" || this.closed) return "peer_gone";
    const size = packet.data.length + eventCost;
    if (lane.unread > 0 && lane.unread + size > (lane.reliable ? receiveLimit : receiveBuffer)) {
      if (lane.reliable) {
        lane.link.end("slow", { error: new RtcPeerError("no_credit", `4 MiB of channel ${lane.channelNumber} wait unread; take events faster`) });
      }
      return "no_credit";
    }
    this.push({ kind: "packet", peer: p.id, packet }, lane, size);
    return "";
  }

  /** @param {RtcPeerError | null} error */
  end(error) {
    if (this.closed) return;
    this.closed = true;
    this.error = error;
    this.release();
  }

  close() {
    this.end(null);
    this.error = null;
    this.queue = [];
    this.head = 0;
  }

  release() {
    for (const { resolve, reject } of this.waiters.splice(0)) {
      if (this.error) reject(this.error);
      else resolve({ done: true, value: undefined });
      this.error = null;
    }
  }
}
