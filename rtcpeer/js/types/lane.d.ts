import { RtcPeerError } from "./errors.js";
import { Kept } from "./kept.js";
import type { Link } from "./link.js";
import type { Path } from "./path.js";
/** @import { Link } from "./link.js" */
/** @import { Path } from "./path.js" */
/** Bytes of a reliable lane that the other end has not taken, or that are unsent. Chrome closes a channel at 16 MiB. */
export declare const sendBuffer: number;
export declare class Lane {
    link: Link;
    index: number;
    channelNumber: number;
    mode: import("./types.js").Mode;
    reliable: boolean;
    sent: number;
    received: number;
    resent: number;
    kept: Kept;
    /** That packets are written to. @type {Path | null} */ on: Path | null;
    /** The only one whose packets are taken. @type {Path | null} */ from: Path | null;
    taken: number;
    told: number;
    unread: number;
    unreadPackets: number;
    unsaid: number;
    carried: number;
    written: number;
    fresh: number;
    lastWrite: number;
    /** @type {{bytes: Uint8Array, done?: () => void, fail?: (why: RtcPeerError) => void}[]} */ queue: {
        bytes: Uint8Array;
        done?: () => void;
        fail?: (why: RtcPeerError) => void;
    }[];
    queued: number;
    rate: number;
    sample: {
        at: number;
        left: number;
    };
    /** @type {ReturnType<typeof setInterval> | undefined} */ watching: ReturnType<typeof setInterval> | undefined;
    /** @param {Link} link @param {number} index */
    constructor(link: Link, index: number);
    /** Whether packets are kept until the other end has taken them. */
    get keeps(): boolean;
    /** @returns {RTCDataChannel} */
    get channel(): RTCDataChannel;
    /** Writes to a path from now on. @param {Path} path */
    use(path: Path): void;
    /** Bytes that have left. */
    get left(): number;
    /** Bytes that a path of 64 KB/s would not have taken yet. */
    get burst(): number;
    /** Bytes that were sent and have not arrived, as far as this end knows, with those that wait. */
    get buffered(): number;
    /** Whether a reliable lane has room. @param {number} size */
    hasRoom(size: number): boolean;
    /** Sends, or drops what is unreliable; false means a reliable packet found no room. @param {Uint8Array} bytes */
    put(bytes: Uint8Array): boolean;
    /** Whether the buffer stands for more than maxLag at the rate at which it empties. @param {number} total */
    lags(total: number): boolean;
    /** put, and if there is no room: wait, or throw. @param {Uint8Array} bytes @param {boolean} wait */
    send(bytes: Uint8Array, wait: boolean): Promise<any> | undefined;
    /** put for a relay, which cannot wait: what finds no room in time ends the link. @param {Uint8Array} bytes */
    forward(bytes: Uint8Array): void;
    /** For few and small frames, whatever is buffered; behind those that wait. Who is gone needs none. @param {Uint8Array} bytes */
    announce(bytes: Uint8Array): void;
    /** @param {Lane["queue"][0]} entry */
    enqueue(entry: Lane["queue"][0]): void;
    /** Each quarter second (a second in a tab in the background) sees whether the lane moves. */
    watch(): number;
    drain(): void;
    rest(): void;
    /** @param {Uint8Array} bytes */
    write(bytes: Uint8Array): void;
    /**
     * Sends what is kept. A path that does not take a packet takes none after it, which would be out of order: all of them
     * wait for the next path.
     * @param {Uint8Array} packet
     */
    pass(packet: Uint8Array): void;
    /**
     * Takes what the other end says, over a path, that it has taken: how many packets. False if that cannot be.
     * @param {Path} path @param {number} n
     */
    takenByOther(path: Path, n: number): boolean;
    /**
     * Sends over another path what the other end has not taken, n packets so far, and from now on all else. False if it
     * cannot have taken so many, or has told of more.
     * @param {Path} path @param {number} n
     */
    moveTo(path: Path, n: number): boolean;
    /**
     * How many packets the program has, or soon will: while more than the receive buffer waits for it, those that wait do
     * not count, so that the other end sends no more than it may keep.
     */
    count(): number;
    /** The program has, or soon will have, so many bytes more: the other end is told when they are many. @param {number} size */
    acknowledge(size: number): void;
    /** A packet waits for the program. @param {number} size */
    filed(size: number): void;
    /** The program has taken it. @param {number} size */
    fetched(size: number): void;
    /** Ends the waiting to send. */
    over(): void;
}
