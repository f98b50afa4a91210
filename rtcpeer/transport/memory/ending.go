package memory

import (
	"cmp"
	"time"

	"example.org/rtcpeer/rtcpeer/transport"
)

// Close ends the path; the other end learns of it after Options.Delay. It waits for functions given to
// NotifyLow that are running.
func (p *path) Close() error {
	p.network.mu.Lock()
	if !p.closed {
		p.close()
	}
	p.network.mu.Unlock()
	p.out.silence()
	return nil
}

// close ends the path from this side. The caller holds network.mu, here and below.
func (p *path) close() {
	first := !p.over
	p.closed, p.over = true, true
	delete(p.network.paths, p.id)
	p.stopWatch()
	p.out.closeWrite(transport.ErrClosed)
	if p.peer == nil {
		return // the two have not met: there is nobody to tell
	}
	p.peer.out.closeRead(transport.ErrClosed)
	if first {
		p.network.after(p.network.options.Load().Delay, p.peer.bye)
	}
}

// bye is when the news of the other end's Close arrives. Where it does not, silence tells the same,
// later.
func (p *path) bye() {
	switch {
	case p.over:
	case p.deaf():
		p.watch()
	default:
		p.end(transport.ErrRemoteClosed)
	}
}

// strayed tells of a packet on a lane that this end does not have. The path goes on until somebody closes it.
func (p *path) strayed(id uint16) {
	p.network.mu.Lock()
	defer p.network.mu.Unlock()
	if !p.strayTold {
		p.emit(transport.Event{Kind: transport.EventClosed, Err: &transport.StrayError{ID: id}})
		p.strayTold = true
	}
}

// end is the end that comes from outside, which leaves what has arrived for Read.
func (p *path) end(why error) {
	p.peer.out.closeRead(why)
	p.out.closeWrite(why)
	if !p.strayTold {
		p.emit(transport.Event{Kind: transport.EventClosed, Err: why})
	}
	p.over = true
	p.stopWatch()
	if !p.peer.over {
		p.peer.watch() // it may still have heard this end
	}
}

// refresh brings the path in line with whether its ends are parted.
func (p *path) refresh() {
	p.out.setBlocked(p.mute())
	p.out.setUnheard(p.deaf())
	p.watch()
	if !p.opened && p.routed() {
		p.startOpening()
	}
}

// watch runs the clock of ErrLost while nothing can be heard from the other end. A path that has not
// opened yet has none: it looks for a route until its owner gives it up.
func (p *path) watch() {
	if !p.opened || !p.peer.over && !p.deaf() {
		p.stopWatch()
		return
	}
	limit := cmp.Or(p.patient, p.network.options.Load().LostAfter)
	if p.lost != nil || limit < 0 {
		return
	}
	var mine *time.Timer
	mine = time.AfterFunc(limit, func() {
		p.network.mu.Lock()
		defer p.network.mu.Unlock()
		if p.lost == mine { // else it was stopped, but too late
			p.end(transport.ErrLost)
		}
	})
	p.lost = mine
}

func (p *path) stopWatch() {
	if p.lost != nil {
		p.lost.Stop()
		p.lost = nil
	}
}
