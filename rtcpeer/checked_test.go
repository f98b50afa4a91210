package rtcpeer_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer"
	"example.org/rtcpeer/rtcpeer/transport"
	"example.org/rtcpeer/rtcpeer/transport/memory"
	"example.org/rtcpeer/testdata/bubble"
)

// checkedTransport makes paths whose ends check their route each second, as those of WebRTC do. The checks
// pass over a lane of their own, so that the network treats them as it treats packets.
type checkedTransport struct {
	transport.Transport
	faults *checkFaults
}

type checkFaults struct {
	unchecked bool // neither end checks, as where both processes have many paths; fixed

	forged atomic.Bool // checks seem to come, whatever the network does
	lost   atomic.Bool
}

type checkedPath struct {
	transport.Path
	lane    int // of the checks
	faults  *checkFaults
	count   atomic.Uint64
	sent    atomic.Uint64 // bytes
	done    chan struct{}
	begin   sync.Once
	end     sync.Once
	running sync.WaitGroup
}

// checkLane has an id that no channel of a program has.
var checkLane = transport.LaneConfig{ID: 1000, Label: "checks", Mode: transport.Unreliable}

func (c checkedTransport) NewPath(config transport.PathConfig) (transport.Path, error) {
	lane := len(config.Lanes)
	config.Lanes = append(config.Lanes[:lane:lane], checkLane)
	p, err := c.Transport.NewPath(config)
	if err != nil {
		return nil, err
	}
	return &checkedPath{Path: p, lane: lane, faults: c.faults, done: make(chan struct{})}, nil
}

func (p *checkedPath) Acknowledges() {}

func (p *checkedPath) Checks() uint64 { return p.count.Load() }

func (p *checkedPath) Unchecked() bool { return p.faults.unchecked }

// Lane is called when all lanes are open.
func (p *checkedPath) Lane(i int) transport.Lane {
	p.begin.Do(func() {
		p.running.Go(p.check)
		p.running.Go(p.hear)
	})
	return p.Path.Lane(i)
}

func (p *checkedPath) check() {
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for {
		select {
		case <-p.done:
			return
		case <-ticker.C:
		}
		if !p.faults.unchecked && !p.faults.lost.Load() && p.Path.Lane(p.lane).Write([]byte{0}) == nil {
			p.sent.Add(1)
		}
		if p.faults.forged.Load() {
			p.count.Add(1)
		}
	}
}

func (p *checkedPath) hear() {
	for b := make([]byte, 1); ; p.count.Add(1) {
		if _, err := p.Path.Lane(p.lane).Read(b); err != nil {
			return
		}
	}
}

// Stats does not count the checks, as those of WebRTC do not.
func (p *checkedPath) Stats() transport.Stats {
	s := p.Path.Stats()
	s.BytesSent -= p.sent.Load()
	return s
}

func (p *checkedPath) Close() error {
	p.begin.Do(func() {})
	p.end.Do(func() { close(p.done) })
	err := p.Path.Close()
	p.running.Wait()
	return err
}

// withChecks makes the paths of members that come from now on check their routes.
func (w *world) withChecks() *checkFaults {
	faults := new(checkFaults)
	w.wrap = func(tr transport.Transport) transport.Transport { return checkedTransport{tr, faults} }
	return faults
}

// Checks of the route show a silence as soon as beats do, whichever way nothing gets through any more.
func TestSilenceOfACheckedLink(t *testing.T) {
	for _, deaf := range []rtcpeer.PeerID{1, 5} {
		for offset := time.Duration(0); offset < time.Second; offset += 37 * time.Millisecond {
			bubble.Test(t, func(t *testing.T) {
				w := newWorld(t, rtcpeer.Mesh, memory.Options{Delay: 70 * time.Millisecond})
				w.withChecks()
				w.join(rtcpeer.Config{}, 1, 5)
				after(10*time.Second + offset)
				w.network.PartitionOneWay(w.hosts[6-deaf], w.hosts[deaf])
				after(2500 * time.Millisecond)
				require.True(t, w.link(deaf, 6-deaf).Interrupted, "%d hears nothing", deaf)
				require.False(t, w.link(6-deaf, deaf).Interrupted)
				after(time.Minute)
				require.Equal(t, "connected interrupted disconnected(lost)", w.diaries[deaf].story(6-deaf))
				require.Equal(t, "connected disconnected(lost)", w.diaries[6-deaf].story(deaf), "it hears of it in a bye")
			})
		}
	}
}

// The signaling server knows the keys of the checks. Whoever imitates them hides the silence of a link only for some seconds.
func TestForgedChecks(t *testing.T) {
	for offset := time.Duration(0); offset < 5*time.Second; offset += 370 * time.Millisecond {
		bubble.Test(t, func(t *testing.T) {
			w := newWorld(t, rtcpeer.Mesh, memory.Options{Delay: 70 * time.Millisecond})
			faults := w.withChecks()
			w.join(rtcpeer.Config{}, 1, 5)
			after(10*time.Second + offset)
			faults.forged.Store(true)
			w.network.Partition(w.hosts[1], w.hosts[5])
			after(12500 * time.Millisecond)
			require.True(t, w.link(1, 5).Interrupted)
			require.True(t, w.link(5, 1).Interrupted)
		})
	}
}

// A check that is lost is not sent again, but a beat is. So an end that has missed a check relies on beats for half a
// minute. The link is not interrupted.
func TestBeatsAfterAMissedCheck(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		w := newWorld(t, rtcpeer.Mesh, memory.Options{Delay: 20 * time.Millisecond})
		faults := w.withChecks()
		w.join(rtcpeer.Config{}, 1, 5)
		said := func(d time.Duration) int {
			before := w.beatBytes(1, 5) + w.beatBytes(5, 1)
			after(d)
			return w.beatBytes(1, 5) + w.beatBytes(5, 1) - before
		}
		after(10 * time.Second)
		const beat, timed = 3, 21
		require.InDelta(t, 2*2*timed, said(10*time.Second), 2*timed, "of each end one in five seconds")
		faults.lost.Store(true)
		after(1500 * time.Millisecond)
		faults.lost.Store(false)
		after(2 * time.Second)
		require.Greater(t, said(25*time.Second), 2*5*timed+15*beat, "besides, of the offering end four in five seconds")
		after(5 * time.Second)
		require.InDelta(t, 2*2*timed, said(10*time.Second), 2*timed)
		for id, d := range w.diaries {
			require.Equal(t, "connected", d.story(6-id))
		}
	})
}

// A path that neither end checks has few beats, and each end waits longer for them. A short interruption of the network is
// not noticed, a longer one is, and the link comes back.
func TestSilenceOfAnUncheckedLink(t *testing.T) {
	for _, deaf := range []rtcpeer.PeerID{1, 5} {
		for offset := time.Duration(0); offset < 5*time.Second; offset += 370 * time.Millisecond {
			bubble.Test(t, func(t *testing.T) {
				w := newWorld(t, rtcpeer.Mesh, memory.Options{Delay: 70 * time.Millisecond})
				w.wrap = func(tr transport.Transport) transport.Transport {
					return checkedTransport{tr, &checkFaults{unchecked: true}}
				}
				w.join(rtcpeer.Config{}, 1, 5)
				after(10*time.Second + offset)
				w.network.PartitionOneWay(w.hosts[6-deaf], w.hosts[deaf])
				after(1900 * time.Millisecond)
				require.False(t, w.link(deaf, 6-deaf).Interrupted)
				after(5700 * time.Millisecond)
				require.True(t, w.link(deaf, 6-deaf).Interrupted, "%d hears nothing for seven seconds and a tick", deaf)
				w.heal(1, 5)
				after(10 * time.Second)
				for id, d := range w.diaries {
					require.False(t, w.link(id, 6-id).Interrupted)
					require.NotContains(t, d.story(6-id), "disconnected")
				}
			})
		}
	}
}

// A crowded transport is one of a process that may have too many paths.
type crowded struct {
	transport.Transport
	too func() bool
}

func (c crowded) Slots() *transport.Slots { return nil }

func (c crowded) Crowded() bool { return c.too() }

// An end whose process has too many paths waits five times as long, and the other end does not.
func TestSilenceInACrowdedProcess(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		w := newWorld(t, rtcpeer.Mesh, memory.Options{Delay: 70 * time.Millisecond})
		var too atomic.Bool
		w.wrap = func(tr transport.Transport) transport.Transport {
			return crowded{checkedTransport{tr, new(checkFaults)}, too.Load}
		}
		w.enter(1, rtcpeer.Config{})
		w.withChecks()
		w.enter(5, rtcpeer.Config{})
		for _, tt := range []struct {
			too  bool
			cut  time.Duration
			want bool
		}{
			{false, 2500 * time.Millisecond, true},
			{true, 5 * time.Second, false},
			{true, 7600 * time.Millisecond, true},
			{false, 2500 * time.Millisecond, true},
		} {
			too.Store(tt.too)
			after(10 * time.Second)
			w.network.PartitionOneWay(w.hosts[5], w.hosts[1])
			after(tt.cut)
			require.Equal(t, tt.want, w.link(1, 5).Interrupted, "%+v", tt)
			w.heal(1, 5)
		}
		too.Store(true)
		after(10 * time.Second)
		w.network.PartitionOneWay(w.hosts[1], w.hosts[5])
		after(2500 * time.Millisecond)
		require.True(t, w.link(5, 1).Interrupted)
	})
}
