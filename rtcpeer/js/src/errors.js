// The errors that programs get.

/** @import { ErrorCode, Mode } from "./types.js" */

/** Codes of the server that do not end the session. @internal */
export const passing = ["unknown_kind", "not_host", "unknown_peer"];

// Codes of the server and of this module after which trying again may help.
const retried = "join_timeout room_full room_exists server_full slow shutting_down internal unreachable rate_limited locked".split(" ");

/** An error of this module or of the server. Programs branch on code; the message is for people and says what to do. Its name is RtcPeerError, or AbortError if the code is aborted. */
export class RtcPeerError extends Error {
  /** The peer that the error is about. @type {number | undefined} */ peer;
  /** For deadline: what the link was waiting for. @type {"signaling" | "path" | "security" | "lanes" | undefined} */ stage;
  /** For deadline: how far the link came. @type {string | undefined} */ detail;
  /** For channel_mismatch: config.channels of this end; theirs is that of the other end. @type {Mode[] | undefined} */ ours;
  /** @type {Mode[] | undefined} */ theirs;
  /** Whether another attempt may succeed later. */ retry = false;
  /** The least time to wait before it, in ms. */ retryAfter = 0;

  /** @param {ErrorCode} code @param {string} message @param {object} [more] */
  constructor(code, message, more) {
    super(message);
    this.name = code === "aborted" ? "AbortError" : "RtcPeerError"; // the class has another one when minified
    this.code = code;
    this.retry = retried.includes(code);
    Object.assign(this, more);
  }
}

/** The error of a reliable broadcast for which some peers had no room; all others get it. To wait for room, send the packet to each of peers. */
export class BroadcastError extends RtcPeerError {
  /** @param {number[]} peers */
  constructor(peers) {
    super("buffer_full", `peers ${peers} read too slowly; send to each to wait`);
    this.name = "BroadcastError";
    this.peers = peers;
  }
}

/** @internal @param {number} id */
export const unknownPeer = (id, why = "not connected") =>
  new RtcPeerError("unknown_peer", `peer ${id}: ${why}; wait for its connected event`, { peer: id });
