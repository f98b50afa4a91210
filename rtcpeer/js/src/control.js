// The frames of the control lane: SCTP stream 0, reliable and ordered, opened only between two members that both take
// part in repairs. The first byte is the type; numbers are unsigned varints in their shortest form. PROTOCOL.md
// explains each of them.
//
//   01 random[32] kept   hello: half of the link's secret, and how many bytes its sender keeps for each lane
//   02 mac[32]           prove: the sender knows the secret of the link
//   03 counts            take: the link goes over this path from now on; what was delivered so far
//   04 flags counts times  beat: the sender is there; what was delivered so far; for Timing
//   05 reason [code text]  bye: the link is over; the rest, if there is any, is the program's
//
// Counts are those of the reliable lanes, in the order of the lanes: how many packets of each the sender has taken since
// the link began.

import { hmac } from "./sha256.js";
import { text } from "./basics.js";
import { checkedBye } from "./wire.js";

/** @import { Reason } from "./types.js" */
/** @import { Bye } from "./wire.js" */

export const hello = 1, prove = 2, take = 3, beat = 4, bye = 5;
// Flags of a beat: the receiver is to answer at once; this is an answer; the sender understands times.
export const asks = 1, answers = 2, knowsTimes = 16;
const maxTimes = 99;

/**
 * A control frame. Its kind says which of the fields it has.
 * @typedef {{kind: number, random: Uint8Array, kept: number, mac: Uint8Array, flags: number, counts: number[], times?: number[], reason: number, bye?: Bye}} Control
 */

/** Returns null if b is not a control frame. lanes is the number of reliable lanes. @param {Uint8Array} b @param {number} lanes @returns {Control | null} */
export function decodeControl(b, lanes) {
  let at = 1;
  const cut = (/** @type {number} */ n) => b.subarray(at, (at += n));
  const number = () => {
    for (let value = 0, shift = 0; shift < 64; shift += 7) {
      const byte = b[at++];
      if (byte === undefined || (shift && !byte) || (shift === 63 && byte > 1)) break; // too short, longer than it need be, too large
      value += (byte & 127) * 2 ** shift;
      if (byte < 128) return value;
    }
    at = NaN;
    return 0;
  };
  const counts = () => Array.from({ length: lanes }, number);
  const c = /** @type {Control} */ ({ kind: b[0] });
  if (c.kind === hello) Object.assign(c, { random: cut(32), kept: number() });
  else if (c.kind === prove) c.mac = cut(32);
  else if (c.kind === take) c.counts = counts();
  else if (c.kind === beat) {
    Object.assign(c, { flags: b[at++], counts: counts() });
    const times = [];
    while (at < b.length && times.length < maxTimes) times.push(number());
    if (times.length % 3 || times.some((t) => t >= 2 ** 53)) return null;
    if (times.length) c.times = times;
  }
  else if (c.kind === bye) {
    c.reason = b[at++];
    if (at < b.length) {
      try {
        c.bye = checkedBye({ code: number(), text: new TextDecoder(undefined, { fatal: true, ignoreBOM: true }).decode(cut(b.length - at)) }, "");
      } catch {} // not UTF-8, or too much
      if (!c.bye?.code && !c.bye?.text) return null; // a bye that says nothing has no rest
    }
  } else return null;
  return at === b.length ? c : null;
}

/** @param {number} n @returns {number[]} */
export function varint(n) {
  const bytes = [];
  for (; n > 127; n = Math.floor(n / 128)) bytes.push((n % 128) | 128);
  return [...bytes, n];
}

/** @param {Partial<Control>} c */
export const encodeControl = ({ kind, random = /** @type {any} */ ([]), kept, mac = /** @type {any} */ ([]), flags, counts = [], times = [], reason, bye: { code, text: said } = /** @type {any} */ ({}) }) =>
  new Uint8Array(/** @type {any[]} */ ([kind, ...random, ...mac, flags, .../** @type {any[]} */ ([kept, ...counts, ...times]).flatMap(varint), reason, ...varint(code), ...text.encode(said)]).filter((b) => b !== undefined));

/** The reasons of a bye, by their numbers. 0 is none. */
const byeReasons = ["", "by us", "lost", "misbehaved", "slow", "kicked", "unauthorized"];

/**
 * The reason why a peer behind the host is gone, by the number that the host sends. Reasons that concern only the host become "by peer".
 * @param {number} n @returns {Reason}
 */
export const goneFor = (n) => /** @type {Reason} */ ((n > 1 && byeReasons[n]) || "by peer");

/** The number of the reason for which this end ends a link. @param {Reason} reason */
export const byeOf = (reason) => Math.max(byeReasons.indexOf(reason), 1);

/**
 * The reason for the program at this end when the other end has ended the link. If the other end has left, or found fault with
 * this end, it is "by peer".
 * @param {number} n @returns {Reason}
 */
export const endedBy = (n) => (n === 3 ? "by peer" : goneFor(n));

/**
 * The secret that only the two ends of a link know. Each end contributes half of it on the first path, where DTLS hides it from
 * the signaling server.
 * @param {string} link its id @param {Uint8Array} offering @param {Uint8Array} answering
 */
export const newSecret = (link, offering, answering) =>
  hmac([...offering, ...answering], text.encode("rtcpeer link secret 1 " + link));

/**
 * The proof of one end that it knows the secret. It is valid for one path only: binding names the certificates of both ends, so
 * nobody between them can forward proofs.
 * @param {Uint8Array} secret @param {boolean} offers @param {number} attempt @param {string} binding
 */
export const proof = (secret, offers, attempt, binding) =>
  hmac(secret, text.encode(`rtcpeer path 1 ${offers ? "offer" : "answer"} ${attempt} ${binding}`));

/** Compares in a time that does not tell where the two differ. @param {Uint8Array} a @param {Uint8Array} b */
export const equal = (a, b) => !a.reduce((sum, x, i) => sum | (x ^ b[i]), a.length ^ b.length);
