package entry

import (
	"context"
	"fmt"
	"net/url"
	"strings"

	"example.org/rtcpeer/cmd/internal/cli"
	"example.org/rtcpeer/rtcpeer"
	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/signaling/godot"
	"example.org/rtcpeer/signaling/signalclient"
)

// A Server is a signaling server on which a command creates its own rooms.
type Server struct {
	url      string // without a room
	hostname string
	dialect  *signaling.ClientDialect
}

// ParseServer parses a URL. It ignores a room in the URL, so the URL of a game's room can be used.
func ParseServer(raw string) (Server, error) {
	plain, isGodot := strings.CutPrefix(raw, rtcpeer.GodotScheme)
	dial, _, err := signalclient.ParseURL(plain)
	if err != nil {
		return Server{}, cli.Usage(err)
	}
	u, err := url.Parse(dial)
	if err != nil {
		return Server{}, cli.Usage(err)
	}
	u.Path, u.RawPath = u.Path[:strings.LastIndexByte(u.Path, '/')+1], ""
	s := Server{url: u.String(), hostname: u.Hostname()}
	if isGodot {
		s.dialect = godot.Client()
	}
	return s, nil
}

// String returns the URL without any part that may be secret.
func (s Server) String() string { return signalclient.RoomURL(s.url, "") }

// Hostname returns the host name or the address in the URL.
func (s Server) Hostname() string { return s.hostname }

// Join enters a room, or a new one if join names none. The caller must close the client.
func (s Server) Join(ctx context.Context, join signaling.Join) (*signalclient.Client, signaling.Welcome, error) {
	client, err := signalclient.Dial(ctx, s.url, join, signalclient.Config{Dialect: s.dialect, RedialFor: -1})
	if err != nil {
		return nil, signaling.Welcome{}, err
	}
	first, err := client.Receive(ctx)
	if err != nil {
		client.Close()
		return nil, signaling.Welcome{}, err
	}
	welcome, ok := first.(signaling.Welcome)
	if !ok {
		client.Close()
		return nil, signaling.Welcome{}, fmt.Errorf("%s: the server began with %q instead of a welcome", s, first.Kind())
	}
	return client, welcome, nil
}
