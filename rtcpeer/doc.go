// Package rtcpeer connects the members of a room over WebRTC data channels: each with each in a mesh,
// or each with a host that relays in a star. Its contract is that of Godot's MultiplayerPeer.
//
//	                   signaling server
//	                     |          |
//	     node.run <- Signaler    Signaler -> node.run
//	        |                                   |
//	     link.run ===== offers, answers ==== link.run        one goroutine a link
//	        |                                   |
//	Send -> lane -> transport - - - - transport -> lane -> inbox -> Receive
//
// A program calls Join, gets a Node, and then sees in one order who connects, what they send and who
// disconnects: no packet of a peer comes before its PeerConnected or after its PeerDisconnected, and
// each connected peer has exactly one PeerDisconnected, with a reason. A packet goes to everybody
// (Broadcast), to one peer (its id; Server is 1) or to all but one (minus its id), on a channel, in a
// mode. Who is not connected yet is not sent to.
//
// In a star the bytes are those of Godot's SceneMultiplayer (frames.go), so that Go programs and Godot
// games host each other, and with Config.Framed they are in a mesh. A packet tells by its Command what
// the engine makes of it. Config.Auth is SceneMultiplayer's authentication: both ends of a link have to
// accept each other, and until then nothing else passes and nobody is told.
//
//	link.connect -> link.authenticate -> link.serve
//	every lane open    07 00 ... 07 00     PeerConnected, packets
//
// Peer is the contract in Go: safe from any goroutine, no callbacks. Node implements it over a
// transport and a Signaler, Offline for one player alone. MultiplayerPeer puts the methods, the
// sticky state and the signals of Godot's class on any Peer, for a game loop.
//
// In a page (GOOS=js) nothing that waits may be called from a handler of JavaScript (js.FuncOf): the page
// stands still until the handler returns, and so does what is waited for. Start a goroutine there.
//
// A link, once open, needs the signaling server no more: losing the server never ends it.
//
// What the bounds are, and what happens at each, is in Config; what was dropped, and why, in Stats.
package rtcpeer
