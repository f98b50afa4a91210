// What goes wrong with a file, as programs see it.

import * as frames from "./frame.js";
import { printable, shorten } from "./name.js";

/** @import { Frame } from "./frame.js" */
/** @import { TransferErrorCode } from "./types.js" */

/**
 * The error of one transfer. Programs branch on code:
 * - refused: the other end does not want the file.
 * - not_receiving: the other end accepts no files.
 * - cancelled: the other end has cancelled the transfer.
 * - failed: the other end could not read or write its file, or something threw here, for example onprogress.
 * - hash_mismatch: the bytes that arrived differ from those that the sender read.
 * - protocol: the other end has broken the protocol, or says that this end has.
 * - peer_gone: the other end is not connected any more.
 * - host_changed: the star has another host, and part of the file may be lost with the old one. Only the receiver gets
 *   this: the sender offers the file again, and toBlob can continue with part.
 * - changed: the Blob cannot be read any more, for example because its file has changed.
 * - sink: the stream cannot be written to; cause says why.
 * - aborted: options.signal was aborted; cause says why.
 * - answered: the offer was already accepted or refused.
 * - closed: the Files object was closed.
 * - bad_config: an argument is not valid.
 */
export class TransferError extends Error {
  /** The peer it is about. @type {number | undefined} */ peer;
  /** The name of the file that the error is about. @type {string | undefined} */ file;
  /** What has arrived, if toBlob can continue with it: see ReceiveOptions. @type {Blob | undefined} */ part;

  /** @param {TransferErrorCode} code @param {string} message @param {any} [cause] */
  constructor(code, message, cause) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = "TransferError"; // the class has another one when minified
    this.code = code;
  }
}

/** @type {Record<number, [TransferErrorCode, string]>} */
const stops = {
  [frames.cancelled]: ["cancelled", "cancelled by the other end"],
  [frames.refused]: ["refused", "refused by the other end"],
  [frames.badHash]: ["hash_mismatch", "the SHA-256 of what has arrived is not the sender's"],
  [frames.badProtocol]: ["protocol", "protocol broken, says the other end"],
  [frames.busy]: ["refused", `refused by the other end: more than ${frames.maxOffers} files at a time`],
  [frames.sendOnly]: ["not_receiving", "the other end does not receive files"],
};

/** What a stop of the other end means here. @internal @param {Frame} f */
export function errorOf({ kind, reason, text }) {
  if (kind === frames.stopSending && reason === frames.moved) return hostChanged(); // after that of a receiver, sendFile would offer the file again and again
  const [code, message] = stops[reason] ?? /** @type {const} */ (["failed", "the other end failed"]);
  return new TransferError(code, text ? `${message}: ${printable(text)}` : message);
}

/** What the other end is told of an error here. @internal @param {TransferError} error */
export function reasonOf({ code, message }) {
  if (code === "refused") return { reason: frames.refused, text: shorten(message, frames.maxText) };
  if (code === "hash_mismatch") return { reason: frames.badHash };
  if (code === "protocol") return { reason: frames.badProtocol, text: shorten(message, frames.maxText) };
  if (code === "host_changed") return { reason: frames.moved };
  if (["aborted", "closed", "peer_gone"].includes(code)) return { reason: frames.cancelled };
  return { reason: frames.failed };
}

/** @internal @param {string} what */
export const broken = (what) => new TransferError("protocol", `protocol broken: ${what}`);

/** @internal @param {Frame} f */
export const unexpected = (f) => broken(`a frame of kind ${f.kind} was not expected`);

/** @internal */
export const peerGone = () => new TransferError("peer_gone", "the peer is gone");

/** @internal */
export const hostChanged = () => new TransferError("host_changed", "the star has another host");
