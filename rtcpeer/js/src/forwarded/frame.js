// What a frame holds, encrypted. It begins with its type; numbers are big-endian.
//
//   00                            hello: the sender has the keys. Opens the path
//   01 lane[2] bytes              the last or only part of a packet
//   02 lane[2] bytes              a part of a packet, and more follows
//   03 frames[4] (lane[2] read[4])...
//                                 so many frames have arrived, and of these lanes so much was read since the path began,
//                                 modulo 2^32
//   04                            close: the path is over

export const hello = 0, last = 1, part = 2, ack = 3, close = 4;
export const partHead = 3;
/** What a part counts besides its bytes, for read and for what the sender may send. */
export const partCost = 32;
export const maxPart = 16384; // bytes
/** The largest packet, the sum of its parts. */
export const maxPacket = 256 * 1024 + 64;

/** @typedef {{kind: number, lane: number, data: Uint8Array, frames: number, reads: {lane: number, read: number}[]}} Frame */

/** Returns null if b is not a frame. @param {Uint8Array} b @returns {Frame | null} */
export function decode(b) {
  const { length } = b, kind = b[0], view = new DataView(b.buffer, b.byteOffset, length);
  /** @type {Frame} */ const f = { kind, lane: 0, data: b.subarray(partHead), frames: 0, reads: [] };
  if (kind === hello || kind === close) return length === 1 ? f : null;
  if ((kind === last || kind === part) && length >= partHead && length <= partHead + maxPart) {
    f.lane = view.getUint16(1);
    return f;
  }
  if (kind !== ack || length < 5 || (length - 5) % 6) return null;
  f.frames = view.getUint32(1);
  for (let i = 5; i < length; i += 6) f.reads.push({ lane: view.getUint16(i), read: view.getUint32(i + 2) });
  return f;
}

/** @param {number} kind last or part @param {number} lane @param {Uint8Array} data */
export function encodePart(kind, lane, data) {
  const b = new Uint8Array(partHead + data.length);
  b.set([kind, lane >> 8, lane]);
  b.set(data, partHead);
  return b;
}

/** @param {number} frames @param {{lane: number, read: number}[]} reads */
export function encodeAck(frames, reads) {
  const b = new Uint8Array(5 + 6 * reads.length), view = new DataView(b.buffer);
  b[0] = ack;
  view.setUint32(1, frames);
  reads.forEach(({ lane, read }, i) => {
    view.setUint16(5 + 6 * i, lane);
    view.setUint32(7 + 6 * i, read);
  });
  return b;
}
