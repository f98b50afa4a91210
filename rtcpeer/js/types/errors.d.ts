import type { Mode } from "./types.js";
/**
 * What goes wrong here. Programs branch on code: bad_config, bad_url, unreachable, aborted, closed, unknown_peer,
 * unknown_channel, packet_too_large, buffer_full, no_credit, refused, deadline, channel_mismatch, negotiation,
 * not_host, host_gone, bad_command, unauthorized, auth_required, and the server's (PROTOCOL.md). The message is
 * for people and says what to do.
 */
export declare class RtcPeerError extends Error {
    code: string;
    /** The peer it is about. @type {number | undefined} */ peer: number | undefined;
    /** deadline: what the link was waiting for. @type {"signaling" | "path" | "security" | "lanes" | undefined} */ stage: "signaling" | "path" | "security" | "lanes" | undefined;
    /** deadline: how far it came. @type {string | undefined} */ detail: string | undefined;
    /** channel_mismatch: the two lists. @type {Mode[] | undefined} */ ours: Mode[] | undefined;
    /** @type {Mode[] | undefined} */ theirs: Mode[] | undefined;
    /** Whether the same may succeed later. */ retry: boolean;
    /** If so: after how many ms at least. */ retryAfter: number;
    /** @param {string} code @param {string} message @param {object} [more] */
    constructor(code: string, message: string, more?: object);
}
/** A reliable broadcast for which some peers had no room; all others have it. Send it to each of peers to wait. */
export declare class BroadcastError extends RtcPeerError {
    peers: number[];
    /** @param {number[]} peers */
    constructor(peers: number[]);
}
