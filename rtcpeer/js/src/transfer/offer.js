// A file that a peer wants to send.

import { TransferError } from "./errors.js";
import * as frames from "./frame.js";
import { safeName } from "./name.js";
import { Collector, Receiving } from "./receiving.js";

/** @import { Frame } from "./frame.js" */
/** @import { Transfer } from "./transfer.js" */
/** @import { ReceiveOptions } from "./types.js" */

/** A file that a peer offers. The peer waits until the program calls toBlob, pipeTo or refuse, which it may do once. */
export class Offer {
  /** @type {boolean} @internal */ canResume;
  /** @type {Transfer} @internal */ transfer;

  /** @internal @param {Transfer} transfer @param {Frame} f */
  constructor(transfer, f) {
    const unknown = f.flags & frames.flagUnknownSize;
    /** @readonly */ this.peer = transfer.peer;
    /** A name that is safe in a folder of any system: see safeName. @readonly */ this.name = transfer.name = safeName(f.text);
    /** In bytes, as the peer says; undefined if it does not know. @readonly @type {number | undefined} */ this.size = unknown ? undefined : f.size;
    this.canResume = !unknown && (f.flags & frames.flagAnew) > 0;
    this.transfer = transfer;
  }

  /** Refuses the file. The sender gets why, at most 300 bytes. @param {string} [why] */
  refuse(why = "") {
    const error = new TransferError("refused", why);
    this.transfer.end(error);
  }

  /**
   * Accepts the file and resolves with all of it. Rejects with a TransferError, whose part can be an option when the same
   * file is offered again.
   * @param {ReceiveOptions} [options] @returns {Promise<Blob>}
   */
  async toBlob({ signal, onprogress, part } = {}) {
    const fits = part && this.canResume && part.size <= /** @type {number} */ (this.size);
    const collector = new Collector(fits ? part : new Blob());
    try {
      await this.transfer.run(signal, () => new Receiving(this, collector, onprogress).run());
      return collector.blob();
    } catch (error) {
      if (error instanceof TransferError && this.canResume && !["hash_mismatch", "protocol", "answered"].includes(error.code)) error.part = collector.blob();
      throw error;
    }
  }

  /**
   * Accepts the file and writes it to a stream as Uint8Arrays. It closes the stream when the file is complete and its SHA-256
   * is right, and aborts it otherwise, without waiting for that. Rejects with a TransferError.
   * @param {WritableStream<any>} stream @param {ReceiveOptions} [options] @returns {Promise<void>}
   */
  async pipeTo(stream, { signal, onprogress } = {}) {
    const { transfer } = this, writer = stream.getWriter();
    const sink = (/** @type {any} */ error) => {
      throw new TransferError("sink", `the stream cannot be written to: ${error?.message ?? error}`, error);
    };
    const pipe = {
      part: new Blob(),
      write: async (/** @type {Uint8Array} */ bytes) => {
        await transfer.unlessOver(writer.ready.catch(sink));
        await transfer.unlessOver(writer.write(bytes).catch(sink));
      },
      anew() {},
      close: () => transfer.unlessOver(writer.close().catch(sink)),
    };
    try {
      await transfer.run(signal, () => new Receiving(this, pipe, onprogress).run());
    } catch (error) {
      writer.abort(error).catch(() => {}); // it may take as long as a write that is under way
      throw error;
    } finally {
      writer.releaseLock();
    }
  }
}
