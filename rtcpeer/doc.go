// Package rtcpeer connects the members of a room over WebRTC data channels: each with each in a mesh,
// or each with a host that relays in a star. Its contract is that of Godot's MultiplayerPeer.
//
//	                   signaling server
//	                     |          |
//	     node.run <- Signaler    Signaler -> node.run
//	        |                                   |
//	     peer.run  (one goroutine a peer)    peer.run
//	        |                                   |
//	       link ===== offers, answers ======= link
//	        |                                   |
//	Send -> lane -> path - - - - - - - - path -> lane -> inbox -> Receive
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
// Receive has all events in one order. What the program works on slowly, such as an upload, it takes by itself:
// Node.ChannelQueue and Node.PeerQueue. For a game whose server decides, Config.NoRelay and Config.Relay rule what guests
// hear of each other.
//
// Peer is the contract in Go: safe from any goroutine, no callbacks. Node implements it over a
// transport and a Signaler, Offline for one player alone. MultiplayerPeer puts the methods, the
// sticky state and the signals of Godot's class on any Peer, for a game loop.
//
// In a page (GOOS=js) nothing that waits may be called from a handler of JavaScript (js.FuncOf): the page
// stands still until the handler returns, and so does what is waited for. Start a goroutine there.
//
// A link is the relation of two peers, and outlives its paths: a path is one transport connection under it.
// When the path falls silent or closes, or this machine's addresses change, or it was asleep, the two make
// another one beside it, and the link moves over. No reliable packet is lost or repeated, and the order stays.
// The program sees PeerInterrupted and PeerResumed; after Config.LostAfter it sees PeerDisconnected, and as
// long as both are in the room the two go on trying.
//
//	link:   making -> authenticating -> up -> interrupted -> up -> ... -> over
//	path:        1 -------------------------- x
//	                                   2 ------------------------ ...
//
// Both ends keep a control lane for that (control.go): beats, so that silence means something; counts of what
// each has taken, so that the other need not keep it; and proofs of the link's secret, so that nobody who can
// write to the signaling server can take a link over. Where the path of a link stands and what it needs is
// decided by pure functions (repair.go, negotiate.go), and done by link.run (connect.go, keep.go). Both members
// have to take part; a link with Godot's peers or older programs has one path, and ends with it. A path through
// a relay looks for a direct one from time to time. With Config.RelayLinks a path may also go through the signaling
// server, encrypted (forwarding.go, package forwarded): when WebRTC finds none.
//
// A link, once open, needs the signaling server no more: losing the server never ends it. Only a repair needs it, and a path through it.
//
// What the bounds are, and what happens at each, is in Config; what was dropped, and why, in Stats.
package rtcpeer
