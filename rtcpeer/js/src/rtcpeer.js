// rtcpeer: the members of a room, connected over WebRTC data channels; the browser's peer.
//
//   join -> Signaling ==== WebSocket ==== signal-server
//             |
//   send -> RtcNode -> route (Mesh, Host, Guest) -> Lane -> Path (an RTCPeerConnection)
//               |                                                |
//   events <- Inbox <--------------- route <---------------- Lane
//
// The node has a Peer for each member, which makes one Link after the other with it. A link survives the loss of its path: its
// Keeper makes another path when Repair decides that it is needed. Watch notices changes after which a path must be checked.
//
// Names, numbers and rules are those of the Go package rtcpeer. The messages of the WebSocket are in signaling/PROTOCOL.md,
// and the frames of a star are those of Godot's SceneMultiplayer. One queue holds all events in one order: no packet of a peer
// comes before its connected or after its disconnected, and each connected has exactly one disconnected. Losing the WebSocket
// ends no link, and losing a path ends none that both ends repair.
//
// It needs only RTCPeerConnection and WebSocket. In Node both come from config.

// The order of the modules in the bundle follows from that of the imports here and in each module. It decides what gzip finds
// close by: with the best of some forty orders the bundle was 100 bytes smaller than with the first.

export { RtcNode } from "./node.js";
export { RtcPeerError, BroadcastError } from "./errors.js";
export { join, list, match } from "./join.js";
export { sharedSecret } from "./secret.js";
