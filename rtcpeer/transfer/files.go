package transfer

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"example.org/rtcpeer/rtcpeer"
)

// Files sends and receives files over one reliable channel of a node. Its methods may be called from any
// goroutine.
type Files struct {
	// Fixed at construction.
	node    rtcpeer.Peer
	channel int
	config  Config

	offered chan struct{} // holds a token while an offer waits for Accept
	ctx     context.Context
	cancel  context.CancelCauseFunc
	wg      sync.WaitGroup // of tellLater

	mu        sync.Mutex // guards the fields below
	closed    bool
	lastID    uint64
	sending   map[key]*transfer
	receiving map[key]*transfer
	waiting   []*Offer      // for Accept; each is in receiving
	changed   chan struct{} // closed when a transfer is over, or when a frame that waited for room is sent or dropped
	late      int           // frames that wait for room
}

// A key names a transfer among those of one direction.
type key struct {
	peer rtcpeer.PeerID
	id   uint64
}

// closePatience is how long Close waits for the other ends to be told.
const closePatience = 2 * time.Second

// maxLate is how many frames may wait for room, apart from those of Send and Save, which wait themselves. More are
// dropped: only peers that take nothing cause them.
const maxLate = 64

// New returns a Files on a channel of a node. The channel must be reliable: one of Config.Channels, or 0. The program
// must not send anything of its own on it. The program still owns the node, and should close it after the Files.
func New(node rtcpeer.Peer, channel int, config Config) (*Files, error) {
	config, err := config.withDefaults()
	if err != nil {
		return nil, err
	}
	f := &Files{
		node: node, channel: channel, config: config,
		offered: make(chan struct{}, 1), changed: make(chan struct{}),
		sending: make(map[key]*transfer), receiving: make(map[key]*transfer),
	}
	f.ctx, f.cancel = context.WithCancelCause(context.Background())
	return f, nil
}

// Handle takes an event of the node, and reports whether it was a packet of a transfer, which Handle keeps. The program
// must give it every event, one after the other, because it has to know which peers are gone. It does not block.
func (f *Files) Handle(ev rtcpeer.Event) bool {
	p := ev.Packet
	switch {
	case ev.Kind == rtcpeer.PeerDisconnected:
		f.endAll(ev.Peer, stopped{ErrPeerGone})
		return false
	case ev.Kind == rtcpeer.HostChanged: // the other ends are told as well
		f.endAll(rtcpeer.Broadcast, stopped{ErrHostChanged})
		return false
	case ev.Kind != rtcpeer.PacketReceived || p.Channel != f.channel || p.Command != rtcpeer.CommandRaw:
		return false
	case p.Channel == 0 && p.Mode != rtcpeer.Reliable:
		return false
	}
	switch fr, err := decode(p.Data); {
	case err != nil:
		f.endAll(p.Peer, fmt.Errorf("%w: %w", ErrProtocol, err))
	case fr.kind == kindOffer:
		f.offer(p.Peer, fr)
	default:
		f.route(p.Peer, fr)
	}
	return true
}

// Accept returns the next offer of a file, waiting until ctx is done. The caller must call Save, Receive or Refuse of
// the offer: the sender waits for that. Errors: ErrClosed, the cause of ctx.
func (f *Files) Accept(ctx context.Context) (*Offer, error) {
	for {
		if o := f.nextOffer(); o != nil {
			return o, nil
		}
		select {
		case <-f.offered:
		case <-f.ctx.Done():
			return nil, context.Cause(f.ctx)
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// Close cancels all transfers, and waits up to two seconds until the other ends are told. Calls of Send, Save and
// Receive return ErrClosed. Closing twice is legal.
func (f *Files) Close() {
	f.mu.Lock()
	f.closed = true
	all := slices.Collect(maps.Values(f.sending))
	all = slices.AppendSeq(all, maps.Values(f.receiving))
	f.mu.Unlock()
	for _, t := range all {
		t.end(ErrClosed)
	}
	patience := time.NewTimer(closePatience)
	defer patience.Stop()
	for late := false; !late; {
		f.mu.Lock()
		busy, changed := len(f.sending)+len(f.receiving)+f.late > 0, f.changed
		f.mu.Unlock()
		if !busy {
			break
		}
		select {
		case <-changed:
		case <-patience.C:
			late = true
		}
	}
	f.cancel(ErrClosed)
	f.wg.Wait()
}

// offer handles an offer of a peer.
func (f *Files) offer(peer rtcpeer.PeerID, fr *frame) {
	if f.config.SendOnly {
		f.tell(peer, &frame{kind: kindStopReceiving, id: fr.id, reason: reasonSendOnly})
		return
	}
	k := key{peer, fr.id}
	f.mu.Lock()
	_, twice := f.receiving[k]
	n := 0
	for other := range f.receiving {
		if other.peer == peer {
			n++
		}
	}
	full := n >= MaxOffers || f.closed
	if !twice && !full {
		o := newOffer(f, k, fr)
		f.receiving[k] = o.transfer
		f.waiting = append(f.waiting, o)
	}
	f.mu.Unlock()
	switch {
	case twice:
		f.endAll(peer, fmt.Errorf("%w: file %d was offered twice", ErrProtocol, fr.id))
	case full:
		f.tell(peer, &frame{kind: kindStopReceiving, id: fr.id, reason: reasonBusy})
	default:
		f.notifyOffered()
	}
}

func (f *Files) notifyOffered() {
	select {
	case f.offered <- struct{}{}:
	default:
	}
}

func (f *Files) nextOffer() *Offer {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.waiting) == 0 {
		return nil
	}
	o := f.waiting[0]
	f.waiting = slices.Delete(f.waiting, 0, 1)
	if len(f.waiting) > 0 {
		f.notifyOffered() // there may be another caller that waits
	}
	return o
}

// route gives a frame to its transfer. If there is none, that is over, and the frame was on its way.
func (f *Files) route(peer rtcpeer.PeerID, fr *frame) {
	f.mu.Lock()
	m := f.sending
	if fr.kind.fromSender() {
		m = f.receiving
	}
	t := m[key{peer, fr.id}]
	stops := fr.kind == kindStopSending || fr.kind == kindStopReceiving
	taken := t == nil || stops || t.push(fr)
	f.mu.Unlock()
	switch {
	case !taken:
		t.end(fmt.Errorf("%w: it sent more than was requested", ErrProtocol))
	case t != nil && stops:
		t.end(errorOf(fr))
	}
}

// endAll ends all transfers with a peer, or with all of them if peer is Broadcast.
func (f *Files) endAll(peer rtcpeer.PeerID, why error) {
	f.mu.Lock()
	var list []*transfer
	for _, m := range []map[key]*transfer{f.sending, f.receiving} {
		for k, t := range m {
			if peer == rtcpeer.Broadcast || k.peer == peer {
				list = append(list, t)
			}
		}
	}
	f.mu.Unlock()
	for _, t := range list {
		t.end(why)
	}
}

// remove forgets a transfer that is over.
func (f *Files) remove(t *transfer) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if t.sends {
		delete(f.sending, t.key)
	} else {
		delete(f.receiving, t.key)
		f.waiting = slices.DeleteFunc(f.waiting, func(o *Offer) bool { return o.transfer == t })
	}
	f.notifyChanged()
}

// notifyChanged wakes those who wait for a change; mu is held.
func (f *Files) notifyChanged() {
	close(f.changed)
	f.changed = make(chan struct{})
}

// tell sends a frame without waiting. If there is no room it is sent later.
func (f *Files) tell(peer rtcpeer.PeerID, fr *frame) {
	p := f.packet(peer, fr.append(nil))
	if err := f.node.TrySend(p); !errors.Is(err, rtcpeer.ErrBufferFull) {
		return // it is sent, or the peer is gone
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.late < maxLate && f.ctx.Err() == nil {
		f.late++
		f.wg.Go(func() { f.tellLater(p) })
	}
}

// tellLater sends a packet when there is room. It gives up when the peer is gone or with Close.
func (f *Files) tellLater(p rtcpeer.Packet) {
	_ = f.node.Send(f.ctx, p)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.late--
	f.notifyChanged()
}

func (f *Files) packet(to rtcpeer.PeerID, data []byte) rtcpeer.Packet {
	return rtcpeer.Packet{Peer: to, Channel: f.channel, Data: data}
}
