import { RtcNode } from "./node.js";
import type { Config, PublicRoom, Query } from "./types.js";
/** @import { Config, PublicRoom, Query } from "./types.js" */
/**
 * Enters a room, at ws://host:port/room, and resolves when the server has welcomed this node: links with the
 * members there follow, as events. A URL without a room makes a new one; node.url has its name. Rejects with
 * an RtcPeerError: unreachable, or the server's code (sealed, room_full, topology_mismatch, ...).
 * @param {string} url
 * @param {Config} [config]
 * @returns {Promise<RtcNode>}
 */
export declare function join(url: string, config?: Config): Promise<RtcNode>;
/**
 * Waits until size peers, 2 to 64, ask the server at url for the same key, topology and size, and joins the new, sealed
 * room that they get for themselves. Who waited longest is its host. What the key says, in 1 to 128 bytes, is up to the
 * program: the game, its version, the map. A room in the url counts for nothing. config.signal gives it up; otherwise it
 * is like join.
 * @param {string} url
 * @param {string} key
 * @param {number} size
 * @param {Config} [config]
 * @returns {Promise<RtcNode>}
 */
export declare function match(url: string, key: string, size: number, config?: Config): Promise<RtcNode>;
/**
 * The public rooms of the server at url, by their names: a page of them, and next if there are more, which is after of
 * the query that goes on. A room in the url counts for nothing. Rejects as join does.
 * @param {string} url
 * @param {Query} [query]
 * @returns {Promise<{rooms: PublicRoom[], next?: string}>}
 */
export declare function list(url: string, { filter, limit, after, ...config }?: Query): Promise<{
    rooms: PublicRoom[];
    next?: string;
}>;
