package rtcpeer

import (
	"sync"

	"example.org/rtcpeer/signaling"
)

// An ending holds the one reason for a link's end.
type ending struct {
	over chan struct{} // closed with the first reason, so that nobody waits to send any more

	mu       sync.Mutex
	reason   DisconnectReason // 0: not over
	bye      *signaling.Bye   // code and text of the program that ended the link: this end's if reason is ByUs; nil: none
	wanted   bool             // the program at this end has ended the link, perhaps after another reason
	deserted bool             // reason is ByUs, and another reason has followed: nobody at the other end hears the bye
}

func newEnding() ending { return ending{over: make(chan struct{})} }

// end asks run to end the link. The first reason stays, except that Unauthorized and Kicked replace ByPeer: they
// explain why the other end closed the link right afterwards, which another lane may have seen first.
func (e *ending) end(reason DisconnectReason) { e.endWith(reason, nil) }

// endWith is end with the code and the text of the program that ended the link.
func (e *ending) endWith(reason DisconnectReason, bye *signaling.Bye) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.wanted = e.wanted || reason == ByUs
	switch {
	case e.reason == 0:
		e.reason, e.bye = reason, bye
		close(e.over)
	case (reason == Unauthorized || reason == Kicked) && e.reason == ByPeer:
		e.reason = reason
	case e.reason == ByUs && reason != ByUs && reason != Slow:
		e.deserted = true
	}
}

// isDeserted reports whether the other end is known to be gone after this end's program has ended the link.
func (e *ending) isDeserted() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.deserted
}

// why returns the reason of the end, or 0.
func (e *ending) why() DisconnectReason {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.reason
}

// said returns what this end's program says to the other end, or nil.
func (e *ending) said() *signaling.Bye {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.reason != ByUs {
		return nil
	}
	return e.bye
}

// heard returns what the program at the other end has said, or nil.
func (e *ending) heard() *signaling.Bye {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.reason == ByUs {
		return nil
	}
	return e.bye
}

// isWanted reports whether this end's program has ended the link, even if it was ending already.
func (e *ending) isWanted() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.wanted
}
