import type { Reason } from "./types.js";
/** @import { Reason } from "./types.js" */
export declare const hello = 1, prove = 2, take = 3, beat = 4, bye = 5;
export declare const asks = 1, answers = 2;
export type Control = {
    kind: number;
    random?: Uint8Array;
    kept?: number;
    mac?: Uint8Array;
    flags?: number;
    counts?: number[];
    reason?: number;
};
/**
 * @typedef {{kind: number, random?: Uint8Array, kept?: number, mac?: Uint8Array, flags?: number, counts?: number[], reason?: number}} Control
 */
/** Returns null for what is no control frame. lanes is how many reliable lanes there are. @param {Uint8Array} b @param {number} lanes @returns {Control | null} */
export declare function decodeControl(b: Uint8Array, lanes: number): Control | null;
/** @param {Control} c */
export declare const encodeControl: ({ kind, random, kept, mac, flags, counts, reason }: Control) => Uint8Array<ArrayBuffer>;
/**
 * Why a peer behind the host is gone: what the host knows, but for what only concerns the host.
 * @param {number} n @returns {Reason}
 */
export declare const goneFor: (n: number) => Reason;
/** The number of the reason for which this end ends a link. @param {Reason} reason */
export declare const byeOf: (reason: Reason) => number;
/**
 * The reason here of a link that the other end has ended: what this end has to know. That the other end left, or judged
 * this one, is "by peer".
 * @param {number} n @returns {Reason}
 */
export declare const endedBy: (n: number) => Reason;
/**
 * What both ends of a link know, and nobody else: each contributes half on the first path, on which DTLS keeps it from
 * the signaling server.
 * @param {string} link its id @param {Uint8Array} offering @param {Uint8Array} answering
 */
export declare const newSecret: (link: string, offering: Uint8Array, answering: Uint8Array) => Uint8Array<ArrayBufferLike>;
/**
 * The proof of one end that it knows the secret, for one path alone: binding names the certificates of both ends, so that
 * nobody can stand between them and pass proofs on.
 * @param {Uint8Array} secret @param {boolean} offers @param {number} attempt @param {string} binding
 */
export declare const proof: (secret: Uint8Array, offers: boolean, attempt: number, binding: string) => Uint8Array<ArrayBufferLike>;
/** Takes the same time wherever the two differ. @param {Uint8Array} a @param {Uint8Array} b */
export declare const equal: (a: Uint8Array, b: Uint8Array) => boolean;
