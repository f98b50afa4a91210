package memory_test

import (
	"context"
	"fmt"
	"log"

	"example.org/rtcpeer/rtcpeer"
	transport "example.org/rtcpeer/rtcpeer/transport/memory"
	"example.org/rtcpeer/signaling/memory"
)

// Two players in one process, without a network: for the tests of a game.
func Example() {
	ctx := context.Background()
	server := memory.NewServer()
	defer server.Close()
	network := transport.NewNetwork(transport.Options{})

	join := func() *rtcpeer.Node {
		config := rtcpeer.Config{Topology: rtcpeer.Star, Transport: network.Transport()}
		message := rtcpeer.JoinMessage(config)
		message.Room = "hall"
		client, err := server.Join(ctx, message)
		if err != nil {
			log.Fatal(err)
		}
		node, err := rtcpeer.New(ctx, client, config)
		if err != nil {
			log.Fatal(err)
		}
		return node
	}
	host := join()
	defer host.Close()
	guest := join()
	defer guest.Close()

	for {
		ev, err := guest.Receive(ctx)
		if err != nil {
			log.Fatal(err)
		}
		if ev.Kind == rtcpeer.PeerConnected {
			fmt.Println("connected to", ev.Peer)
			return
		}
	}
	// Output: connected to 1
}
