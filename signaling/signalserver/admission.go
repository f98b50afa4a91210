package signalserver

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/signaling/rooms"
)

// A Request is what Config.Admit decides about: a client wants to join, to resume, to be matched (Join.Match), or to
// list the public rooms.
type Request struct {
	// Remote is the address of the client, from Config.RemoteAddr. It is not valid if it is unknown.
	Remote netip.Addr
	// Header, URL and Host are those of the HTTP request that opened the WebSocket. They must not be modified.
	Header http.Header
	URL    *url.URL
	Host   string

	// Join is the client's message. Join.Room is empty if the room has no name yet; if the client resumes, it is the
	// room of its ticket. If List is true, only the token is set.
	Join signaling.Join
	// Creates is true if the room did not exist when Admit was called. A client that was admitted without it creates no
	// room: if the room has ended meanwhile, or another server finds that it does not exist, Admit is called again for
	// the same join, with Creates.
	Creates bool
	// Resume is true for a client with a valid ticket of this server: it was admitted before, as member ID. Its
	// access token may have expired since then.
	Resume bool
	ID     signaling.PeerID
	// List is true if the client asks for the public rooms.
	List bool
}

// A Grant says what an admitted client may do.
type Grant = rooms.Grant

// everything is the grant of all clients if Config.Admit is nil.
var everything = Grant{MayCreate: true, MayHost: true}

// mayAsk returns an error if the server is draining or the address has too many joins and lists.
func (s *Server) mayAsk(session *session) error {
	if s.isDraining() {
		return &signaling.Error{Code: signaling.CodeShuttingDown, Text: "the server is draining", RetryMillis: int(retryAfter.Milliseconds())}
	}
	return s.addresses.join(session.account)
}

// admitted reports what the session may do in the room that it asks for, or why it is not admitted.
func (s *session) admitted(a rooms.Ask) (Grant, error) {
	g, err := s.server.admit(s, Request{Join: a.Join, Creates: a.Creates, Resume: a.Resume, ID: a.Seat.ID})
	if err != nil {
		return Grant{}, err
	}
	subjects := []string{g.Subject}
	if a.Resume {
		subjects = append(subjects, a.Subject)
	}
	return g, s.server.checkBans(s.remote, a.Seat, subjects...)
}

// admit calls Config.Admit and checks the result, so that its callers need not.
func (s *Server) admit(session *session, r Request) (Grant, error) {
	if s.config.Admit == nil {
		return everything, nil
	}
	began := time.Now()
	if from := session.request; from != nil {
		r.Header, r.URL, r.Host = from.Header, from.URL, from.Host
	}
	r.Remote = session.remote
	g, err := s.config.Admit(lifetime{session}, r)
	s.observe(PhaseAdmit, began)
	if err != nil {
		return Grant{}, s.notAdmitted(session, err)
	}
	g.Fixed = g.Metadata != nil
	if g.Metadata, err = g.Describe(r.Join.Metadata); err != nil {
		return Grant{}, s.notAdmitted(session, err)
	}
	if !g.Expires.IsZero() && !time.Now().Before(g.Expires) {
		return Grant{}, rooms.Expired()
	}
	g.Subject = g.Subject[:min(len(g.Subject), rooms.MaxSubject)]
	if g.Expires.After(lastDate) {
		s.config.Log.Warn("a membership ends after the year 9999: check that its end is in seconds of Unix time", "remote", shown(session.remote))
		g.Expires = lastDate
	}
	g.Expires = g.Expires.UTC() // east of Greenwich the last hours of 9999 are in a year that JSON cannot hold
	return g, nil
}

// lastDate is the latest date that a ticket can hold as JSON.
var lastDate = time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)

// notAdmitted returns the error for the client. Errors of Config.Admit that end the session are sent as they are. All
// others are logged and replaced, because they may reveal what is behind the server.
func (s *Server) notAdmitted(session *session, err error) error {
	if why, ok := errors.AsType[*signaling.Error](err); ok && why.Code.Fatal() {
		return why
	}
	s.config.Log.Error("admission failed", "err", err, "remote", shown(session.remote))
	return &signaling.Error{Code: signaling.CodeInternal, Text: "the server cannot check admissions at the moment", RetryMillis: int(retryAfter.Milliseconds())}
}

// A lifetime is the context of a session. It costs nothing until it is used.
type lifetime struct{ session *session }

func (l lifetime) Deadline() (time.Time, bool) { return time.Time{}, false }
func (l lifetime) Done() <-chan struct{}       { return l.session.ended }
func (l lifetime) Value(any) any               { return nil }

func (l lifetime) Err() error {
	if l.session.over() {
		return context.Canceled
	}
	return nil
}
