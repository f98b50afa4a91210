package memory

import (
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"example.org/rtcpeer/rtcpeer/transport"
)

// A pipe is one direction of one path. It owns no goroutine. While packets are in flight it owns a timer, which
// closeRead stops.
type pipe struct {
	// Fixed at construction.
	network *Network

	mu       sync.Mutex // guards the fields below; no other lock is taken under it
	random   *rand.Rand
	flows    []*flow
	flights  []flight    // by time of arrival; limited only by what the writer writes
	timer    *time.Timer // nil until it is first needed
	timerAt  time.Time   // when the timer fires; zero if it is not set
	free     time.Time   // when Options.Rate lets the next packet depart
	blocked  bool        // the ends are partitioned
	unheard  bool        // nothing comes back, so arrivals are not acknowledged
	writeErr error       // why nothing can be written, or nil
	readErr  error       // why nothing more arrives, or nil
	sent     uint64      // bytes
	received uint64      // bytes

	fallen []*flow         // flows whose onLow unlock must call
	calls  int             // running calls of onLow
	stray  func(id uint16) // tells the reader of a packet on a lane that it does not have; set before the path opens
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

// listen returns the flow for a lane of the reading end. If the writing end has no such lane, it returns a flow
// on which nothing arrives.
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

// setBlocked separates the ends or joins them again. When they are joined, packets that reliable lanes have
// kept take as long as if they were sent at that moment.
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

// setUnheard sets whether acknowledgements do not come back. When they do again, the missing ones come at once.
func (p *pipe) setUnheard(unheard bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.unheard = unheard
	if !unheard && p.readErr == nil {
		p.settle()
	}
}

// settle clears the bytes that wait for an acknowledgement. p.mu is held.
func (p *pipe) settle() {
	for _, f := range p.flows {
		before := f.buffered()
		f.unacknowledged = 0
		f.fell(before)
	}
	p.setTimer()
}

// closeWrite ends the pipe for its writer. Packets in flight still arrive.
func (p *pipe) closeWrite(why error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.writeErr = why
	p.settle()
}

// closeRead ends the pipe for its reader. Packets that have arrived can still be read, unless the reader itself
// closed.
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

// silence stops the calls of functions given to NotifyLow, and waits for those that are running.
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

// landDue lands the packets whose time of arrival has come.
func (p *pipe) landDue() {
	if len(p.flights) == 0 {
		return
	}
	now := time.Now()
	for !p.blocked && len(p.flights) > 0 && !p.flights[0].at.After(now) {
		x := p.flights[0]
		p.flights[0] = flight{} // release its data
		p.flights = p.flights[1:]
		x.land()
	}
}

// setTimer sets the timer to the first arrival, or to now if there are functions to call. These are left to the
// timer because the callers of this package's methods may hold locks that the functions take. Only read calls
// them itself, through unlock.
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

// unlock calls the functions that are due, releasing p.mu for each call. Then it releases p.mu.
func (p *pipe) unlock() {
	for len(p.fallen) > 0 {
		last := len(p.fallen) - 1
		call := p.fallen[last].onLow
		p.fallen = p.fallen[:last]
		if call == nil {
			continue // NotifyLow removed it
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
