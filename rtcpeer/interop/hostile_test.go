//go:build unix

package interop

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	pion "github.com/pion/webrtc/v4"
	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer"
	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/signaling/signalclient"
	"example.org/rtcpeer/testdata/skip"
)

// Other ends that break the rules, against rtcpeer.js in Chromium, beside an honest member whose packets come through
// all the while.
func TestHostilePeersOfAPage(t *testing.T) {
	t.Parallel()
	skip.Long(t)
	need(t, openChromium)
	l, s := newLab(t), startServer(t)
	_, err := l.host(openChromium)
	require.NoError(t, err)
	for i, c := range []struct {
		name     string
		topology rtcpeer.Topology
		attack   func(*attack, *testing.T)
	}{
		{"data on a stream that the page does not have", rtcpeer.Mesh, (*attack).stranger},
		{"unexpected channels", rtcpeer.Mesh, (*attack).strangers},
		{"300 addresses", rtcpeer.Mesh, (*attack).addresses},
		{"20,000 candidates for an open link", rtcpeer.Mesh, (*attack).candidates},
		{"announcements without end", rtcpeer.Star, (*attack).announcements},
	} {
		t.Run(c.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeoutCause(t.Context(), 2*cellTime, errCellTime)
			defer cancel()
			room := s.url(fmt.Sprint("hostile-", i))
			a := &attack{ctx: ctx}
			enter := func(k kind) *participant {
				s, err := l.enter(ctx, k, room, c.topology, false)
				require.NoError(t, err)
				t.Cleanup(func() { _ = s.leave() }) // of a room that may have ended
				return s
			}
			if c.topology == rtcpeer.Star {
				a.attacker = newAttacker(ctx, t, room, c.topology)
			}
			a.page, a.honest = enter(openChromium), enter(inGo)
			if c.topology == rtcpeer.Mesh {
				require.NoError(t, party{a.page, a.honest}.meet(ctx))
				t.Cleanup(a.talk(t))
				a.attacker = newAttacker(ctx, t, room, c.topology)
			}
			began := time.Now()
			c.attack(a, t)
			facts, err := a.page.Facts(ctx)
			require.NoError(t, err)
			t.Logf("after %v: %d candidates used, %d events waiting, dropped %v", time.Since(began).Round(time.Millisecond), facts.Candidates, facts.Waiting, facts.Dropped)
		})
	}
}

// An attack is what is done to a page, and who is there.
type attack struct {
	*attacker
	ctx          context.Context
	page, honest *participant
}

// talk has the honest member send numbered packets to the page until the returned function is called, which checks that
// all have come, and in order.
func (a *attack) talk(t *testing.T) (end func()) {
	ctx, stop := context.WithCancel(a.ctx)
	var wg sync.WaitGroup
	n := uint16(0)
	wg.Go(func() {
		for tick := time.NewTicker(20 * time.Millisecond); ctx.Err() == nil; n++ {
			data := binary.LittleEndian.AppendUint16(nil, n)
			if err := a.honest.Send(a.ctx, rtcpeer.Packet{Peer: a.page.ID(), Data: data}); err != nil {
				t.Errorf("packet %d of the honest member: %v", n, err)
				return
			}
			select {
			case <-tick.C:
			case <-ctx.Done():
			}
		}
	})
	return func() {
		stop()
		wg.Wait()
		require.NoError(t, a.page.await(context.WithoutCancel(a.ctx), "the honest member's packets", func(log []rtcpeer.Event) bool {
			return len(a.ofHonest(log)) == int(n)
		}))
		for i, got := range a.ofHonest(a.page.seen()) {
			require.EqualValues(t, i, got)
		}
	}
}

func (a *attack) ofHonest(log []rtcpeer.Event) (list []uint16) {
	for _, ev := range log {
		if ev.Kind == rtcpeer.PacketReceived && ev.Peer == a.honest.ID() {
			list = append(list, binary.LittleEndian.Uint16(ev.Packet.Data))
		}
	}
	return list
}

// stillHeard checks that a reliable packet of the attacker arrives.
func (a *attack) stillHeard(t *testing.T) {
	t.Helper()
	require.NoError(t, a.link(a.page.ID()).lanes[0].Send([]byte("still")))
	require.NoError(t, a.page.await(a.ctx, "the packet", has(rtcpeer.PacketReceived, a.id)))
}

func (a *attack) met(t *testing.T) *attackLink {
	t.Helper()
	require.NoError(t, a.page.await(a.ctx, "the attacker", has(rtcpeer.PeerConnected, a.id)))
	link := a.link(a.page.ID())
	link.opened.Wait() // the page's lanes may be open first
	return link
}

func (a *attack) stranger(t *testing.T) {
	link := a.met(t)
	for range 1000 {
		link.write(a.ctx, link.stranger, make([]byte, 10_000))
	}
	a.stillHeard(t)
}

func (a *attack) strangers(t *testing.T) {
	link := a.met(t)
	for i := range 100 {
		if _, err := link.pc.CreateDataChannel(fmt.Sprint("stranger ", i), nil); err != nil {
			break // the page has closed the connection
		}
	}
	require.NoError(t, a.page.await(a.ctx, "its end", has(rtcpeer.PeerDisconnected, a.id)))
	requireReason(t, a.page, a.id, rtcpeer.Misbehaved)
}

func (a *attack) addresses(t *testing.T) {
	a.met(t)
	a.stillHeard(t)
}

func (a *attack) candidates(t *testing.T) {
	a.met(t)
	for i := range 20_000 {
		a.tell(a.page.ID(), anyCandidate(i))
		if i%500 == 0 { // more at once and the server ends the page's session as slow
			_, err := a.page.Facts(a.ctx)
			require.NoError(t, err)
		}
	}
	a.stillHeard(t)
	a.requireFewCandidates(t)
}

// requireFewCandidates allows those of one attempt and the few of the honest member.
func (a *attack) requireFewCandidates(t *testing.T) {
	t.Helper()
	facts, err := a.page.Facts(a.ctx)
	require.NoError(t, err)
	require.NotZero(t, facts.Candidates)
	require.Less(t, facts.Candidates, 100)
}

func (a *attack) announcements(t *testing.T) {
	link := a.met(t)
	require.NoError(t, a.honest.await(a.ctx, "the host", has(rtcpeer.PeerConnected, a.id)))
	require.NoError(t, a.page.player.(*remote).Deafen(a.ctx, true))
	rounds := uint32(0)
	for rounds < 500_000 && link.write(a.ctx, link.lanes[0], announcement(1, rounds+2)) {
		link.write(a.ctx, link.lanes[0], announcement(2, rounds+2))
		rounds++
	}
	select {
	case <-link.ended:
	case <-a.ctx.Done():
		require.Fail(t, "the page has not ended the link")
	}
	facts, err := a.page.Facts(a.ctx)
	require.NoError(t, err)
	t.Logf("%d rounds, %d events waiting, %d taken, dropped %v", rounds, facts.Waiting, len(a.page.seen()), facts.Dropped)
	require.Less(t, facts.Waiting, 20_000)
	require.NoError(t, a.page.player.(*remote).Deafen(a.ctx, false))
	err = a.page.await(a.ctx, "its end", func([]rtcpeer.Event) bool { return false })
	require.ErrorContains(t, err, "it announces too many peers")
	requireReason(t, a.page, a.id, rtcpeer.Misbehaved)

	honest := a.link(a.honest.ID())
	honest.opened.Wait()
	require.NoError(t, honest.lanes[0].Send([]byte("\x03still")))
	require.NoError(t, a.honest.await(a.ctx, "the packet", has(rtcpeer.PacketReceived, a.id)))
}

// announcement is a frame of a star's host: a guest has come (1), or gone (2).
func announcement(sub byte, id uint32) []byte {
	return binary.LittleEndian.AppendUint32([]byte{7, sub}, id)
}

func requireReason(t *testing.T, s *participant, peer rtcpeer.PeerID, want rtcpeer.DisconnectReason) {
	t.Helper()
	for _, ev := range s.seen() {
		if ev.Kind == rtcpeer.PeerDisconnected && ev.Peer == peer {
			require.Equal(t, want, ev.Reason)
		}
	}
}

// An attacker is a member of a room that says what no node does. It takes no part in repairs, and
// has 300 addresses.
type attacker struct {
	t       *testing.T
	ctx     context.Context
	signals *signalclient.Client
	id      rtcpeer.PeerID

	mu    sync.Mutex // guards the field below
	links map[rtcpeer.PeerID]*attackLink
}

// An attackLink is an attacker's link with one member.
type attackLink struct {
	pc       *pion.PeerConnection
	lanes    []*pion.DataChannel
	stranger *pion.DataChannel // which nobody else has
	opened   sync.WaitGroup    // until each lane is open
	ended    chan struct{}     // closed when the other end has closed a lane
	low      chan struct{}     // a token when a lane's buffer is empty
}

// newAttacker starts one goroutine, run, which ends with the test.
func newAttacker(ctx context.Context, t *testing.T, url string, topology rtcpeer.Topology) *attacker {
	t.Helper()
	join := signaling.Join{Topology: topology, Channels: rtcpeer.Describe(config(topology, "")).Channels}
	signals, err := signalclient.Dial(ctx, url, join, signalclient.Config{})
	require.NoError(t, err)
	a := &attacker{t: t, ctx: ctx, signals: signals, links: make(map[rtcpeer.PeerID]*attackLink)}
	first, err := signals.Receive(ctx)
	require.NoError(t, err)
	welcome := first.(signaling.Welcome)
	a.id = welcome.ID
	var wg sync.WaitGroup
	wg.Go(func() { a.run(welcome) })
	t.Cleanup(func() {
		signals.Close()
		wg.Wait()
		for _, l := range a.links {
			l.pc.Close()
		}
	})
	return a
}

func (a *attacker) run(welcome signaling.Welcome) {
	for _, m := range welcome.Members {
		a.meet(m.ID)
	}
	for {
		m, err := a.signals.Receive(context.WithoutCancel(a.ctx))
		if err != nil {
			return // the end of the test
		}
		switch m := m.(type) {
		case signaling.Joined:
			a.meet(m.Member.ID)
		case signaling.Signal:
			a.hear(m)
		}
	}
}

func (a *attacker) hear(s signaling.Signal) {
	d, err := signaling.DecodeSignalData(s.Data)
	if err != nil {
		return
	}
	link := a.link(s.From)
	switch d.Type {
	case signaling.Offer:
		check(a.t, link.pc.SetRemoteDescription(pion.SessionDescription{Type: pion.SDPTypeOffer, SDP: d.SDP}))
		answer, err := link.pc.CreateAnswer(nil)
		check(a.t, err)
		check(a.t, link.pc.SetLocalDescription(answer))
		a.tell(s.From, signaling.SignalData{Type: signaling.Answer, Attempt: d.Attempt, SDP: answer.SDP})
		a.tellAddresses(s.From)
	case signaling.Answer:
		check(a.t, link.pc.SetRemoteDescription(pion.SessionDescription{Type: pion.SDPTypeAnswer, SDP: d.SDP}))
	case signaling.Candidate:
		check(a.t, link.pc.AddICECandidate(pion.ICECandidateInit{Candidate: d.Candidate, SDPMid: &d.SDPMid, SDPMLineIndex: &d.SDPMLineIndex}))
	}
}

func check(t *testing.T, err error) {
	if err != nil {
		t.Errorf("the attacker: %v", err)
	}
}

// meet offers to a member whose id is smaller. Others offer themselves.
func (a *attacker) meet(to rtcpeer.PeerID) {
	if to > a.id {
		return
	}
	pc := a.link(to).pc
	offer, err := pc.CreateOffer(nil)
	check(a.t, err)
	check(a.t, pc.SetLocalDescription(offer))
	a.tell(to, signaling.SignalData{Type: signaling.Offer, Attempt: 1, SDP: offer.SDP})
	a.tellAddresses(to)
}

func (a *attacker) tellAddresses(to rtcpeer.PeerID) {
	for i := range 300 {
		a.tell(to, anyCandidate(i))
	}
}

func anyCandidate(i int) signaling.SignalData {
	line := fmt.Sprintf("candidate:%d 1 udp 2113937151 198.51.100.%d %d typ host", i, i%250, 1024+i%60_000)
	return signaling.SignalData{Type: signaling.Candidate, Attempt: 1, Candidate: line, SDPMid: "0"}
}

func (a *attacker) tell(to rtcpeer.PeerID, d signaling.SignalData) {
	data, err := d.Encode()
	check(a.t, err)
	err = a.signals.Send(a.ctx, signaling.Signal{To: to, Data: data})
	for errors.Is(err, signalclient.ErrBufferFull) { // the server is busy
		<-time.After(10 * time.Millisecond)
		err = a.signals.Send(a.ctx, signaling.Signal{To: to, Data: data})
	}
	check(a.t, err)
}

// link returns the link with a member, which the first call makes.
func (a *attacker) link(peer rtcpeer.PeerID) *attackLink {
	a.mu.Lock()
	defer a.mu.Unlock()
	if l := a.links[peer]; l != nil {
		return l
	}
	pc, err := pion.NewPeerConnection(pion.Configuration{})
	check(a.t, err)
	l := &attackLink{pc: pc, ended: make(chan struct{}), low: make(chan struct{}, 1)}
	a.links[peer] = l
	lane := func(id uint16, mode rtcpeer.Mode) *pion.DataChannel {
		negotiated, ordered, none := true, mode != rtcpeer.Unreliable, uint16(0)
		init := &pion.DataChannelInit{Negotiated: &negotiated, ID: &id, Ordered: &ordered}
		if mode != rtcpeer.Reliable {
			init.MaxRetransmits = &none
		}
		channel, err := pc.CreateDataChannel(fmt.Sprint(id), init)
		check(a.t, err)
		l.opened.Add(1)
		channel.OnOpen(sync.OnceFunc(l.opened.Done))
		channel.OnBufferedAmountLow(func() {
			select {
			case l.low <- struct{}{}:
			default:
			}
		})
		return channel
	}
	for i, mode := range append(modes, modes...) {
		l.lanes = append(l.lanes, lane(uint16(i+1), mode))
	}
	l.stranger = lane(17, rtcpeer.Reliable)
	l.lanes[0].OnClose(sync.OnceFunc(func() { close(l.ended) }))
	pc.OnICECandidate(func(c *pion.ICECandidate) {
		if c != nil {
			init := c.ToJSON()
			data, err := signaling.SignalData{Type: signaling.Candidate, Attempt: 1, Candidate: init.Candidate, SDPMid: "0"}.Encode()
			check(a.t, err)
			_ = a.signals.Send(a.ctx, signaling.Signal{To: peer, Data: data}) // the test may be over
		}
	})
	return l
}

// inFlight is how many bytes an attacker has on the way. With much more, the system drops datagrams, and a Chromium that
// waits for one of them while a window full of tiny messages follows ends the association itself.
const inFlight = 32 << 10

// write sends, and waits while much is on the way. It returns false when the other end has ended the link.
func (l *attackLink) write(ctx context.Context, channel *pion.DataChannel, data []byte) bool {
	if channel.Send(data) != nil {
		return false
	}
	for channel.BufferedAmount() > inFlight {
		select {
		case <-l.low:
		case <-l.ended:
			return false
		case <-ctx.Done():
			return false
		}
	}
	return true
}
