//go:build !js

package webrtc

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"github.com/pion/datachannel"
	"github.com/pion/sctp"

	"example.org/rtcpeer/rtcpeer/transport"
)

// lane is one detached data channel. Its channel is set before the path reports that it is open. A reliable
// lane writes through the outlet of its path, an unreliable lane directly.
type lane struct {
	path    *path
	channel *datachannel.DataChannel
	flight  flight
	outlet  *outlet // nil if unreliable
	bulk    bool
	trying  bool // TryRead has set a deadline; owned by the goroutine that reads

	queue  [][]byte     // packets that wait for the window; guarded by outlet.mu
	queued atomic.Int64 // bytes in queue

	// Set by NotifyLow; guarded by outlet.mu.
	low    int
	notify func()
	above  bool // more than low was buffered since notify was last called
}

func (l *lane) Write(p []byte) error {
	if l.outlet != nil {
		return l.outlet.write(l, p)
	}
	return l.hand(p, time.Now())
}

// hand gives a packet to SCTP.
func (l *lane) hand(p []byte, now time.Time) error {
	if _, err := l.channel.WriteDataChannel(p, false); err != nil {
		if errors.Is(err, sctp.ErrOutboundPacketTooLarge) {
			return tooLarge(p)
		}
		return l.path.ended()
	}
	l.flight.wrote(len(p), now, l.outlet == nil || l.channel.BufferedAmount() > alwaysRoom)
	l.path.outlet.expected.Add(uint64(wire(len(p))))
	return nil
}

func tooLarge(p []byte) error { return fmt.Errorf("%w: %d bytes", transport.ErrTooLarge, len(p)) }

func (l *lane) Read(p []byte) (int, error) {
	n, err := l.channel.Read(p)
	for errors.Is(err, sctp.ErrReadDeadlineExceeded) { // that of an earlier TryRead
		l.stopTrying()
		n, err = l.channel.Read(p)
	}
	return l.outcome(n, err)
}

// TryRead sets a deadline that is over. Pion returns what has arrived all the same, and fails only where it would wait.
func (l *lane) TryRead(p []byte) (int, error) {
	if !l.trying {
		l.trying = true
		_ = l.channel.SetReadDeadline(time.Now()) // always nil
	}
	n, err := l.channel.Read(p)
	if errors.Is(err, sctp.ErrReadDeadlineExceeded) {
		l.stopTrying()
		return 0, transport.ErrNoPacket
	}
	return l.outcome(n, err)
}

func (l *lane) stopTrying() {
	l.trying = false
	_ = l.channel.SetReadDeadline(time.Time{}) // always nil
}

// outcome returns what Read returns after Pion has returned n and err.
func (l *lane) outcome(n int, err error) (int, error) {
	if err != nil && !errors.Is(err, io.ErrShortBuffer) {
		return 0, l.path.ended()
	}
	select {
	case <-l.path.done:
		return 0, transport.ErrClosed
	default:
		return n, err
	}
}

func (l *lane) Buffered() int { return int(l.queued.Load()) + int(l.channel.BufferedAmount()) }

// Lag assumes that SCTP's congestion window, which has a floor (sctpFloor), is in flight: bytes buffered beyond
// it wait, and leave at one window per round trip. If the packets in flight take longer than they should, and
// that is more, Lag returns how late they are.
func (l *lane) Lag() time.Duration {
	cwnd, rtt := l.path.cached.windowAndRTT(l.path)
	buffered := l.Buffered()
	age, moving := l.flight.age(int(l.channel.BufferedAmount()), time.Now())
	if moving {
		age = min(age, time.Duration(l.path.cached.taken.Load()))
	}
	late := overdue(age, time.Duration(l.path.cached.shortest.Load()))
	waiting := max(buffered-cwnd, 0)
	return max(late, time.Duration(float64(rtt)*float64(waiting)/float64(cwnd)))
}

func (l *lane) NotifyLow(bytes int, f func()) {
	if l.outlet != nil {
		l.outlet.notifyLow(l, bytes, f)
		return
	}
	l.channel.SetBufferedAmountLowThreshold(uint64(bytes))
	l.channel.OnBufferedAmountLow(f)
}

// cachedStats holds the window and the round trip for a moment, because asking Pion costs a lock and an allocation,
// and a lane under pressure asks for each packet. Asking for the round trip also waits for ICE's own goroutine,
// 4 to 16 us, and ICE measures only once a second.
type cachedStats struct {
	at   atomic.Int64 // UnixNano of the last update
	cwnd atomic.Int64 // bytes
	rtt  atomic.Int64 // nanoseconds

	shortest atomic.Int64 // of the round trips so far, in nanoseconds; 0: none
	taken    atomic.Int64 // SCTP's round trip, including waits at both ends, in nanoseconds

	askedAt atomic.Int64 // UnixNano of the last question to ICE
	asked   atomic.Int64 // its answer, in nanoseconds; 0 if it does not know
}

func (c *cachedStats) windowAndRTT(p *path) (cwnd int, rtt time.Duration) {
	const keep = 5 * time.Millisecond
	const keepAsked = 200 * time.Millisecond
	if now := time.Now().UnixNano(); now-c.at.Load() > int64(keep) {
		if now-c.askedAt.Load() > int64(keepAsked) {
			c.askedAt.Store(now)
			c.asked.Store(int64(p.pairRTT()))
		}
		s := p.pc.SCTP().Stats()
		c.cwnd.Store(max(int64(s.CongestionWindow), 1))
		c.taken.Store(int64(s.SmoothedRoundTripTime * float64(time.Second)))
		// Before the first acknowledgement SCTP has measured no round trip either.
		rtt := cmp.Or(c.asked.Load(), c.taken.Load())
		if shortest := c.shortest.Load(); rtt > 0 && (shortest == 0 || rtt < shortest) {
			c.shortest.Store(rtt)
		}
		c.rtt.Store(max(rtt, int64(100*time.Microsecond)))
		c.at.Store(now)
	}
	return int(c.cwnd.Load()), time.Duration(c.rtt.Load())
}
