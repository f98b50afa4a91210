import type { Mode } from "./types.js";
/** @import { Mode } from "./types.js" */
export declare const modes: Mode[];
export declare const KiB = 1024, MiB: number;
export declare const maxId: number;
export declare const eventCost = 128;
export declare const frameOverhead = 7;
export declare const now: () => number;
export declare const text: TextEncoder;
export declare const nothing: () => void;
/** Not every stack has the on... properties. @param {any} target @param {string} name @param {(e: any) => void} take */
export declare const listen: (target: any, name: string, take: (e: any) => void) => any;
/** 128 random bits. */
export declare const randomText: () => string;
export declare const message: (/** @type {any} */ e: any) => any;
/** @param {any} data @param {boolean} [own] whether the result must not share memory @returns {Uint8Array} */
export declare function toBytes(data: any, own?: boolean): Uint8Array;
