package multiplayer_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"example.org/rtcpeer/rtcpeer"
	"example.org/rtcpeer/rtcpeer/multiplayer"
	"example.org/rtcpeer/rtcpeer/transfer"
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

// A fileNode is a Node whose files are sent and received by package transfer, and everything else by a Peer.
type fileNode struct {
	*rtcpeer.Node
	files *transfer.Files
}

func (n fileNode) Receive(ctx context.Context) (rtcpeer.Event, error) {
	for {
		ev, err := n.Node.Receive(ctx)
		if err != nil || !n.files.Handle(ev) {
			return ev, err
		}
	}
}

func (n fileNode) TryReceive() (rtcpeer.Event, error) {
	for {
		ev, err := n.Node.TryReceive()
		if err != nil || !n.files.Handle(ev) {
			return ev, err
		}
	}
}

// A game that also sends files: package transfer sees each event before the Peer does.
func ExampleNew_files() {
	node, err := rtcpeer.Join(context.Background(), "ws://localhost:9080/lobby", rtcpeer.Config{Channels: []rtcpeer.Mode{rtcpeer.Reliable}})
	if err != nil {
		log.Fatal(err)
	}
	files, err := transfer.New(node, 1, transfer.Config{})
	if err != nil {
		log.Fatal(err)
	}
	peer := multiplayer.New(fileNode{node, files})
	defer peer.Close()
	defer files.Close()
	for range time.Tick(time.Second / 60) {
		if err := peer.TryPoll(); err != nil {
			log.Fatal(err)
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
