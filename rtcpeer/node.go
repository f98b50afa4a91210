package rtcpeer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"example.org/rtcpeer/rtcpeer/transport"
	"example.org/rtcpeer/rtcpeer/transport/forwarded"
	"example.org/rtcpeer/signaling"
)

// A Signaler carries signals between this node and its room. Send and Receive may be called from different goroutines,
// each from one at a time. The first message received is a Welcome. A later Welcome means that the connection was lost
// and resumed, and has the room's state again. Send should not wait for a network. An error of Receive, except the cause of
// its context, is final: the signaler will carry nothing more. After Close both return an error that wraps net.ErrClosed.
//
// A node also relies on the following. Each Signal received has From, the id of its sender, and signals from one member
// arrive in order. The Welcome or a Joined names each member that this node is to link with, and a Left says when it is
// gone. What a host sends as Seal and as Lock comes back to all members, the host included, as Sealed and as Lock;
// Node.Seal and Node.SetLocked wait for that. What a member sends as Metadata comes, with its id, to those who may have
// a link with it, and to itself. A member that is kicked gets a *signaling.Error as the error of Receive, and the
// others get a Left. A Signaler whose rooms do not migrate may drop a Successor and a HostLost. Package signalertest tests
// all this.
//
// A Signaler may have more methods: those of Forwarder; Suspend() error for Node.Suspend; and Check(), which a node calls
// when its connection may be dead (this machine's addresses have changed, it was asleep, or a peer is silent). Check must
// not block.
//
// signalclient.Client is a Signaler for this module's server, and package signaling/memory has one for members in one
// process. Any other way to carry a few kilobytes between two programs can be turned into one.
type Signaler interface {
	// Send passes a message to the server, or keeps it until there is a connection. It does not keep the bytes in the
	// message after it has returned. If ctx is done, it returns the cause. What the server refuses, such as a Signal to
	// a member that is gone or a Seal of a guest, comes to Receive as a *signaling.Error.
	Send(context.Context, signaling.Message) error
	// Receive returns the next message, which belongs to the caller. It waits until ctx is done, and then loses no
	// message: Node.Close ends that context and waits for Receive to return.
	Receive(context.Context) (signaling.Message, error)
	// Close leaves the room. A Node calls it once, after its last Send and Receive. Calling it again is legal.
	Close() error
}

// Node is this participant of a room. It implements Peer. Join and New make one; the zero value is not ready for use.
// Its methods may be called from any goroutine.
//
//	room     what is known of the room, and the way to the signaling server
//	roster   who is in it, and the state of the link with each
//	route    how each peer is reached: mesh, host or guest; a guest becomes host when the server says so
//	inbox    what waits for Receive
type Node struct {
	// Fixed at construction.
	id            PeerID
	config        Config
	channels      channels
	framed        bool // packets are framed: in a star, or with Config.Framed
	log           *slog.Logger
	transport     transport.Transport
	ownsTransport bool
	slots         *transport.Slots // nil: any number of paths is made at once
	mux           *forwarded.Mux   // nil: no path goes through the signaling server
	room          *room
	roster        *roster
	guest         *guest // of a star's guest, even after it has become the host; else nil
	inbox         *inbox
	clock         *steadyClock

	// Safe for concurrent use.
	routed    atomic.Pointer[route] // see route
	refuse    atomic.Bool
	status    atomic.Int32
	shortage  shortage
	suspended atomic.Bool // Suspend was called

	ctx    context.Context // the node's life; its cause is why it ended
	cancel context.CancelCauseFunc
	wg     sync.WaitGroup // run, watch
	closed sync.Once
}

// New makes a node with a Signaler that has just connected. It waits for the Welcome until ctx is done. From the call
// on the signaler belongs to New and the node: it is closed even if New fails. The caller must Close the node.
//
// Errors: one that names the invalid field of config; what Receive of the signaler returns; a *signaling.Error for a
// room that is not what Topology or Create asks for; one of package webrtc for a port that cannot be bound.
func New(ctx context.Context, s Signaler, config Config) (*Node, error) {
	config, err := config.withDefaults()
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	welcome, err := awaitWelcome(ctx, s)
	if err == nil && config.Topology != "" && welcome.Topology != config.Topology {
		err = &signaling.Error{Code: signaling.CodeTopologyMismatch, Text: fmt.Sprintf("room %q is a %s, not a %s", welcome.Room, welcome.Topology, config.Topology)}
	}
	if err == nil {
		err = config.checkCreated(welcome)
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
		config:        config,
		channels:      channelsOf(config.Channels),
		framed:        config.Framed || welcome.Topology == Star,
		log:           config.Log.With("node", welcome.ID, "room", welcome.Room),
		transport:     t,
		ownsTransport: owns,
		slots:         slotsOf(t),
		mux:           newMux(config, s),
		room:          newRoom(s, welcome, config.Metadata),
		roster:        newRoster(),
		inbox:         newInbox(config.ReceiveBuffer),
		clock:         &steadyClock{start: time.Now()},
	}
	n.ctx, n.cancel = context.WithCancelCause(context.Background())
	n.refuse.Store(config.Refuse)
	n.chooseRoute()
	n.wg.Go(func() { n.run(welcome) })
	n.wg.Go(n.watch)
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
	return signaling.Welcome{}, fmt.Errorf("the signaler began with %q instead of a welcome", m.Kind())
}

func (n *Node) chooseRoute() {
	n.status.Store(int32(ConnectionConnected))
	switch {
	case n.room.topology == Mesh:
		n.setRoute(&mesh{node: n})
	case n.hosts():
		n.setRoute(newHost(n, nil, nil))
	default:
		n.guest = &guest{node: n, relayed: make(map[PeerID]*presence), times: make(map[PeerID]peerTime), opened: newWakeup()}
		n.setRoute(n.guest)
		n.status.Store(int32(ConnectionConnecting))
	}
}

// route returns the present route. It changes when a guest becomes the host.
func (n *Node) route() route { return *n.routed.Load() }

func (n *Node) setRoute(r route) { n.routed.Store(&r) }

// ID returns this node's own id. The creator of the room has 1.
func (n *Node) ID() PeerID { return n.id }

// Status returns ConnectionConnecting for a star's guest while it is not connected to the host, at first or after it has
// lost the host, and otherwise ConnectionConnected while the node is in its room. From Close on, or when the room has
// ended, it returns ConnectionDisconnected.
func (n *Node) Status() ConnectionStatus { return ConnectionStatus(n.status.Load()) }

// Relays reports whether packets between two others pass through the host. It is true in a star, except for a host with
// Config.NoRelay; guests do not know of that.
func (n *Node) Relays() bool {
	return n.room.topology == Star && !(n.hosts() && n.config.NoRelay)
}

// Peers returns the ids of all connected peers in ascending order. Packets can be sent to them, although their
// PeerConnected may still wait to be received. The caller owns the slice.
func (n *Node) Peers() []PeerID {
	ids := n.route().peers()
	slices.Sort(ids)
	return ids
}

// Members returns the ids of the other members that the signaling server has named, whether connected or not, in
// ascending order. A star's guest knows only the host. The caller owns the slice.
func (n *Node) Members() []PeerID { return n.roster.members() }

// Send sends a packet. It does not keep Data. To one peer in Reliable mode it waits for room until ctx is done; in the
// unreliable modes a full lane drops the packet, which Stats counts. A broadcast does not wait: a *BroadcastError names
// the peers for which there was no room. But the broadcast of a star's guest is one packet to the host, for which Send
// waits as for any other. An empty packet is accepted and sends nothing.
//
// Errors: ErrClosed or why the room has ended, ErrUnknownPeer, ErrUnknownChannel, ErrPacketTooLarge, ErrCommand, a
// *BroadcastError, the cause of ctx.
func (n *Node) Send(ctx context.Context, p Packet) error {
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	return n.put(ctx, waits, p)
}

// TrySend is like Send, but returns ErrBufferFull where Send waits.
func (n *Node) TrySend(p Packet) error { return n.put(context.Background(), tries, p) }

// Sending either waits for room, or tries once and returns ErrBufferFull.
const (
	waits = true
	tries = false
)

func (n *Node) put(ctx context.Context, wait bool, p Packet) error {
	i, err := n.channels.lane(p.Channel, p.Mode)
	switch {
	case n.ctx.Err() != nil:
		return context.Cause(n.ctx)
	case err != nil:
		return err
	case p.Peer == n.id:
		return selfError(p.Peer)
	case len(p.Data) == 0:
		return nil
	case len(p.Data) > n.config.MaxPacket:
		return fmt.Errorf("%w: %d bytes: want at most %d (Config.MaxPacket)", ErrPacketTooLarge, len(p.Data), n.config.MaxPacket)
	case p.Command != CommandRaw:
		if err := checkCommand(p, n.framed); err != nil {
			return err
		}
	}
	return n.route().send(ctx, wait, p, i)
}

func selfError(id PeerID) error { return fmt.Errorf("%w: %d is this node itself", ErrUnknownPeer, id) }

// Receive returns the next event, waiting until ctx is done. Data belongs to the caller. After Close, or after the room
// has ended and all events were received, it returns why. If the room has ended, each peer that was connected has had
// its PeerDisconnected by then. Several goroutines may call Receive: each event goes to one of them.
func (n *Node) Receive(ctx context.Context) (Event, error) { return n.inbox.receive(ctx) }

// TryReceive is like Receive, but returns ErrNoEvent where Receive waits.
func (n *Node) TryReceive() (Event, error) { return n.inbox.tryReceive() }

// Disconnect ends the link with a peer, and does not wait. The other end learns of it at once. Here its
// PeerDisconnected follows, after the packets that had arrived. The two get no other link unless one of them joins the
// room again. Without the host a star's guest has nobody left, so its node ends with ErrHostGone; if the host has ended
// the link and the room migrates, it first waits five seconds for another host. Errors: ErrUnknownPeer; ErrNotHost for
// another guest of a star, which has a link only with the host.
func (n *Node) Disconnect(id PeerID) error { return n.disconnect(id, nil) }

// MaxDisconnectText is the longest text of DisconnectWith, in bytes.
const MaxDisconnectText = signaling.MaxText

// DisconnectWith is like Disconnect, and tells the program at the other end why: its PeerDisconnected has code and text.
// The meaning of code is up to the programs. text is at most MaxDisconnectText bytes of UTF-8. If code is 0 and text is
// empty, it is Disconnect.
//
// Both go over the encrypted link. If that is interrupted, they may go through the signaling server, which can read
// them. They do not reach a Godot game or another peer that takes no part in repairs
// (LinkStats.Repairable); its link ends as with Disconnect. A host does not pass them on to its other guests.
//
// Errors: ErrDisconnectText, and those of Disconnect. After an error the link is as before.
func (n *Node) DisconnectWith(id PeerID, code uint16, text string) error {
	switch {
	case len(text) > MaxDisconnectText:
		return fmt.Errorf("%w: %d bytes: want at most %d", ErrDisconnectText, len(text), MaxDisconnectText)
	case !utf8.ValidString(text):
		return fmt.Errorf("%w: %q is not UTF-8", ErrDisconnectText, text)
	}
	return n.disconnect(id, Event{Code: code, Text: text}.bye())
}

func (n *Node) disconnect(id PeerID, bye *signaling.Bye) error {
	l, err := n.roster.to(id)
	if err != nil {
		if slices.Contains(n.route().peers(), id) {
			return fmt.Errorf("%w: %d is a guest of the host", ErrNotHost, id)
		}
		return err
	}
	l.endWith(ByUs, bye)
	return nil
}

// SetRefuse decides whether new links are refused; open ones stay, and connected peers stay connected when the host
// changes. Config.Refuse is the initial value. The refused end learns of it at once, by a PeerFailed with ErrRefused,
// and gets no link later unless it joins the room again. A star's guest that its host refuses ends with that error.
// Seal and SetLocked close the room itself, also under another host.
func (n *Node) SetRefuse(refuse bool) { n.refuse.Store(refuse) }

// Refuses reports whether new links are refused.
func (n *Node) Refuses() bool { return n.refuse.Load() }

// Close ends the node in this order: first Receive; then the links, each after its reliable packets were acknowledged
// or Config.Linger is over; then the signaler; then the transport, if the node owns it. It waits for all of that. Its
// error is an *UndeliveredError if packets were not acknowledged. Closing twice is legal.
func (n *Node) Close() error {
	n.close(ByUs)
	return n.roster.undelivered()
}

// Suspend ends the node as Close does, but does not leave the room: the server keeps the place for the node that comes
// next with this one's ResumeToken (see Config.Resume). It is for a program that is started again, above all for the host
// of a star, whose guests wait for it. The others see this node as Lost. What they have not taken by then is lost, so call
// Flush before. If the Signaler has no method Suspend() error, it is closed, and so the node leaves.
func (n *Node) Suspend() {
	n.close(Lost)
}

// close ends the node and waits for all that belongs to it. The links end as Lost if the node keeps its place in the
// room, and otherwise as ByUs.
func (n *Node) close(reason DisconnectReason) {
	n.closed.Do(func() {
		n.suspended.Store(reason == Lost)
		n.status.Store(int32(ConnectionDisconnected))
		n.inbox.close()
		n.end(ErrClosed, reason)
	})
	n.wg.Wait()
}

// end ends the node and its links. The first reason stays. It does not wait. Once the links are over, run ends the
// inbox.
func (n *Node) end(why error, reason DisconnectReason) {
	n.cancel(why)
	for _, l := range n.roster.shutDown() {
		l.end(reason)
	}
}

// Stats returns the node's figures. It asks each link, so do not call it for each packet. The caller owns the maps.
func (n *Node) Stats() Stats {
	ended := n.room.why()
	since, lost := n.room.connection()
	stats := Stats{
		ID: n.id, Room: n.Room(), Topology: n.Topology(), Host: n.Host(), Sealed: n.Sealed(),
		Signaling: ended == nil, SignalingErr: ended, Resumed: n.room.resumed(),
		SignalingLost: lost, SignalingSince: time.Since(since),
		Waiting: n.inbox.waiting(), Dropped: n.dropped(), Total: n.roster.totals(),
		Links: make(map[PeerID]LinkStats),
	}
	for _, l := range n.roster.open.Load().all {
		stats.Links[l.peer] = l.stats()
	}
	return stats
}
