/**
 * Holds the packets of one reliable lane that the other end has not yet said to have taken, so that they can be sent
 * again over another path. Its bound is its user's to keep.
 */
export declare class Kept {
    /** @type {Uint8Array[]} */ packets: Uint8Array[];
    head: number;
    size: number;
    first: number;
    /** The number of the packet that is kept next. */
    get next(): number;
    /** Keeps the bytes themselves, and no copy. @param {Uint8Array} packet */
    push(packet: Uint8Array): void;
    /** Drops the packets before number n. False, and nothing is done, if they were dropped before or never kept. @param {number} n */
    taken(n: number): boolean;
    /** In order. */
    all(): Uint8Array<ArrayBufferLike>[];
}
