// Package websocket is Godot's WebSocketMultiplayerPeer: a star over WebSockets. It is for places where WebRTC is not
// available because UDP is blocked, and for Godot games that use nothing else.
//
//	guest (Dial, or a Godot game)              host (Server, or a Godot game)
//	  ---- GET, Upgrade: websocket ------------->  ServeHTTP
//	  <--- binary, 4 bytes: its id, from 2 -----
//	  <--> binary: one packet each, no header -->  of Godot's MultiplayerAPI, see below
//	  <--- ping, every Config.PingInterval ---->   and both ends answer; to a game also behind each 16 KiB
//	  <--- close 1000 ------------------------->   from the end that leaves
//
// Each end is an rtcpeer.Node, so inbox, limits, relay and reasons are those of every other Peer, and package
// multiplayer works with them. This package has what is below the Node:
//
//	Node -> room        a Signaler: welcomes the node, and tells it which sockets come and go
//	Node -> path, lane  a transport whose paths are sockets
//	        socket -> outbox -> writeLoop      one goroutine a socket; the node's lane reads
//
// The wire carries no channel and no mode: everything arrives on channel 0 as Reliable, whatever it was sent as.
// Packets sent in the unreliable modes are still dropped when the socket lags, so that they do not age in a queue.
// There are no other channels: Config.Node.Channels must be empty.
//
// A game reads its socket once a frame, into a buffer of 64 KiB. It drops what does not fit, and what it reads together
// with a close frame. So at most 48 KiB, or one packet, that the game has not answered by a pong are on their way to
// it. Disconnect and Close wait for its pong, up to a second, before they send the close frame. Two ends of this
// package recognize each other by a header and need none of that.
//
// The packets are those of Godot's MultiplayerAPI, whose server relays between its clients. See Config.Bare for a game
// that uses WebSocketMultiplayerPeer bare, with put_packet and without MultiplayerAPI.
//
// This wire has no message for a refusal, or for another reason why a handshake fails: a Godot guest sees only that its
// connection fails, while a guest of this package is told why. There is no signaling server, so Kick, SetMetadata,
// SetSuccessor and SetLocked return errors: use Disconnect, Seal and SetRefuse. The package does not redial. In a browser
// (GOOS=js) it is empty: Godot's own client is the one to use there.
package websocket
