package main

import (
	"context"
	"fmt"
	"io"
	"sync"
	"time"

	"example.org/rtcpeer/cmd/rtc-client/internal/format"
	"example.org/rtcpeer/cmd/rtc-client/internal/linklog"
	"example.org/rtcpeer/cmd/rtc-client/internal/modes"
	"example.org/rtcpeer/cmd/rtc-client/internal/probe"
	"example.org/rtcpeer/cmd/rtc-client/internal/progress"
	"example.org/rtcpeer/rtcpeer"
)

// A trial is a demo under way. One goroutine, that of run, owns it; each participant has one more,
// which joins, hands on what its node receives, and answers echoes itself.
//
//	node.Receive -> participant.run -> arrivals -> trial.take
//	                       |
//	node.TrySend <---------+ echoes
type trial struct {
	// Fixed at construction.
	peers    []*participant
	packets  int
	progress *progress.Bar

	arrivals chan arrival // full: the nodes are not received from for a moment
	wg       sync.WaitGroup
	stop     context.CancelFunc // ends the participants

	// What has come so far.
	connected int       // pairs, seen from each end
	failure   string    // the last link that could not be made, and is tried again
	round     int       // of packets, from 1
	received  int       // packets of this round
	asked     uint64    // the number of the latest echo
	echoed    uint64    // the number of the latest echo that came back
	echoAt    time.Time // when it did
}

// An arrival is an event of a participant's node, or the error that ended it. With neither it says
// that the participant has joined.
type arrival struct {
	to  *participant
	at  time.Time
	ev  rtcpeer.Event
	err error
}

// newTrial returns a trial that shows on w how far it has come. The caller must close it.
func newTrial(peers, packets int, w io.Writer) *trial {
	t := &trial{packets: packets, arrivals: make(chan arrival, 1024), stop: func() {}}
	for range peers {
		t.peers = append(t.peers, &participant{received: make(map[rtcpeer.PeerID]*[len(modes.All)]int)})
	}
	t.progress = progress.NewBar(w, t.pairs()*(1+packets*len(modes.All))+peers*(1+len(modes.All))*t.echoes())
	return t
}

// pairs counts each pair from both ends.
func (t *trial) pairs() int { return len(t.peers) * (len(t.peers) - 1) }

// echoes is how many round trips each peer makes in each mode: enough for a median, and at least one
// with each other peer.
func (t *trial) echoes() int { return max(21, len(t.peers)-1) }

// run connects everybody, sends everything, and measures. Its error names what is missing.
func (t *trial) run(ctx context.Context, url string, topology rtcpeer.Topology) error {
	// The participants outlive ctx until close: what they would say of its end says nothing.
	life, stop := context.WithCancel(context.WithoutCancel(ctx))
	t.stop = stop
	defer t.progress.Finish()
	if err := t.connect(ctx, life, url, topology); err != nil {
		return err
	}
	if err := t.exchange(ctx); err != nil {
		return err
	}
	return t.measure(ctx)
}

// connect lets the first peer make the room, and then the others join.
func (t *trial) connect(ctx, life context.Context, url string, topology rtcpeer.Topology) error {
	t.progress.Describe("connecting")
	for i, p := range t.peers {
		if err := t.await(ctx, func() bool { return i == 0 || t.peers[0].id != 0 }); err != nil {
			return err
		}
		t.wg.Go(func() { p.run(life, url, topology, t.arrivals) })
	}
	return t.await(ctx, func() bool { return t.connected == t.pairs() })
}

// exchange sends the packets in rounds: one in each mode from each to each, and the next ones when
// all of them have arrived everywhere. So no unreliable lane holds enough to drop any. On a machine that is
// so busy that a link goes over to another path, an unreliable packet can be lost: it is sent again.
func (t *trial) exchange(ctx context.Context) error {
	t.progress.Describe("sending")
	for t.round = 1; t.round <= t.packets; t.round++ {
		t.received = 0
		for _, from := range t.peers {
			if err := from.sendAll(ctx, t.round); err != nil {
				return err
			}
		}
		for all := t.pairs() * len(modes.All); t.received < all; {
			quiet, err := t.awaitOrQuiet(ctx, func() bool { return t.received == all })
			if err == nil && quiet {
				err = t.sendAgain(ctx)
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// sendAgain sends the unreliable packets of this round that have not arrived.
func (t *trial) sendAgain(ctx context.Context) error {
	for _, from := range t.peers {
		for _, to := range t.peers {
			for _, mode := range modes.All {
				if from == to || mode == rtcpeer.Reliable || to.received[from.id][mode] >= t.round {
					continue
				}
				if err := from.send(ctx, to.id, mode, t.round); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// measure makes one round trip after the other, so that each has the machine for itself. The first
// one between two peers wakes what was idle, and does not count.
func (t *trial) measure(ctx context.Context) error {
	t.progress.Describe("measuring")
	for i, from := range t.peers {
		for n := range t.echoes() {
			to := t.peers[(i+1+n%(len(t.peers)-1))%len(t.peers)]
			for trip, mode := range append([]rtcpeer.Mode{rtcpeer.Reliable}, modes.All[:]...) {
				took, err := t.roundTrip(ctx, from, to, mode)
				if err != nil {
					return fmt.Errorf("peer %d: %v echo from %d: %w", from.id, mode, to.id, err)
				}
				if trip > 0 {
					from.roundTrips[mode].Add(took)
				}
			}
		}
	}
	return nil
}

// roundTrip asks again if no answer comes.
func (t *trial) roundTrip(ctx context.Context, from, to *participant, mode rtcpeer.Mode) (time.Duration, error) {
	for {
		t.asked++
		asked := time.Now()
		if err := from.node.TrySend(rtcpeer.Packet{Peer: to.id, Mode: mode, Data: probe.New(t.asked)}); err != nil {
			return 0, err
		}
		quiet, err := t.awaitOrQuiet(ctx, func() bool { return t.echoed == t.asked })
		if err != nil || !quiet {
			return t.echoAt.Sub(asked), err
		}
	}
}

// quietTime is how long nothing has come when what is missing is taken for lost.
const quietTime = time.Second

// awaitOrQuiet takes what arrives until done, or until nothing has come for quietTime.
func (t *trial) awaitOrQuiet(ctx context.Context, done func() bool) (quiet bool, err error) {
	timer := time.NewTimer(quietTime)
	defer timer.Stop()
	for !quiet && !done() {
		select {
		case a := <-t.arrivals:
			timer.Reset(quietTime)
			err = t.take(a)
		case <-timer.C:
			quiet = true
		case <-ctx.Done():
			err = t.notDone(ctx)
		}
		if err != nil {
			return false, err
		}
	}
	return quiet, nil
}

// await takes what arrives until done. Its error names who misses what.
func (t *trial) await(ctx context.Context, done func() bool) error {
	for {
		quiet, err := t.awaitOrQuiet(ctx, done)
		if err != nil || !quiet {
			return err
		}
	}
}

func (t *trial) notDone(ctx context.Context) error {
	return fmt.Errorf("%w%s%s", context.Cause(ctx), t.missing(), t.failure)
}

func (t *trial) take(a arrival) error {
	switch {
	case a.err != nil && a.to.id == 0:
		return a.err
	case a.err != nil:
		return fmt.Errorf("peer %d: %w", a.to.id, a.err)
	case a.ev.Kind == rtcpeer.PeerFailed && linklog.IsFinal(a.ev.Err):
		return fmt.Errorf("peer %d: %s", a.to.id, format.Error(a.ev.Err))
	case a.ev.Kind == rtcpeer.PeerFailed:
		t.failure = fmt.Sprintf("; peer %d: %s", a.to.id, format.Error(a.ev.Err))
	case a.ev.Kind == rtcpeer.PeerDisconnected && t.round == 0:
		// The two ends did not agree on which attempt has succeeded, and another one follows: nobody leaves.
		t.connected--
		t.progress.Add(-1)
		delete(a.to.received, a.ev.Peer)
	case a.ev.Kind == rtcpeer.PeerDisconnected:
		return fmt.Errorf("peer %d was disconnected from %d: %v", a.to.id, a.ev.Peer, a.ev.Reason)
	case a.ev.Kind == rtcpeer.PeerConnected:
		t.connected++
		t.progress.Add(1)
		a.to.received[a.ev.Peer] = new([len(modes.All)]int)
		if len(a.to.received) == len(t.peers)-1 {
			a.to.connected = a.at.Sub(a.to.started)
		}
	case a.ev.Kind == rtcpeer.PacketReceived:
		return t.packet(a, a.ev.Packet)
	case a.ev.Kind == 0:
		a.to.id = a.to.node.ID()
	}
	return nil
}

// packet counts one that is what it has to be.
func (t *trial) packet(a arrival, p rtcpeer.Packet) error {
	if number, ok := probe.Number(p); ok {
		t.echoed, t.echoAt = number, a.at
		t.progress.Add(1)
		return nil
	}
	got, want := a.to.received[p.Peer], demoPacket(p.Peer, p.Mode, t.round)
	switch {
	case got == nil:
		return fmt.Errorf("peer %d got a packet of %d, which was not connected yet", a.to.id, p.Peer)
	case string(p.Data) == want && got[p.Mode] < t.round:
		got[p.Mode]++
		t.received++
		t.progress.Add(1)
	case !t.again(p):
		return fmt.Errorf("peer %d got %q from %d, %v: want %q", a.to.id, p.Data, p.Peer, p.Mode, want)
	}
	return nil
}

// again reports whether p is an unreliable packet that has arrived before: see sendAgain.
func (t *trial) again(p rtcpeer.Packet) bool {
	for round := t.round; p.Mode != rtcpeer.Reliable && round > 0; round-- {
		if string(p.Data) == demoPacket(p.Peer, p.Mode, round) {
			return true
		}
	}
	return false
}

// close ends the participants, all at the same time.
func (t *trial) close() {
	t.stop()
	t.wg.Wait()
	for _, p := range t.peers {
		t.wg.Go(p.close)
	}
	t.wg.Wait()
}
