package rtcpeer

import (
	"errors"
	"fmt"

	"example.org/rtcpeer/rtcpeer/transport"
	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/signaling/text"
)

// A link fails at once if something is known to be wrong before its time is over. This end tells the other end, which
// then fails too.
//
//	this end                                  other end
//	  answer, accept: the description is bad
//	  the path: another certificate, no relay
//	  fail, attempt, link, text ----------->  its link fails too, instead of waiting for its time to be over

// errOtherFailed is the cause of a link that could not be made because of what is wrong at the other end.
var errOtherFailed = errors.New("failed at the other end")

// hopeless returns what is wrong with a path that has ended, if another try would not mend it, and else nil.
func (l *link) hopeless(e transport.Event) error {
	if e.Kind != transport.EventClosed {
		return nil
	}
	if stray, ok := errors.AsType[*transport.StrayError](e.Err); ok {
		return l.strayed(stray)
	}
	if failed, ok := errors.AsType[*transport.PathError](e.Err); ok {
		return failed
	}
	return nil
}

// isStray reports whether a path has ended because the other end sends on a channel that does not exist here. Another
// path would not help.
func isStray(e transport.Event) bool {
	_, stray := errors.AsType[*transport.StrayError](e.Err)
	return stray
}

// strayed translates a StrayError, which names lanes, into the terms of Config.Channels. It does not come to that with
// members that list their channels: see ChannelMismatchError.
func (l *link) strayed(e *transport.StrayError) error {
	const what = "the other end sends on a channel that this end does not have"
	switch first := uint16(len(channelsOf(nil)) + 1); {
	case e.Unnamed || e.ID < first:
		return fmt.Errorf("%w: %s; ours are %v: give both ends the same Config.Channels", ErrUnknownChannel, what, l.node.config.Channels)
	default:
		return fmt.Errorf("%w: %s: %d; ours are %v: give both ends the same Config.Channels", ErrUnknownChannel, what, e.ID-first+1, l.node.config.Channels)
	}
}

// failedAtOnce reports whether the link has failed before its time was over.
func (l *link) failedAtOnce() bool {
	if l.failure == nil {
		return false
	}
	_, late := errors.AsType[*DeadlineError](l.failure)
	return !late
}

// fallBack goes on to the next attempt, which goes through the signaling server. The offering end begins it. The
// answering end tells the offering end why, so that it need not wait longer; why is nil if the offering end knows
// already.
func (l *link) fallBack(why error) error {
	if l.state.retries() {
		return errAttemptOver
	}
	if why != nil {
		l.tellFailure(why)
	}
	return nil
}

// tellFailure tells the other end that this one has failed at once, unless the other end said so first, or why is
// final.
func (l *link) tellFailure(why error) {
	if l.capable && !errors.Is(why, errOtherFailed) && !isFinal(why) {
		l.signal(signaling.SignalData{Type: signaling.Fail, Link: l.id, Text: text.Shorten(why.Error(), maxFailure)})
	}
}

// maxFailure is the longest text of a failure, in bytes, that is sent to or taken from the other end: a line or two.
const maxFailure = 300

// otherFailed returns the error of a link that the other end says has failed.
func (l *link) otherFailed(s *signaling.SignalData) error {
	return l.fail("connect", fmt.Errorf("%w: %s", errOtherFailed, text.Shorten(s.Text, maxFailure)))
}

// nextFailed handles the message that the path being made for this link has failed at the other end. It does what it
// would do if the path had failed here.
func (l *link) nextFailed(s *signaling.SignalData) {
	if l.isAbout(s) && l.next != nil {
		l.node.log.Debug("repair failed at the other end", "peer", l.peer, "attempt", l.next.attempt, "err", text.Shorten(s.Text, maxFailure))
		l.nextOver()
	}
}
