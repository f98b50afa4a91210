package multiplayer

import (
	"context"
	"errors"
	"time"

	"example.org/rtcpeer/rtcpeer"
	"example.org/rtcpeer/rtcpeer/internal/ring"
	"example.org/rtcpeer/signaling"
)

// A Peer is Godot's MultiplayerPeer over an rtcpeer.Peer. It is meant for one goroutine, a game loop.
//
// In a star that outlives its host, the host has id 1 here, whoever it is, because that is its role in Godot. When the
// host changes, the old host is disconnected as 1. The new one is disconnected under the id that it had, and connected
// as 1; if it is this peer, its GetUniqueID is 1 from the poll on that takes over the change. The others keep their
// ids. Godot's own peers cannot follow another host.
type Peer struct {
	// PeerConnected and PeerDisconnected are the signals. Poll and TryPoll call them, in the order in which things
	// happened. They may call any method except those two, and may be nil. Godot has no other signals, so
	// interruptions are not shown here: an interrupted peer stays connected, and a peer that was lost may be connected
	// again, under the same id.
	PeerConnected    func(id rtcpeer.PeerID)
	PeerDisconnected func(id rtcpeer.PeerID)
	// PeerFailed is not in Godot: it is called when a link with a member of the room could not be made. It may be nil.
	PeerFailed func(err *rtcpeer.PeerError)

	peer rtcpeer.Peer
	host rtcpeer.PeerID // in the ids of peer: the host according to the events polled so far

	target       rtcpeer.PeerID
	channel      int
	mode         TransferMode
	encodeBuffer int // bytes

	packets   ring.Ring[rtcpeer.Packet] // polled and not yet got
	unread    map[rtcpeer.PeerID]int    // how many of these, by source
	held      *rtcpeer.Event            // a disconnected event that waits until its peer's packets have been got
	due       []rtcpeer.Event           // of a change of the host, in the ids that are shown here; before all other events
	known     map[rtcpeer.PeerID]bool   // who is connected, in the ids of peer
	forced    map[rtcpeer.PeerID]bool   // disconnected with force: nothing more of them is shown
	packetErr error                     // of the last GetPacket or GetVar
}

// ErrUnavailable is the error of GetPacket when there is no packet.
var ErrUnavailable = errors.New("multiplayer: no packet is available")

// New returns a Peer over p, which it owns from then on: Close closes both, and only the polls receive events. A program
// that needs the events of a Node too, as package transfer does, passes a type that embeds the Node and has a Receive
// and a TryReceive of its own: see the example.
func New(p rtcpeer.Peer) *Peer {
	return &Peer{
		peer:         p,
		mode:         TransferModeReliable,
		encodeBuffer: defaultEncodeBuffer,
		unread:       make(map[rtcpeer.PeerID]int),
		forced:       make(map[rtcpeer.PeerID]bool),
		known:        make(map[rtcpeer.PeerID]bool),
		host:         hostOf(p),
	}
}

// hostOf returns the id of a star's host, and otherwise 1.
func hostOf(p rtcpeer.Peer) rtcpeer.PeerID {
	n, ok := p.(interface {
		Host() rtcpeer.PeerID
		Topology() rtcpeer.Topology
	})
	if ok && n.Topology() == rtcpeer.Star { // Relays is false for a host with NoRelay
		return n.Host()
	}
	return rtcpeer.Server
}

// GenerateUniqueID returns a random id from 2 to 2^31-1.
func (*Peer) GenerateUniqueID() rtcpeer.PeerID { return signaling.RandomID() }

// maxPolled is how many packets the polls take over; the rest stays in the peer, where its credit bounds it.
const maxPolled = 4096

// Poll takes over what has arrived and calls the signals. If there is nothing, it waits for up to one second, as the
// class reference says; a game loop should use TryPoll. It returns nil, or why the peer has ended.
func (m *Peer) Poll() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if !m.full() && m.held == nil && len(m.due) == 0 && m.packets.Len() == 0 {
		ev, err := m.peer.Receive(ctx)
		switch {
		case err == nil:
			m.take(ev)
		case ctx.Err() == nil:
			return err
		}
	}
	return m.TryPoll()
}

// TryPoll is Poll without waiting. It takes over what is there, but stops at the disconnected event of a peer whose
// packets were not got yet: that signal follows in the first poll after they were.
func (m *Peer) TryPoll() error {
	if m.held != nil {
		ev := *m.held
		m.held = nil
		m.takeDisconnected(ev)
	}
	for m.held == nil && !m.full() {
		if len(m.due) > 0 {
			ev := m.due[0]
			m.due = m.due[1:]
			m.tell(ev)
			continue
		}
		ev, err := m.peer.TryReceive()
		if err == rtcpeer.ErrNoEvent {
			return nil
		}
		if err != nil {
			return err
		}
		m.take(ev)
	}
	return nil
}

func (m *Peer) full() bool { return m.packets.Len() >= maxPolled }

// take takes an event of the peer.
func (m *Peer) take(ev rtcpeer.Event) {
	switch ev.Kind {
	case rtcpeer.HostChanged:
		m.takeHost(ev.Host.New)
		return
	case rtcpeer.PeerConnected:
		m.known[ev.Peer] = true
	case rtcpeer.PeerDisconnected:
		delete(m.known, ev.Peer)
	}
	ev.Peer, ev.Packet.Peer = m.shown(ev.Peer), m.shown(ev.Packet.Peer)
	if ev.Kind == rtcpeer.PacketReceived {
		ev.Peer = ev.Packet.Peer
	}
	m.tell(ev)
}

// takeHost makes the new host leave under its own id, and come back as 1.
func (m *Peer) takeHost(host rtcpeer.PeerID) {
	if host != m.host && m.known[host] {
		m.due = append(m.due, rtcpeer.Event{Kind: rtcpeer.PeerDisconnected, Peer: host}, rtcpeer.Event{Kind: rtcpeer.PeerConnected, Peer: rtcpeer.Server})
	}
	m.host = host
}

// shown returns the id under which a peer is shown here.
func (m *Peer) shown(id rtcpeer.PeerID) rtcpeer.PeerID {
	if id == m.host {
		return rtcpeer.Server
	}
	return id
}

// actual returns the id of the peer that is shown as id.
func (m *Peer) actual(id rtcpeer.PeerID) rtcpeer.PeerID {
	if id == rtcpeer.Server {
		return m.host
	}
	return id
}

// tell shows an event to the program.
func (m *Peer) tell(ev rtcpeer.Event) {
	switch ev.Kind {
	case rtcpeer.PacketReceived:
		if !m.forced[ev.Peer] {
			m.packets.Push(ev.Packet)
			m.unread[ev.Peer]++
		}
	case rtcpeer.PeerConnected:
		if m.PeerConnected != nil && !m.forced[ev.Peer] {
			m.PeerConnected(ev.Peer)
		}
	case rtcpeer.PeerDisconnected:
		m.takeDisconnected(ev)
	case rtcpeer.PeerFailed:
		if failure, ok := errors.AsType[*rtcpeer.PeerError](ev.Err); ok && m.PeerFailed != nil {
			m.PeerFailed(failure)
		}
	}
}

func (m *Peer) takeDisconnected(ev rtcpeer.Event) {
	switch {
	case m.forced[ev.Peer]:
		delete(m.forced, ev.Peer)
	case m.unread[ev.Peer] > 0:
		m.held = &ev
	case m.PeerDisconnected != nil:
		m.PeerDisconnected(ev.Peer)
	}
}

// SetTargetPeer sets the target of the packets that follow: rtcpeer.Broadcast (0) is everybody, rtcpeer.Server (1) the
// host, N that peer, and -N everybody but N. It is everybody unless set.
func (m *Peer) SetTargetPeer(id rtcpeer.PeerID) { m.target = id }

// SetTransferChannel sets the channel of the packets that follow: 0 unless set.
func (m *Peer) SetTransferChannel(channel int) { m.channel = channel }

// GetTransferChannel returns what SetTransferChannel has set.
func (m *Peer) GetTransferChannel() int { return m.channel }

// SetTransferMode sets the mode of the packets that follow: TransferModeReliable unless set. On a channel other than 0
// the mode is the channel's.
func (m *Peer) SetTransferMode(mode TransferMode) { m.mode = mode }

// GetTransferMode returns what SetTransferMode has set.
func (m *Peer) GetTransferMode() TransferMode { return m.mode }

// SetRefuseNewConnections refuses new links, or admits them again. A refused peer learns of it at once.
func (m *Peer) SetRefuseNewConnections(refuse bool) { m.peer.SetRefuse(refuse) }

// IsRefusingNewConnections reports whether new links are refused.
func (m *Peer) IsRefusingNewConnections() bool { return m.peer.Refuses() }

// GetConnectionStatus returns whether this peer is connected to its room.
func (m *Peer) GetConnectionStatus() rtcpeer.ConnectionStatus { return m.peer.Status() }

// GetUniqueID returns this peer's id.
func (m *Peer) GetUniqueID() rtcpeer.PeerID { return m.shown(m.peer.ID()) }

// IsServer reports whether this peer's id is 1.
func (m *Peer) IsServer() bool { return m.GetUniqueID() == rtcpeer.Server }

// IsServerRelaySupported reports whether the host relays between guests: true in a star, false in a mesh and at a host
// with rtcpeer.Config.NoRelay. (Guests cannot know of NoRelay.)
func (m *Peer) IsServerRelaySupported() bool { return m.peer.Relays() }

// PutPacket sends a packet to the target peer, on the transfer channel, in the transfer mode. It
// does not wait and does not keep the bytes; an empty packet sends nothing. Errors: those of
// rtcpeer.Peer.TrySend, among them rtcpeer.ErrBufferFull. They are about this packet alone, so a game
// can go on: TryPoll says when the peer has ended. The target may be gone although its PeerDisconnected
// was not polled yet (rtcpeer.ErrUnknownPeer).
func (m *Peer) PutPacket(data []byte) error {
	mode, err := m.mode.mode()
	if err != nil && m.channel == 0 {
		return err
	}
	return m.peer.TrySend(rtcpeer.Packet{Peer: m.target, Channel: m.channel, Mode: mode, Data: data})
}

// GetAvailablePacketCount returns how many packets the polls have taken over.
func (m *Peer) GetAvailablePacketCount() int { return m.packets.Len() }

// GetPacket returns the next packet, which belongs to the caller, or ErrUnavailable.
func (m *Peer) GetPacket() ([]byte, error) {
	m.packetErr = nil
	if m.packets.Len() == 0 {
		m.packetErr = ErrUnavailable
		return nil, ErrUnavailable
	}
	p := m.packets.Pop()
	if m.unread[p.Peer]--; m.unread[p.Peer] == 0 {
		delete(m.unread, p.Peer)
	}
	return p.Data, nil
}

// GetPacketError returns the error of the last GetPacket or GetVar.
func (m *Peer) GetPacketError() error { return m.packetErr }

// GetPacketPeer returns the sender of the next packet, so call it before GetPacket. Without a packet it returns 0.
func (m *Peer) GetPacketPeer() rtcpeer.PeerID { return m.next().Peer }

// GetPacketChannel returns the channel of the next packet. Without a packet it returns 0.
func (m *Peer) GetPacketChannel() int { return m.next().Channel }

// GetPacketMode returns the mode of the next packet. Without a packet it returns TransferModeReliable.
func (m *Peer) GetPacketMode() TransferMode { return transferMode(m.next().Mode) }

// GetPacketCommand is not in Godot: it returns what the next packet means to SceneMultiplayer.
func (m *Peer) GetPacketCommand() rtcpeer.Command { return m.next().Command }

func (m *Peer) next() rtcpeer.Packet {
	if m.packets.Len() == 0 {
		return rtcpeer.Packet{}
	}
	return m.packets.Peek()
}

// GetPeerRTT is not in Godot: see RTT of rtcpeer.Node. It returns 0 if the time is not known.
func (m *Peer) GetPeerRTT(id rtcpeer.PeerID) time.Duration {
	n, ok := m.peer.(interface {
		RTT(rtcpeer.PeerID) (time.Duration, bool)
	})
	if !ok {
		return 0
	}
	rtt, _ := n.RTT(m.actual(id))
	return rtt
}

// GetPeerOffset is not in Godot: see Offset of rtcpeer.Node. It returns 0 if the offset is not known.
func (m *Peer) GetPeerOffset(id rtcpeer.PeerID) time.Duration {
	n, ok := m.peer.(interface {
		Offset(rtcpeer.PeerID) (time.Duration, bool)
	})
	if !ok {
		return 0
	}
	offset, _ := n.Offset(m.actual(id))
	return offset
}

// DisconnectPeer ends the link with a peer, which learns of it at once. It does not wait. With force nothing more of it
// is shown here: its packets that were not got are dropped, and PeerDisconnected is not called, nor is PeerConnected if
// no poll has called it yet. Errors: those of rtcpeer.Node.Disconnect.
func (m *Peer) DisconnectPeer(id rtcpeer.PeerID, force bool) error {
	if err := m.peer.Disconnect(m.actual(id)); err != nil {
		return err
	}
	if force {
		if m.held != nil && m.held.Peer == id { // of an earlier link
			m.held = nil
		}
		m.forced[id] = true
		m.forget(id)
	}
	return nil
}

// forget drops the packets of a peer that were not got yet.
func (m *Peer) forget(id rtcpeer.PeerID) {
	for range m.packets.Len() {
		if p := m.packets.Pop(); p.Peer != id {
			m.packets.Push(p)
		}
	}
	delete(m.unread, id)
}

// Close closes the peer, as Close of the rtcpeer.Peer does: it may wait for rtcpeer.Config.Linger, and its error is an
// *rtcpeer.UndeliveredError if packets were not acknowledged. No signal is called; the packets that were not got are
// dropped.
func (m *Peer) Close() error {
	m.packets = ring.Ring[rtcpeer.Packet]{}
	m.held, m.due = nil, nil
	clear(m.unread)
	return m.peer.Close()
}
