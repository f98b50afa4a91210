package multiplayer_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"example.org/rtcpeer/rtcpeer"
	"example.org/rtcpeer/rtcpeer/multiplayer"
)

// A game loop at 60 Hz with the methods of Godot's MultiplayerPeer.
func Example() {
	node, err := rtcpeer.Join(context.Background(), "ws://localhost:9080/lobby", rtcpeer.Config{})
	if err != nil {
		log.Fatal(err)
	}
	peer := multiplayer.New(node)
	defer peer.Close()
	peer.PeerConnected = func(id rtcpeer.PeerID) { fmt.Println(id, "enters") }
	peer.PeerDisconnected = func(id rtcpeer.PeerID) { fmt.Println(id, "leaves") }

	for range time.Tick(time.Second / 60) {
		if err := peer.TryPoll(); err != nil { // Poll would wait for up to a second
			log.Fatal(err)
		}
		for peer.GetAvailablePacketCount() > 0 {
			from := peer.GetPacketPeer() // of the next packet, so before GetPacket
			data, err := peer.GetPacket()
			if err != nil {
				log.Fatal(err)
			}
			fmt.Printf("%d: %s\n", from, data)
		}
		peer.SetTargetPeer(rtcpeer.Broadcast)
		peer.SetTransferMode(multiplayer.TransferModeUnreliableOrdered)
		if err := peer.PutPacket([]byte("where this player is")); err != nil {
			log.Print(err)
		}
	}
}

// A game that also works without a network: Offline is always connected, and nobody else comes.
func ExampleNew_offline() {
	peer := multiplayer.New(&rtcpeer.Offline{})
	defer peer.Close()
	fmt.Println(peer.IsServer(), peer.GetConnectionStatus())
	// Output: true connected
}
