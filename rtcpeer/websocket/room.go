//go:build !js

package websocket

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strconv"
	"sync"

	"example.org/rtcpeer/rtcpeer"
	"example.org/rtcpeer/signaling"

	gorilla "github.com/gorilla/websocket"
)

// room is the node's Signaler. There is no signaling server. A host's room welcomes the host, and then announces each
// socket as a member that has already offered. A guest's room has one member, the host, which answers the guest's offer
// at once.
type room struct {
	// Fixed at construction.
	config  Config
	welcome signaling.Welcome
	ready   chan struct{} // holds a token while there is something to receive, or the end
	done    chan struct{} // closed by Close
	places  sync.WaitGroup

	mu      sync.Mutex // guards the fields below
	queue   []signaling.Message
	members map[rtcpeer.PeerID]*member
	taken   int // number of places of members, and of sockets whose handshake is under way
	sealed  bool
	closed  bool
	ended   error // received after the queue
}

// member is the far end of a socket.
type member struct {
	socket *socket
	taken  bool // by a path, which closes the socket
}

const (
	closeNormal  = gorilla.CloseNormalClosure
	closeRefused = gorilla.ClosePolicyViolation
)

// messagesEach is the most messages that a member puts into the queue: joined, offer, left. The node takes them without
// waiting for anything. While it does not, newcomers are turned away.
const messagesEach = 3

func newRoom(config Config, id rtcpeer.PeerID) *room {
	r := &room{
		config: config,
		welcome: signaling.Welcome{
			ID: id, Room: "websocket", Topology: config.topology(), Host: rtcpeer.Server, Resume: "-",
		},
		ready:   make(chan struct{}, 1),
		done:    make(chan struct{}),
		members: make(map[rtcpeer.PeerID]*member),
	}
	if id != rtcpeer.Server {
		r.welcome.Members = []signaling.Member{{ID: rtcpeer.Server}}
	}
	r.put(r.welcome)
	return r
}

var errNoServer = errors.New("websocket: this needs a signaling server, and a WebSocket has none: use Disconnect, Seal or SetRefuse")

// A refusal says why there is no place, with an HTTP status.
type refusal struct {
	status int
	text   string
}

// reserve takes a place for a socket, until end or release.
func (r *room) reserve() *refusal {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.closed:
		return &refusal{http.StatusServiceUnavailable, "the server is closed"}
	case r.taken >= r.config.MaxGuests || len(r.queue) > messagesEach*r.config.MaxGuests:
		return &refusal{http.StatusServiceUnavailable, "the server is full"}
	case r.sealed:
		return &refusal{http.StatusForbidden, "the room is sealed"}
	}
	r.taken++
	r.places.Add(1)
	return nil
}

func (r *room) release() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.free()
}

// free gives a place back; mu is held.
func (r *room) free() {
	r.taken--
	r.places.Done()
}

// enter makes a guest's connection a member under a new id. It is trusted if the guest is of this package.
func (r *room) enter(conn *gorilla.Conn, trusted bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		conn.Close()
		r.free()
		return
	}
	id := signaling.RandomID()
	for r.members[id] != nil {
		id = signaling.RandomID()
	}
	r.members[id] = &member{socket: newSocket(conn, r.config, trusted)}
	r.put(signaling.Joined{Member: signaling.Member{ID: id}})
	r.put(described(id, signaling.Offer))
}

// enterHost is enter for a guest's room, in which the host is the only member.
func (r *room) enterHost(conn *gorilla.Conn, trusted bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.taken++
	r.places.Add(1)
	r.members[rtcpeer.Server] = &member{socket: newSocket(conn, r.config, trusted)}
}

// take hands the socket of a member to a path.
func (r *room) take(id rtcpeer.PeerID) (*socket, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	m := r.members[id]
	if m == nil || m.taken || r.closed {
		return nil, net.ErrClosed
	}
	m.taken = true
	return m.socket, nil
}

// end closes a socket, and then announces that its member is gone. Further calls for the same socket also wait until it
// is closed.
func (r *room) end(id rtcpeer.PeerID, s *socket, code int, text string) {
	s.close(code, text)
	r.mu.Lock()
	defer r.mu.Unlock()
	if m := r.members[id]; m == nil || m.socket != s {
		return
	}
	delete(r.members, id)
	r.free()
	if id == rtcpeer.Server { // the room ends with the host
		r.ended = rtcpeer.ErrHostGone
		wake(r.ready)
		return
	}
	r.put(signaling.Left{ID: id, Reason: signaling.LeftByItself})
}

// Send plays the other end's part, and never waits. The wire has no place for what a host says to a guest, except for a
// refusal, which is a close frame instead of an id.
func (r *room) Send(_ context.Context, m signaling.Message) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return net.ErrClosed
	}
	switch m := m.(type) {
	case signaling.Signal:
		data, err := signaling.DecodeSignalData(m.Data)
		if err != nil {
			return err
		}
		switch data.Type {
		case signaling.Offer:
			r.put(described(m.To, signaling.Answer))
		case signaling.Refuse:
			r.refuse(m.To, data.Text)
		}
	case signaling.Seal:
		r.sealed = true
		r.put(signaling.Sealed{})
	case signaling.Kick, signaling.Lock, signaling.Metadata, signaling.Successor:
		return errNoServer
	}
	return nil
}

// refuse closes a socket that no path has taken; mu is held. The goroutine ends when the socket is closed, and Close
// waits for its place to be given back.
func (r *room) refuse(id rtcpeer.PeerID, text string) {
	if m := r.members[id]; m != nil && !m.taken {
		m.taken = true
		go r.end(id, m.socket, closeRefused, text)
	}
}

func (r *room) Receive(ctx context.Context) (signaling.Message, error) {
	for {
		if m, err := r.next(); m != nil || err != nil {
			return m, err
		}
		select {
		case <-r.ready:
		case <-r.done:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

func (r *room) next() (signaling.Message, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.closed:
		return nil, net.ErrClosed
	case len(r.queue) > 0:
		m := r.queue[0]
		r.queue = r.queue[1:]
		return m, nil
	default:
		return nil, r.ended
	}
}

// Close admits nobody any more, closes all sockets, and waits until none is left.
func (r *room) Close() error {
	r.mu.Lock()
	if !r.closed {
		r.closed = true
		close(r.done)
		for id, m := range r.members {
			go r.end(id, m.socket, closeNormal, "")
		}
	}
	r.mu.Unlock()
	r.places.Wait()
	return nil
}

// put appends a message; mu is held.
func (r *room) put(m signaling.Message) {
	r.queue = append(r.queue, m)
	wake(r.ready)
}

// described returns a description of the socket with a peer, as if the peer had sent it.
func described(id rtcpeer.PeerID, kind signaling.SignalType) signaling.Signal {
	data, _ := signaling.SignalData{Type: kind, SDP: strconv.Itoa(int(id))}.Encode() // cannot fail
	return signaling.Signal{From: id, Data: data}
}
