package signalserver

import (
	"sync/atomic"

	"example.org/rtcpeer/signaling"
)

// A budget bounds the bytes that the server keeps for its clients: frames that wait to be written, signals for
// members that are away, incomplete frames, metadata of members and rooms, and joins that wait. Config.MaxBuffered
// bounds the total. The last quarter of it is reserved for addresses that have little. Of what is free beyond that
// quarter, an address may have a sixteenth, a /56 two sixteenths and a /48 four, so everyone may have less as more is
// used. An address may always have a 1024th of the total (again two or four times as much for a network), so that
// many greedy addresses leave something for others. What does not fit is refused, or ends a session or a membership:
// rooms.DroppedBudget.
type budget struct {
	most int64 // fixed at construction
	used atomic.Int64
}

var (
	errServerBudget = &signaling.Error{Code: signaling.CodeServerFull,
		Text: "the server's limit of buffered bytes is reached", RetryMillis: int(retryAfter.Milliseconds())}
	errAddressBudget = &signaling.Error{Code: signaling.CodeRateLimited,
		Text: "the limit of buffered bytes for this address is reached", RetryMillis: int(retryAfter.Milliseconds())}
)

// Hold takes n bytes of the budget for an address, or returns an error if there is no room for them. A nil address
// has no limit and counts nothing.
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

// Force takes n bytes even if there is no room for them. It is for small amounts that are bounded by their purpose.
func (one *address) Force(n int) {
	if one != nil {
		one.add(n)
	}
}

// Release gives back bytes that Hold or Force took.
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
