package memory

import (
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"example.org/rtcpeer/rtcpeer/transport"
)

// A pipe is one direction of one path. It owns no goroutine, but a timer while packets are in
// flight, which closeRead stops.
type pipe struct {
	// Fixed at construction.
	network *Network

	mu       sync.Mutex // guards the fields below; no other lock is taken under it
	random   *rand.Rand
	flows    []*flow
	flights  []flight    // by time of arrival; bounded by what the writer chose to write
	timer    *time.Timer // nil until there was a flight
	timerAt  time.Time   // what it is set to; zero if not
	free     time.Time   // when Options.Rate lets the next packet depart
	blocked  bool        // the ends are parted
	unheard  bool        // nothing comes back, so that what arrives is not acknowledged
	writeErr error       // why nothing can be written, or nil
	readErr  error       // why nothing more arrives, or nil
	sent     uint64      // bytes
	received uint64      // bytes

	fallen []*flow         // whose onLow unlock has to call
	calls  int             // of onLow that are running
	stray  func(id uint16) // tells the reader of a packet on a lane that it does not have; set before it opens
	idle   sync.Cond       // calls is 0
	silent bool            // the writer closed: no more calls
}

func newPipe(n *Network, id uint64) *pipe {
	p := &pipe{
		network:  n,
		random:   rand.New(rand.NewPCG(n.options.Load().Seed, id)),
		writeErr: errNotOpen,
	}
	p.idle.L = &p.mu
	return p
}

// flow adds a lane of the writing end.
func (p *pipe) flow(cfg transport.LaneConfig) *flow {
	f := &flow{pipe: p, cfg: cfg}
	f.readable.L = &p.mu
	p.flows = append(p.flows, f)
	return f
}

// listen returns the flow for a lane of the reading end. Where the writing end has no such lane it is
// one on which nothing comes.
func (p *pipe) listen(cfg transport.LaneConfig) *flow {
	p.mu.Lock()
	defer p.mu.Unlock()
	i := slices.IndexFunc(p.flows, func(f *flow) bool { return f.cfg.ID == cfg.ID })
	if i < 0 {
		return p.flow(cfg)
	}
	p.flows[i].wanted = true
	return p.flows[i]
}

func (p *pipe) open() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.writeErr = nil
}

// setBlocked parts the ends or joins them again. What reliable lanes kept meanwhile then takes as
// long as if it were sent at that moment.
func (p *pipe) setBlocked(blocked bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.blocked == blocked {
		return
	}
	p.blocked = blocked
	if blocked {
		p.drop(func(x flight) bool { return !x.flow.reliable() })
		return
	}
	soonest := time.Now().Add(p.network.options.Load().Delay)
	for i := range p.flights {
		x := &p.flights[i]
		x.at = later(x.at, soonest)
		x.flow.lastAt = later(x.flow.lastAt, x.at)
	}
	p.setTimer()
}

// setUnheard has acknowledgements come back, or not. Those that are missing then come at once.
func (p *pipe) setUnheard(unheard bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.unheard = unheard
	if !unheard && p.readErr == nil {
		p.settle()
	}
}

// settle has nothing wait for an acknowledgement any more.
func (p *pipe) settle() {
	for _, f := range p.flows {
		before := f.buffered()
		f.unacknowledged = 0
		f.fell(before)
	}
	p.setTimer()
}

// closeWrite ends the pipe for its writer. What is in flight goes on.
func (p *pipe) closeWrite(why error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.writeErr = why
	p.settle()
}

// closeRead ends the pipe for its reader. What has arrived by now can still be read, unless the reader
// itself closed.
func (p *pipe) closeRead(why error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.landDue()
	keep := window
	if why == transport.ErrClosed {
		keep = -1
	}
	p.readErr = why
	for _, f := range p.flows {
		before := f.buffered()
		f.queue.truncate(keep)
		f.fell(before)
		f.readable.Broadcast()
	}
	p.drop(func(flight) bool { return true })
}

// drop loses the flights that match.
func (p *pipe) drop(match func(flight) bool) {
	p.flights = slices.DeleteFunc(p.flights, func(x flight) bool {
		if !match(x) {
			return false
		}
		x.lost = true
		x.land()
		return true
	})
	p.setTimer()
}

// silence has no function given to NotifyLow called any more, and waits for those that are running.
func (p *pipe) silence() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.silent, p.fallen = true, nil
	for _, f := range p.flows {
		f.onLow = nil
	}
	for p.calls > 0 {
		p.idle.Wait()
	}
}

// landDue lands what has arrived by now.
func (p *pipe) landDue() {
	if len(p.flights) == 0 {
		return
	}
	now := time.Now()
	for !p.blocked && len(p.flights) > 0 && !p.flights[0].at.After(now) {
		x := p.flights[0]
		p.flights[0] = flight{} // its data can go
		p.flights = p.flights[1:]
		x.land()
	}
}

// setTimer sets the timer to the first arrival, or to now where there are functions to call: the
// callers of this package's methods may hold locks which those functions take.
func (p *pipe) setTimer() {
	var at time.Time
	switch {
	case len(p.fallen) > 0:
		at = time.Now()
	case len(p.flights) > 0 && !p.blocked:
		at = p.flights[0].at
	}
	switch {
	case at.Equal(p.timerAt):
	case at.IsZero():
		p.timer.Stop()
	case p.timer == nil:
		p.timer = time.AfterFunc(time.Until(at), p.tick)
	default:
		p.timer.Reset(time.Until(at))
	}
	p.timerAt = at
}

func (p *pipe) tick() {
	p.mu.Lock()
	p.timerAt = time.Time{}
	p.landDue()
	p.unlock()
}

// unlock releases p.mu after it has called, without it, the functions whose time has come.
func (p *pipe) unlock() {
	for len(p.fallen) > 0 {
		last := len(p.fallen) - 1
		call := p.fallen[last].onLow
		p.fallen = p.fallen[:last]
		if call == nil {
			continue // NotifyLow took it back
		}
		p.calls++
		p.mu.Unlock()
		call()
		p.mu.Lock()
		p.calls--
	}
	if p.calls == 0 {
		p.idle.Broadcast()
	}
	p.setTimer()
	p.mu.Unlock()
}

func (p *pipe) lag() time.Duration {
	if p.network.options.Load().Rate == 0 {
		return 0
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return max(time.Until(p.free), 0)
}

func (p *pipe) written() uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.sent
}

func (p *pipe) arrived() uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.received
}
