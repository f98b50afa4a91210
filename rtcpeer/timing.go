package rtcpeer

import (
	"sync"
	"sync/atomic"
	"time"
)

// A timing is what a link knows, from the times in beats, about the way to the other end and its clock.
// signaling/PROTOCOL.md (Times) has the arithmetic. Safe for concurrent use.
//
//	offering end, every second or five ---- beat: my clock, your last one, and how long ago it came --->  other end
//	offering end <------------------------- the same, at once ------------------------------------------  other end
type timing struct {
	takes atomic.Bool // the other end understands times in beats

	mu       sync.Mutex // guards the fields below
	clock    uint64     // the other end's clock in its last beat with times over the present path; 0: there was none
	at       uint64     // this end's clock when that beat came
	smoothed time.Duration
	settled  bool // smoothed is from the present path
	best     timeSample
	known    bool                // there is a best sample
	told     map[PeerID]peerTime // what the other end, a guest, was told of the other guests
}

// A timeSample is what one beat shows.
type timeSample struct {
	at uint64 // this end's clock
	peerTime
}

// doubt returns how wrong the offset may be at now. All of the delay may have been on one way, and clocks drift.
func (s timeSample) doubt(now uint64) time.Duration {
	return s.rtt/2 + micros(now, s.at)/driftPart
}

// A peerTime is what is known about the way to a peer and its clock.
type peerTime struct {
	rtt    time.Duration
	offset time.Duration // how far its clock is ahead of this end's
}

const (
	// driftPart is the inverse of the largest drift between two clocks: 100 µs a second.
	driftPart = 10_000
	// contradiction is by how much two samples have to differ, beyond what both may be wrong, to show that one of the
	// clocks was set, or its machine was asleep.
	contradiction = 5 * time.Millisecond
	// longestRTT and longestOffset (71 years) limit what the other end can make this one believe.
	longestRTT    = time.Minute
	longestOffset = 1 << 51 * time.Microsecond

	timeEach     = time.Second // between two measurements of a link that carries packets
	timeEachIdle = 5 * time.Second
	firstTimes   = 4 // on each path, how many answers are followed by the next question at once

	// maxTold is the largest number of other guests of which a host tells a guest in one beat.
	maxTold = 32
	// maxTime is the largest time in a beat: the largest integer that JavaScript's numbers hold exactly.
	maxTime = 1<<53 - 1
)

// take takes the times of a beat that came at now, by this end's clock.
func (t *timing) take(now uint64, times []uint64) {
	clock, origin, held := times[0], times[1], times[2]
	t.mu.Lock()
	defer t.mu.Unlock()
	t.clock, t.at = clock, now
	rtt := micros(now, origin) - micros(held, 0)
	s := timeSample{now, peerTime{rtt, micros(clock, now) + rtt/2}}
	if origin != 0 && rtt >= 0 && rtt <= longestRTT && s.offset.Abs() <= longestOffset {
		t.add(s)
	}
}

// add keeps the sample whose offset is nearest to the truth. A queue on one way only makes samples worse, not the best
// one.
func (t *timing) add(s timeSample) {
	t.smoothed += (s.rtt - t.smoothed) / 4
	if !t.settled {
		t.smoothed, t.settled = s.rtt, true
	}
	doubt := t.best.doubt(s.at)
	wasSet := (s.offset - t.best.offset).Abs() > s.rtt/2+doubt+contradiction
	if !t.known || wasSet || s.rtt/2 <= doubt {
		t.best, t.known = s, true
	}
}

// figures returns the smoothed round trip and the offset, if there is a sample.
func (t *timing) figures() (peerTime, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return peerTime{t.smoothed, t.best.offset}, t.known
}

// moved notes that the link goes over another path. Offsets stay true.
func (t *timing) moved() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.clock, t.settled = 0, false
}

// append appends the times of a beat sent at now: those of this end, and those of the guests with news.
func (t *timing) append(times []uint64, now uint64, guests map[PeerID]peerTime) []uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.clock == 0 || now < t.at {
		times = append(times, now, 0, 0)
	} else {
		times = append(times, now, t.clock, now-t.at)
	}
	for id := range t.told {
		if _, ok := guests[id]; !ok {
			delete(t.told, id)
		}
	}
	for id, g := range guests {
		if len(times) == 3+3*maxTold {
			break
		}
		if before, ok := t.told[id]; ok && !g.isNews(before) {
			continue
		}
		if t.told == nil {
			t.told = make(map[PeerID]peerTime)
		}
		t.told[id] = g
		times = append(times, uint64(id), uint64(g.rtt.Microseconds()), zigzag(g.offset.Microseconds()))
	}
	return times
}

// isNews reports whether p differs enough from what was told before for a program to care.
func (p peerTime) isNews(before peerTime) bool {
	return (p.rtt-before.rtt).Abs() > max(time.Millisecond, before.rtt/8) || (p.offset-before.offset).Abs() > time.Millisecond
}

// toldTimes decodes what a host tells about its guests.
func toldTimes(times []uint64, tell func(PeerID, peerTime)) {
	for ; len(times) > 0; times = times[3:] {
		id, t := PeerID(times[0]), peerTime{micros(times[1], 0), time.Duration(unzigzag(times[2])) * time.Microsecond}
		if uint64(id) == times[0] && id.Valid() && t.rtt <= longestRTT && t.offset.Abs() <= longestOffset {
			tell(id, t)
		}
	}
}

func micros(a, b uint64) time.Duration { return time.Duration(int64(a-b)) * time.Microsecond }

// zigzag maps small numbers of either sign to small numbers without a sign.
func zigzag(n int64) uint64   { return uint64(n<<1 ^ n>>63) }
func unzigzag(n uint64) int64 { return int64(n>>1) ^ -int64(n&1) }

// A steadyClock is a node's clock: the wall clock when the node began, and from then on the monotonic one. It never
// steps.
type steadyClock struct {
	start time.Time
	ahead atomic.Int64 // nanoseconds by which tests have set it ahead
}

func (c *steadyClock) now() time.Time {
	return c.start.Add(time.Since(c.start) + time.Duration(c.ahead.Load()))
}

func (c *steadyClock) micros() uint64 { return uint64(c.now().UnixMicro()) }

// Now returns the time by this node's clock, which Offset compares with those of the peers. It is the wall clock at the
// time of New, running on steadily. It does not follow when the machine's clock is set, and may stand still while the
// machine is asleep.
func (n *Node) Now() time.Time { return n.clock.now() }

// RTT returns how long a small packet currently takes to a peer and back, smoothed, and whether that is known. Behind a
// star's host it is the sum of both links. It is measured once a second while the link carries packets, and every five
// seconds otherwise. The host reports its measurement of a guest when it has changed by more than an eighth, and by more
// than a millisecond. With a peer that does not measure, such as a Godot game, it is the figure of the transport. RTT
// does not block.
func (n *Node) RTT(id PeerID) (time.Duration, bool) {
	if t, ok := n.route().time(id); ok {
		return t.rtt, true
	}
	l, err := n.roster.to(id)
	if err != nil {
		return 0, false
	}
	rtt := l.path.Load().raw.Stats().RTT
	return rtt, rtt > 0
}

// Offset returns how far the clock of a peer is ahead of this node's: n.Now().Add(offset) is the peer's Now. It also
// reports whether that is known, which it is only for peers that take part in repairs. It is wrong by at most half of
// the shortest recent round trip, if all of the delay is on one way, and by 100 µs for each second since then. So load
// on one way does little to it. Behind a star's host it is the sum of two offsets. It does not block.
func (n *Node) Offset(id PeerID) (time.Duration, bool) {
	t, ok := n.route().time(id)
	return t.offset, ok
}

// time returns what the link with a peer has measured.
func (r *roster) time(id PeerID) (peerTime, bool) {
	l, err := r.to(id)
	if err != nil {
		return peerTime{}, false
	}
	return l.timing.figures()
}

func (r *mesh) time(id PeerID) (peerTime, bool) { return r.node.roster.time(id) }

func (r *host) time(id PeerID) (peerTime, bool) { return r.node.roster.time(id) }

// guestTimes returns what the host has measured of all guests except one.
func (r *host) guestTimes(but PeerID) map[PeerID]peerTime {
	guests := make(map[PeerID]peerTime)
	for _, l := range r.guests() {
		if t, ok := l.timing.figures(); ok && l.peer != but {
			guests[l.peer] = t
		}
	}
	return guests
}

// time returns, for a peer behind the host, the sum of what this end has measured of the host and the host of the peer.
func (r *guest) time(id PeerID) (peerTime, bool) {
	if id == r.node.Host() {
		return r.node.roster.time(id)
	}
	near, ok := r.node.roster.time(r.node.Host())
	if !ok || !r.has(id) {
		return peerTime{}, false
	}
	r.mu.RLock()
	defer r.mu.RUnlock()
	far, ok := r.times[id]
	return peerTime{near.rtt + far.rtt, near.offset + far.offset}, ok
}

// timed takes what the host tells about its guests. The announcement of a guest may come later.
func (r *guest) timed(times []uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	toldTimes(times, func(id PeerID, t peerTime) {
		if _, known := r.times[id]; known || len(r.times) < maxRelayed {
			r.times[id] = t
		}
	})
}

// measured is what a link knows about its measurements for timing. Owned by link.run.
type measured struct {
	at      time.Time // when the last one was made; zero: there was none over the present path
	packets uint64    // how many packets the link had carried then
	soon    int       // how many more answers are followed by a question at once
}

// measure asks the other end when it is time for a measurement. Both ends learn from question and answer.
func (l *link) measure(now time.Time, p *path) {
	packets := uint64(0)
	for _, ln := range l.lanes {
		packets += ln.received.Load() + ln.sent.Load()
	}
	first := l.measured.at.IsZero()
	each := timeEachIdle
	if packets != l.measured.packets {
		each = timeEach
	}
	if !l.published || !l.state.offers || !first && (now.Sub(l.measured.at) < each-tickEach/2 || !l.timing.takes.Load()) {
		return
	}
	if first {
		l.measured.soon = firstTimes
	}
	l.measured.at, l.measured.packets = now, packets
	p.tell(beatAsks)
}

// measureSoon asks again, after an answer, while a path is new.
func (l *link) measureSoon() {
	if l.measured.soon > 0 && l.state.offers && l.timing.takes.Load() {
		l.measured.soon--
		l.path.Load().tell(beatAsks)
	}
}

// times appends the times of a beat that is being sent.
func (l *link) times(times []uint64) []uint64 {
	var guests map[PeerID]peerTime
	if h, ok := l.route.(*host); ok {
		guests = h.guestTimes(l.peer)
	}
	return l.timing.append(times, l.node.clock.micros(), guests)
}

// timed takes the times of a beat that came over the present path.
func (l *link) timed(f control, at uint64) {
	if f.flags&beatTimes != 0 {
		l.timing.takes.Store(true)
	}
	if len(f.times) == 0 {
		return
	}
	l.timing.take(at, f.times)
	if g, ok := l.route.(*guest); ok && l.peer == l.lead.host {
		g.timed(f.times[3:])
	}
}
