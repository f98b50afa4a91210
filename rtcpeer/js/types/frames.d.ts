import type { Command } from "./types.js";
/** @import { Command } from "./types.js" */
export declare const authenticate = 0, addPeer = 1, delPeer = 2, relay = 3;
/** By their numbers on the wire. 3 is an ordinary packet, 7 no program's. @type {(Command | undefined)[]} */
export declare const commands: (Command | undefined)[];
export type Frame = {
    sub?: number;
    peer: number;
    command?: Command;
    body: Uint8Array;
    whole: Uint8Array;
};
/** Without sub it is a packet. @typedef {{sub?: number, peer: number, command?: Command, body: Uint8Array, whole: Uint8Array}} Frame */
/** Returns null for what is no frame. @param {Uint8Array} b @returns {Frame | null} */
export declare function decodeFrame(b: Uint8Array): Frame | null;
/** Data for the other end, or with none the word that the other end is accepted. @param {Uint8Array} [data] */
export declare const authFrame: (data?: Uint8Array) => Uint8Array<ArrayBuffer>;
/** @param {number} sub @param {number} peer @param {Uint8Array} [inner] */
export declare function sysFrame(sub: number, peer: number, inner?: Uint8Array): Uint8Array<ArrayBuffer>;
/** @param {Uint8Array} data @param {Command} [command] */
export declare function rawFrame(data: Uint8Array, command?: Command): Uint8Array<ArrayBufferLike>;
