package rooms

import (
	"net/netip"
	"time"

	"example.org/rtcpeer/signaling"
)

// A Session is the connection of a member, wherever the member is. Its methods never block and may be called from any
// goroutine, even with the lock of a room held, so they must not call the Store. Sessions are compared with ==.
type Session interface {
	// Deliver queues a message for the member.
	Deliver(*Prepared)
	// Fail sends the member an error, after all delivered messages, and ends the session if the error is fatal.
	Fail(why *signaling.Error)
	// Bye ends the session of a member that has left.
	Bye()
	// Wake asks for a call of Member.Due at that time of Config.Clock. Zero means that no call is needed.
	Wake(at time.Duration)
	// Seated gives the session its member, when a match has created one.
	Seated(*Member)
	// Welcomed is called right before the welcome is delivered, and again when the member gets a new ticket or new
	// metadata. It gives the session its member, the Attachment with which a server can attach it again, and a resume
	// token.
	Welcomed(m *Member, a Attachment, token string)
	// View returns what the client has been told. The session applies what it delivers. Nil means that the server does
	// not share its rooms.
	View() *View
	// Done is closed when the session has ended.
	Done() <-chan struct{}

	// Forwards reports whether binary frames from and to the session can be forwarded. The welcome says so.
	Forwards() bool
	// Dialect, Remote and Account never change. Remote is invalid if it is unknown. Account pays for what is kept for
	// the session.
	Dialect() *signaling.Dialect
	Remote() netip.Addr
	Account() Account
}

// An Account pays for the bytes that are kept for members, and for the rooms that they create. It is safe for
// concurrent use.
type Account interface {
	// Hold takes n bytes, or returns an error if there is no room for them. Force always takes them: it is for small
	// amounts that are bounded by their purpose. Release gives the bytes back.
	Hold(n int) *signaling.Error
	Force(n int)
	Release(n int)
	// Found counts a room, or returns an error if there are too many. Ended reverses Found. MayFound only checks.
	Found(public bool) error
	Ended(public bool)
	MayFound() error
	// Network returns equal values for accounts that share the limit of rooms asleep. It is open if there is no
	// limit.
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
