package signalserver

import (
	"net/http"
	"net/netip"
	"net/url"

	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/signaling/rooms"
)

// A Request is what Config.Admit decides about: someone wants to join, to come back, to be matched
// (Join.Match), or to see the list of the public rooms.
type Request struct {
	// Remote is where it comes from, as Config.RemoteAddr has it. Not valid if that is not known.
	Remote netip.Addr
	// Header, URL and Host are of the HTTP request that opened the WebSocket. They must not be
	// changed.
	Header http.Header
	URL    *url.URL
	Host   string

	// Join is what it asks for. Join.Room is empty for a room that is not yet named; for someone who
	// comes back it is the room of its ticket. Where List is true only the token is given.
	Join signaling.Join
	// Creates is true if there was no such room when this was asked.
	Creates bool
	// Resume is true for someone who shows a valid ticket of this server: it was admitted before, as
	// member ID. Its access token may have expired since.
	Resume bool
	ID     signaling.PeerID
	// List is true if the public rooms are to be listed.
	List bool
}

// A Grant says what someone who is admitted may do.
type Grant = rooms.Grant
