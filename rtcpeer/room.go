package rtcpeer

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"sync"
	"sync/atomic"
	"time"

	"example.org/rtcpeer/rtcpeer/transport"
	"example.org/rtcpeer/signaling"
)

// A room is what a node knows of its room, except for the members (see roster), and the way to the signaling server.
type room struct {
	// Fixed at construction.
	name     signaling.RoomName
	topology Topology
	signaler Signaler

	lead atomic.Pointer[lead] // safe for concurrent use; only Node.run changes it

	sending sync.Mutex // one Send of the signaler at a time

	mu       sync.Mutex    // guards the fields below
	sealed   chan struct{} // closed when the room is sealed
	locked   bool
	asking   []*ask          // what the server has not done yet: one of each kind, or of each member to be kicked
	relays   bool            // the server forwards binary frames
	away     time.Time       // until when the server keeps the place of an absent host; zero: the host is there
	own      json.RawMessage // this node's metadata, as the others see it
	ice      []signaling.ICEServer
	token    string // with which the node's place can be taken
	welcomes int
	lost     error     // why the connection to the server was lost; nil while it is there
	since    time.Time // when the connection was lost, or came back
	ended    error     // why the signaler brings nothing more
}

func newRoom(s Signaler, w signaling.Welcome, own json.RawMessage) *room {
	r := &room{
		name: w.Room, topology: w.Topology, signaler: s,
		sealed: make(chan struct{}), locked: w.Locked, since: time.Now(),
		away: awayUntil(w), own: own, token: w.Resume,
	}
	moved := make(chan struct{})
	close(moved)
	r.lead.Store(&lead{host: w.Host, term: w.Term, moved: moved})
	if w.Sealed {
		close(r.sealed)
	}
	return r
}

// awayUntil returns until when the server keeps the place of an absent host; zero means that the host is there.
func awayUntil(w signaling.Welcome) time.Time {
	if w.HostAwayMillis == 0 {
		return time.Time{}
	}
	return time.Now().Add(time.Duration(w.HostAwayMillis) * time.Millisecond)
}

// send hands a message for the server to the signaler.
func (r *room) send(ctx context.Context, m signaling.Message) error {
	r.sending.Lock()
	defer r.sending.Unlock()
	return r.signaler.Send(ctx, m)
}

// signal sends a signal to a member.
func (r *room) signal(ctx context.Context, to PeerID, data signaling.SignalData) error {
	raw, err := data.Encode()
	if err != nil {
		return err
	}
	return r.send(ctx, signaling.Signal{To: to, Data: raw})
}

// welcomed takes what a welcome says about the room. A server that has restarted has forgotten seal and lock, so it is
// asked for them again.
func (r *room) welcomed(w signaling.Welcome) {
	hosting := w.ID == r.lead.Load().host
	r.mu.Lock()
	defer r.mu.Unlock()
	r.welcomes++
	r.relays, r.away, r.token, r.ice = w.RelayLinks, awayUntil(w), w.Resume, w.ICEServers
	if hosting && r.locked && !w.Locked && r.asked(signaling.Lock{}) == nil {
		r.keep(signaling.Lock{})
	} else {
		r.setLocked(w.Locked)
	}
	switch {
	case w.Sealed:
		r.setSealed()
	case hosting && r.isSealed():
		r.keep(signaling.Seal{})
	}
}

// forwards reports whether the server forwards binary frames.
func (r *room) forwards() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.relays
}

// lose notes that the signaler has lost the server. It returns false if that was known.
func (r *room) lose(why error) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.lost != nil {
		return false
	}
	r.lost, r.since = why, time.Now()
	return true
}

// regain notes that the signaler is connected to the server. It returns false if it was not lost.
func (r *room) regain() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.lost == nil {
		return false
	}
	r.lost, r.since = nil, time.Now()
	return true
}

// isLost reports whether the signaler has lost the server, and is trying to come back.
func (r *room) isLost() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.lost != nil
}

// connection returns since when the connection to the server has been in its present state, and why it is lost, or nil.
func (r *room) connection() (since time.Time, lost error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.since, cmp.Or(r.ended, r.lost)
}

// resumed returns how often the signaler came back.
func (r *room) resumed() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return max(r.welcomes-1, 0)
}

// end notes that the signaler brings nothing more; the first reason stays. The server will answer nobody.
func (r *room) end(why error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ended == nil {
		r.ended = why
	}
	for _, a := range r.asking {
		a.err = r.ended
		close(a.done)
	}
	r.asking = nil
}

// why returns the reason of end, or nil.
func (r *room) why() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.ended
}

// renewICEServers stores the ICE servers for links that are made from now on.
func (r *room) renewICEServers(servers []signaling.ICEServer) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ice = servers
}

// iceServers returns the latest ICE servers that the server has sent.
func (r *room) iceServers() []transport.ICEServer {
	r.mu.Lock()
	defer r.mu.Unlock()
	servers := make([]transport.ICEServer, len(r.ice))
	for i, s := range r.ice {
		servers[i] = transport.ICEServer(s)
	}
	return servers
}

func (r *room) isSealed() bool {
	select {
	case <-r.sealed:
		return true
	default:
		return false
	}
}

func (r *room) becameSealed() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.setSealed()
}

// setSealed is becameSealed for a caller that holds mu.
func (r *room) setSealed() {
	if !r.isSealed() {
		close(r.sealed)
	}
	r.settle(signaling.Seal{})
}

func (r *room) isLocked() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.locked
}

func (r *room) becameLocked(locked bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.setLocked(locked)
}

// setLocked is becameLocked for a caller that holds mu.
func (r *room) setLocked(locked bool) {
	r.locked = locked
	if a := r.asked(signaling.Lock{}); a != nil && a.message == (signaling.Lock{Open: !locked}) {
		r.settle(a.message)
	}
}

// hasLeft notes that a member is gone, so that it need not be kicked any more.
func (r *room) hasLeft(id PeerID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.settle(signaling.Kick{ID: id})
}

func (r *room) ownMetadata() json.RawMessage {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.own
}

func (r *room) showOwn(metadata json.RawMessage) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.own = metadata
	// Else it answers an earlier call, or part of it is granted. To send it again does no harm.
	if a := r.asked(signaling.Metadata{}); a != nil && bytes.Equal(a.message.(signaling.Metadata).Metadata, metadata) {
		r.settle(a.message)
	}
}

func (r *room) renewToken(token string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.token = token
}

// ResumeToken returns the secret with which another node can take this one's place: see Config.Resume. The server
// renews it now and then, at least when the host changes or a member is kicked, so a program that keeps it, in a file
// for instance, looks at it again after each event. It stays readable after Suspend. A server of Godot's demo has none: "".
func (n *Node) ResumeToken() string {
	n.room.mu.Lock()
	defer n.room.mu.Unlock()
	return n.room.token
}

// Room returns the name of the room.
func (n *Node) Room() string { return string(n.room.name) }

// Topology returns the topology of the room.
func (n *Node) Topology() Topology { return n.room.topology }

// Host returns the id of the room's host that the signaling server named last. In a mesh the host plays no part in
// packets.
func (n *Node) Host() PeerID { return n.room.lead.Load().host }

// HostAway returns how long the server still keeps the place of a host that had lost its connection to the server when
// this node joined or came back. After that time the host is back; or, if the room migrates, another member is the host;
// or the room is over: ErrHostGone. 0 means that the host is there, as far as is known, or that the room is a mesh that
// goes on without it.
func (n *Node) HostAway() time.Duration {
	if l, err := n.roster.to(n.Host()); err == nil && !l.interrupted.Load() {
		return 0
	}
	n.room.mu.Lock()
	defer n.room.mu.Unlock()
	return max(time.Until(n.room.away), 0)
}

// hosts reports whether this node is the room's host.
func (n *Node) hosts() bool { return n.id == n.Host() }

// isGuest reports whether this node is a star's guest, which has one link: with the host.
func (n *Node) isGuest() bool { return n.room.topology == Star && !n.hosts() }

// Seal closes the room to newcomers, and returns when the server has done it or ctx is done. Members that lost their
// connection may still come back. If ctx ends first, the server may still do it. Errors: ErrNotHost, ErrClosed, the
// cause of ctx, why the connection to the server has ended for good.
func (n *Node) Seal(ctx context.Context) error { return n.ask(ctx, signaling.Seal{}) }

// Sealed reports whether the room is closed to newcomers for good.
func (n *Node) Sealed() bool { return n.room.isSealed() }
