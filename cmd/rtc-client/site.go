package main

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

// A site is a signaling server, for who makes rooms of his own there.
type site struct {
	url     string // without a room
	dialect *signaling.ClientDialect
}

// newSite reads a URL. The room in it does not matter, so that it can be that of a game.
func newSite(raw string) (site, error) {
	plain, isGodot := strings.CutPrefix(raw, rtcpeer.GodotScheme)
	dial, _, err := signalclient.ParseURL(plain)
	if err != nil {
		return site{}, cli.Usage(err)
	}
	u, err := url.Parse(dial)
	if err != nil {
		return site{}, cli.Usage(err)
	}
	u.Path, u.RawPath = u.Path[:strings.LastIndexByte(u.Path, '/')+1], ""
	s := site{url: u.String()}
	if isGodot {
		s.dialect = godot.Client()
	}
	return s, nil
}

// shown is the URL without what may be secret.
func (s site) shown() string { return signalclient.RoomURL(s.url, "") }

// join enters a room, a new one if that has no name. The caller must close the client.
func (s site) join(ctx context.Context, join signaling.Join) (*signalclient.Client, signaling.Welcome, error) {
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
		return nil, signaling.Welcome{}, fmt.Errorf("%s: a %s, not a welcome", s.shown(), first.Kind())
	}
	return client, welcome, nil
}
