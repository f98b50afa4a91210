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
// droppedBudget.
type budget struct {
	most int64 // fixed at construction
	used atomic.Int64
}

// An account is what is charged for an address. The zero value has no bound and counts nothing.
type account struct {
	budget  *budget
	address *address
}

var (
	errServerBudget = &signaling.Error{Code: signaling.CodeServerFull,
		Text: "the server keeps as many bytes for its members as it may", RetryMillis: int(retryAfter.Milliseconds())}
	errAddressBudget = &signaling.Error{Code: signaling.CodeRateLimited,
		Text: "the server keeps as many bytes for members of this address as it may", RetryMillis: int(retryAfter.Milliseconds())}
)

// hold takes n bytes, or says that there is no room for them.
func (a account) hold(n int) *signaling.Error {
	if a.budget == nil {
		return nil
	}
	most := a.budget.most
	free := most - a.add(n)
	if free < 0 {
		a.release(n)
		return errServerBudget
	}
	for level := a.address; level != nil && !level.open; level = level.wider {
		if level.held.Load() > int64(level.share)*max((free-most/4)/16, most/1024) {
			a.release(n)
			return errAddressBudget
		}
	}
	return nil
}

// force takes n bytes although there may be no room for them: what is short, and bounded by what it is for.
func (a account) force(n int) {
	if a.budget != nil {
		a.add(n)
	}
}

// release gives back what hold or force took.
func (a account) release(n int) {
	if a.budget != nil {
		a.add(-n)
	}
}

func (a account) add(n int) (used int64) {
	for level := a.address; level != nil; level = level.wider {
		level.held.Add(int64(n))
	}
	return a.budget.used.Add(int64(n))
}
