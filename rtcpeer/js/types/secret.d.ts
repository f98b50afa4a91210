import type { PendingPeer } from "./types.js";
/** @import { PendingPeer } from "./types.js" */
/**
 * The config.auth of a star whose members all hold the same secret: the guests send it, and the host accepts nobody
 * else. The host must be trusted with it. A Godot guest calls send_auth(1, secret) and complete_auth(1).
 * @param {Uint8Array | ArrayBuffer | ArrayBufferView | string} secret
 * @returns {(peer: PendingPeer) => Promise<void>}
 */
export declare function sharedSecret(secret: Uint8Array | ArrayBuffer | ArrayBufferView | string): (peer: PendingPeer) => Promise<void>;
