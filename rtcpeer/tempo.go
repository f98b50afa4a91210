package rtcpeer

import "time"

// A tempo is how long signals take to a peer and back, as far as this end has found out: over a server on the other side
// of the world it is part of a second, and a person who carries them takes minutes. Attempts adapt to it. It is owned by
// peer.run.
type tempo struct {
	offers [8]offerTime  // the last ones, by their number
	answer time.Duration // that the other end took to answer last; 0: not known
	limit  time.Duration // of an attempt; grows while nothing is answered
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

// answered notes that an answer has come, late or not.
func (t *tempo) answered(attempt int, now time.Time) {
	if o := t.offers[max(attempt, 0)%len(t.offers)]; o.attempt == attempt && !o.at.IsZero() {
		t.answer = now.Sub(o.at)
	}
}

// unanswered notes that an attempt has ended without a word of the other end.
func (t *tempo) unanswered() { t.limit = min(2*t.attempt(), maxLimit) }

// connected notes that a link is up: what was not answered was lost, or the other end was not there.
func (t *tempo) connected() { t.limit = 0 }

// attempt returns how long an attempt may wait for what comes next.
func (t *tempo) attempt() time.Duration { return max(attemptTimeout, t.limit, 2*t.answer) }

// fresh returns how long an offer counts as one that may still be answered, at least as long as said.
func (t *tempo) fresh(least time.Duration) time.Duration { return max(least, t.answer+t.answer/2) }
