// The sender's end of a transfer.

import { MiB, text } from "../basics.js";
import { broken, TransferError, unexpected } from "./errors.js";
import * as frames from "./frame.js";
import { Sha256 } from "./hash.js";

/** @import { Frame } from "./frame.js" */
/** @import { Transfer } from "./transfer.js" */

const maxAnswers = 16; // of a receiver that wait: an accept, a start, a done, and two of a window that tell what was taken
const readAtOnce = MiB; // bytes of the Blob
const maxHead = 1 + 8 + 8; // bytes of a data frame that are not data

export class Sending {
  hash = new Sha256(); // of the first sent bytes
  sent = 0;
  limit = 0; // what the receiver allows to be sent so far
  window = 0;

  /** @param {Transfer} transfer @param {Blob} blob @param {(sent: number) => void} [onprogress] */
  constructor(transfer, blob, onprogress = () => {}) {
    this.transfer = transfer;
    this.blob = blob;
    this.onprogress = onprogress;
  }

  async run() {
    const { transfer: t, blob } = this, bytes = text.encode(t.name).length;
    if (!bytes || bytes > frames.maxName) throw new TransferError("bad_config", "the name must have 1 to 1,024 bytes of UTF-8");
    t.mostFrames = maxAnswers;
    await t.send({ kind: frames.offer, flags: frames.flagAnew, size: blob.size, text: t.name }, true);
    const accept = await t.nextOf(frames.accept);
    if (accept.offset) await this.resume(accept.offset);
    this.window = accept.window;
    this.limit = this.sent + this.window;
    this.onprogress(this.sent);
    // Two pieces fit the window, or the receiver could wait for more before it tells what it has taken.
    await this.read(this.sent, blob.size, Math.floor(Math.min(t.files.maxPacket - maxHead, this.window / 2)), (piece) => this.piece(piece));
    await t.send({ kind: frames.end, size: this.sent, sum: this.hash.digest() });
    for (let f; (f = await t.next()).kind !== frames.done; ) this.taken(f);
  }

  /** Skips what the receiver has, if that is how this file begins. @param {number} offset */
  async resume(offset) {
    const { transfer: t } = this;
    if (offset > this.blob.size) throw broken(`the receiver wants to begin at ${offset}`);
    await this.read(0, offset, readAtOnce, async (piece) => void this.hash.update(piece));
    await t.send({ kind: frames.prefix, sum: this.hash.digest() });
    const start = await t.nextOf(frames.start);
    if (start.offset === offset) this.sent = offset;
    else if (start.offset) throw broken(`the receiver begins at ${start.offset}, and not at 0 or ${offset}`);
    else this.hash = new Sha256();
  }

  /** Gives the bytes from one place to another in pieces. @param {number} from @param {number} to @param {number} size @param {(piece: Uint8Array) => Promise<void>} take */
  async read(from, to, size, take) {
    const step = Math.max(size, Math.floor(readAtOnce / size) * size);
    for (let at = from; at < to; at += step) {
      if (this.transfer.error) throw this.transfer.error;
      const most = Math.min(step, to - at);
      const bytes = await this.blob.slice(at, at + most).arrayBuffer().then((b) => new Uint8Array(b), (error) => {
        throw new TransferError("changed", `the file cannot be read: ${error?.message ?? error}`, error);
      });
      if (bytes.length !== most) throw new TransferError("changed", "the file has changed while it was being sent");
      for (let i = 0; i < most; i += size) await take(bytes.subarray(i, i + size));
    }
  }

  /** Sends a piece when the window has room for it. @param {Uint8Array} piece */
  async piece(piece) {
    const { transfer: t } = this;
    while (this.sent + piece.length > this.limit || t.heard.length) this.taken(await t.next());
    await t.send({ kind: frames.data, offset: this.sent, data: piece });
    this.hash.update(piece);
    this.sent += piece.length;
    this.onprogress(this.sent);
  }

  /** Moves the window. @param {Frame} f */
  taken(f) {
    if (f.kind !== frames.taken) throw unexpected(f);
    if (f.offset > this.sent) throw broken(`the receiver has taken ${f.offset} bytes of ${this.sent}`);
    this.limit = Math.max(this.limit, f.offset + this.window);
  }
}
