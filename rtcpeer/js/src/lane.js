// One data channel of a link, and the bounds of sending. queue holds what waits for room in a reliable
// lane, at most 4 MiB: a send beyond that is buffer_full, a guest of a star's host beyond it is slow.

import { KiB, listen, message, MiB, now, toBytes } from "./basics.js";
import { RtcPeerError, unknownPeer } from "./errors.js";

/** @import { Link } from "./link.js" */

const sendBuffer = MiB; // bytes a lane may hold unsent; Chrome closes a channel at 16 MiB
const sendQueue = 4 * MiB; // bytes that may wait for room in a reliable lane
const lossyFloor = 64 * KiB; // bytes an unreliable lane may always hold: one frame of a busy game loop
const maxLag = 100; // ms an unreliable packet may wait, by the lane's recent rate, above that floor
const slowAfter = 5000; // how long a star's host lets a guest take nothing

export class Lane {
  sent = 0;
  received = 0;
  unread = 0; // bytes in the inbox
  written = 0; // bytes
  fresh = 0; // see burst
  lastWrite = 0;
  /** @type {{bytes: Uint8Array, done?: () => void, fail?: (why: RtcPeerError) => void}[]} */ queue = [];
  queued = 0; // bytes
  rate = 0; // bytes/ms that left lately
  sample = { at: 0, left: 0 };
  /** @type {ReturnType<typeof setInterval> | undefined} */ watching;

  /** @param {Link} link @param {number} index @param {RTCDataChannel} channel */
  constructor(link, index, channel) {
    this.link = link;
    this.index = index;
    this.channelNumber = Math.max(index - 2, 0);
    this.mode = link.node.layout[index];
    this.reliable = this.mode === "reliable";
    this.channel = channel;
    channel.binaryType = "arraybuffer";
    channel.bufferedAmountLowThreshold = sendBuffer / 2;
    listen(channel, "open", () => link.laneOpened(this));
    listen(channel, "close", () => link.laneClosed(this));
    listen(channel, "message", (e) => link.received(this, toBytes(e.data, true)));
    listen(channel, "bufferedamountlow", () => this.drain());
  }

  /** Bytes that have left. */
  get left() {
    return this.written - this.channel.bufferedAmount;
  }

  /** Bytes that a path of 64 KB/s would not have taken yet. */
  get burst() {
    return Math.max(0, this.fresh - 64 * (now() - this.lastWrite));
  }

  /** Sends, or drops what is unreliable; false means a reliable packet found no room. @param {Uint8Array} bytes */
  put(bytes) {
    const { link } = this;
    if (!link.open || this.channel.readyState !== "open") throw unknownPeer(link.peer);
    if (bytes.length > link.maxMessage) {
      throw new RtcPeerError("packet_too_large", `${bytes.length} bytes: at most ${link.maxMessage} for peer ${link.peer}; split it`);
    }
    const total = this.channel.bufferedAmount + bytes.length;
    if (this.reliable ? this.queue.length || total > sendBuffer : total > lossyFloor && this.lags(total)) {
      if (this.reliable) return false;
      link.node.drop("buffer_full");
      return true;
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
    return total > Math.min(sendBuffer, Math.max(lossyFloor, this.rate * maxLag));
  }

  /** put, and if there is no room: wait, or throw. @param {Uint8Array} bytes @param {boolean} wait */
  send(bytes, wait) {
    if (this.put(bytes)) return undefined;
    if (!wait || this.queued + bytes.length > sendQueue) {
      throw new RtcPeerError("buffer_full", `peer ${this.link.peer} reads too slowly; ${wait ? "await it" : "or use send"}`);
    }
    return new Promise((/** @type {(v?: any) => void} */ done, fail) => this.enqueue({ bytes: bytes.slice(), done, fail }));
  }

  /** put for a relay, which cannot wait: what finds no room in time ends the link. @param {Uint8Array} bytes */
  forward(bytes) {
    if (this.put(bytes)) return;
    if (this.queued + bytes.length > sendQueue) this.link.end("slow");
    else this.enqueue({ bytes });
  }

  /** For few and small frames, whatever is buffered; behind those that wait. Who is gone needs none. @param {Uint8Array} bytes */
  announce(bytes) {
    try {
      if (this.queue.length) this.enqueue({ bytes });
      else if (this.channel.readyState === "open") this.write(bytes);
    } catch {}
  }

  /** @param {Lane["queue"][0]} entry */
  enqueue(entry) {
    this.queue.push(entry);
    this.queued += entry.bytes.length;
    this.watching ??= this.watch();
  }

  /** Each quarter second (a second in a tab in the background) sees whether the lane moves. */
  watch() {
    let { left } = this, last = now(), stalled = 0;
    return setInterval(() => {
      this.drain();
      stalled = this.left > left ? 0 : stalled + Math.min(now() - last, 1000);
      left = this.left;
      last = now();
      const relays = this.queue.some((entry) => !entry.done);
      if (stalled >= slowAfter && relays) this.link.end("slow");
    }, 250);
  }

  drain() {
    while (this.queue.length && this.channel.readyState === "open" && this.channel.bufferedAmount + this.queue[0].bytes.length <= sendBuffer) {
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
    try {
      this.channel.send(/** @type {any} */ (bytes));
    } catch (e) {
      throw unknownPeer(this.link.peer, message(e));
    }
    this.written += bytes.length;
    this.fresh = this.burst + bytes.length;
    this.lastWrite = now();
    this.sent++;
  }

  /** Ends the waiting to send. */
  over() {
    this.rest();
    for (const { fail } of this.queue.splice(0)) fail?.(unknownPeer(this.link.peer, "disconnected"));
    this.queued = 0;
  }
}
