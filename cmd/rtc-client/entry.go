package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"example.org/rtcpeer/cmd/internal/cli"
	"example.org/rtcpeer/cmd/rtc-client/internal/console"
	"example.org/rtcpeer/cmd/rtc-client/internal/format"
	"example.org/rtcpeer/rtcpeer"
	"example.org/rtcpeer/rtcpeer/transport"
	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/signaling/signalclient"
)

// An entry is how chat, ping, relay, send and receive get into a room.
type entry struct {
	URL string `arg:"" help:"The room, as ws://host:port/room. Without a room the server makes a new one, and its URL is printed. For a server of Godot's signaling demo: godot+ws://host:port/lobby."`
	entryFlags
}

// The entryFlags are what can be said of it besides.
type entryFlags struct {
	access
	terms
	ICEServer  []string      `name:"ice-server" placeholder:"URL" help:"STUN or TURN server, as stun:host:port or turn:user:secret@host:port; repeat for more."`
	Channels   []string      `placeholder:"MODE,..." help:"Modes of the transfer channels 1, 2, ..., which all members need the same: reliable, unreliable_ordered, unreliable (none)."`
	Framed     bool          `help:"Frame the packets of a mesh as Godot's MultiplayerAPI does, for games that use it. All members need the same. (A star always does.)"`
	AuthSecret string        `env:"RTC_AUTH_SECRET" placeholder:"TEXT" help:"Secret of a star: its host admits only guests that send exactly these bytes. ${unseen}"`
	LostAfter  time.Duration `default:"30s" placeholder:"TIME" help:"How long a peer may be interrupted before it counts as lost (${default})."`
	RelayLinks bool          `help:"Go through the signaling server, encrypted, where there is no other way. The other end and the server have to allow it, too."`
	Verbose    bool          `short:"v" help:"Log on stderr what happens to the links and to the signaling."`
}

// join enters the room and says so. In a star that outlives its host only relays become the next one: config says so. It returns the URL at which others join. The caller must close
// the node.
func (e *entry) join(ctx context.Context, c *console.Console, config rtcpeer.Config) (*rtcpeer.Node, string, error) {
	room, err := e.room()
	if err != nil {
		return nil, "", err
	}
	if err := e.configure(c, &config); err != nil {
		return nil, "", err
	}
	node, err := rtcpeer.Join(ctx, e.URL, config)
	if err != nil {
		return nil, "", advised(err)
	}
	plain, isGodot := strings.CutPrefix(e.URL, rtcpeer.GodotScheme)
	url := signalclient.RoomURL(plain, signaling.RoomName(node.Room()))
	if isGodot {
		url = rtcpeer.GodotScheme + url
	}
	if room == "" {
		c.Say("new room: %s", url)
	}
	c.Say("joined as %d", node.ID())
	if away := node.HostAway(); away > 0 {
		c.Say("the host is away; the room waits for it for %s", format.Duration(away))
	}
	return node, url, nil
}

// configure adds to config what the flags say.
func (e *entry) configure(c *console.Console, config *rtcpeer.Config) error {
	isGodot := strings.HasPrefix(e.URL, rtcpeer.GodotScheme)
	if err := e.terms.apply(config, isGodot); err != nil {
		return err
	}
	if e.LostAfter <= 0 {
		return cli.Usagef("--lost-after %v: want a positive time", e.LostAfter)
	}
	config.LostAfter, config.RelayLinks, config.Framed = e.LostAfter, e.RelayLinks, e.Framed
	e.access.apply(config, isGodot)
	var err error
	if config.WebRTC.ICEServers, err = iceServers(e.ICEServer); err != nil {
		return err
	}
	if config.Channels, err = modesOf(e.Channels); err != nil {
		return err
	}
	if e.AuthSecret != "" {
		config.Auth = rtcpeer.SharedSecret([]byte(e.AuthSecret))
	}
	if e.Verbose {
		config.Log, config.WebRTC.Log = c.Logger(slog.LevelDebug), c.Logger(slog.LevelWarn)
		config.Signaling.Log = config.Log
	}
	return nil
}

// advised adds what to do about a refusal.
func advised(err error) error {
	refused, ok := errors.AsType[*signaling.Error](err)
	if !ok {
		return err
	}
	var advice string
	switch refused.Code {
	case signaling.CodeTopologyMismatch:
		advice = "choose another one, or leave it out for a new one"
	case signaling.CodeUnknownRoom:
		if !strings.HasPrefix(refused.Text, "Lobby") { // the words of that protocol
			return err
		}
		advice = "a lobby of that protocol gets its name from the server; leave it out for a new one"
	case signaling.CodeUnauthorized:
		advice = "see --token"
	case signaling.CodeWrongPassword:
		advice = "see --password"
	default:
		return err
	}
	return fmt.Errorf("%w: %s", err, advice)
}

// room returns the room that the URL names, which may be none.
func (e *entry) room() (signaling.RoomName, error) {
	_, room, err := signalclient.ParseURL(strings.TrimPrefix(e.URL, rtcpeer.GodotScheme))
	if err != nil {
		return "", cli.Usage(err)
	}
	return room, nil
}

// iceServers reads --ice-server. The user and the secret of a TURN server stand before its host, where
// the URL of RFC 7065 has no place for them.
func iceServers(urls []string) ([]transport.ICEServer, error) {
	var servers []transport.ICEServer
	for _, url := range urls {
		scheme, rest, _ := strings.Cut(url, ":")
		at := strings.LastIndexByte(rest, '@') // the secret may hold one as well
		user, secret, _ := strings.Cut(rest[:max(at, 0)], ":")
		stun, turn := scheme == "stun" || scheme == "stuns", scheme == "turn" || scheme == "turns"
		switch {
		case stun && at < 0 && rest != "":
			servers = append(servers, transport.ICEServer{URLs: []string{url}})
		case turn && user != "" && secret != "" && rest[at+1:] != "":
			servers = append(servers, transport.ICEServer{
				URLs: []string{scheme + ":" + rest[at+1:]}, Username: user, Credential: secret,
			})
		default:
			return nil, cli.Usagef("--ice-server: want stun:host:port or turn:user:secret@host:port")
		}
	}
	return servers, nil
}

// receiveUntil hands the node's events to take until that says it is enough, or the time has come.
// Its error is why there is nothing more: that of the node, or of ctx.
func receiveUntil(ctx context.Context, node rtcpeer.Peer, end time.Time, take func(rtcpeer.Event) (enough bool)) error {
	timed, cancel := context.WithDeadline(ctx, end)
	defer cancel()
	for timed.Err() == nil {
		ev, err := node.Receive(timed)
		switch {
		case err != nil && timed.Err() == nil:
			return err
		case err == nil && take(ev):
			return nil
		}
	}
	return ctx.Err()
}
