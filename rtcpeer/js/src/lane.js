// One channel of a link, over all of its paths: the limits of sending, and what was sent and taken. queue holds packets that wait
// for room in a reliable lane, at most 4 MiB. Beyond that a send throws buffer_full, and a star's host ends the guest as slow.

import { receiveBuffer } from "./inbox.js";
import { KiB, message, MiB, now } from "./basics.js";
import { Kept } from "./kept.js";
import { RtcPeerError, unknownPeer } from "./errors.js";

/** @import { Link } from "./link.js" */
/** @import { Path } from "./path.js" */

/** Bytes of a reliable lane that the other end has not taken, or that are unsent. Chrome closes a channel at 16 MiB. */
export const sendBuffer = 2 * MiB;
const sendQueue = 4 * MiB; // bytes that may wait for room in a reliable lane
const lossyFloor = 64 * KiB; // bytes an unreliable lane may always hold: one frame of a busy game loop
const maxLag = 100; // ms an unreliable packet may wait, by the lane's recent rate, above that floor
const slowAfter = 5000; // how long a star's host lets a guest take nothing

export class Lane {
  sent = 0;
  received = 0;
  resent = 0; // packets sent again over another path
  kept = new Kept(); // reliable, on a link that can be repaired: what the other end has not taken
  /** The path that packets are written to. @type {Path | null} */ on = null;
  /** The only path whose packets are taken. @type {Path | null} */ from = null;
  taken = 0; // packets, over all paths
  told = 0; // how many of these the other end has been told of
  unread = 0; // bytes in the inbox
  unreadPackets = 0;
  unsaid = 0; // bytes taken since the other end was last told
  carried = 0; // bytes sent, over all paths
  written = 0; // bytes sent over this path
  fresh = 0; // see burst
  lastWrite = 0;
  /** @type {{bytes: Uint8Array, done?: () => void, fail?: (why: RtcPeerError) => void}[]} */ queue = [];
  queued = 0; // bytes
  rate = 0; // bytes/ms that left lately
  sample = { at: 0, left: 0 };
  /** @type {ReturnType<typeof setInterval> | undefined} */ watching;

  /** @param {Link} link @param {number} index */
  constructor(link, index) {
    this.link = link;
    this.index = index;
    this.channelNumber = Math.max(index - 2, 0);
    this.mode = link.node.layout[index];
    this.reliable = this.mode === "reliable";
  }

  /** Whether packets are kept until the other end has taken them. */
  get keeps() {
    return this.reliable && this.link.id !== "";
  }

  /** @returns {RTCDataChannel} */
  get channel() {
    return /** @type {Path} */ (this.on).channels[this.index];
  }

  /** Writes to a path from now on. @param {Path} path */
  use(path) {
    this.on = path;
    this.written = this.fresh = 0;
    this.sample = { at: 0, left: 0 };
    this.channel.bufferedAmountLowThreshold = sendBuffer / 2;
  }

  /** What has left: packets that the other end has taken, if they are kept, and otherwise bytes. */
  get left() {
    return this.keeps ? this.kept.first : this.written - this.channel.bufferedAmount;
  }

  /** Bytes of the latest packets that a path of 64 KB/s would not have carried yet. */
  get burst() {
    return Math.max(0, this.fresh - 64 * (now() - this.lastWrite));
  }

  /** Bytes that were sent and have not arrived, as far as this end knows, with those that wait. */
  get buffered() {
    return this.queued + (this.keeps ? this.kept.size : this.on ? this.channel.bufferedAmount : 0);
  }

  /** Whether a reliable lane has room. @param {number} size */
  hasRoom(size) {
    return this.buffered - this.queued + size <= this.link.sendBuffer;
  }

  /** Sends, or drops what is unreliable; false means a reliable packet found no room. @param {Uint8Array} bytes */
  put(bytes) {
    const { link } = this;
    if (!link.isOpen) throw unknownPeer(link.peer);
    link.node.checkSize(bytes, link.maxMessage, link.peer);
    if (this.reliable) {
      if (this.queue.length || !this.hasRoom(bytes.length)) return false;
    } else {
      const total = this.channel.bufferedAmount + bytes.length;
      const why = link.interrupted ? "interrupted" : total > lossyFloor && this.lags(total) ? "buffer_full" : "";
      if (why) {
        link.node.drop(why);
        return true;
      }
    }
    this.write(bytes);
    return true;
  }

  /** Whether the buffer stands for more than maxLag at the rate at which it empties. @param {number} total */
  lags(total) {
    const { at, left } = this.sample;
    if (now() - at >= 50) {
      this.sample = { at: now(), left: this.left };
      if (at) this.rate = (this.left - left) / (now() - at);
    }
    return total > Math.min(sendBuffer, this.rate * maxLag);
  }

  /** Is like put, but waits or throws if there is no room. @param {Uint8Array} bytes @param {boolean} wait */
  send(bytes, wait) {
    if (this.put(bytes)) return undefined;
    if (!wait || this.queued + bytes.length > sendQueue) {
      throw new RtcPeerError("buffer_full", `peer ${this.link.peer} reads too slowly; ${wait ? "await it" : "or use send"}`);
    }
    return new Promise((/** @type {(v?: any) => void} */ done, fail) => this.enqueue({ bytes: bytes.slice(), done, fail }));
  }

  /** Is like put, for a relay, which cannot wait: a packet that finds no room in time ends the link. @param {Uint8Array} bytes */
  forward(bytes) {
    if (this.put(bytes)) return;
    if (this.queued + bytes.length > sendQueue) this.link.tooSlow();
    else this.enqueue({ bytes });
  }

  /** Sends a small and rare frame, however much is buffered, after the packets that wait. If the path is over, the frame is dropped. @param {Uint8Array} bytes */
  announce(bytes) {
    try {
      if (this.queued > sendQueue) this.link.tooSlow();
      else if (this.queue.length) this.enqueue({ bytes });
      else if (this.keeps || this.channel.readyState === "open") this.write(bytes);
    } catch {}
  }

  /** @param {Lane["queue"][0]} entry */
  enqueue(entry) {
    this.queue.push(entry);
    this.queued += entry.bytes.length;
    this.watching ??= this.watch();
  }

  /** Checks every quarter of a second (every second in a background tab) whether packets leave the lane. */
  watch() {
    let { left } = this, last = now(), stalled = 0;
    return setInterval(() => {
      this.drain();
      stalled = this.left > left ? 0 : stalled + Math.min(now() - last, 1000);
      left = this.left;
      last = now();
      const relays = this.queue.some((entry) => !entry.done);
      if (stalled >= slowAfter && relays) this.link.tooSlow();
    }, 250);
  }

  drain() {
    while (this.queue.length && (this.keeps || this.channel.readyState === "open") && this.hasRoom(this.queue[0].bytes.length)) {
      const { bytes, done, fail } = /** @type {Lane["queue"][0]} */ (this.queue.shift());
      this.queued -= bytes.length;
      try {
        this.write(bytes);
        done?.();
      } catch (e) {
        fail?.(/** @type {RtcPeerError} */ (e));
      }
    }
    if (!this.queue.length) this.rest();
  }

  rest() {
    clearInterval(this.watching);
    this.watching = undefined;
  }

  /** @param {Uint8Array} bytes */
  write(bytes) {
    if (this.keeps) {
      const packet = bytes.slice();
      this.kept.push(packet);
      this.pass(packet);
    } else {
      try {
        this.channel.send(/** @type {any} */ (bytes));
      } catch (e) {
        if (!this.link.id) throw unknownPeer(this.link.peer, message(e));
        return this.link.node.drop("interrupted"); // the path has just ended, and the link has not
      }
    }
    this.carried += bytes.length;
    this.written += bytes.length;
    this.fresh = this.burst + bytes.length;
    this.lastWrite = now();
    this.sent++;
  }

  /**
   * Sends what is kept. A path that does not take a packet takes none after it, which would be out of order: all of them
   * wait for the next path.
   * @param {Uint8Array} packet
   */
  pass(packet) {
    const path = /** @type {Path} */ (this.on);
    if (path.broken) return;
    try {
      this.channel.send(/** @type {any} */ (packet));
    } catch {
      path.broken = true;
      this.link.pathEnded(path, false);
    }
  }

  /**
   * Notes how many packets the other end says, over a path, that it has taken. Returns false if that is impossible.
   * @param {Path} path @param {number} n
   */
  takenByOther(path, n) {
    if (this.on !== path) return true; // it comes too late, or too early, to mean anything
    if (!this.kept.taken(n)) return false;
    if (this.queue.length) this.drain();
    return true;
  }

  /**
   * Sends over another path from now on, beginning with the packets that the other end has not taken. It has taken n so far.
   * Returns false if it cannot have taken so many, or has said before that it had taken more.
   * @param {Path} path @param {number} n
   */
  moveTo(path, n) {
    if (!this.kept.taken(n)) return false;
    this.use(path);
    for (const packet of this.kept.packets) {
      this.resent++;
      this.pass(packet);
    }
    this.drain();
    return true;
  }

  /**
   * How many packets the program has, or soon will: while more than the receive buffer waits for it, those that wait do
   * not count, so that the other end sends no more than it may keep.
   */
  count() {
    const n = this.unread > receiveBuffer ? this.taken - this.unreadPackets : this.taken;
    return (this.told = Math.max(this.told, n));
  }

  /** Notes that the program has, or soon will have, so many bytes more. The other end is told when they are many. @param {number} size */
  acknowledge(size) {
    if (!this.keeps || (this.unsaid += size) < this.link.tellEach) return;
    this.unsaid = 0;
    this.link.path?.beat();
  }

  /** A packet waits for the program. @param {number} size */
  filed(size) {
    this.unread += size;
    this.unreadPackets++;
  }

  /** The program has taken it. @param {number} size */
  fetched(size) {
    const held = this.unread > receiveBuffer;
    this.unread -= size;
    this.unreadPackets--;
    if (held) this.acknowledge(this.unread > receiveBuffer ? size : Infinity);
  }

  /** Ends all sends that wait. */
  over() {
    this.rest();
    for (const { fail } of this.queue.splice(0)) fail?.(unknownPeer(this.link.peer, "disconnected"));
    this.queued = 0;
  }
}
