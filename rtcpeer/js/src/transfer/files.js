// The files of a node: which are on their way, and which are offered.

import { KiB, MiB, resolve } from "../basics.js";
import { broken, errorOf, hostChanged, peerGone, TransferError } from "./errors.js";
import * as frames from "./frame.js";
import { Offer } from "./offer.js";
import { Sending } from "./sending.js";
import { Transfer } from "./transfer.js";

/** @import { RtcNode } from "../node.js" */
/** @import { Bytes, Event } from "../types.js" */
/** @import { Frame } from "./frame.js" */
/** @import { FilesOptions, SendOptions } from "./types.js" */

/** Sends and receives files over one reliable channel of a node, on which the program sends nothing of its own. */
export class Files {
  /** @type {Pick<RtcNode, "host" | "send">} @internal */ node;
  /** @type {number} @internal */ channel;
  /** @type {number} @internal */ window;
  /** @type {number} @internal */ atOnce;
  /** @type {number} @internal */ maxPacket;
  /** @type {boolean} @internal */ sendOnly;
  /** @type {Map<string | Transfer, Transfer>} @internal */ sending = new Map();
  /** @type {Map<string | Transfer, Transfer>} @internal */ receiving = new Map();
  /** Offers that nobody has taken; each is in receiving. @type {Offer[]} @internal */ offers = [];
  /** @internal */ lastId = 0;
  /** @internal */ closed = false;
  /** Ends the waits for a change. @type {(() => void)[]} @internal */ waiters = [];

  /** node is that of join, or has its host and sends its packets in another way. @param {Pick<RtcNode, "host" | "send">} node @param {number} channel @param {FilesOptions} [options] */
  constructor(node, channel, { window = 4 * MiB, atOnce = 4, maxPacket = 16 * KiB, sendOnly = false } = {}) {
    const wrong = (/** @type {string} */ what) => new TransferError("bad_config", `options.${what}`);
    if (!(window >= frames.minWindow && window <= 64 * MiB)) throw wrong(`window ${window}: want ${frames.minWindow} to ${64 * MiB}`);
    if (!(atOnce >= 1 && atOnce <= frames.maxOffers)) throw wrong(`atOnce ${atOnce}: want 1 to ${frames.maxOffers}`);
    if (!(maxPacket >= 2 * KiB)) throw wrong(`maxPacket ${maxPacket}: want at least ${2 * KiB}`);
    this.node = node;
    this.channel = channel;
    this.window = window;
    this.atOnce = atOnce;
    this.maxPacket = maxPacket;
    this.sendOnly = sendOnly;
  }

  /**
   * Handles an event of the node, and returns true if it was a packet of a transfer. Call it for every event, in order,
   * because it has to know which peers are gone.
   * @param {Event} event @returns {boolean}
   */
  handle(event) {
    if (event.kind === "disconnected") this.endAll(event.peer, peerGone(), true);
    if (event.kind === "host changed") this.endAll(0, hostChanged(), true); // the other ends are told as well
    if (event.kind !== "packet" || event.packet.channel !== this.channel || event.packet.command) return false;
    const { packet } = event;
    if (!packet.channel && packet.mode !== "reliable") return false;
    const f = frames.decode(packet.data);
    if (!f) this.endAll(packet.peer, broken("not a frame of a transfer"));
    else if (f.kind === frames.offer) this.offered(packet.peer, f);
    else this.heard(packet.peer, f);
    return true;
  }

  /**
   * Offers a file to a peer, waits until the peer accepts it, and sends it. It resolves when the other end has the complete
   * file with the right SHA-256, and rejects with a TransferError. After peer_gone or aborted, sending the same file again
   * continues the transfer. When a star gets another host, the file is offered again.
   * @param {number} peer @param {Blob & {name?: string}} blob @param {SendOptions} [options] @returns {Promise<void>}
   */
  async sendFile(peer, blob, { name = blob.name || "unnamed", signal, onprogress } = {}) {
    for (;;) {
      const transfer = await this.newSending(resolve(this.node, peer), name, signal);
      try {
        return await transfer.run(signal, () => new Sending(transfer, blob, onprogress).run());
      } catch (/** @type {any} */ error) {
        if (error.code !== "host_changed") throw error;
      }
    }
  }

  /** Returns the next offer, or undefined after close. The program must call toBlob, pipeTo or refuse of the offer. */
  async nextOffer() {
    while (!this.offers.length && !this.closed) await this.change();
    return this.offers.shift();
  }

  /** The offers, until close. */
  async *[Symbol.asyncIterator]() {
    for (let offer; (offer = await this.nextOffer()); ) yield offer;
  }

  /** Cancels all transfers and tells the other ends. Call it before node.close. */
  close() {
    this.closed = true;
    for (const t of [...this.sending.values(), ...this.receiving.values()]) t.end(new TransferError("closed", "the files are closed"));
    this.notify();
  }

  // ---- For transfers.

  /** Waits until a file may be sent. @internal @param {number} peer @param {string} name @param {AbortSignal} [signal] */
  async newSending(peer, name, signal) {
    const notify = () => this.notify();
    signal?.addEventListener("abort", notify);
    try {
      while (!this.closed && !signal?.aborted && count(this.sending, peer) >= this.atOnce) await this.change();
    } finally {
      signal?.removeEventListener("abort", notify);
    }
    const t = new Transfer(this, peer, ++this.lastId, true, name);
    if (this.closed) throw t.about(new TransferError("closed", "the files are closed"));
    this.sending.set(t.key, t);
    return t;
  }

  /** @internal @param {Transfer} t */
  remove(t) {
    t.all.delete(t.key);
    this.offers = this.offers.filter((offer) => offer.transfer !== t);
    this.notify();
  }

  /** Sends a frame without waiting. @internal @param {number} peer @param {Partial<Frame> & {kind: number, id: number}} frame */
  tell(peer, frame) {
    this.node.send(this.packet(peer, frames.encode(frame))).catch(() => {}); // the peer is gone, or takes nothing
  }

  /** @internal @param {number} peer @param {Bytes} data */
  packet(peer, data) {
    return { peer, channel: this.channel, data };
  }

  // ---- Internal.

  /** @internal @param {number} peer @param {Frame} f */
  offered(peer, f) {
    const t = new Transfer(this, peer, f.id, false, "");
    if (this.receiving.has(t.key)) return this.endAll(peer, broken(`file ${f.id} was offered twice`));
    const full = this.closed || count(this.receiving, peer) >= frames.maxOffers;
    if (full || this.sendOnly) {
      return this.tell(peer, { kind: frames.stopReceiving, id: f.id, reason: this.sendOnly ? frames.sendOnly : frames.busy });
    }
    this.receiving.set(t.key, t);
    this.offers.push(new Offer(t, f));
    this.notify();
  }

  /** Takes a frame for its transfer. A frame for a transfer that is over was on its way, and is dropped. @internal @param {number} peer @param {Frame} f */
  heard(peer, f) {
    const t = (frames.fromSender(f.kind) ? this.receiving : this.sending).get(`${peer} ${f.id}`);
    if (f.kind === frames.stopSending || f.kind === frames.stopReceiving) t?.end(errorOf(f), true);
    else if (t && !t.push(f)) t.end(broken("more than was asked for"));
  }

  /**
   * Ends all transfers with a peer; 0 means with all peers. told means that the other end of a transfer knows that. A receiver may
   * not know: if handle is called late, the offer has gone over the new link.
   * @internal @param {number} peer @param {TransferError} why @param {boolean} [told]
   */
  endAll(peer, why, told) {
    for (const t of [...this.sending.values(), ...this.receiving.values()]) {
      if (!peer || t.peer === peer) t.end(new TransferError(why.code, why.message), told && !t.sends);
    }
  }

  /** @internal @returns {Promise<void>} */
  change() {
    return new Promise((resolve) => this.waiters.push(resolve));
  }

  /** @internal */
  notify() {
    for (const wake of this.waiters.splice(0)) wake();
  }
}

/** @param {Map<string | Transfer, Transfer>} transfers @param {number} peer */
function count(transfers, peer) {
  let n = 0;
  for (const t of transfers.values()) if (t.peer === peer) n++;
  return n;
}
