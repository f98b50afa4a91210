// Package godot is the protocol of Godot's signaling demo (godot-demo-projects,
// networking/webrtc_signaling) as a dialect of this module's server and of its client.
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
// A message is {"type": number, "id": number, "data": string} in one text frame of a WebSocket
// without a subprotocol. The demo has two servers, one for Node and one in GDScript, which differ;
// Server keeps the rules of the one for Node but where only the other works: in a star it announces
// to each other the host and a member alone, ids are unique and never 0 or 1, a second JOIN is
// refused, a sealed room is closed.
//
// What the protocol cannot say is left out: it has no metadata, no channels, no refusal, no numbers
// of attempts and no way to come back.
//
// The package does no I/O and imports package signaling alone. Everything in it may be used from any
// goroutine, but a client's decoder.
package godot
