// Package websocket is Godot's WebSocketMultiplayerPeer: a star over WebSockets, for where WebRTC is
// not to be had, because UDP is blocked or because a Godot game speaks nothing else.
//
//	guest (Dial, or a Godot game)              host (Server, or a Godot game)
//	  ---- GET, Upgrade: websocket ------------->  ServeHTTP
//	  <--- binary, 4 bytes: its id, from 2 -----
//	  <--> binary: one packet each, no header -->  of Godot's MultiplayerAPI, see below
//	  <--- ping, every Config.PingInterval ---->   and both ends answer; to a game also behind each 16 KiB
//	  <--- close 1000 ------------------------->   whoever leaves
//
// Both ends are a rtcpeer.Node, so that inbox, bounds, relay and reasons are those of every other
// Peer, and rtcpeer.NewMultiplayerPeer works over them. What stands below the Node is here:
//
//	Node -> room        a Signaler: welcomes the node, and tells it which sockets come and go
//	Node -> path, lane  a transport whose paths are sockets
//	        socket -> outbox -> writeLoop      one goroutine a socket; the node's lane reads
//
// The wire carries no channel and no mode: everything arrives on channel 0 as Reliable, whatever it
// was sent as. What is sent in the unreliable modes is still dropped when the socket lags, so it does
// not age in a queue. There are no other channels: Config.Node.Channels must be empty.
//
// A game reads its socket once a frame, into a buffer of 64 KiB, and drops what does not fit, and what it reads together
// with a close frame. So at most 48 KiB, or one packet, are on their way to it that it has not answered by a pong, and
// Disconnect and Close wait for its pong, up to a second, before they send the close frame. Two ends of this package know
// each other by a header and need none of that.
//
// The packets are those of Godot's MultiplayerAPI, whose server relays between its clients. For a game
// that uses WebSocketMultiplayerPeer bare, with put_packet and without MultiplayerAPI, see
// Config.Bare.
//
// This wire has no name for the end of a handshake that fails, nor for a refusal: a Godot guest sees
// its connection fail, ours is told why. The package does not redial. In a browser (GOOS=js) there is
// nothing here: Godot's own client is the one for that place.
package websocket
