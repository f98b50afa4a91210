package rooms

import (
	"net/netip"
	"time"

	"example.org/rtcpeer/signaling"
)

// A Session is the connection of a member, wherever that is. Its methods never block and may be called from any
// goroutine, also with the lock of a room held: so none of them calls the Store. Sessions are compared with ==.
type Session interface {
	// Deliver queues a message for the member.
	Deliver(*Note)
	// Fail tells the member an error, after what was delivered, and ends the session if it is one that does.
	Fail(why *signaling.Error)
	// Bye ends the session, whose member has left.
	Bye()
	// Wake asks for a call of Member.Due at that time of Config.Clock. Zero: no call is needed.
	Wake(at time.Duration)
	// Seated tells the session of its member, when a match gave it one.
	Seated(*Member)
	// Welcomed tells the session of its member, right before the welcome is delivered, what a server needs to attach it
	// again, and a resume token; and once more after its metadata has changed.
	Welcomed(m *Member, a Attachment, token string)
	// Done is closed when the session has ended.
	Done() <-chan struct{}

	// Forwards reports whether binary frames from and to the session can be forwarded. It is told in the welcome.
	Forwards() bool
	// Dialect, Remote and Account are fixed. Remote is not valid if it is not known. Account pays for what is kept
	// for the session.
	Dialect() *signaling.Dialect
	Remote() netip.Addr
	Account() Account
}

// An Account pays for what is kept for members, in bytes, and for the rooms that they found. Safe for all.
type Account interface {
	// Hold takes n bytes, or says that there is no room for them. Force takes them in any case: it is for what is
	// short, and bounded by what it is for. Release gives back what these took.
	Hold(n int) *signaling.Error
	Force(n int)
	Release(n int)
	// Found counts a room, or says that there are too many. Ended ends what Found began. MayFound counts nothing.
	Found(public bool) error
	Ended(public bool)
	MayFound() error
	// Network compares equal for those who share the limit of rooms that sleep. Without limits it is open.
	Network() (network any, open bool)
}

func over(s Session) bool {
	select {
	case <-s.Done():
		return true
	default:
		return false
	}
}
