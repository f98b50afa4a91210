// What goes wrong, as programs see it.

/** @import { ErrorCode, Mode } from "./types.js" */

/** Codes of the server that do not end the session. @internal */
export const passing = ["unknown_kind", "not_host", "unknown_peer"];

// Codes, of the server and of ours, after which trying again may help.
const retried = "join_timeout room_full room_exists server_full slow shutting_down internal unreachable rate_limited locked".split(" ");

/** What goes wrong here. Programs branch on code. The message is for people and says what to do. The name is AbortError for the code aborted. */
export class RtcPeerError extends Error {
  /** The peer it is about. @type {number | undefined} */ peer;
  /** deadline: what the link was waiting for. @type {"signaling" | "path" | "security" | "lanes" | undefined} */ stage;
  /** deadline: how far it came. @type {string | undefined} */ detail;
  /** channel_mismatch: the two lists. @type {Mode[] | undefined} */ ours;
  /** @type {Mode[] | undefined} */ theirs;
  /** Whether the same may succeed later. */ retry = false;
  /** If so: after how many ms at least. */ retryAfter = 0;

  /** @param {ErrorCode} code @param {string} message @param {object} [more] */
  constructor(code, message, more) {
    super(message);
    this.name = code === "aborted" ? "AbortError" : "RtcPeerError"; // the class has another one when minified
    this.code = code;
    this.retry = retried.includes(code);
    Object.assign(this, more);
  }
}

/** A reliable broadcast for which some peers had no room; all others have it. Send it to each of peers to wait. */
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
