package demo

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"

	"example.org/rtcpeer/signaling/signalserver"
)

// A server is a signaling server on a free port of the loopback interface.
type server struct {
	url   string
	rooms *signalserver.Server
	http  http.Server
	wg    sync.WaitGroup // http.Serve
}

func startServer() (*server, error) {
	// All peers join at almost the same time. The default message rate limit, meant for public servers, would
	// slow them down.
	rooms, err := signalserver.New(signalserver.Config{MessageRate: -1})
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, errors.Join(fmt.Errorf("demo: %w", err), rooms.Shutdown(context.Background()))
	}
	s := &server{url: fmt.Sprintf("ws://%s/demo", listener.Addr()), rooms: rooms}
	s.http.Handler = rooms
	s.wg.Go(func() { s.http.Serve(listener) })
	return s, nil
}

// stop ends the server. All peers must have left their room.
func (s *server) stop() {
	s.rooms.Shutdown(context.Background())
	s.http.Close()
	s.wg.Wait()
}
