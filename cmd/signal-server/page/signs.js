// What pages tell each other besides the chat: who they are, where they stand on the stage, emoji, and files. All of it goes
// over channel 0, and only to those that have sent hello of probe.js: a program would take it for text.
//
//   00 'p' 'a' 'g' 'e' JSON    reliable            {person, unfit, x, y}, {emoji, x, y} or {unfit}. x and y are there once the
//                                                  sender was moved. unfit: it had better not be the host of a star. A
//                                                  member's metadata take precedence over person, which is for the guests
//                                                  of a star
//   00 'm' 'o' 'v' 'e' x y     unreliable_ordered  where the sender stands: 16 bits each, big-endian, 65535 is 1
//   00 'f' 'i' 'l' 'e' frame   reliable            of transfer.js
//
// x and y are 0 to 1, from the left and the upper edge of the stage.

import { begins } from "./probe.js";

export const fileHead = "\0file";
const pageHead = "\0page", moveHead = "\0move";
const text = new TextEncoder();

/** @param {string} head @param {Uint8Array} body */
export function sign(head, body) {
  const bytes = new Uint8Array(head.length + body.length);
  bytes.set(text.encode(head));
  bytes.set(body, head.length);
  return bytes;
}

/** @param {object} what */
export const pageSign = (what) => sign(pageHead, text.encode(JSON.stringify(what)));

/** @param {number} x @param {number} y */
export function moveSign(x, y) {
  const body = new Uint8Array(4), view = new DataView(body.buffer);
  view.setUint16(0, Math.round(x * 65535));
  view.setUint16(2, Math.round(y * 65535));
  return sign(moveHead, body);
}

const share = (/** @type {any} */ n) => (typeof n === "number" && n >= 0 && n <= 1 ? n : undefined);

/**
 * What a packet says; null if it is no sign, {} if it is a broken one.
 * @param {any} packet @returns {{file?: Uint8Array, person?: any, unfit?: any, emoji?: string, x?: number, y?: number} | null}
 */
export function readSign({ channel, mode, data }) {
  if (channel !== 0) return null;
  if (begins(data, fileHead)) return mode === "reliable" ? { file: data.subarray(fileHead.length) } : {};
  if (begins(data, moveHead)) {
    if (data.length !== 9) return {};
    const view = new DataView(data.buffer, data.byteOffset);
    return { x: view.getUint16(5) / 65535, y: view.getUint16(7) / 65535 };
  }
  if (!begins(data, pageHead)) return null;
  try {
    const { person, unfit, emoji, x, y } = JSON.parse(new TextDecoder().decode(data.subarray(pageHead.length)));
    return { person, unfit, emoji, x: share(x), y: share(y) };
  } catch {
    return {};
  }
}
