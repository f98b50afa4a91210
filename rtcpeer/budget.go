package rtcpeer

import "time"

// An offerBudget bounds how many paths a member can have this node make, by its offers and by its requests for some. It
// is spent faster than it is given back only by one that floods; what is beyond it is passed over, as if the server had
// lost it. The zero value is full.
type offerBudget struct {
	spent float64   // at the time of last
	last  time.Time // when it was spent last
}

const (
	offerBurst = 20 // several changes of networks in a row, each with a few tries
	offerEach  = time.Second
)

// take spends one, if there is one left.
func (b *offerBudget) take(now time.Time) bool {
	b.spent = max(b.spent-float64(now.Sub(b.last))/float64(offerEach), 0)
	b.last = now
	if b.spent > offerBurst-1 {
		return false
	}
	b.spent++
	return true
}
