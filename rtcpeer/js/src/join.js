// The ways into a room.

import { randomText } from "./basics.js";
import { withDefaults } from "./config.js";
import { RtcPeerError } from "./errors.js";
import { RtcNode } from "./node.js";
import { Signaling } from "./signaling.js";
import { checked, parseUrl, relayFeature } from "./wire.js";

/** @import { Config, PublicRoom, Query } from "./types.js" */

/**
 * Enters a room, at ws://host:port/room, and resolves when the server has welcomed this node: links with the
 * members there follow, as events. A URL without a room makes a new one; node.url has its name. Rejects with
 * an RtcPeerError: unreachable, or the server's code (sealed, room_full, topology_mismatch, ...).
 * @param {string} url
 * @param {Config} [config]
 * @returns {Promise<RtcNode>}
 */
export async function join(url, config = {}) {
  return enter(url, withDefaults(config));
}

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
export async function match(url, key, size, config = {}) {
  return enter(url, withDefaults(config), { key, size });
}

/** @param {string} url @param {ReturnType<typeof withDefaults>} c @param {{key: string, size: number}} [match] */
async function enter(url, c, match) {
  const { url: dial, room, roomUrl } = parseUrl(url, !match);
  const { topology, channels, metadata, token, password, resume, create, newRoom: n } = c;
  const signaling = new Signaling(dial, checked({
    kind: "join", room, topology, channels, metadata, token, password, resume, create, match, features: ["repair", c.relayLinks && relayFeature, ...(/** @type {any} */ (c.migration)?.features ?? [])].filter(Boolean), incarnation: randomText(),
    new_room: n && { ...n, max_members: n.maxMembers, host_timeout_ms: n.hostTimeout },
  }), c);
  const welcome = await signaling.first();
  const why = topology && welcome.topology !== topology ? new RtcPeerError("topology_mismatch", `it is a ${welcome.topology}`)
    : c.auth && welcome.topology === "mesh" && !c.framed ? new RtcPeerError("bad_config", "a bare mesh has no authentication: use a star or config.framed")
    : match && !welcome.sealed && new RtcPeerError("unknown_kind", "no matches there");
  if (why) {
    signaling.close();
    throw why;
  }
  return new RtcNode(signaling, welcome, c, roomUrl(welcome.room));
}

/**
 * The public rooms of the server at url, by their names: a page of them, and next if there are more, which is after of
 * the query that goes on. A room in the url counts for nothing. Rejects as join does.
 * @param {string} url
 * @param {Query} [query]
 * @returns {Promise<{rooms: PublicRoom[], next?: string}>}
 */
export async function list(url, { filter, limit, after, ...config } = {}) {
  const c = withDefaults({ ...config, RTCPeerConnection: Object });
  const { url: dial, roomUrl } = parseUrl(url);
  const { rooms = [], next } = await new Signaling(dial, checked({ kind: "list", filter, limit, after, token: c.token }), c).first("rooms");
  return { rooms: rooms.map((/** @type {any} */ { max_members: maxMembers, ...r }) => ({ ...r, maxMembers, url: roomUrl(r.room) })), next };
}
