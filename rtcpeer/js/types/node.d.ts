import { RtcPeerError } from "./errors.js";
import type { Event, Outgoing, Stats, Topology } from "./types.js";
/** This participant of a room, made by join. To iterate over it is to take its events; stopping ends nothing. */
export declare class RtcNode {
    /** 1 to 2147483647; 1 is the creator of the room, and a star's host. @readonly @type {number} */ readonly id: number;
    /** @readonly @type {string} */ readonly room: string;
    /** At which others join. @readonly @type {string} */ readonly url: string;
    /** @readonly @type {Topology} */ readonly topology: Topology;
    /** The id of the room's host. In a mesh it has no part in the packets. @readonly @type {number} */ readonly host: number;
    /** "connecting" is a star's guest that waits for its host. @type {"disconnected" | "connecting" | "connected"} */ status: "disconnected" | "connecting" | "connected";
    /** Why the node has ended, if close was not called. @type {RtcPeerError | null} */ error: RtcPeerError | null;
    /** Whether the room takes nobody new. */ sealed: boolean;
    /** Whether it takes nobody new until the host opens it. */ locked: boolean;
    /** Whether new links are refused, which the other side learns at once; open ones stay. @type {boolean} */ refuse: boolean;
    /** The ids of all connected peers, ascending. */
    get peers(): any[];
    /** The ids of the other members that the server has told of, connected or not: for a star's guest the host alone. */
    get members(): any[];
    /** For config.resume of a program that comes back in this one's place, such as the same page reloaded. */
    get resume(): any;
    /**
     * Sends a packet; resolves when it was accepted. To one peer a reliable packet waits for room: await
     * each. An unreliable one without room is dropped, which stats counts. A broadcast never waits. An empty
     * packet sends nothing. Rejects with an RtcPeerError: closed, unknown_peer, unknown_channel,
     * packet_too_large, bad_command, buffer_full (a BroadcastError, or 4 MiB wait already).
     * @param {Outgoing} packet
     * @returns {Promise<void>}
     */
    send(packet: Outgoing): Promise<void>;
    /** Is like send, but throws at once, and buffer_full instead of waiting. @param {Outgoing} packet @returns {void} */
    trySend(packet: Outgoing): void;
    /** All events there are, without waiting: for a game loop. When there will be no more, see error. */
    poll(): Event[];
    /**
     * The next event. Done after close; after the node ended by itself, rejects once with the reason.
     * @returns {Promise<IteratorResult<Event, undefined>>}
     */
    next(): Promise<IteratorResult<Event, undefined>>;
    [Symbol.asyncIterator](): this;
    /** Ends the link with a peer; its disconnected follows. Throws unknown_peer, not_host. @param {number} id */
    disconnect(id: number): void;
    /** Closes the room for newcomers. Rejects with not_host, closed. @returns {Promise<void>} */
    seal(): Promise<void>;
    /** Closes the room for newcomers, or opens it again. Rejects with not_host, closed. @param {boolean} locked @returns {Promise<void>} */
    setLocked(locked: boolean): Promise<void>;
    /**
     * Asks the server to take a member out of the room, and does not wait. Its node ends with an error of code kicked and
     * the reason, at most 256 bytes; all others disconnect it: kicked, or by peer where it was faster. It may join anew
     * where a newcomer may: setLocked prevents that. Throws not_host, unknown_peer, closed, bad_message.
     * @param {number} id @param {string} [reason]
     */
    kick(id: number, reason?: string): void;
    /** Figures at this moment, for people. @returns {Promise<Stats>} */
    stats(): Promise<Stats>;
    /** Leaves: the others learn of it at once, and no more events come here. Waits at most config.linger for what was sent. */
    close(): Promise<void>;
}
