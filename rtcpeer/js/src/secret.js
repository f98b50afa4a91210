import { toBytes } from "./basics.js";
import { equal } from "./control.js";

/** @import { PendingPeer } from "./types.js" */

/**
 * The config.auth of a star whose members all hold the same secret: the guests send it, and the host accepts nobody
 * else. The host must be trusted with it. A Godot guest calls send_auth(1, secret) and complete_auth(1).
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
