package rtcpeer

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"time"
)

// MultiplayerPeer adds the interface of Godot's class of that name to any Peer: its methods, its sticky state, its two
// signals. It is meant for one goroutine, a game loop:
//
//	for each frame {
//		err := peer.TryPoll()               // signals are called from here
//		for peer.GetAvailablePacketCount() > 0 {
//			from := peer.GetPacketPeer()    // of the next packet
//			data, _ := peer.GetPacket()
//		}
//		peer.SetTargetPeer(rtcpeer.TargetPeerBroadcast)
//		peer.PutPacket(state)
//	}
//
// In a star that outlives its host, the host has id 1 here, whoever it is, because that is its role in Godot. When the
// host changes, the old host is disconnected as 1. The new one is disconnected under the id that it had, and connected
// as 1; if it is this peer, its GetUniqueID is 1 from the poll on that takes over the change. The others keep their
// ids. A program that is not a Godot peer can follow this; Godot's own peers cannot.
//
// Names and numbers are those of the class reference (MultiplayerPeer, PacketPeer). Where Godot's
// WebRTC class misbehaves, the contract of Peer holds instead.
type MultiplayerPeer struct {
	// PeerConnected and PeerDisconnected are the signals. Poll and TryPoll call them, in the order in which things
	// happened. They may call any method but those two. Nil means not wanted. Godot has no other signals, so
	// interruptions are not shown here: an interrupted peer stays connected, and a peer that was lost may be connected
	// again, under the same id.
	PeerConnected    func(id PeerID)
	PeerDisconnected func(id PeerID)
	// PeerFailed is not in Godot: a link with a member of the room could not be made. Nil means not wanted.
	PeerFailed func(err *PeerError)

	peer Peer
	host PeerID // in the ids of peer: the host according to the events polled so far

	target       PeerID
	channel      int
	mode         TransferMode
	encodeBuffer int // bytes

	packets   ring[Packet]    // polled and not yet got
	unread    map[PeerID]int  // how many of these, by source
	held      *Event          // a disconnected event that waits until its peer's packets have been got
	due       []Event         // of a change of the host, in the ids that are shown here; before all other events
	known     map[PeerID]bool // who is connected, in the ids of peer
	forced    map[PeerID]bool // disconnected with force: nothing more of them is shown
	packetErr error           // of the last GetPacket or GetVar
	err       error           // why the peer ended
}

// A TransferMode is Godot's, with its numbers.
type TransferMode int

const (
	TransferModeUnreliable        TransferMode = 0
	TransferModeUnreliableOrdered TransferMode = 1
	TransferModeReliable          TransferMode = 2
)

// Targets of SetTargetPeer, as Godot names them. -N is everybody but N.
const (
	TargetPeerBroadcast = Broadcast
	TargetPeerServer    = Server
)

// ErrUnavailable is the error of GetPacket when there is no packet.
var ErrUnavailable = errors.New("rtcpeer: no packet is available")

// NewMultiplayerPeer returns a MultiplayerPeer on p, which it owns from then on.
func NewMultiplayerPeer(p Peer) *MultiplayerPeer {
	return &MultiplayerPeer{
		peer:         p,
		mode:         TransferModeReliable,
		encodeBuffer: defaultEncodeBuffer,
		unread:       make(map[PeerID]int),
		forced:       make(map[PeerID]bool),
		known:        make(map[PeerID]bool),
		host:         hostOf(p),
	}
}

// hostOf returns the id of a star's host, and otherwise 1.
func hostOf(p Peer) PeerID {
	if n, ok := p.(interface{ Host() PeerID }); ok && p.Relays() {
		return n.Host()
	}
	return Server
}

// GenerateUniqueID returns a random id from 2 to 2^31-1.
func GenerateUniqueID() PeerID {
	for {
		var b [4]byte
		rand.Read(b[:]) // never fails (crypto/rand)
		if id := PeerID(binary.LittleEndian.Uint32(b[:]) & 0x7fffffff); id > Server {
			return id
		}
	}
}

// GenerateUniqueID calls the function of that name. In Godot it is a method.
func (*MultiplayerPeer) GenerateUniqueID() PeerID { return GenerateUniqueID() }

// maxPolled is how many packets the polls take over; the rest stays in the peer, where its credit bounds it.
const maxPolled = 4096

// Poll takes over what has arrived and calls the signals. If there is nothing, it waits for up to one second, as the
// class reference says; a game loop should use TryPoll. It returns nil, or why the peer has ended.
func (m *MultiplayerPeer) Poll() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if !m.full() && m.held == nil && len(m.due) == 0 && m.packets.len() == 0 {
		ev, err := m.peer.Receive(ctx)
		switch {
		case err == nil:
			m.take(ev)
		case ctx.Err() == nil:
			m.err = err
			return err
		}
	}
	return m.TryPoll()
}

// TryPoll is Poll without waiting. It takes over what is there, but stops at the disconnected event of a peer whose
// packets were not got yet: that signal follows in the first poll after they were.
func (m *MultiplayerPeer) TryPoll() error {
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
		if err == ErrNoEvent {
			return nil
		}
		if err != nil {
			m.err = err
			return err
		}
		m.take(ev)
	}
	return nil
}

func (m *MultiplayerPeer) full() bool { return m.packets.len() >= maxPolled }

// take takes an event of the peer.
func (m *MultiplayerPeer) take(ev Event) {
	switch ev.Kind {
	case HostChanged:
		m.takeHost(ev.Host.New)
		return
	case PeerConnected:
		m.known[ev.Peer] = true
	case PeerDisconnected:
		delete(m.known, ev.Peer)
	}
	ev.Peer, ev.Packet.Peer = m.shown(ev.Peer), m.shown(ev.Packet.Peer)
	if ev.Kind == PacketReceived {
		ev.Peer = ev.Packet.Peer
	}
	m.tell(ev)
}

// takeHost makes the new host leave under its own id, and come back as 1.
func (m *MultiplayerPeer) takeHost(host PeerID) {
	if host != m.host && m.known[host] {
		m.due = append(m.due, Event{Kind: PeerDisconnected, Peer: host}, Event{Kind: PeerConnected, Peer: Server})
	}
	m.host = host
}

// shown returns the id under which a peer is shown here.
func (m *MultiplayerPeer) shown(id PeerID) PeerID {
	if id == m.host {
		return Server
	}
	return id
}

// tell shows an event to the program.
func (m *MultiplayerPeer) tell(ev Event) {
	switch ev.Kind {
	case PacketReceived:
		if !m.forced[ev.Peer] {
			m.packets.push(ev.Packet)
			m.unread[ev.Peer]++
		}
	case PeerConnected:
		if m.PeerConnected != nil {
			m.PeerConnected(ev.Peer)
		}
	case PeerDisconnected:
		m.takeDisconnected(ev)
	case PeerFailed:
		if failure, ok := errors.AsType[*PeerError](ev.Err); ok && m.PeerFailed != nil {
			m.PeerFailed(failure)
		}
	}
}

func (m *MultiplayerPeer) takeDisconnected(ev Event) {
	switch {
	case m.forced[ev.Peer]:
		delete(m.forced, ev.Peer)
	case m.unread[ev.Peer] > 0:
		m.held = &ev
	case m.PeerDisconnected != nil:
		m.PeerDisconnected(ev.Peer)
	}
}

// SetTargetPeer sets the target of the packets that follow: 0 everybody, N that peer, -N everybody
// but N.
func (m *MultiplayerPeer) SetTargetPeer(id PeerID) { m.target = id }

// SetTransferChannel and SetTransferMode set the channel and mode of the packets that follow. On a
// channel other than 0 the mode is the channel's.
func (m *MultiplayerPeer) SetTransferChannel(channel int)        { m.channel = channel }
func (m *MultiplayerPeer) GetTransferChannel() int               { return m.channel }
func (m *MultiplayerPeer) SetTransferMode(mode TransferMode)     { m.mode = mode }
func (m *MultiplayerPeer) GetTransferMode() TransferMode         { return m.mode }
func (m *MultiplayerPeer) SetRefuseNewConnections(refuse bool)   { m.peer.SetRefuse(refuse) }
func (m *MultiplayerPeer) IsRefusingNewConnections() bool        { return m.peer.Refuses() }
func (m *MultiplayerPeer) GetConnectionStatus() ConnectionStatus { return m.peer.Status() }
func (m *MultiplayerPeer) GetUniqueID() PeerID                   { return m.shown(m.peer.ID()) }
func (m *MultiplayerPeer) IsServer() bool                        { return m.GetUniqueID() == Server }
func (m *MultiplayerPeer) IsServerRelaySupported() bool          { return m.peer.Relays() }

// PutPacket sends a packet to the target peer, on the transfer channel, in the transfer mode. It
// does not wait and does not keep the bytes; an empty packet sends nothing. Errors: those of
// Peer.TrySend, among them ErrBufferFull.
func (m *MultiplayerPeer) PutPacket(data []byte) error {
	mode, err := m.mode.mode()
	if err != nil && m.channel == 0 {
		return err
	}
	return m.peer.TrySend(Packet{Peer: m.target, Channel: m.channel, Mode: mode, Data: data})
}

// GetAvailablePacketCount returns how many packets the polls have taken over.
func (m *MultiplayerPeer) GetAvailablePacketCount() int { return m.packets.len() }

// GetPacket returns the next packet, which belongs to the caller, or ErrUnavailable.
func (m *MultiplayerPeer) GetPacket() ([]byte, error) {
	m.packetErr = nil
	if m.packets.len() == 0 {
		m.packetErr = ErrUnavailable
		return nil, ErrUnavailable
	}
	p := m.packets.pop()
	if m.unread[p.Peer]--; m.unread[p.Peer] == 0 {
		delete(m.unread, p.Peer)
	}
	return p.Data, nil
}

// GetPacketError returns the error of the last GetPacket or GetVar.
func (m *MultiplayerPeer) GetPacketError() error { return m.packetErr }

// GetPacketPeer, GetPacketChannel and GetPacketMode describe the next packet, so call them before GetPacket. Without a
// packet they return 0, 0 and TransferModeReliable.
func (m *MultiplayerPeer) GetPacketPeer() PeerID       { return m.next().Peer }
func (m *MultiplayerPeer) GetPacketChannel() int       { return m.next().Channel }
func (m *MultiplayerPeer) GetPacketMode() TransferMode { return transferMode(m.next().Mode) }

// GetPacketCommand is not in Godot: it returns what the next packet means to SceneMultiplayer.
func (m *MultiplayerPeer) GetPacketCommand() Command { return m.next().Command }

func (m *MultiplayerPeer) next() Packet {
	if m.packets.len() == 0 {
		return Packet{}
	}
	return m.packets.peek()
}

// GetPeerRTT and GetPeerOffset are not in Godot: see RTT and Offset of Node. They return 0 if the figure is not known.
func (m *MultiplayerPeer) GetPeerRTT(id PeerID) time.Duration {
	if n, ok := m.peer.(*Node); ok {
		rtt, _ := n.RTT(id)
		return rtt
	}
	return 0
}

func (m *MultiplayerPeer) GetPeerOffset(id PeerID) time.Duration {
	if n, ok := m.peer.(*Node); ok {
		offset, _ := n.Offset(id)
		return offset
	}
	return 0
}

// DisconnectPeer ends the link with a peer, which learns of it at once. With force nothing more of it is shown here:
// its packets that were not got are dropped, and PeerDisconnected is not called.
func (m *MultiplayerPeer) DisconnectPeer(id PeerID, force bool) error {
	actual := id
	if id == Server {
		actual = m.host
	}
	if err := m.peer.Disconnect(actual); err != nil {
		return err
	}
	if force && m.held != nil && m.held.Peer == id {
		m.held = nil
		m.forget(id)
	} else if force {
		m.forced[id] = true
		m.forget(id)
	}
	return nil
}

// forget drops the packets of a peer that were not got yet.
func (m *MultiplayerPeer) forget(id PeerID) {
	for range m.packets.len() {
		if p := m.packets.pop(); p.Peer != id {
			m.packets.push(p)
		}
	}
	delete(m.unread, id)
}

// Close closes the peer: no signal is called, and the other ends learn of it at once.
func (m *MultiplayerPeer) Close() error {
	m.packets = ring[Packet]{}
	m.held, m.due = nil, nil
	clear(m.unread)
	return m.peer.Close()
}

func (t TransferMode) mode() (Mode, error) {
	switch t {
	case TransferModeUnreliable:
		return Unreliable, nil
	case TransferModeUnreliableOrdered:
		return UnreliableOrdered, nil
	case TransferModeReliable:
		return Reliable, nil
	}
	return Reliable, fmt.Errorf("%w: transfer mode %d: want 0, 1 or 2", ErrUnknownChannel, int(t))
}

func transferMode(m Mode) TransferMode {
	switch m {
	case Unreliable:
		return TransferModeUnreliable
	case UnreliableOrdered:
		return TransferModeUnreliableOrdered
	}
	return TransferModeReliable
}
