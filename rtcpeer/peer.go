package rtcpeer

import (
	"context"
	"fmt"
	"log/slog"

	"example.org/rtcpeer/rtcpeer/transport"
	"example.org/rtcpeer/signaling"
)

// A Peer takes part in a room: the contract of Godot's MultiplayerPeer in Go. Its methods may be
// called from any goroutine. Implementations: Node, Offline.
type Peer interface {
	// ID returns this participant's own id.
	ID() PeerID
	// Status returns the state of this participant, not of one of its links.
	Status() ConnectionStatus
	// Relays reports whether packets between two others pass through the host: true in a star.
	Relays() bool
	// Peers returns the ids of all connected peers in ascending order. Packets can be sent to them, although their
	// PeerConnected may still wait to be received. The caller owns the slice.
	Peers() []PeerID
	// Send sends a packet. It does not keep Data. To one peer in Reliable mode it waits for room until ctx is done; in
	// the unreliable modes a full lane drops the packet, which Stats counts. A broadcast does not wait: a
	// *BroadcastError names the peers for which there was no room. But the broadcast of a star's guest is one packet to
	// the host, for which Send waits as for any other. An empty packet is accepted and sends nothing.
	//
	// Errors: ErrClosed or why the room has ended, ErrUnknownPeer, ErrUnknownChannel, ErrPacketTooLarge, ErrCommand, a
	// *BroadcastError, the cause of ctx. All but the first are about this packet alone: the next one may be sent.
	Send(ctx context.Context, p Packet) error
	// TrySend is like Send but returns ErrBufferFull instead of waiting.
	TrySend(p Packet) error
	// Flush waits until the other ends have taken every reliable packet that was sent before, until ctx is done or
	// they are disconnected. Errors: an *UndeliveredError; ErrClosed, or why the peer has ended.
	Flush(ctx context.Context) error
	// Receive returns the next event, waiting until ctx is done. Data belongs to the caller. All peers share one queue:
	// a packet waits behind those of other peers that the program has not received, at most Config.ReceiveBuffer for
	// each peer and channel. Node.ChannelQueue and Node.PeerQueue avoid that. After Close, or after the room has ended
	// and all events were received, Receive returns why. If the room has ended, each peer that was connected has had
	// its PeerDisconnected by then.
	Receive(ctx context.Context) (Event, error)
	// TryReceive is like Receive but returns ErrNoEvent instead of waiting.
	TryReceive() (Event, error)
	// Disconnect ends the link with a peer, and does not wait. The other end learns of it at once; here its
	// PeerDisconnected follows, after the packets that had arrived. Errors: ErrUnknownPeer; ErrNotHost for another guest
	// of a star.
	Disconnect(id PeerID) error
	// SetRefuse decides whether new links are refused; open ones stay. The refused end learns of it at once.
	SetRefuse(refuse bool)
	// Refuses reports what SetRefuse, or at first Config.Refuse, has set.
	Refuses() bool
	// Close leaves the room: the other ends learn of it at once, and no more events come here. It waits until nothing
	// of the peer is running. Its error is an *UndeliveredError if reliable packets were not acknowledged in time; call
	// Flush before to wait for them. Closing twice is legal.
	Close() error
}

// A PeerID names a participant: 1 to 2^31-1. As a target, see Packet.Peer.
type PeerID = signaling.PeerID

const (
	// Broadcast, as a target, means everybody.
	Broadcast PeerID = 0
	// Server is the id of the member that created the room. As a target it means the present host of a star, whatever
	// the id of that host is.
	Server PeerID = 1
)

// A Mode is a transfer mode. The zero value is Reliable, so a forgotten mode loses nothing. (Godot's TransferMode has
// other numbers: see package multiplayer.)
type Mode = transport.Mode

const (
	// Reliable packets all arrive, in the order sent on their channel.
	Reliable = transport.Reliable
	// UnreliableOrdered packets arrive in order, with gaps: a late one is dropped.
	UnreliableOrdered = transport.UnreliableOrdered
	// Unreliable packets arrive or not, in any order.
	Unreliable = transport.Unreliable
)

// A Topology says who has a link with whom.
type Topology = signaling.Topology

const (
	Mesh = signaling.Mesh // every member with every other
	Star = signaling.Star // every member with the host, which relays
)

// A Packet is a program's bytes, in either direction.
type Packet struct {
	// Peer is the source of a received packet. As a target, Broadcast (0) is everybody, N is that peer, and -N is
	// everybody but N.
	Peer PeerID
	// Channel is a transfer channel: 0, or 1 to len(Config.Channels).
	Channel int
	// Mode applies to channel 0. The other channels each have one mode, and Send ignores this one.
	Mode Mode
	Data []byte // the program's bytes: see Send and Receive for who owns them
	// Command, if not CommandRaw, marks a command of Godot's SceneMultiplayer that is no ordinary packet (an RPC, a
	// spawn, a sync): Data is the whole command with its first byte, in both directions. It needs packets that are
	// framed: in a star, or with Config.Framed.
	Command Command
}

// An Event is what Receive returns.
type Event struct {
	Kind   EventKind
	Peer   PeerID           // the peer that the event is about
	Packet Packet           // PacketReceived
	Reason DisconnectReason // PeerDisconnected
	// Err is a *PeerError for PeerFailed and PeerRefused, and the cause for SignalingLost. For PeerDisconnected it is
	// nil, or adds to Reason: an *UndeliveredError, or a *PeerError for a peer that Misbehaved.
	Err error
	// Code and Text are, for PeerDisconnected, what the program at the other end gave to DisconnectWith. 0 and "" mean that
	// it gave nothing, or that this did not arrive. Text is at most MaxDisconnectText bytes of valid UTF-8, with any
	// characters.
	Code uint16
	Text string
	// Host is the change of host, for HostChanged.
	Host *HostChange
}

// bye returns Code and Text, or nil if there are none.
func (e Event) bye() *signaling.Bye {
	if e.Code == 0 && e.Text == "" {
		return nil
	}
	return &signaling.Bye{Code: e.Code, Text: e.Text}
}

// String describes the event in one line, without the bytes of a packet.
func (e Event) String() string {
	switch {
	case e.Kind == PacketReceived:
		return fmt.Sprintf("packet from %d: channel %d, %v, %d bytes", e.Peer, e.Packet.Channel, e.Packet.Mode, len(e.Packet.Data))
	case e.Kind == PeerDisconnected:
		return fmt.Sprintf("disconnected %d: %v%s", e.Peer, e.Reason, suffix(e.bye()))
	case e.Kind == HostChanged && e.Host != nil:
		return fmt.Sprintf("host changed: %d, before %d", e.Host.New, e.Host.Old)
	case e.Err != nil:
		return fmt.Sprintf("%v: %v", e.Kind, e.Err)
	case e.Peer != 0:
		return fmt.Sprintf("%v %d", e.Kind, e.Peer)
	}
	return e.Kind.String()
}

// LogValue makes package slog log the kind, the peer, the reason, the code, the text and the error of the event, without
// the bytes of a packet.
func (e Event) LogValue() slog.Value {
	attrs := []slog.Attr{slog.String("kind", e.Kind.String())}
	if e.Peer != 0 {
		attrs = append(attrs, slog.Int("peer", int(e.Peer)))
	}
	switch e.Kind {
	case PacketReceived:
		attrs = append(attrs, slog.Int("channel", e.Packet.Channel), slog.String("mode", e.Packet.Mode.String()), slog.Int("bytes", len(e.Packet.Data)))
	case PeerDisconnected:
		attrs = append(attrs, slog.String("reason", e.Reason.String()))
	}
	if e.Code != 0 {
		attrs = append(attrs, slog.Int("code", int(e.Code)))
	}
	if e.Text != "" {
		attrs = append(attrs, slog.String("text", e.Text))
	}
	if e.Err != nil {
		attrs = append(attrs, slog.String("err", e.Err.Error()))
	}
	return slog.GroupValue(attrs...)
}

// An EventKind says what happened.
type EventKind uint8

const (
	// PeerConnected: the link is up and every channel open; packets can be sent.
	PeerConnected EventKind = iota + 1
	// PacketReceived: a packet has arrived.
	PacketReceived
	// PeerDisconnected: a connected peer is gone, and nothing more comes from it. In a star, the host tells a guest on
	// channel 0 that another guest is gone. It does so when the guest has taken all reliable packets that were passed on
	// to it before, but at most Config.SlowAfter later. What comes after that, on other channels, is dropped and counted
	// as peer_gone. A host that is a page does not wait, nor does any host that tells a Godot game.
	PeerDisconnected
	// PeerFailed: a link with a member of the room could not be made.
	PeerFailed
	// PeerInterrupted: nothing has been heard of a connected peer for about two seconds, or seven if this process has
	// more than 1250 links for each CPU. It stays connected: reliable packets wait, unreliable ones are dropped.
	// PeerResumed or PeerDisconnected follows.
	PeerInterrupted
	// PeerResumed: an interrupted peer is heard again. No reliable packet was lost or repeated.
	PeerResumed
	// SignalingLost: the connection to the signaling server was lost. Open links go on; newcomers and repairs of links
	// wait until it is back. Err says why.
	SignalingLost
	// SignalingResumed: the connection to the signaling server is back.
	SignalingResumed
	// HostChanged: another member, perhaps this node, hosts the star: see Event.Host. The other guests stay connected.
	// Reliable packets for them wait until the new host is linked, which may already be the case; unreliable ones are
	// dropped. The PeerDisconnected of the old host came before.
	HostChanged
	// PeerRefused: this node refused a link with a member of the room. Err says why (SetRefuse, Config.MaxPeers). It comes once
	// each time that the member joins.
	PeerRefused
	// PeerUpdated: a connected peer has other metadata than before: see Node.Metadata. With this node's own id it is the
	// answer to SetMetadata.
	PeerUpdated
)

// String returns words such as "packet" or "signaling lost".
func (k EventKind) String() string {
	switch k {
	case PeerConnected:
		return "connected"
	case PacketReceived:
		return "packet"
	case PeerDisconnected:
		return "disconnected"
	case PeerFailed:
		return "failed"
	case PeerInterrupted:
		return "interrupted"
	case PeerResumed:
		return "resumed"
	case SignalingLost:
		return "signaling lost"
	case SignalingResumed:
		return "signaling resumed"
	case HostChanged:
		return "host changed"
	case PeerRefused:
		return "refused"
	case PeerUpdated:
		return "updated"
	}
	return fmt.Sprintf("event(%d)", uint8(k))
}

// A DisconnectReason says why a peer is gone.
type DisconnectReason uint8

const (
	// ByPeer: the other end closed the link; or the host says that the peer has left, or that the host has disconnected
	// the peer.
	ByPeer DisconnectReason = iota + 1
	// ByUs: Disconnect was called here.
	ByUs
	// Lost: the path stopped working, or the other end died.
	Lost
	// Slow: the peer did not take the reliable packets that the host relays to it for too long: see Config.SlowAfter.
	Slow
	// HostGone: the peer was reached through a host that is gone.
	HostGone
	// Misbehaved: the peer sent something that the contract forbids, such as an oversized packet.
	Misbehaved
	// Unauthorized: the peer requires authentication, and Config.Auth is not set here or its acceptance came too late.
	Unauthorized
	// Kicked: the host, or the operator of the signaling server, removed the peer, or this member, from the room.
	Kicked
)

// String returns words such as "by peer" or "lost".
func (r DisconnectReason) String() string {
	switch r {
	case ByPeer:
		return "by peer"
	case ByUs:
		return "by us"
	case Lost:
		return "lost"
	case Slow:
		return "slow"
	case HostGone:
		return "host gone"
	case Misbehaved:
		return "misbehaved"
	case Unauthorized:
		return "unauthorized"
	case Kicked:
		return "kicked"
	}
	return fmt.Sprintf("reason(%d)", uint8(r))
}

// A ConnectionStatus is that of Godot's MultiplayerPeer, with its numbers.
type ConnectionStatus int

const (
	ConnectionDisconnected ConnectionStatus = 0 // closed, or the room has ended
	ConnectionConnecting   ConnectionStatus = 1 // a star's guest that waits for the host
	ConnectionConnected    ConnectionStatus = 2 // in the room; a star's guest: linked with its host
)

// String returns "disconnected", "connecting" or "connected".
func (s ConnectionStatus) String() string {
	switch s {
	case ConnectionDisconnected:
		return "disconnected"
	case ConnectionConnecting:
		return "connecting"
	case ConnectionConnected:
		return "connected"
	}
	return fmt.Sprintf("status(%d)", int(s))
}
