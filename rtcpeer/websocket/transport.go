//go:build !js

package websocket

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"example.org/rtcpeer/rtcpeer"
	"example.org/rtcpeer/rtcpeer/transport"
)

// sockets is the transport of a room's node. A link is a socket that the room has already; the
// description of one end for the other is the id of the peer at its far end.
type sockets struct{ room *room }

func (t sockets) NewLink(transport.LinkConfig) (transport.Link, error) {
	return &link{room: t.room, events: make(chan transport.Event, 2)}, nil
}

func (t sockets) Close() error { return nil }

// link is the node's link over one socket.
type link struct {
	room   *room
	events chan transport.Event // opened and closed, once each
	ended  sync.Once            // for EventClosed

	mu     sync.Mutex // guards the fields below
	closed bool
	peer   rtcpeer.PeerID
	socket *socket // nil before the other end is described
}

// Offer begins the guest's end: the host has been there since the id came.
func (l *link) Offer() (string, error) { return "websocket", nil }

func (l *link) Answer(offer string) (string, error) { return offer, l.describe(offer) }

func (l *link) Accept(answer string) error { return l.describe(answer) }

// describe takes the socket with the peer of the given id. The host's first frame on it tells the
// guest its own id (WebSocketMultiplayerPeer::_poll_server), before any packet.
func (l *link) describe(name string) error {
	id, err := strconv.ParseInt(name, 10, 32)
	if err != nil {
		return fmt.Errorf("websocket: no peer %q", name)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return transport.ErrClosed
	}
	l.peer = rtcpeer.PeerID(id)
	if l.socket, err = l.room.take(l.peer); err != nil {
		return err
	}
	if l.peer != rtcpeer.Server {
		_ = l.socket.write(binary.LittleEndian.AppendUint32(nil, uint32(id))) // the reader finds the end
	}
	l.events <- transport.Event{Kind: transport.EventOpened}
	return nil
}

// AddCandidate has nothing to add: the path is there.
func (l *link) AddCandidate(transport.Candidate) error { return nil }

func (l *link) Events() <-chan transport.Event { return l.events }

// Lane returns one of several names for the same socket. What arrives is read on lane 0 alone.
func (l *link) Lane(i int) transport.Lane { return lane{link: l, socket: l.current(), reads: i == 0} }

func (l *link) Progress() transport.Progress {
	if l.current() == nil {
		return transport.Progress{Stage: transport.StageSignaling, Detail: "the handshake of the WebSocket"}
	}
	return transport.Progress{Stage: transport.StageOpen}
}

// Stats count the bytes of the packets.
func (l *link) Stats() transport.Stats {
	s := l.current()
	if s == nil {
		return transport.Stats{}
	}
	return transport.Stats{RTT: time.Duration(s.rtt.Load()), BytesSent: s.sent.Load(), BytesReceived: s.received.Load()}
}

func (l *link) Close() error {
	l.mu.Lock()
	l.closed = true
	peer, s := l.peer, l.socket
	l.mu.Unlock()
	if s != nil {
		l.room.end(peer, s, closeNormal, "")
	}
	return nil
}

func (l *link) current() *socket {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.socket
}

// over tells the link's owner of an end that came from outside. One that Misbehaved it ends itself.
func (l *link) over(err error) {
	if errors.Is(err, transport.ErrRemoteClosed) || errors.Is(err, transport.ErrLost) {
		l.ended.Do(func() { l.events <- transport.Event{Kind: transport.EventClosed, Err: err} })
	}
}

// lane is a link's socket as seen by one lane of the node: all write to it, and share its queue.
type lane struct {
	link   *link
	socket *socket
	reads  bool
}

func (l lane) Write(p []byte) error { return l.socket.write(p) }

func (l lane) Read(p []byte) (n int, err error) {
	if l.reads {
		n, err = l.socket.read(p)
	} else {
		err = l.socket.wait()
	}
	if err != nil {
		l.link.over(err)
	}
	return n, err
}

func (l lane) Buffered() int { return l.socket.out.buffered() }

func (l lane) Lag() time.Duration { return l.socket.out.lag() }

// NotifyLow is that of the socket: the node asks for it on its one reliable lane.
func (l lane) NotifyLow(bytes int, f func()) { l.socket.out.notifyLow(bytes, f) }
