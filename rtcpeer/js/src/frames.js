// The frames of a star, and of a mesh with config.framed, which are SceneMultiplayer's: the first byte's low
// three bits are the command, ids are little-endian int32.
//
//   03 payload            a packet
//   07 00 data            authentication: data for the other end, which is not admitted yet
//   07 00                 authentication: the other end is accepted
//   07 01 id              host to guest: id is connected
//   07 02 id [reason]     host to guest: id is gone, for the reason of a bye (control.js)
//   07 03 target inner    guest to host: relay inner to the target (0 all, N, -N all but N)
//   07 03 source inner    host to guest: inner comes from the source
//
// inner is a packet or another command of the engine, but not 07. In a mesh the only 07 is 07 00.

/** @import { Command } from "./types.js" */

export const authenticate = 0, addPeer = 1, delPeer = 2, relay = 3;
/** The commands, by their numbers on the wire. 3 is an ordinary packet; 7 belongs to the relay, and no program may send it. @type {(Command | undefined)[]} */
export const commands = ["remote_call", "simplify_path", "confirm_path", undefined, "spawn", "despawn", "sync"];

/** A decoded frame. A frame without sub is a packet. @typedef {{sub?: number, peer: number, command?: Command, body: Uint8Array, whole: Uint8Array}} Frame */

/** Returns null if b is not a frame. @param {Uint8Array} b @returns {Frame | null} */
export function decodeFrame(b) {
  if ((b[0] & 7) !== 7) return decodeInner(b);
  const sub = b[1], peer = b[2] | (b[3] << 8) | (b[4] << 16) | (b[5] << 24);
  if (sub === authenticate) return { sub, peer: 0, body: b.subarray(2), whole: b };
  if (b.length < 6) return null;
  if (sub === relay) {
    const inner = decodeInner(b.subarray(6));
    return inner && { ...inner, sub, peer };
  }
  if ((sub !== addPeer && sub !== delPeer) || peer < 1) return null;
  return { sub, peer, body: b, whole: b };
}

/** @param {Uint8Array} b @returns {Frame | null} */
function decodeInner(b) {
  if (!b.length || (b[0] & 7) === 7) return null;
  const command = commands[b[0] & 7];
  if (command) return { peer: 0, command, body: b, whole: b };
  return b.length === 1 ? null : { peer: 0, body: b.subarray(1), whole: b };
}

/** The frame with data for the other end. Without data it says that the other end is accepted. @param {Uint8Array} [data] */
export const authFrame = (data = new Uint8Array()) => new Uint8Array([7, authenticate, ...data]);

/** @param {number} sub @param {number} peer @param {ArrayLike<number>} inner */
export function sysFrame(sub, peer, inner = []) {
  const b = new Uint8Array(6 + inner.length);
  b.set([7, sub, peer, peer >> 8, peer >> 16, peer >> 24]);
  b.set(inner, 6);
  return b;
}

/** @param {Uint8Array} data @param {Command} [command] */
export function rawFrame(data, command) {
  if (command) return data;
  const b = new Uint8Array(1 + data.length);
  b[0] = 3;
  b.set(data, 1);
  return b;
}
