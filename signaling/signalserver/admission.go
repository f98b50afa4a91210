package signalserver

import (
	"net/http"
	"net/netip"
	"net/url"

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
	// Creates is true if the room did not exist when Admit was called.
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
