package signalserver_test

import (
	"context"
	"fmt"
	"log"
	"net"
	"net/http"

	"example.org/rtcpeer/rtcpeer"
	"example.org/rtcpeer/signaling/signalserver"
)

// One program is the web server, the signaling server and the host of a game.
func Example() {
	ctx := context.Background()
	signaling, err := signalserver.New(signalserver.Config{})
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/signal/", signaling) // beside the pages of the game
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	web := &http.Server{Handler: mux}
	go web.Serve(listener)
	defer web.Close()
	defer signaling.Shutdown(ctx) // first: web.Shutdown does not end the sessions

	host, err := rtcpeer.Join(ctx, fmt.Sprintf("ws://%s/signal/arena", listener.Addr()), rtcpeer.Config{
		Topology: rtcpeer.Star,
		Create:   rtcpeer.CreateOnly,
	})
	if err != nil {
		log.Fatal(err)
	}
	defer host.Close()
	fmt.Printf("%s has the host %d\n", host.Room(), host.Host())
	for _, room := range signaling.Rooms() {
		fmt.Println(room.Name, room.Topology)
	}
	// Output:
	// arena has the host 1
	// arena star
}
