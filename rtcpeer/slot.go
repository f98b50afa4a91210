package rtcpeer

import (
	"time"

	"example.org/rtcpeer/rtcpeer/transport"
	"example.org/rtcpeer/signaling"
)

// This file makes a link wait until it may make a path. Each path takes milliseconds of CPU, so the transport limits
// how many are made at once in this process: if thousands began together, none would be open before its time is over,
// and all would be made anew. Only the offering end waits, and its time begins when the wait is over.

// slotsOf returns the slots of a transport, or nil if it does not limit paths.
func slotsOf(t transport.Transport) *transport.Slots {
	if limited, ok := t.(transport.Limited); ok {
		return limited.Slots()
	}
	return nil
}

// isCrowded reports whether this process has so many paths that its nodes should not take a short silence for a fault.
func (n *Node) isCrowded() bool {
	limited, ok := n.transport.(transport.Limited)
	return ok && limited.Crowded()
}

// waitForSlot asks for the slot of the next path that this end offers, and reports whether it is available now. A path
// through the signaling server needs none.
func (l *link) waitForSlot() bool {
	l.endSlot()
	if l.nextForwarded() {
		return true
	}
	l.slot = l.node.slots.Wait()
	select {
	case <-l.slot.Ready():
		return true
	default:
		l.dropAttempt()
		return false
	}
}

// takeSlot takes the slot of a path that this end answers.
func (l *link) takeSlot() {
	l.endSlot()
	l.slot = l.node.slots.Take()
}

func (l *link) endSlot() {
	if l.slot != nil {
		l.slot.End()
		l.slot = nil
	}
}

// slotReady returns a channel that is closed when the try of a repair that waits may begin, or nil.
func (l *link) slotReady() <-chan struct{} {
	if l.slot == nil || !l.repair.waits {
		return nil
	}
	return l.slot.Ready()
}

// awaitSlot waits until the first path of a link may be made, or the next attempt at it.
func (l *link) awaitSlot(deadline *limit) error {
	if !l.state.offers || l.waitForSlot() {
		return nil
	}
	since := time.Now()
	defer func() { deadline.allow(time.Since(since)) }()
	for {
		select {
		case <-l.slot.Ready():
			return nil
		case s := <-l.signals:
			if s.Type == signaling.Repair {
				l.slot.Hurry()
			} else if err := l.receive(s); err != nil {
				return err
			}
		case <-l.control: // of an earlier attempt
		case <-l.changed:
		case <-l.over:
			return l.overEarly()
		}
	}
}

// awaitsOffer makes a deadline that is over longer if the offer that this end waits for may be waiting for a slot. If
// it may have done so since the link began, the time begins anew, once.
func (l *link) awaitsOffer(deadline *limit) bool {
	switch {
	case l.offerMayWait():
		deadline.again(tickEach)
	case !l.waited && !l.state.offers && l.node.slots.Waited().After(l.started):
		l.waited = true
		deadline.again(l.connectLimit())
	default:
		return false
	}
	return true
}

// offerMayWait reports whether the offer that this end waits for may be waiting for a slot in the same process.
func (l *link) offerMayWait() bool {
	return l.next == nil && !l.state.offers && l.node.slots.Waiting() > 0
}
