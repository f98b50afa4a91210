package signalclient

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/signaling/text"
)

// ParseURL parses the address of a room, ws://host:port/room: the last part of the path is the room. A path that is
// empty or ends in a slash names no room, so the server will create a new one. The schemes http and https mean ws and
// wss. ParseURL returns the URL to dial, which still holds any user name, password and query and must not be printed.
func ParseURL(raw string) (dial string, room signaling.RoomName, err error) {
	u, err := parse(raw)
	if err != nil {
		return "", "", err
	}
	room, err = roomOf(u)
	return u.String(), room, err
}

// RoomURL returns the URL at which others join room. raw is a URL that ParseURL accepts; its last path segment is
// replaced. User name, password and query are left out, so that the result can be shown. RoomURL returns "" if raw is
// not a URL to dial.
func RoomURL(raw string, room signaling.RoomName) string {
	u, err := parse(raw)
	if err != nil {
		return ""
	}
	return bare(u).ResolveReference(&url.URL{Path: string(room)}).String()
}

func parse(raw string) (*url.URL, error) {
	if !strings.Contains(raw, "://") {
		return nil, badURL(raw, "no scheme")
	}
	u, err := url.Parse(raw)
	if err != nil {
		return nil, badURL(raw, reason(raw, err))
	}
	switch u.Scheme {
	case "ws", "wss":
	case "http":
		u.Scheme = "ws"
	case "https":
		u.Scheme = "wss"
	default:
		return nil, badURL(raw, fmt.Sprintf("scheme %q", u.Scheme))
	}
	if u.Hostname() == "" {
		return nil, badURL(raw, "no host")
	}
	u.Fragment, u.RawFragment = "", ""
	return u, nil
}

func roomOf(u *url.URL) (signaling.RoomName, error) {
	path := u.EscapedPath()
	last, err := url.PathUnescape(path[strings.LastIndexByte(path, '/')+1:])
	if err != nil || last == "" {
		return "", err
	}
	room := signaling.RoomName(last)
	if err := room.Validate(); err != nil {
		return "", fmt.Errorf("signalclient: %s: %w", bare(u), err)
	}
	return room, nil
}

// bare returns the URL without the parts that may be secret.
func bare(u *url.URL) *url.URL {
	return &url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path, RawPath: u.RawPath}
}

func badURL(raw, why string) error {
	return fmt.Errorf("signalclient: %q: %s: want ws://host:port/room", redact(raw), why)
}

// redact is bare for text that is not a URL: in it, a password may be anywhere before an @.
func redact(raw string) string {
	if strings.Contains(raw, "@") {
		return "..."
	}
	if i := strings.IndexAny(raw, "?#"); i >= 0 {
		raw = raw[:i]
	}
	return text.Shorten(raw, text.Most)
}

// reason returns the error of url.Parse without the URL, which url.Parse repeats, and without anything that may be a
// part of a password, such as the "port" in user:pass@.
func reason(raw string, err error) string {
	if wrong, ok := errors.AsType[*url.Error](err); ok && !strings.Contains(raw, "@") {
		return wrong.Err.Error()
	}
	return "not a URL"
}
