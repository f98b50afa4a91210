// Package rtcpeer connects the members of a room over WebRTC data channels. In a mesh every member is linked to every
// other; in a star every member is linked to the host, which relays. The contract is that of Godot's MultiplayerPeer.
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
// A program calls Join and gets a Node. It then sees, in one order, who connects, what they send and who disconnects.
// No packet of a peer comes before its PeerConnected or after its PeerDisconnected, and each connected peer has exactly
// one PeerDisconnected, with a reason. A packet goes to everybody (Broadcast), to one peer (its id, or Server for the host
// of a star) or to all but one (minus its id), on a channel, in a mode. Peers that are not connected yet do not get it.
//
// Between Send and the lanes, and between the lanes and the inbox, is the route (route.go): mesh, host or guest. It
// decides over which links a packet goes. The host's route is the relay of a star (relay.go); guest.go has the other end
// of it, and migration.go what happens when another member becomes the host. A lane carries one channel of a link, in one
// mode: channel 0 has three lanes, every other channel has one (channels.go).
//
// In a star, and in a mesh with Config.Framed, the bytes on the wire are those of Godot's SceneMultiplayer (frames.go),
// so Go programs and Godot games can host each other. The Command of a packet says what the engine does with it.
// Config.Auth is SceneMultiplayer's authentication: both ends of a link have to accept each other. Until then nothing
// else goes over the link, and the program is not told of the peer.
//
//	link.connect -> link.authenticate -> link.serve
//	every lane open    07 00 ... 07 00     PeerConnected, packets
//
// Receive returns all events in one order. Packets that the program handles slowly, such as those of an upload, can be
// taken from a queue of their own: Node.ChannelQueue and Node.PeerQueue. For a game whose server decides,
// Config.NoRelay and Config.Relay control what guests receive from each other.
//
// Peer is the contract as a Go interface: safe from any goroutine, no callbacks. Node implements it over a transport
// and a Signaler, Offline for a single player. Package multiplayer adds the methods, the sticky state and the signals
// of Godot's class to any Peer, for a game loop.
//
// In a web page (GOOS=js) a JavaScript handler (js.FuncOf) must not call anything that waits: the page stands still
// until the handler returns, and so does whatever the call waits for. Start a goroutine instead.
//
// A link is the relation between two peers. It outlives its paths: a path is one transport connection. When the path
// falls silent or closes, when this machine's addresses change, or when the machine was asleep, the two ends make
// another path beside it, and the link moves over. No reliable packet is lost or repeated, and the order stays. The
// program sees PeerInterrupted and PeerResumed. After Config.LostAfter it sees PeerDisconnected, and the two ends go on
// trying as long as both are in the room.
//
//	link:   making -> authenticating -> up -> interrupted -> up -> ... -> over
//	path:        1 -------------------------- x
//	                                   2 ------------------------ ...
//
// For this, both ends keep a control lane (control.go). It carries beats, so that silence means something (on an idle
// link between two Go programs ICE's checks take their place, unless both have thousands of links); counts of what each
// end has taken, so that the other need not keep it; and proofs of the link's secret, so that nobody who can write to
// the signaling server can take over a link. Pure functions (repair.go, negotiate.go) decide what state the path of a
// link is in and what it needs; link.run (connect.go, keep.go) does it. Both members have to take part: a link with a
// Godot peer or an older program has one path, and ends with it. A link over a relay looks for a direct path from time
// to time. With Config.RelayLinks a path may also go through the signaling server, encrypted, when WebRTC finds none
// (forwarding.go, package forwarded).
//
// An open link does not depend on the signaling server: losing the server never ends it. Only newcomers, repairs and
// paths that go through the server need it.
//
// Config has the limits and what happens at each; Stats has what was dropped, and why.
package rtcpeer
