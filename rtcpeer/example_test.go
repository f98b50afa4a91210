package rtcpeer_test

import (
	"context"
	"fmt"
	"log"

	"example.org/rtcpeer/rtcpeer"
)

// The whole of a program that greets everybody and prints what they say.
func Example() {
	ctx := context.Background()
	if err := greet(ctx); err != nil {
		log.Fatal(err)
	}
}

func greet(ctx context.Context) error {
	node, err := rtcpeer.Join(ctx, "ws://localhost:9080/lobby", rtcpeer.Config{})
	if err != nil {
		return err
	}
	defer node.Close()
	for ev, err := range node.Events(ctx) {
		if err != nil {
			return err
		}
		switch ev.Kind {
		case rtcpeer.PeerConnected:
			err = node.Send(ctx, rtcpeer.Packet{Peer: ev.Peer, Mode: rtcpeer.Reliable, Data: []byte("hello")})
		case rtcpeer.PacketReceived:
			fmt.Printf("%d: %s\n", ev.Packet.Peer, ev.Packet.Data)
		}
		if err != nil {
			log.Print(err)
		}
	}
	return nil
}
