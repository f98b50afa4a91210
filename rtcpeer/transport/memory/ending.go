package memory

import (
	"time"

	"example.org/rtcpeer/rtcpeer/transport"
)

// Close ends the link; the other end learns of it after Options.Delay. It waits for functions given to
// NotifyLow that are running.
func (l *link) Close() error {
	l.network.mu.Lock()
	if !l.closed {
		l.close()
	}
	l.network.mu.Unlock()
	l.out.silence()
	return nil
}

// close ends the link from this side. The caller holds network.mu, here and below.
func (l *link) close() {
	first := !l.over
	l.closed, l.over = true, true
	delete(l.network.links, l.id)
	l.stopWatch()
	l.out.closeWrite(transport.ErrClosed)
	if l.peer == nil {
		return // there is no path yet on which the other end could be told
	}
	l.peer.out.closeRead(transport.ErrClosed)
	if first {
		l.network.after(l.network.options.Load().Delay, l.peer.bye)
	}
}

// bye is when the news of the other end's Close arrives. Where it does not, silence tells the same,
// later.
func (l *link) bye() {
	switch {
	case l.over:
	case l.network.blocked(l.host, l.peer.host):
		l.watch()
	default:
		l.end(transport.ErrRemoteClosed)
	}
}

// end is the end that comes from outside, which leaves what has arrived for Read.
func (l *link) end(why error) {
	l.peer.out.closeRead(why)
	l.out.closeWrite(why)
	l.emit(transport.Event{Kind: transport.EventClosed, Err: why})
	l.over = true
	l.stopWatch()
}

// refresh brings the link in line with whether its ends are parted.
func (l *link) refresh() {
	blocked := l.network.blocked(l.host, l.peer.host)
	l.out.setBlocked(blocked)
	l.watch()
	if !blocked && !l.opened {
		l.startOpening()
	}
}

// watch runs the clock of ErrLost while nothing can be heard from the other end.
func (l *link) watch() {
	if !l.peer.over && !l.network.blocked(l.host, l.peer.host) {
		l.stopWatch()
		return
	}
	limit := l.network.options.Load().LostAfter
	if l.lost != nil || limit < 0 {
		return
	}
	var mine *time.Timer
	mine = time.AfterFunc(limit, func() {
		l.network.mu.Lock()
		defer l.network.mu.Unlock()
		if l.lost == mine { // else it was stopped, but too late
			l.end(transport.ErrLost)
		}
	})
	l.lost = mine
}

func (l *link) stopWatch() {
	if l.lost != nil {
		l.lost.Stop()
		l.lost = nil
	}
}
