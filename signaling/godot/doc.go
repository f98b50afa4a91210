// Package godot implements the protocol of Godot's signaling demo (godot-demo-projects, networking/webrtc_signaling)
// as a dialect for this module's server and for its client.
//
//	Godot game              server               any other member
//	  ---- JOIN "" ----------->|
//	  <--- ID 1 ---------------|
//	  <--- JOIN "k3x..." ------|
//	                           |<--- joins "k3x..." ---
//	  <--- PEER_CONNECT 7 -----|---- ID 7 ------------->
//	                           |---- PEER_CONNECT 1 --->
//	                           |---- JOIN "k3x..." ---->
//	  <--- OFFER of 7 ---------|<--- OFFER to 1 --------   the larger id offers
//	  ---- ANSWER to 7 ------->|---- ANSWER of 1 ------>
//	         ...               |          ...              candidates, both ways
//
// A message is {"type": number, "id": number, "data": string} in one text frame of a WebSocket without a subprotocol.
// The demo has two servers, one for Node and one in GDScript, which differ. Server follows the rules of the one for
// Node, except where only the other one works: in a star it announces members only to the host and the host to them,
// ids are unique and never 0 or 1 (except the host's), a second JOIN is refused, and a sealed room is closed.
//
// The protocol has no metadata, channels, refusals, attempt numbers or resumption, so all these are left out.
//
// The package does no I/O and imports only the packages signaling and signaling/text. Everything in it may be used from
// any goroutine, except a client's decoder.
package godot
