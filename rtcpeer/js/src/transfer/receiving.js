// The receiver's end of a transfer, and where the bytes go.

import { MiB } from "../basics.js";
import { broken, TransferError, unexpected } from "./errors.js";
import * as frames from "./frame.js";
import { Sha256 } from "./hash.js";

/** @import { Frame } from "./frame.js" */
/** @import { Offer } from "./offer.js" */

/** Where the bytes of a file go. @typedef {{part: Blob, write(bytes: Uint8Array): void | Promise<void>, anew(): void, close(): void | Promise<void>}} Sink */

/** The receiver's end of a transfer. */
export class Receiving {
  hash = new Sha256(); // of the first done bytes
  done = 0;
  told = 0; // how much of done the sender knows of

  /** @param {Offer} offer @param {Sink} sink @param {(received: number) => void} [onprogress] */
  constructor(offer, sink, onprogress = () => {}) {
    this.transfer = offer.transfer;
    this.size = offer.size ?? Infinity;
    this.offer = offer;
    this.sink = sink;
    this.onprogress = onprogress;
  }

  async run() {
    const { transfer: t } = this, { window } = t.files;
    await this.readPart();
    t.mostFrames = window / frames.minData + 16;
    t.mostBytes = window;
    await t.send({ kind: frames.accept, offset: this.done, window });
    if (this.done) await this.agree();
    this.told = this.done;
    this.onprogress(this.done);
    for (let f; (f = await t.next()).kind !== frames.end || !this.isWhole(f); ) await this.data(f);
    await this.sink.close();
    if (!t.toldByOther) t.files.tell(t.peer, { kind: frames.done, id: t.id });
  }

  async readPart() {
    const { part } = this.sink;
    for (; this.done < part.size; this.done = Math.min(this.done + MiB, part.size)) {
      if (this.transfer.error) throw this.transfer.error;
      this.hash.update(new Uint8Array(await part.slice(this.done, this.done + MiB).arrayBuffer()));
    }
  }

  /** Continues after the bytes that are here if the sender's hash of them is right, and otherwise begins anew. */
  async agree() {
    const { sum } = await this.transfer.nextOf(frames.prefix);
    if (this.hash.digest().some((byte, i) => byte !== sum[i])) {
      this.hash = new Sha256();
      this.done = 0;
      this.sink.anew();
    }
    await this.transfer.send({ kind: frames.start, offset: this.done });
  }

  /** @param {Frame} f */
  async data(f) {
    const { transfer: t } = this, { length } = f.data;
    if (f.kind !== frames.data) throw unexpected(f);
    if (f.offset !== this.done) throw broken(`data at ${f.offset}, and not at ${this.done}`);
    if (this.done + length > this.size) throw broken(`more bytes than the ${this.size} that were offered`);
    await this.sink.write(f.data);
    this.hash.update(f.data);
    this.done += length;
    this.onprogress(this.done);
    if (this.done - this.told < t.files.window / 2) return;
    this.told = this.done;
    await t.send({ kind: frames.taken, offset: this.done });
  }

  /** @param {Frame} f */
  isWhole(f) {
    if (f.size !== this.done || (this.size !== Infinity && f.size !== this.size)) throw broken(`an end after ${this.done} bytes, which says ${f.size}`);
    if (this.hash.digest().some((byte, i) => byte !== f.sum[i])) throw new TransferError("hash_mismatch", "the SHA-256 of what has arrived is not the sender's");
    return true;
  }
}

/** Collects bytes in Blobs, which browsers keep on disk. @implements {Sink} */
export class Collector {
  /** @type {Uint8Array<ArrayBuffer>[]} */ recent = [];
  size = 0; // bytes of recent

  /** @param {Blob} part */
  constructor(part) {
    this.part = part;
    /** @type {Blob[]} */ this.blobs = [part];
  }

  /** @param {Uint8Array} bytes */
  write(bytes) {
    this.recent.push(/** @type {Uint8Array<ArrayBuffer>} */ (bytes));
    this.size += bytes.length;
    if (this.size >= MiB) this.flush();
  }

  flush() {
    this.blobs.push(new Blob(this.recent));
    this.recent = [];
    this.size = 0;
  }

  anew() {
    this.blobs = [];
  }

  close() {}

  blob() {
    this.flush();
    return new Blob(this.blobs);
  }
}
