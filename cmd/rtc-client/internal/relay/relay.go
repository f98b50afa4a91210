// Package relay is the command relay of rtc-client.
package relay

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"example.org/rtcpeer/cmd/internal/cli"
	"example.org/rtcpeer/cmd/rtc-client/internal/console"
	"example.org/rtcpeer/cmd/rtc-client/internal/entry"
	"example.org/rtcpeer/cmd/rtc-client/internal/format"
	"example.org/rtcpeer/cmd/rtc-client/internal/linklog"
	"example.org/rtcpeer/cmd/rtc-client/internal/probe"
	"example.org/rtcpeer/rtcpeer"
	"example.org/rtcpeer/signaling"
)

// Command is relay: the host of a star room.
type Command struct {
	entry.Room
	New         bool          `help:"Create a new room, and print its URL on stdout."`
	MaxPeers    int           `placeholder:"N" help:"Most guests at a time; others are refused (no limit)."`
	Standby     bool          `help:"Wait while another relay hosts the room, and take over when it is lost. All relays of a room need this flag."`
	HostTimeout time.Duration `default:"10s" placeholder:"TIME" help:"How long the host of a new room may be away before a standby relay takes over (${default})."`
}

func (*Command) Help() string {
	return `The room is a star: each guest has a single link, with this program, which passes packets on to the other guests. Guests may be Godot games: the relay works like Godot's SceneMultiplayer, and the only packets of its own are answers to "rtc-client ping". It runs until it is interrupted, and the room ends with it. On stderr it says which guests join, leave, are interrupted, and are refused and why. Each minute and at the end it prints figures: guests, and packets and bytes of all guests since the start, also by channel.

With --standby several relays share a room: when one is lost, the next takes over. Godot games cannot follow to another relay, so a room with a Godot game ends.

Guests need the same transfer channels as the relay. If the game uses channels other than 0, list them with --channels. A guest that sends on another channel is disconnected.

With --auth-secret the relay admits only guests that send exactly these bytes. A Godot game sets multiplayer.auth_callback, and on the signal peer_authenticating(1) calls send_auth(1, secret.to_utf8_buffer()) and complete_auth(1).

Examples:

  rtc-client relay ws://localhost:9080/lobby
  rtc-client relay --new ws://localhost:9080
  rtc-client relay --channels reliable,unreliable ws://localhost:9080/lobby
  rtc-client relay --standby ws://localhost:9080/lobby
  RTC_CLIENT_AUTH_SECRET=xyzzy rtc-client relay ws://localhost:9080/lobby`
}

// figuresEach is the time between two lines of figures.
const figuresEach = time.Minute

// Run hosts the room until ctx ends.
func (r *Command) Run(ctx context.Context, c *console.Console) error {
	room, err := r.RoomName()
	switch {
	case err != nil:
		return err
	case r.New && room != "":
		return cli.Usagef("--new: the server chooses the name of a new room: leave %q out of the URL, or leave out --new", room)
	case r.MaxPeers < 0:
		return cli.Usagef("--max-peers %d: want a positive number, or 0 for no limit", r.MaxPeers)
	case r.Standby && r.New:
		return cli.Usagef("--standby with --new: the relays of a room must know its name: leave out --new")
	case r.HostTimeout < time.Millisecond || r.HostTimeout > signaling.MaxHostTimeout*time.Millisecond:
		return cli.Usagef("--host-timeout %v: want 1ms to %v", r.HostTimeout, signaling.MaxHostTimeout*time.Millisecond)
	}
	for {
		err := r.serve(ctx, c, room)
		if !r.Standby || !errors.Is(err, rtcpeer.ErrHostReplaced) && !errors.Is(err, rtcpeer.ErrHostGone) {
			return cli.UnlessInterrupted(ctx, err)
		}
		c.Say("%s; joining again", format.Error(err))
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(rejoinAfter):
		}
	}
}

// rejoinAfter is how long a relay with --standby waits before it joins again, when its room has ended or
// another relay has become the host.
const rejoinAfter = time.Second

// serve joins the room once and stays until the node ends.
func (r *Command) serve(ctx context.Context, c *console.Console, room signaling.RoomName) error {
	config := rtcpeer.Config{Topology: rtcpeer.Star, MaxPeers: r.MaxPeers}
	if r.Standby {
		config.NewRoom.Migrates, config.NewRoom.HostTimeoutMillis = true, int(r.HostTimeout.Milliseconds())
	}
	node, url, err := r.Join(ctx, c, config)
	if err != nil {
		return err
	}
	defer node.Close()
	switch {
	case node.ID() == node.Host():
	case r.Standby && node.Term() == 0:
		return fmt.Errorf("room %q ends with its host, peer %d: start that relay with --standby too", node.Room(), node.Host())
	case r.Standby:
		c.Say("standing by at %s; peer %d relays", url, node.Host())
		return host(ctx, c, node)
	default:
		return fmt.Errorf("room %q already has a host, peer %d: choose another name, or use --new", node.Room(), node.Host())
	}
	if room == "" {
		fmt.Fprintln(c.Out, url)
	}
	c.Say("relaying at %s", url)
	defer tell(c, node)
	return host(ctx, c, node)
}

// host receives events and prints figures. The node itself relays the packets.
func host(ctx context.Context, c *console.Console, node *rtcpeer.Node) error {
	links := linklog.New(c, node, "reliable packets wait, others are dropped")
	for {
		err := entry.ReceiveUntil(ctx, node, time.Now().Add(figuresEach), func(ev rtcpeer.Event) bool {
			links.Take(ev)
			probe.Answer(node, ev.Packet)
			return false
		})
		if err != nil {
			return err
		}
		tell(c, node)
	}
}

// tell prints the figures of a relay: one line for all channels together, and one for each channel that has
// carried packets.
func tell(c *console.Console, node *rtcpeer.Node) {
	stats := node.Stats()
	c.Say("%s", figures(stats))
	for _, l := range stats.Total.Lanes {
		if l.Sent+l.Received > 0 {
			c.Say("channel %d, %v: %d packets from them (%s), %d to them (%s)", l.Channel, l.Mode, l.Received, format.Bytes(l.ReceivedBytes), l.Sent, format.Bytes(l.SentBytes))
		}
	}
}

// figures returns the number of guests now, and the totals of all guests since the start.
func figures(stats rtcpeer.Stats) string {
	t := stats.Total
	so := fmt.Sprintf("%d so far", t.Links)
	interrupted := 0
	for _, l := range stats.Links {
		if l.Interrupted {
			interrupted++
		}
	}
	if interrupted > 0 {
		so += fmt.Sprintf(", %d interrupted", interrupted)
	}
	var dropped uint64
	for _, n := range stats.Dropped {
		dropped += n
	}
	return fmt.Sprintf("%s (%s), %d packets from them (%s), %d to them (%s), %d dropped%s",
		format.Count(len(stats.Links), "guest"), so, t.Received, format.Bytes(t.ReceivedBytes), t.Sent, format.Bytes(t.SentBytes), dropped, words(stats.Dropped))
}

// words lists the reasons for drops with their counts.
func words(dropped map[rtcpeer.DropReason]uint64) string {
	var list []string
	for _, why := range slices.Sorted(maps.Keys(dropped)) {
		list = append(list, fmt.Sprintf("%d %s", dropped[why], why))
	}
	if list == nil {
		return ""
	}
	return ": " + strings.Join(list, ", ")
}
