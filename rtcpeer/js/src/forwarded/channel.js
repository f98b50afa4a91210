// One lane of a Connection: to rtcpeer.js an RTCDataChannel, as far as that uses one.

import { toBytes } from "../basics.js";
import { last, maxPacket, maxPart, part, partCost } from "./frame.js";

/** @import { Connection } from "./connection.js" */
/** @import { Frame } from "./frame.js" */

/** How much of a lane may be in flight, or wait at the other end to be read. Each part counts partCost more than its bytes. */
const laneWindow = 128 * 1024;

export class Channel extends EventTarget {
  readyState = "connecting";
  binaryType = "arraybuffer"; // always
  bufferedAmount = 0; // bytes that wait, or have not arrived
  bufferedAmountLowThreshold = 0;
  /** Packets that wait; bytes of the first one before offset were sent. There is no limit here: whoever sends checks bufferedAmount. @type {Uint8Array[]} */ waiting = [];
  offset = 0;
  sent = 0; // bytes and partCost of each part, modulo 2^32
  readThere = 0; // how much of that the other end has read
  arrived = 0; // what has come, counted like sent; it also counts as read, because each packet becomes an event at once
  told = 0; // how much of that the other end has been told of
  /** The parts of a packet that is not complete. @type {Uint8Array[]} */ parts = [];
  size = 0; // bytes of parts

  /** @param {Connection} connection @param {number} id @param {boolean} reliable */
  constructor(connection, id, reliable) {
    super();
    this.connection = connection;
    this.id = id;
    this.reliable = reliable;
  }

  /** Sends a copy of a packet. @param {Uint8Array} data */
  send(data) {
    if (this.readyState !== "open") throw new Error("the path is over");
    if (data.length > maxPacket) throw new Error(`${data.length} bytes: at most ${maxPacket}`);
    this.waiting.push(toBytes(data, true));
    this.bufferedAmount += data.length;
    this.connection.wake();
  }

  // ---- For the Connection.

  /** The next part that may be sent, or null. @returns {{kind: number, data: Uint8Array} | null} */
  next() {
    const packet = this.waiting[0];
    if (!packet) return null;
    const data = packet.subarray(this.offset, this.offset + maxPart);
    if (((this.sent - this.readThere) >>> 0) + data.length + partCost > laneWindow) return null;
    return { kind: this.offset + data.length < packet.length ? part : last, data };
  }

  /** The next part is sent. @param {{kind: number, data: Uint8Array}} next */
  depart({ kind, data }) {
    this.sent += data.length + partCost;
    this.offset += data.length;
    if (kind === part) return;
    this.waiting.shift();
    this.offset = 0;
  }

  /** Bytes that were sent have arrived. @param {number} bytes */
  delivered(bytes) {
    const before = this.bufferedAmount, low = this.bufferedAmountLowThreshold;
    this.bufferedAmount -= bytes;
    if (before > low && this.bufferedAmount <= low) this.dispatchEvent(new Event("bufferedamountlow"));
  }

  /** Notes how much the other end has read. Returns false if that is impossible. @param {number} read */
  readUpTo(read) {
    if ((this.sent - read) >>> 0 > (this.sent - this.readThere) >>> 0) return false;
    this.readThere = read;
    return true;
  }

  /** Takes a part. Returns false if the other end must not send it. @param {Frame} f */
  receive({ kind, data }) {
    this.arrived += data.length + partCost;
    this.size += data.length;
    if ((this.arrived - this.told) >>> 0 > laneWindow || this.size > maxPacket) return false;
    this.parts.push(data);
    if (kind === part) return true;
    const packet = new Uint8Array(this.size);
    let at = 0;
    for (const piece of this.parts.splice(0)) {
      packet.set(piece, at);
      at += piece.length;
    }
    this.size = 0;
    this.dispatchEvent(new MessageEvent("message", { data: packet.buffer }));
    return true;
  }

  /** @param {string} state open or closed, told by an event of that kind */
  become(state) {
    if (this.readyState === state) return;
    this.readyState = state;
    if (state === "closed") {
      this.waiting = [];
      this.bufferedAmount = 0;
    }
    this.dispatchEvent(new Event(state === "open" ? "open" : "close"));
  }
}
