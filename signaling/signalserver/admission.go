package signalserver

import (
	"encoding/json"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"example.org/rtcpeer/signaling"
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

// A Grant says what someone who is admitted may do. The zero value lets it into rooms that others
// have created.
type Grant struct {
	// MayCreate lets it create the room that it names, and rooms without a name. Without it that
	// is the error forbidden. To be matched it needs MayHost as well.
	MayCreate bool
	// MayHost lets it become member 1. The first member who may does so; a room can be without a
	// host until then.
	MayHost bool
	// Name, if not empty, becomes the field "name" of its metadata, whatever it gave.
	Name string
	// Metadata, if not nil, is shown to the others in place of its own: at most
	// signaling.MaxMetadata bytes of JSON, together with Name.
	Metadata json.RawMessage
	// Subject, if not empty, is who this is, for Server.Ban: for instance the subject of its access token.
	// At most 128 bytes are kept.
	Subject string
	// Expires, if not zero, ends the membership then, with the error expired. Someone who comes back
	// keeps the earlier time where this is zero.
	Expires time.Time
}
