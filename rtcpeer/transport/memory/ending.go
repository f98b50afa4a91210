package memory

import (
	"cmp"
	"time"

	"example.org/rtcpeer/rtcpeer/transport"
)

// Close ends the path. The other end learns of it after Options.Delay. Close waits for running functions that
// were given to NotifyLow.
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
		return // the two ends have not met: there is nobody to tell
	}
	p.peer.out.closeRead(transport.ErrClosed)
	if first {
		p.network.after(p.network.options.Load().Delay, p.peer.bye)
	}
}

// bye runs when the message about the other end's Close arrives. If nothing can arrive from there, the path
// ends later, after LostAfter.
func (p *path) bye() {
	switch {
	case p.over:
	case p.deaf():
		p.watch()
	default:
		p.end(transport.ErrRemoteClosed)
	}
}

// strayed reports a packet on a lane that this end does not have. The path stays open until one end closes it.
func (p *path) strayed(id uint16) {
	p.network.mu.Lock()
	defer p.network.mu.Unlock()
	if !p.strayTold {
		p.emit(transport.Event{Kind: transport.EventClosed, Err: &transport.StrayError{ID: id}})
		p.strayTold = true
	}
}

// end ends the path for a reason other than Close of this end. Packets that have arrived can still be read.
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

// refresh updates the path after a change of the network's partitions and routes.
func (p *path) refresh() {
	p.out.setBlocked(p.mute())
	p.out.setUnheard(p.deaf())
	p.watch()
	if !p.opened && p.routed() {
		p.startOpening()
	}
}

// watch runs the timer for ErrLost while nothing can be heard from the other end. A path that has not opened
// yet has no such timer: it looks for a route until its owner closes it.
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
		if p.lost == mine { // otherwise it was stopped too late
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
