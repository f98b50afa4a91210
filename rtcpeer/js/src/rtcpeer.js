// rtcpeer: the members of a room, connected over WebRTC data channels; the browser's peer.
//
//   join -> Signaling ==== WebSocket ==== signal-server
//             |
//   send -> RtcNode -> route (Mesh, Host, Guest) -> Lane -> Path (an RTCPeerConnection)
//               |                                                |
//   events <- Inbox <--------------- route <---------------- Lane
//
// The node has a Peer for each member, which makes one Link after the other with it. A link outlives its paths: its Keeper
// makes another one where the present one fails, as Repair decides, and Watch notices what makes that worth a question.
//
// Words, numbers and rules are those of the Go package of the same name, which is at the other end as
// often as not; the wire of the WebSocket is signaling/PROTOCOL.md, that of a star Godot's
// SceneMultiplayer. One queue holds connected, packet, disconnected and failed events in one order: no
// packet of a peer comes before its connected or after its disconnected, and each connected has exactly
// one disconnected. Losing the WebSocket ends no link, and losing a path ends none that both ends repair.
//
// Needs nothing but RTCPeerConnection and WebSocket, which Node gets by config.

export { RtcPeerError, BroadcastError } from "./errors.js";
export { sharedSecret } from "./secret.js";
export { RtcNode } from "./node.js";
export { join, list, match } from "./join.js";
