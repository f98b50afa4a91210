// One file on its way, in either direction: what the other end says, until it is over. The first reason for its end is
// the one kept.

import { peerGone, reasonOf, TransferError, unexpected } from "./errors.js";
import { encode, end, stopReceiving, stopSending } from "./frame.js";

/** @import { Files } from "./files.js" */
/** @import { Frame } from "./frame.js" */

export class Transfer {
  /** Frames of the other end that were not taken yet. @type {Frame[]} */ heard = [];
  unread = 0; // bytes of data in heard
  mostFrames = 0; // how many may wait in heard; 0: the other end may send none now
  mostBytes = 0;
  begun = false; // run was called, or the transfer is over
  /** @type {TransferError | null} */ error = null; // why it has ended
  complete = false; // the other end has sent all of the file
  toldByOther = false; // the other end has ended it, and need not be told anything
  /** Ends a wait for what the other end says. @type {(() => void) | null} */ wake = null;
  /** Ends a wait for room, or for a stream. @type {(() => void) | null} */ interrupt = null;

  /** @param {Files} files @param {number} peer @param {number} id @param {boolean} sends @param {string} name */
  constructor(files, peer, id, sends, name) {
    this.files = files;
    this.peer = peer;
    this.id = id;
    this.sends = sends;
    this.name = name;
  }

  /** The transfers of files among which it is. */
  get all() {
    return this.sends ? this.files.sending : this.files.receiving;
  }

  /** Its key there. A program that comes back in place of the other end uses the same ids again. @returns {string | Transfer} */
  get key() {
    return this.toldByOther ? this : `${this.peer} ${this.id}`;
  }

  /**
   * Runs a transfer until it is over. Rejects with why it failed.
   * @template T @param {AbortSignal | undefined} signal @param {() => Promise<T>} drive @returns {Promise<T>}
   */
  async run(signal, drive) {
    if (this.begun) throw this.error ?? this.about(new TransferError("answered", "the offer was accepted or refused before"));
    this.begun = true;
    const abort = () => this.end(new TransferError("aborted", "aborted", signal?.reason));
    signal?.addEventListener("abort", abort);
    if (signal?.aborted) abort();
    try {
      return await drive();
    } catch (error) {
      this.end(error);
      throw this.error;
    } finally {
      signal?.removeEventListener("abort", abort);
      this.finish();
    }
  }

  /** @param {Frame} f @returns {boolean} false if the other end may not say that */
  push(f) {
    this.unread += f.data.length;
    if (this.heard.length >= this.mostFrames || this.unread > this.mostBytes) return false;
    this.heard.push(f);
    this.complete ||= f.kind === end;
    this.wake?.();
    return true;
  }

  /** Returns the next frame of the other end. Frames that came before the end come first, and then it throws. @returns {Promise<Frame>} */
  async next() {
    while (!this.heard.length) {
      if (this.error) throw this.error;
      await new Promise((/** @type {(v?: any) => void} */ resolve) => (this.wake = resolve));
    }
    const f = /** @type {Frame} */ (this.heard.shift());
    this.unread -= f.data.length;
    return f;
  }

  /** Is like next, for a frame that must be of a kind. @param {number} kind */
  async nextOf(kind) {
    const f = await this.next();
    if (f.kind !== kind) throw unexpected(f);
    return f;
  }

  /** Sends a frame, and waits for room. @param {Partial<Frame> & {kind: number}} frame */
  async send(frame, first = false) {
    if (this.error) throw this.error;
    if (this.toldByOther) return;
    const sent = this.files.node.send(this.files.packet(this.peer, encode({ id: this.id, ...frame })));
    await new Promise((/** @type {(v?: any) => void} */ resolve, reject) => {
      this.interrupt = resolve;
      sent.then(resolve, (error) => {
        if (this.complete) resolve();
        else if (error.code !== "unknown_peer") reject(new TransferError(error.code, error.message, error));
        else if (first) this.end(peerGone(), true);
        // Otherwise handle is about to tell why, after the frames that the peer sent before it was gone.
        else if (this.error) resolve();
      });
    });
    if (this.error) throw this.error;
  }

  /** Waits for a stream, unless the transfer is over. @param {Promise<void>} done */
  async unlessOver(done) {
    await new Promise((/** @type {(v?: any) => void} */ resolve, reject) => {
      done.then(resolve, reject);
      this.interrupt = () => this.error && resolve();
      this.interrupt();
    });
    if (this.error) throw this.error;
  }

  /** Ends the transfer for a reason. If run was not called, it is over at once. @param {any} error @param {boolean} [toldByOther] */
  end(error, toldByOther = false) {
    if (this.error) return;
    if (toldByOther) {
      this.all.delete(this.key);
      this.toldByOther = true;
      this.all.set(this.key, this);
    }
    // What is here may still be the whole file.
    if (!toldByOther || !this.complete) this.error = this.about(error instanceof TransferError ? error : new TransferError("failed", String(error?.message ?? error), error));
    this.wake?.();
    this.interrupt?.();
    if (this.begun) return;
    this.begun = true;
    this.finish();
  }

  /** @param {TransferError} error */
  about(error) {
    error.peer = this.peer;
    error.file = this.name;
    return error;
  }

  finish() {
    this.files.remove(this);
    if (!this.error || this.toldByOther) return;
    this.files.tell(this.peer, { kind: this.sends ? stopSending : stopReceiving, id: this.id, ...reasonOf(this.error) });
  }
}
