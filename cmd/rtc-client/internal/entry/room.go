// Package entry lets the commands enter a room, and defines the flags for it.
//
//	Room    a room, its URL and its flags: Join returns a node  chat, ping, relay, send, receive
//	Server  a server without a room: Join returns a client      doctor, load
//	Access  the token alone                                     list, doctor
//
// The command itself receives the events of the room; ReceiveUntil helps with it.
package entry

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"example.org/rtcpeer/cmd/internal/cli"
	"example.org/rtcpeer/cmd/rtc-client/internal/console"
	"example.org/rtcpeer/cmd/rtc-client/internal/format"
	"example.org/rtcpeer/rtcpeer"
	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/signaling/signalclient"
)

// A Room is the room that chat, ping, relay, send and receive enter.
type Room struct {
	URL string `arg:"" help:"The room, for example ws://host:port/room. If the URL names no room, the server creates one, and its URL is printed. For a server of Godot's signaling demo: godot+ws://host:port/lobby."`
	Flags
}

// Linger is how long a command waits when it ends: first for interrupted peers to come back, then for others to
// acknowledge what was sent last.
const Linger = 5 * time.Second

// Join enters the room with config and the flags, and prints that it has joined. It blocks until the server
// admits the node. It returns the URL at which others can join. The caller must close the node. Every command
// except relay sets config.NeverHost, so that in a star that outlives its host only relays become the next
// host.
func (r *Room) Join(ctx context.Context, c *console.Console, config rtcpeer.Config) (*rtcpeer.Node, string, error) {
	room, err := r.RoomName()
	if err != nil {
		return nil, "", err
	}
	plain, isGodot := strings.CutPrefix(r.URL, rtcpeer.GodotScheme)
	if err := r.configure(c, &config, isGodot); err != nil {
		return nil, "", err
	}
	node, err := rtcpeer.Join(ctx, r.URL, config)
	if err != nil {
		return nil, "", Advise(err)
	}
	url := signalclient.RoomURL(plain, signaling.RoomName(node.Room()))
	if isGodot {
		url = rtcpeer.GodotScheme + url
	}
	if room == "" {
		c.Say("new room: %s", url)
	}
	c.Say("joined as %d", node.ID())
	if away := node.HostAway(); away > 0 {
		c.Say("the host is away; the room stays open for it for %s", format.Duration(away))
	}
	return node, url, nil
}

// Advise adds to the error of a refused join what the user can do about it.
func Advise(err error) error {
	refused, ok := errors.AsType[*signaling.Error](err)
	if !ok {
		return err
	}
	var advice string
	switch refused.Code {
	case signaling.CodeTopologyMismatch:
		advice = "choose another room, or leave the name out of the URL for a new room"
	case signaling.CodeUnknownRoom:
		if !strings.HasPrefix(refused.Text, "Lobby") { // this is how Godot's demo servers begin the message
			return err
		}
		advice = "with this protocol the server chooses the name of a lobby: leave it out of the URL for a new lobby"
	case signaling.CodeUnauthorized:
		advice = "see --token"
	case signaling.CodeWrongPassword:
		advice = "see --password"
	default:
		return err
	}
	return fmt.Errorf("%w: %s", err, advice)
}

// RoomName returns the room name in the URL. It may be empty; then the server creates a new room.
func (r *Room) RoomName() (signaling.RoomName, error) {
	_, room, err := signalclient.ParseURL(strings.TrimPrefix(r.URL, rtcpeer.GodotScheme))
	if err != nil {
		return "", cli.Usage(err)
	}
	return room, nil
}

// ReceiveUntil passes the node's events to take until take returns true or the time is end. It returns an error
// only if the node or ctx has ended.
func ReceiveUntil(ctx context.Context, node rtcpeer.Peer, end time.Time, take func(rtcpeer.Event) (enough bool)) error {
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
