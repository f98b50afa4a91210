// Helpers that many modules use.

/** @import { Mode } from "./types.js" */

export const modes = /** @type {Mode[]} */ (["reliable", "unreliable_ordered", "unreliable"]);
export const KiB = 1024, MiB = 1024 * KiB;
export const maxId = 2 ** 31 - 1;
export const eventCost = 128; // bytes that an event counts besides its data, so that tiny packets are limited, too
export const frameOverhead = 7; // bytes the relay adds at most: SYS, RELAY, an id, RAW
export const now = () => performance.now();
export const text = new TextEncoder();
export const nothing = () => {};
/** Not every stack has the on... properties. @param {any} target @param {string} name @param {(e: any) => void} take */
export const listen = (target, name, take) => target.addEventListener(name, take);

/** 128 random bits. */
export const randomText = () => btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(16))));

export const message = (/** @type {any} */ e) => e?.message ?? String(e);

/** Returns the id of a target: 1 means the present host. No other member ever gets the id of the first host. @param {{host: number}} node @param {number} peer */
export function resolve({ host }, peer) {
  if (!host) throw new TypeError("the node has no host"); // something in place of a node: NaN would be a peer that has just gone
  return Math.abs(peer) === 1 ? peer * host : peer;
}

/** @param {any} data @param {boolean} [own] whether the result must not share memory @returns {Uint8Array} */
export function toBytes(data, own) {
  if (typeof data === "string") return text.encode(data);
  if (ArrayBuffer.isView(data)) {
    const view = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    return own ? view.slice() : view;
  }
  return new Uint8Array(data);
}
