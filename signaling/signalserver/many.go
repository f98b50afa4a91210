package signalserver

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/gorilla/websocket"

	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/signaling/cluster"
	"example.org/rtcpeer/signaling/rooms"
)

// What a server does that shares its rooms with others: package cluster has the rest.

func (s *Server) newNode() *cluster.Node {
	dialects := map[string]*signaling.Dialect{signaling.Subprotocol: s.own}
	if s.config.Plain != nil {
		dialects[plainName] = s.config.Plain
	}
	visitors := &address{all: s.addresses, open: true, share: 1}
	return cluster.New(cluster.Config{
		Bus:      s.config.Bus,
		Server:   s.config.ServerName,
		Dialects: dialects,
		Account:  func() rooms.Account { return visitors },
		Answer:   s.answer,
		Log:      s.config.Log,
	})
}

// plainName is what all servers call Config.Plain.
const plainName = "plain"

// Ready returns nil if the server can take members, or why it cannot: it is drained, or does not reach the other servers.
func (s *Server) Ready() error {
	if s.node == nil {
		return nil
	}
	return s.node.Ready()
}

// handOverTime is how long the bus may take for that. The other servers go on with the rooms in any case, some seconds later.
const handOverTime = 3 * time.Second

// handOver gives the rooms to the other servers.
func (s *Server) handOver(ctx context.Context) error {
	if s.node == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, handOverTime)
	defer cancel()
	if err := s.node.HandOver(ctx); err != nil {
		return fmt.Errorf("signalserver: hand the rooms over: %w", err)
	}
	return nil
}

func (s *session) enterCluster(j signaling.Join) (joined bool, err error) {
	p, err := s.server.node.Enter(s, j, s.admitted)
	if err != nil || p == nil {
		return false, err
	}
	s.place.Store(p)
	if m := s.member.Load(); m != nil {
		s.server.expelBanned(m)
	}
	return !p.Waiting(), nil
}

// waits reports whether the session waits to be matched, here or elsewhere, or has a place on another server.
func (s *session) waits() bool { return s.place.Load() != nil }

// What package cluster asks of a session.

func (s *session) Push(frames [][]byte)      { s.push(websocket.TextMessage, frames...) }
func (s *session) Member() *rooms.Member     { return s.member.Load() }
func (s *session) SetMember(m *rooms.Member) { s.member.Store(m) }
func (s *session) DialectName() string {
	if s.dialect == s.server.own {
		return signaling.Subprotocol
	}
	return plainName
}

// Welcomed is of use to sessions of other servers alone.
func (s *session) Welcomed(*rooms.Member, rooms.Attachment, string) {}

// Listed answers a list that came by way of the server of the room.
func (s *session) Listed(l signaling.List) {
	s.server.mu.Lock()
	defer s.server.mu.Unlock()
	if s.server.stopping {
		return
	}
	s.server.wg.Go(func() {
		if err := s.list(l); err != nil {
			s.refuse(err)
		}
	})
}

// listAll answers a list with the public rooms of all servers.
func (s *Server) listAll(l signaling.List) signaling.Rooms { return s.rooms.List(l) }

// answer answers another server.
func (s *Server) answer(op string, body json.RawMessage) (any, error) { return nil, nil }
