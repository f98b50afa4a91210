// The frames, each a packet of the channel. The Go package rtcpeer/transfer says what they mean (doc.go), and
// testdata/wire/transfer.json has examples.

import { text } from "../basics.js";
import { varint } from "../control.js";

export const offer = 1, accept = 2, prefix = 3, start = 4, data = 5, taken = 6, end = 7, done = 8, stopSending = 9, stopReceiving = 10;
export const flagAnew = 1, flagUnknownSize = 2;
export const cancelled = 1, refused = 2, failed = 3, badHash = 4, badProtocol = 5, busy = 6, sendOnly = 7, moved = 8; // reasons of a stop
export const minWindow = 64 * 1024, minData = 1024, maxOffers = 16;
export const maxName = 1024, maxText = 300; // bytes

/**
 * One decoded frame. Each kind uses some of the fields.
 * @typedef {{kind: number, id: number, flags: number, offset: number, size: number, window: number, sum: Uint8Array, reason: number, text: string, data: Uint8Array}} Frame
 */

const none = new Uint8Array();
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Whether frames of this kind come from the end that sends the file. @param {number} kind */
export const fromSender = (kind) => [offer, prefix, data, end, stopSending].includes(kind);

/** Returns null if b is not a frame. The data of the frame share the memory of b. @param {Uint8Array} b @returns {Frame | null} */
export function decode(b) {
  let at = 1;
  const cut = (/** @type {number} */ n) => b.subarray(at, (at += n));
  const number = () => {
    for (let value = 0, scale = 1; scale < 2 ** 56; scale *= 128) {
      const byte = b[at++];
      if (byte === undefined || (scale > 1 && !byte)) break; // too short, longer than it need be
      value += (byte & 127) * scale;
      if (byte < 128 && value <= Number.MAX_SAFE_INTEGER) return value;
    }
    at = NaN;
    return 0;
  };
  const words = (/** @type {number} */ most) => {
    const rest = b.subarray(at);
    at = at <= b.length && rest.length <= most ? b.length : NaN;
    return at ? utf8.decode(rest) : "";
  };
  /** @type {Frame} */ const f = { kind: b[0], id: 0, flags: 0, offset: 0, size: 0, window: 0, sum: none, reason: 0, text: "", data: none };
  const { kind } = f;
  f.id = number();
  try {
    if (kind === offer) {
      f.flags = b[at++];
      f.size = number();
      f.text = words(maxName);
      if (!f.text || (f.flags & flagUnknownSize && f.size)) return null;
    } else if (kind === accept) {
      f.offset = number();
      f.window = number();
      if (f.window < minWindow) return null;
    } else if (kind === prefix) f.sum = cut(32);
    else if (kind === start || kind === taken) f.offset = number();
    else if (kind === data) {
      f.offset = number();
      f.data = b.subarray(at);
      if (!f.data.length || f.offset + f.data.length > Number.MAX_SAFE_INTEGER) return null;
      at += f.data.length;
    } else if (kind === end) {
      f.size = number();
      f.sum = cut(32);
    } else if (kind === stopSending || kind === stopReceiving) {
      f.reason = b[at++];
      f.text = words(maxText);
    } else if (kind !== done) return null;
  } catch {
    return null; // not UTF-8
  }
  return f.id && at === b.length ? f : null;
}

/** @param {Partial<Frame> & {kind: number, id: number}} f @returns {Uint8Array<ArrayBuffer>} */
export function encode({ kind, id, flags = 0, offset = 0, size = 0, window = 0, sum = none, reason = 0, text: words = "", data: bytes = none }) {
  const head = [kind, ...varint(id)];
  if (kind === offer) head.push(flags);
  if (kind === offer || kind === end) head.push(...varint(size));
  if ([accept, start, data, taken].includes(kind)) head.push(...varint(offset));
  if (kind === accept) head.push(...varint(window));
  if (kind === stopSending || kind === stopReceiving) head.push(reason);
  const body = bytes.length ? bytes : sum.length ? sum : text.encode(words);
  const b = new Uint8Array(head.length + body.length);
  b.set(head);
  b.set(body, head.length);
  return b;
}
