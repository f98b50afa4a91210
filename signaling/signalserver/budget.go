package signalserver

import (
	"sync/atomic"

	"example.org/rtcpeer/signaling"
)

// A budget bounds the bytes that the server keeps for others: frames that wait to be written, signals for
// members that are away, frames that have not come whole, what members and rooms tell of themselves, and joins
// that wait. Config.MaxBuffered is the bound of all. An address may have a sixteenth of what is free at the
// moment, a /56 two and a /48 four: the more is used the less each may have. The last quarter of all is for those
// who have little, a 1024th of all at most, so that many greedy addresses leave something for others. What does not fit is refused, or costs a session or a member its place:
// rooms.DroppedBudget.
type budget struct {
	most int64 // fixed at construction
	used atomic.Int64
}

var (
	errServerBudget = &signaling.Error{Code: signaling.CodeServerFull,
		Text: "the server keeps as many bytes for its members as it may", RetryMillis: int(retryAfter.Milliseconds())}
	errAddressBudget = &signaling.Error{Code: signaling.CodeRateLimited,
		Text: "the server keeps as many bytes for members of this address as it may", RetryMillis: int(retryAfter.Milliseconds())}
)

// Hold takes n bytes of the budget for an address, or says that there is no room for them. Nil has no bound and
// counts nothing.
func (one *address) Hold(n int) *signaling.Error {
	if one == nil {
		return nil
	}
	most := one.all.budget.most
	free := most - one.add(n)
	if free < 0 {
		one.Release(n)
		return errServerBudget
	}
	for level := one; level != nil && !level.open; level = level.wider {
		if level.held.Load() > int64(level.share)*max((free-most/4)/16, most/1024) {
			one.Release(n)
			return errAddressBudget
		}
	}
	return nil
}

// Force takes n bytes although there may be no room for them: what is short, and bounded by what it is for.
func (one *address) Force(n int) {
	if one != nil {
		one.add(n)
	}
}

// Release gives back what Hold or Force took.
func (one *address) Release(n int) {
	if one != nil {
		one.add(-n)
	}
}

func (one *address) add(n int) (used int64) {
	for level := one; level != nil; level = level.wider {
		level.held.Add(int64(n))
	}
	return one.all.budget.used.Add(int64(n))
}
