package rtcpeer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"example.org/rtcpeer/rtcpeer/transport"
	"example.org/rtcpeer/signaling"
)

// A Signaler carries signals between this node and its room. Send and Receive may be called from
// different goroutines, each from one at a time. The first message received is a Welcome; a later
// Welcome means that the connection was lost and resumed, and tells the room's state anew. Send
// should not wait for a network. An error of Receive is final: the signaler will carry nothing more.
// After Close both return an error that wraps net.ErrClosed.
//
// signalclient.Client is one, for this module's server. Any other way to carry a few kilobytes
// between two programs can be made one.
type Signaler interface {
	Send(context.Context, signaling.Message) error
	Receive(context.Context) (signaling.Message, error)
	Close() error
}

// Node is this participant of a room. It implements Peer.
type Node struct {
	// Fixed at construction.
	id       PeerID
	room     signaling.RoomName
	topology Topology
	host     PeerID
	config   Config
	channels channels
	framed   bool // packets are framed: in a star, or with Config.Framed
	log      *slog.Logger

	transport     transport.Transport
	ownsTransport bool
	signaler      Signaler
	inbox         *inbox
	route         route

	// Safe for all.
	links    links
	counters counters
	refuse   atomic.Bool
	status   atomic.Int32

	ctx    context.Context // the node's life; its cause is why it ended
	cancel context.CancelCauseFunc
	wg     sync.WaitGroup // run
	making sync.WaitGroup // every link.run; run waits for them
	closed sync.Once

	sending sync.Mutex // one Send of the signaler at a time

	mu           sync.Mutex // guards the fields below
	members      map[PeerID]signaling.Member
	running      map[PeerID]*link // every link whose run has not ended its work
	lost         map[PeerID]bool  // members whose link was Lost, and is not running again
	ended        Totals           // of links that are over
	ice          []signaling.ICEServer
	sealed       chan struct{} // closed when the room is sealed
	locked       bool
	lockTold     chan struct{} // closed, and replaced, when the server tells of the lock
	signalingErr error         // why the signaler ended
	welcomes     int
}

// New makes a node of a Signaler that was just connected: it waits for the Welcome until ctx is done.
// The node owns the signaler from then on, and closes it even if New fails.
func New(ctx context.Context, s Signaler, config Config) (*Node, error) {
	config, err := config.withDefaults()
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	welcome, err := awaitWelcome(ctx, s)
	if err == nil && config.Topology != "" && welcome.Topology != config.Topology {
		err = &signaling.Error{Code: signaling.CodeTopologyMismatch, Text: fmt.Sprintf("room %q is a %s, not a %s", welcome.Room, welcome.Topology, config.Topology)}
	}
	if err == nil && config.Auth != nil && welcome.Topology == Mesh && !config.Framed {
		err = fmt.Errorf("room %q is a mesh of bare packets: authentication (Config.Auth) needs a star, or Config.Framed", welcome.Room)
	}
	if err != nil {
		s.Close()
		return nil, fmt.Errorf("rtcpeer: join: %w", err)
	}
	t, owns, err := config.transport()
	if err != nil {
		s.Close()
		return nil, fmt.Errorf("rtcpeer: transport: %w", err)
	}
	n := &Node{
		id:            welcome.ID,
		room:          welcome.Room,
		topology:      welcome.Topology,
		host:          welcome.Host,
		config:        config,
		channels:      channelsOf(config.Channels),
		framed:        config.Framed || welcome.Topology == Star,
		log:           config.Log.With("node", welcome.ID, "room", welcome.Room),
		transport:     t,
		ownsTransport: owns,
		signaler:      s,
		inbox:         newInbox(config.ReceiveBuffer),
		members:       make(map[PeerID]signaling.Member),
		running:       make(map[PeerID]*link),
		lost:          make(map[PeerID]bool),
		sealed:        make(chan struct{}),
		locked:        welcome.Locked,
		lockTold:      make(chan struct{}),
	}
	n.ctx, n.cancel = context.WithCancelCause(context.Background())
	n.refuse.Store(config.Refuse)
	if welcome.Sealed {
		n.becameSealed()
	}
	n.chooseRoute()
	n.wg.Go(func() { n.run(welcome) })
	return n, nil
}

func awaitWelcome(ctx context.Context, s Signaler) (signaling.Welcome, error) {
	m, err := s.Receive(ctx)
	if err != nil {
		return signaling.Welcome{}, err
	}
	switch m := m.(type) {
	case signaling.Welcome:
		return m, m.Validate()
	case *signaling.Error:
		return signaling.Welcome{}, m
	}
	return signaling.Welcome{}, fmt.Errorf("the signaler began with %q, not with a welcome", m.Kind())
}

func (n *Node) chooseRoute() {
	n.status.Store(int32(ConnectionConnected))
	switch {
	case n.topology == Mesh:
		n.route = &mesh{node: n}
	case n.id == n.host:
		n.route = &host{node: n}
	default:
		n.route = &guest{node: n, relayed: make(map[PeerID]*presence)}
		n.status.Store(int32(ConnectionConnecting))
	}
}

func (n *Node) ID() PeerID { return n.id }

// Room returns the name of the room.
func (n *Node) Room() string { return string(n.room) }

// Topology returns the topology of the room.
func (n *Node) Topology() Topology { return n.topology }

// Host returns the id of the room's host. In a mesh it has no part in the packets.
func (n *Node) Host() PeerID { return n.host }

func (n *Node) Status() ConnectionStatus { return ConnectionStatus(n.status.Load()) }

func (n *Node) Relays() bool { return n.topology == Star }

func (n *Node) Peers() []PeerID {
	ids := n.route.peers()
	slices.Sort(ids)
	return ids
}

// Members returns the ids of those the signaling server has told of, whether connected or not, in
// ascending order: in a star, for a guest, the host alone. The caller owns the slice.
func (n *Node) Members() []PeerID {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Sorted(maps.Keys(n.members))
}

// Metadata returns what a member of the room gave as its Config.Metadata, or nil. A star's guest knows
// the host's alone. The caller must not change it.
func (n *Node) Metadata(id PeerID) json.RawMessage {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.members[id].Metadata
}

func (n *Node) Send(ctx context.Context, p Packet) error {
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	return n.put(ctx, p)
}

func (n *Node) TrySend(p Packet) error { return n.put(noWait, p) }

// noWait in place of a context means that sending does not wait.
var noWait context.Context

func (n *Node) put(ctx context.Context, p Packet) error {
	i, err := n.channels.lane(p.Channel, p.Mode)
	switch {
	case n.ctx.Err() != nil:
		return context.Cause(n.ctx)
	case err != nil:
		return err
	case len(p.Data) == 0:
		return nil
	case len(p.Data) > n.config.MaxPacket:
		return fmt.Errorf("%w: %d bytes: at most %d (Config.MaxPacket)", ErrPacketTooLarge, len(p.Data), n.config.MaxPacket)
	case p.Command != CommandRaw:
		if err := checkCommand(p, n.framed); err != nil {
			return err
		}
	}
	return n.route.send(ctx, p, i)
}

func (n *Node) Receive(ctx context.Context) (Event, error) { return n.inbox.receive(ctx) }

func (n *Node) TryReceive() (Event, error) { return n.inbox.tryReceive() }

func (n *Node) Disconnect(id PeerID) error {
	l, err := n.links.to(id)
	if err != nil {
		if slices.Contains(n.route.peers(), id) {
			return fmt.Errorf("%w: %d is the host's guest", ErrNotHost, id)
		}
		return err
	}
	l.end(ByUs)
	return nil
}

func (n *Node) SetRefuse(refuse bool) { n.refuse.Store(refuse) }

func (n *Node) Refuses() bool { return n.refuse.Load() }

// Seal closes the room for newcomers, and returns when the server has done it or ctx is done.
// Members that lost their connection may still come back. Errors: ErrNotHost, ErrClosed, ctx's.
func (n *Node) Seal(ctx context.Context) error {
	if n.id != n.host {
		return ErrNotHost
	}
	if err := n.sendMessage(ctx, signaling.Seal{}); err != nil {
		return fmt.Errorf("rtcpeer: seal: %w", err)
	}
	select {
	case <-n.sealedChannel():
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-n.ctx.Done():
		return context.Cause(n.ctx)
	}
}

// Sealed reports whether the room takes nobody new.
func (n *Node) Sealed() bool {
	select {
	case <-n.sealedChannel():
		return true
	default:
		return false
	}
}

func (n *Node) sealedChannel() <-chan struct{} {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.sealed
}

// Close ends, in this order: what Receive gives; the links, each after its reliable packets were
// acknowledged or Config.Linger is over; the signaler; the transport, if it is the node's own.
func (n *Node) Close() error {
	n.closed.Do(func() {
		n.status.Store(int32(ConnectionDisconnected))
		n.inbox.close()
		n.end(ErrClosed)
	})
	n.wg.Wait()
	return nil
}

// end ends the node for a reason; the first one stays. It does not wait.
func (n *Node) end(why error) {
	n.mu.Lock()
	n.cancel(why)
	links := slices.Collect(maps.Values(n.running))
	n.mu.Unlock()
	for _, l := range links {
		l.end(ByUs)
	}
}

// Stats returns the node's figures. It asks each link, so it is for people, not for each packet.
func (n *Node) Stats() Stats {
	n.mu.Lock()
	stats := Stats{
		ID: n.id, Room: string(n.room), Topology: n.topology, Host: n.host,
		Signaling: n.signalingErr == nil, SignalingErr: n.signalingErr, Resumed: max(n.welcomes-1, 0),
		Total: n.ended,
	}
	for _, l := range n.running {
		if l.published {
			stats.Total.add(l)
		}
	}
	n.mu.Unlock()
	stats.Sealed = n.Sealed()
	stats.Waiting = n.inbox.waiting()
	stats.Dropped = n.counters.words()
	stats.Links = make(map[PeerID]LinkStats)
	for _, l := range n.links.current().all {
		stats.Links[l.peer] = l.stats()
	}
	return stats
}
