// Package multiplayer has the interface of Godot's MultiplayerPeer class, for a game loop: its methods, its sticky
// state and its two signals. It works over any rtcpeer.Peer: a Node, an Offline, or a server or guest of package
// rtcpeer/websocket.
//
//	node.Send, node.Receive <- Peer.PutPacket, Peer.Poll <- the game loop
//
//	peer := multiplayer.New(node)
//	defer peer.Close()
//	for each frame {
//		err := peer.TryPoll()               // signals are called from here
//		for peer.GetAvailablePacketCount() > 0 {
//			from := peer.GetPacketPeer()    // of the next packet
//			data, err := peer.GetPacket()
//		}
//		peer.SetTargetPeer(rtcpeer.Broadcast)
//		peer.PutPacket(state)
//	}
//
// Names and numbers are those of the class reference (MultiplayerPeer, PacketPeer). Where Godot's WebRTC class
// misbehaves, the contract of rtcpeer.Peer holds instead. PutVar and GetVar send and receive values of Godot (package
// variant), and ParseRemoteCall reads an RPC of a Godot game.
package multiplayer
