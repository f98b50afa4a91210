package rtcpeer

import "time"

// A tempo is how long signals take to a peer and back, as far as this end has found out. Over a server on the other
// side of the world that is part of a second; if a person carries them, it is minutes. Attempts adapt to it. peer.run
// owns it.
type tempo struct {
	offers [8]offerTime  // the last eight, at their number modulo eight
	answer time.Duration // how long the other end last took to answer; 0: not known
	limit  time.Duration // how long an attempt may take; grows while nothing is answered
}

// An offerTime is when an offer was sent.
type offerTime struct {
	attempt int
	at      time.Time
}

// maxLimit is the longest that an attempt waits for an answer which may have been lost.
const maxLimit = 5 * time.Minute

// offered notes that an offer was sent.
func (t *tempo) offered(attempt int, now time.Time) {
	t.offers[attempt%len(t.offers)] = offerTime{attempt, now}
}

// answered notes that an answer has come, even a late one.
func (t *tempo) answered(attempt int, now time.Time) {
	if o := t.offers[max(attempt, 0)%len(t.offers)]; o.attempt == attempt && !o.at.IsZero() {
		t.answer = now.Sub(o.at)
	}
}

// unanswered notes that an attempt has ended without an answer of the other end.
func (t *tempo) unanswered() { t.limit = min(2*t.attempt(), maxLimit) }

// connected notes that a link is up: offers that were not answered were lost, or the other end was not there.
func (t *tempo) connected() { t.limit = 0 }

// attempt returns how long an attempt may wait for what comes next.
func (t *tempo) attempt() time.Duration { return max(attemptTimeout, t.limit, 2*t.answer) }

// fresh returns how long an offer counts as one that may still be answered. It is never less than least.
func (t *tempo) fresh(least time.Duration) time.Duration { return max(least, t.answer+t.answer/2) }
