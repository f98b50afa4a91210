package demo

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

// A demoRun is a demo in progress. It is owned by one goroutine, the caller of run. Each participant has one
// more goroutine, which joins, passes on what its node receives, and answers echoes itself.
//
//	node.Receive -> participant.run -> arrivals -> demoRun.take
//	                       |
//	node.TrySend <---------+ echoes
type demoRun struct {
	// Fixed at construction.
	peers    []*participant
	packets  int
	progress *progress.Bar

	arrivals chan arrival // when it is full, the participants stop receiving for a moment
	wg       sync.WaitGroup
	stop     context.CancelFunc // ends the participants

	// Progress so far.
	connected int       // pairs, seen from each end
	failure   string    // the last link that failed; it is being tried again
	round     int       // of packets, from 1
	received  int       // packets of this round
	asked     uint64    // the number of the latest echo
	echoed    uint64    // the number of the latest echo that came back
	echoAt    time.Time // when it did
}

// An arrival is an event of a participant's node, or the error that ended it. With neither it means that the
// participant has joined.
type arrival struct {
	to  *participant
	at  time.Time
	ev  rtcpeer.Event
	err error
}

// newDemoRun returns a demo that shows its progress on w. The caller must close it.
func newDemoRun(peers, packets int, w io.Writer) *demoRun {
	r := &demoRun{packets: packets, arrivals: make(chan arrival, 1024), stop: func() {}}
	for range peers {
		r.peers = append(r.peers, &participant{received: make(map[rtcpeer.PeerID]*[len(modes.All)]int)})
	}
	r.progress = progress.NewBar(w, r.pairs()*(1+packets*len(modes.All))+peers*(1+len(modes.All))*r.echoes())
	return r
}

// pairs returns the number of pairs of peers. Each pair is counted from both ends.
func (r *demoRun) pairs() int { return len(r.peers) * (len(r.peers) - 1) }

// echoes is how many round trips each peer makes in each mode: enough for a median, and at least one
// with each other peer.
func (r *demoRun) echoes() int { return max(21, len(r.peers)-1) }

// run connects all peers, sends all packets, and measures the round trips. Its error names what is missing.
func (r *demoRun) run(ctx context.Context, url string, topology rtcpeer.Topology) error {
	// The participants run until close, not until ctx ends: their errors about a cancelled ctx would hide the
	// real cause.
	life, stop := context.WithCancel(context.WithoutCancel(ctx))
	r.stop = stop
	defer r.progress.Finish()
	if err := r.connect(ctx, life, url, topology); err != nil {
		return err
	}
	if err := r.exchange(ctx); err != nil {
		return err
	}
	return r.measure(ctx)
}

// connect lets the first peer create the room. Then the others join.
func (r *demoRun) connect(ctx, life context.Context, url string, topology rtcpeer.Topology) error {
	r.progress.Describe("connecting")
	for i, p := range r.peers {
		if err := r.await(ctx, func() bool { return i == 0 || r.peers[0].id != 0 }); err != nil {
			return err
		}
		r.wg.Go(func() { p.run(life, url, topology, r.arrivals) })
	}
	return r.await(ctx, func() bool { return r.connected == r.pairs() })
}

// exchange sends the packets in rounds. A round is one packet in each mode from each peer to each other, and
// the next round begins when all of them have arrived. So no unreliable lane is ever full enough to drop
// packets. An unreliable packet can still be lost when a link changes its path, which happens on a very busy
// machine; exchange sends it again.
func (r *demoRun) exchange(ctx context.Context) error {
	r.progress.Describe("sending")
	for r.round = 1; r.round <= r.packets; r.round++ {
		r.received = 0
		for _, from := range r.peers {
			if err := from.sendAll(ctx, r.round); err != nil {
				return err
			}
		}
		for all := r.pairs() * len(modes.All); r.received < all; {
			quiet, err := r.awaitOrQuiet(ctx, func() bool { return r.received == all })
			if err == nil && quiet {
				err = r.sendAgain(ctx)
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// sendAgain sends the unreliable packets of this round that have not arrived.
func (r *demoRun) sendAgain(ctx context.Context) error {
	for _, from := range r.peers {
		for _, to := range r.peers {
			for _, mode := range modes.All {
				if from == to || mode == rtcpeer.Reliable || to.received[from.id][mode] >= r.round {
					continue
				}
				if err := from.send(ctx, to.id, mode, r.round); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// measure makes one round trip at a time, so that each has the machine to itself. The first round trip between
// two peers wakes idle parts and does not count.
func (r *demoRun) measure(ctx context.Context) error {
	r.progress.Describe("measuring")
	for i, from := range r.peers {
		for n := range r.echoes() {
			to := r.peers[(i+1+n%(len(r.peers)-1))%len(r.peers)]
			for trip, mode := range append([]rtcpeer.Mode{rtcpeer.Reliable}, modes.All[:]...) {
				took, err := r.roundTrip(ctx, from, to, mode)
				if err != nil {
					return fmt.Errorf("peer %d: %v echo from peer %d: %w", from.id, mode, to.id, err)
				}
				if trip > 0 {
					from.roundTrips[mode].Add(took)
				}
			}
		}
	}
	return nil
}

// roundTrip sends one echo request and returns how long the answer took. It sends another if no answer comes.
func (r *demoRun) roundTrip(ctx context.Context, from, to *participant, mode rtcpeer.Mode) (time.Duration, error) {
	for {
		r.asked++
		asked := time.Now()
		if err := from.node.TrySend(rtcpeer.Packet{Peer: to.id, Mode: mode, Data: probe.New(r.asked)}); err != nil {
			return 0, err
		}
		quiet, err := r.awaitOrQuiet(ctx, func() bool { return r.echoed == r.asked })
		if err != nil || !quiet {
			return r.echoAt.Sub(asked), err
		}
	}
}

// quietTime is how long nothing must arrive before the missing packets count as lost.
const quietTime = time.Second

// awaitOrQuiet handles arrivals until done returns true, or until nothing has arrived for quietTime.
func (r *demoRun) awaitOrQuiet(ctx context.Context, done func() bool) (quiet bool, err error) {
	timer := time.NewTimer(quietTime)
	defer timer.Stop()
	for !quiet && !done() {
		select {
		case a := <-r.arrivals:
			timer.Reset(quietTime)
			err = r.take(a)
		case <-timer.C:
			quiet = true
		case <-ctx.Done():
			err = r.notDone(ctx)
		}
		if err != nil {
			return false, err
		}
	}
	return quiet, nil
}

// await handles arrivals until done returns true. Its error names what is missing.
func (r *demoRun) await(ctx context.Context, done func() bool) error {
	for {
		quiet, err := r.awaitOrQuiet(ctx, done)
		if err != nil || !quiet {
			return err
		}
	}
}

func (r *demoRun) notDone(ctx context.Context) error {
	return fmt.Errorf("%w%s%s", context.Cause(ctx), r.missing(), r.failure)
}

func (r *demoRun) take(a arrival) error {
	switch {
	case a.err != nil && a.to.id == 0:
		return a.err
	case a.err != nil:
		return fmt.Errorf("peer %d: %w", a.to.id, a.err)
	case a.ev.Kind == rtcpeer.PeerFailed && linklog.IsFinal(a.ev.Err):
		return fmt.Errorf("peer %d: %s", a.to.id, format.Error(a.ev.Err))
	case a.ev.Kind == rtcpeer.PeerFailed:
		r.failure = fmt.Sprintf("; peer %d: %s", a.to.id, format.Error(a.ev.Err))
	case a.ev.Kind == rtcpeer.PeerDisconnected && r.round == 0:
		// The two ends did not agree on which attempt succeeded. Another attempt follows, since nobody leaves a
		// demo.
		r.connected--
		r.progress.Add(-1)
		delete(a.to.received, a.ev.Peer)
	case a.ev.Kind == rtcpeer.PeerDisconnected:
		return fmt.Errorf("peer %d was disconnected from peer %d: %v", a.to.id, a.ev.Peer, a.ev.Reason)
	case a.ev.Kind == rtcpeer.PeerConnected:
		r.connected++
		r.progress.Add(1)
		a.to.received[a.ev.Peer] = new([len(modes.All)]int)
		if len(a.to.received) == len(r.peers)-1 {
			a.to.connected = a.at.Sub(a.to.started)
		}
	case a.ev.Kind == rtcpeer.PacketReceived:
		return r.packet(a, a.ev.Packet)
	case a.ev.Kind == 0:
		a.to.id = a.to.node.ID()
	}
	return nil
}

// packet counts a packet that has the expected content.
func (r *demoRun) packet(a arrival, p rtcpeer.Packet) error {
	if number, ok := probe.Number(p); ok {
		r.echoed, r.echoAt = number, a.at
		r.progress.Add(1)
		return nil
	}
	got, want := a.to.received[p.Peer], demoPacket(p.Peer, p.Mode, r.round)
	switch {
	case got == nil:
		return fmt.Errorf("peer %d got a packet from peer %d before that was connected", a.to.id, p.Peer)
	case string(p.Data) == want && got[p.Mode] < r.round:
		got[p.Mode]++
		r.received++
		r.progress.Add(1)
	case !r.again(p):
		return fmt.Errorf("peer %d got %q from peer %d in mode %v: want %q", a.to.id, p.Data, p.Peer, p.Mode, want)
	}
	return nil
}

// again reports whether p is an unreliable packet that has arrived before: see sendAgain.
func (r *demoRun) again(p rtcpeer.Packet) bool {
	for round := r.round; p.Mode != rtcpeer.Reliable && round > 0; round-- {
		if string(p.Data) == demoPacket(p.Peer, p.Mode, round) {
			return true
		}
	}
	return false
}

// close ends all participants at the same time.
func (r *demoRun) close() {
	r.stop()
	r.wg.Wait()
	for _, p := range r.peers {
		r.wg.Go(p.close)
	}
	r.wg.Wait()
}
