import { toBytes } from "./basics.js";
import { equal } from "./control.js";

/** @import { PendingPeer } from "./types.js" */

/**
 * Returns the config.auth for a star whose members all hold the same secret. The guests send it, and the host accepts
 * nobody else, so the guests must trust the host with the secret. A Godot guest calls send_auth(1, secret) and
 * complete_auth(1).
 * @param {Uint8Array | ArrayBuffer | ArrayBufferView | string} secret
 * @returns {(peer: PendingPeer) => Promise<void>}
 */
export function sharedSecret(secret) {
  const ours = toBytes(secret, true);
  return async (peer) => {
    if (peer.isHost) return peer.send(ours);
    const got = await peer.receive();
    if (!got || !equal(ours, got)) throw new Error("wrong secret");
  };
}
