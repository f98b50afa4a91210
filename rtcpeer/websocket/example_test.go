//go:build !js

package websocket_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"time"

	"example.org/rtcpeer/rtcpeer"
	"example.org/rtcpeer/rtcpeer/multiplayer"
	"example.org/rtcpeer/rtcpeer/websocket"
)

// A server for a Godot game whose players call create_client("ws://host:9081"). It greets each of
// them, and relays between them by itself.
func Example() {
	server, err := websocket.NewServer(websocket.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer server.Close()
	web := &http.Server{Addr: ":9081", Handler: server, ReadHeaderTimeout: 3 * time.Second}
	go func() { log.Print(web.ListenAndServe()) }()
	defer web.Close()
	for {
		ev, err := server.Receive(context.Background())
		if err != nil {
			return
		}
		switch ev.Kind {
		case rtcpeer.PeerConnected:
			err = server.TrySend(rtcpeer.Packet{Peer: ev.Peer, Data: []byte("hello")})
		case rtcpeer.PacketReceived:
			fmt.Printf("%d: %s\n", ev.Packet.Peer, ev.Packet.Data)
		}
		if err != nil {
			log.Print(err)
		}
	}
}

// A guest with the interface of Godot's class, for a game loop.
func ExampleDial() {
	guest, err := websocket.Dial(context.Background(), "wss://game.example/play", websocket.Config{})
	if err != nil {
		log.Fatal(err)
	}
	game := multiplayer.New(guest)
	defer game.Close()
	for game.Poll() == nil {
		for game.GetAvailablePacketCount() > 0 {
			from := game.GetPacketPeer()
			data, _ := game.GetPacket()
			fmt.Printf("%d: %s\n", from, data)
		}
	}
}
