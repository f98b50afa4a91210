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

// socketTransport is the transport of a room's node. A path is a socket that the room already has. The description of
// one end for the other is the id of the peer at the far end.
type socketTransport struct{ room *room }

func (t socketTransport) NewPath(transport.PathConfig) (transport.Path, error) {
	return &path{room: t.room, events: make(chan transport.Event, 2)}, nil
}

// OnChange never reports anything: a socket that keeps an old address is ended by its pings.
func (t socketTransport) OnChange(func()) (stop func()) { return func() {} }

func (t socketTransport) Close() error { return nil }

// path is the node's path over one socket.
type path struct {
	room   *room
	events chan transport.Event // opened and closed, once each
	ended  sync.Once            // for EventClosed

	mu     sync.Mutex // guards the fields below
	closed bool
	peer   rtcpeer.PeerID
	socket *socket // nil before the other end is described
}

// Offer begins the guest's end. The socket exists already: the guest has received its id over it.
func (p *path) Offer() (string, error) { return "websocket", nil }

func (p *path) Answer(offer string) (string, error) { return offer, p.describe(offer) }

func (p *path) Accept(answer string) error { return p.describe(answer) }

// describe takes the socket of the peer with the given id. The host's first frame on it tells the guest its own id
// (WebSocketMultiplayerPeer::_poll_server), before any packet.
func (p *path) describe(name string) error {
	id, err := strconv.ParseInt(name, 10, 32)
	if err != nil {
		return fmt.Errorf("websocket: no peer %q", name)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return transport.ErrClosed
	}
	p.peer = rtcpeer.PeerID(id)
	if p.socket, err = p.room.take(p.peer); err != nil {
		return err
	}
	if p.peer != rtcpeer.Server {
		_ = p.socket.write(binary.LittleEndian.AppendUint32(nil, uint32(id))) // if it fails, the reader notices the end
	}
	p.events <- transport.Event{Kind: transport.EventOpened}
	return nil
}

// AddCandidate does nothing: the connection exists already.
func (p *path) AddCandidate(transport.Candidate) error { return nil }

func (p *path) Events() <-chan transport.Event { return p.events }

// Lane returns one of several names for the same socket. Only lane 0 reads what arrives.
func (p *path) Lane(i int) transport.Lane { return lane{path: p, socket: p.current(), reads: i == 0} }

// Binding returns "": there are no certificates of both ends to name them by. Nothing can be proven over such a path,
// so a link that has lost its socket is over and cannot be repaired.
func (p *path) Binding() string { return "" }

func (p *path) Progress() transport.Progress {
	if p.current() == nil {
		return transport.Progress{Stage: transport.StageSignaling, Detail: "the handshake of the WebSocket"}
	}
	return transport.Progress{Stage: transport.StageOpen}
}

// Stats counts the bytes of the packets.
func (p *path) Stats() transport.Stats {
	s := p.current()
	if s == nil {
		return transport.Stats{}
	}
	return transport.Stats{RTT: time.Duration(s.rtt.Load()), BytesSent: s.sent.Load(), BytesReceived: s.received.Load()}
}

func (p *path) Close() error {
	p.mu.Lock()
	p.closed = true
	peer, s := p.peer, p.socket
	p.mu.Unlock()
	if s != nil {
		p.room.end(peer, s, closeNormal, "")
	}
	return nil
}

func (p *path) current() *socket {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.socket
}

// over tells the path's owner about an end that came from outside. After Misbehaved the owner ends the path itself.
func (p *path) over(err error) {
	if errors.Is(err, transport.ErrRemoteClosed) || errors.Is(err, transport.ErrLost) {
		p.ended.Do(func() { p.events <- transport.Event{Kind: transport.EventClosed, Err: err} })
	}
}

// lane is a path's socket as seen by one lane of the node. All lanes write to it, and share its queue.
type lane struct {
	path   *path
	socket *socket
	reads  bool
}

// Write refuses a packet that a game would answer with the end of its connection, whatever Config.Node.MaxPacket says.
func (l lane) Write(p []byte) error {
	if len(p) > godotBuffer && !l.socket.window.unbounded {
		return transport.ErrTooLarge
	}
	return l.socket.write(p)
}

func (l lane) Read(p []byte) (n int, err error) {
	if l.reads {
		n, err = l.socket.read(p)
	} else {
		err = l.socket.wait()
	}
	if err != nil {
		l.path.over(err)
	}
	return n, err
}

func (l lane) Buffered() int { return l.socket.out.buffered() }

func (l lane) Lag() time.Duration { return l.socket.out.lag() }

// NotifyLow applies to the whole socket: the node uses it on its one reliable lane.
func (l lane) NotifyLow(bytes int, f func()) { l.socket.out.notifyLow(bytes, f) }
