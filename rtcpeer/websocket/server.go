//go:build !js

package websocket

import (
	"context"
	"net/http"
	"slices"

	"example.org/rtcpeer/rtcpeer"

	gorilla "github.com/gorilla/websocket"
)

// A Server is the host of a star, with id 1. It is a Peer for its program, and an http.Handler that makes each
// WebSocket a guest. The Node's methods are the server's. Close also closes the sockets, with code 1000, and waits
// until nothing is running: for Linger and a second at most. Later requests are answered with 503.
type Server struct {
	*rtcpeer.Node
	room     *room
	upgrader gorilla.Upgrader
}

// NewServer returns a server without guests. The caller serves it, on any path, and must Close it. The http.Server
// decides how long a request may take to arrive (ReadHeaderTimeout).
func NewServer(config Config) (*Server, error) {
	config, err := config.withDefaults()
	if err != nil {
		return nil, err
	}
	r := newRoom(config, rtcpeer.Server)
	config.Node.Transport = socketTransport{r}
	node, err := rtcpeer.New(context.Background(), r, config.Node)
	if err != nil {
		return nil, err
	}
	return &Server{
		Node: node,
		room: r,
		upgrader: gorilla.Upgrader{
			HandshakeTimeout: config.HandshakeTimeout,
			Subprotocols:     config.Subprotocols,
			CheckOrigin:      config.CheckOrigin,
		},
	}, nil
}

// ServeHTTP makes a WebSocket a guest. It returns when the handshake is done. A refusal is an HTTP status: 403 for a
// room that is sealed or refuses, for a page that CheckOrigin does not allow and for a missing subprotocol; 503 for a
// server that is full or closed.
func (s *Server) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	if no := s.refusal(req); no != nil {
		http.Error(w, no.text, no.status)
		return
	}
	if no := s.room.reserve(); no != nil {
		http.Error(w, no.text, no.status)
		return
	}
	trusted := saysPushesBack(req.Header)
	var header http.Header
	if trusted {
		header = http.Header{pushesBack: {"1"}}
	}
	conn, err := s.upgrader.Upgrade(w, req, header)
	if err != nil { // Upgrade has answered the request
		s.room.release()
		s.room.config.Node.Log.Debug("WebSocket handshake failed", "remote", req.RemoteAddr, "err", err)
		return
	}
	s.room.enter(conn, trusted)
}

func (s *Server) refusal(req *http.Request) *refusal {
	switch {
	case s.Refuses():
		return &refusal{http.StatusForbidden, "new connections are refused"}
	case s.missesSubprotocol(req):
		return &refusal{http.StatusForbidden, "the request must offer a subprotocol of this server"}
	}
	return nil
}

func (s *Server) missesSubprotocol(req *http.Request) bool {
	ours := s.upgrader.Subprotocols
	return len(ours) > 0 && !slices.ContainsFunc(gorilla.Subprotocols(req), func(p string) bool {
		return slices.Contains(ours, p)
	})
}
