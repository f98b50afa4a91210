// How to enter a room: join and match; and list.

import { randomText } from "./basics.js";
import { withDefaults } from "./config.js";
import { RtcPeerError } from "./errors.js";
import { RtcNode } from "./node.js";
import { Signaling } from "./signaling.js";
import { checked, parseUrl, relayFeature } from "./wire.js";

/** @import { Config, PublicRoom, Query } from "./types.js" */

/**
 * Enters the room at ws://host:port/room. In a page the URL may be relative, such as /room; http and https stand for ws and
 * wss. It resolves when the server has admitted this node; the links with the members follow as events. If the URL names no
 * room, the server creates one, and node.url names it. It rejects with an RtcPeerError: bad_url, bad_config, unreachable,
 * aborted, or a code of the server (sealed, room_full, topology_mismatch, ...).
 * @param {string} url
 * @param {Config} [config]
 * @returns {Promise<RtcNode>}
 */
export async function join(url, config = {}) {
  return enter(url, withDefaults(config));
}

/**
 * Waits until size peers, 2 to 64, ask the server at url for the same key, topology and size. Then it enters the new,
 * sealed room of these peers. The peer that has waited longest is the host. The program chooses the key, 1 to 128 bytes:
 * for example the game, its version and the map. A room in the URL is ignored. config.signal cancels the wait. Otherwise
 * match is like join.
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
  const { topology, newRoom: n } = c;
  const signaling = new Signaling(dial, checked({
    ...c, kind: "join", room, match, features: ["repair", c.relayLinks && relayFeature, ...(/** @type {any} */ (c.migration)?.features ?? [])].filter(Boolean), incarnation: randomText(),
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
 * Returns a page of the public rooms of the server at url. If there are more rooms, next is the value of after for the
 * next page. A room in the URL is ignored. The errors are those of join.
 * @param {string} url
 * @param {Query} [query]
 * @returns {Promise<{rooms: PublicRoom[], next?: string}>}
 */
export async function list(url, { filter, limit, after, ...config } = {}) {
  const c = withDefaults({ ...config, RTCPeerConnection: Object });
  const { url: dial, roomUrl } = parseUrl(url);
  const { rooms = [], next } = await new Signaling(dial, checked({ ...c, kind: "list", filter, limit, after }), c).first("rooms");
  return { rooms: rooms.map((/** @type {any} */ { max_members: maxMembers, ...r }) => ({ ...r, maxMembers, url: roomUrl(r.room) })), next };
}
