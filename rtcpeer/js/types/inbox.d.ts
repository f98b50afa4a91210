import { RtcPeerError } from "./errors.js";
import type { Lane } from "./lane.js";
import type { Event, Packet, Reason } from "./types.js";
export type Presence = {
    id: number;
    state: "new" | "here" | "gone";
    interrupted?: boolean;
};
/** @import { Lane } from "./lane.js" */
/** @import { Event, Packet, Reason } from "./types.js" */
/** A peer as the program has been shown it. @typedef {{id: number, state: "new" | "here" | "gone", interrupted?: boolean}} Presence */
export declare const receiveBuffer: number;
export declare const receiveLimit: number;
export declare class Inbox {
    /** @type {{event: Event, lane?: Lane, size: number}[]} */ queue: {
        event: Event;
        lane?: Lane;
        size: number;
    }[];
    head: number;
    control: number;
    closed: boolean;
    /** @type {RtcPeerError | null} */ error: RtcPeerError | null;
    /** @type {{resolve: (r: IteratorResult<Event, undefined>) => void, reject: (why: RtcPeerError) => void}[]} */ waiters: {
        resolve: (r: IteratorResult<Event, undefined>) => void;
        reject: (why: RtcPeerError) => void;
    }[];
    get waiting(): number;
    /** Whether too many events that are no packets wait to be taken. */
    get backlogged(): boolean;
    /** @param {Event} event @param {Lane} [lane] @param {number} [size] */
    push(event: Event, lane?: Lane, size?: number): void;
    /** @returns {Event | undefined} */
    take(): Event | undefined;
    /** @returns {Promise<IteratorResult<Event, undefined>>} */
    next(): Promise<IteratorResult<Event, undefined>>;
    /** @param {Presence} p */
    connected(p: Presence): void;
    /** @param {Presence} p @param {Reason} reason @param {RtcPeerError} [error] */
    disconnected(p: Presence, reason: Reason, error?: RtcPeerError): boolean;
    /** A program that does not take its events is not told of interruptions, so that there is no end of them. @param {Presence} p */
    interrupted(p: Presence): void;
    /** @param {Presence} p */
    resumed(p: Presence): void;
    /** Tells of the connection to the signaling server, within the same bound. @param {Event} event */
    signaling(event: Event): void;
    /** Returns the word for the drop, or "". @param {Presence} p @param {Lane} lane @param {Packet} packet */
    packet(p: Presence, lane: Lane, packet: Packet): "" | "no_credit" | "peer_gone";
    /** @param {RtcPeerError | null} error */
    end(error: RtcPeerError | null): void;
    close(): void;
    release(): void;
}
