export { RtcPeerError, BroadcastError } from "./errors.js";
export { sharedSecret } from "./secret.js";
export { RtcNode } from "./node.js";
export { join, list, match } from "./join.js";
