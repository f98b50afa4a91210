// Package list is the command list of rtc-client.
package list

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"text/tabwriter"

	"example.org/rtcpeer/cmd/internal/cli"
	"example.org/rtcpeer/cmd/rtc-client/internal/console"
	"example.org/rtcpeer/cmd/rtc-client/internal/entry"
	"example.org/rtcpeer/cmd/rtc-client/internal/format"
	"example.org/rtcpeer/rtcpeer"
	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/signaling/signalclient"
	"example.org/rtcpeer/signaling/text"
)

// Command is list: it prints the public rooms of a server.
type Command struct {
	URL    string   `arg:"" help:"Signaling server, for example ws://host:port."`
	Filter []string `placeholder:"NAME=VALUE" sep:"none" help:"Only rooms with this field in their metadata. VALUE is a number, true, false, or text. Repeat for more."`
	Limit  int      `placeholder:"N" help:"Print at most N rooms (all)."`
	JSON   bool     `help:"Print the server's JSON object for each room, with its URL."`
	entry.Access
}

func (*Command) Help() string {
	return `Prints a line for each public room: its URL, its topology, how many members it has and may have, whether it is locked or has a password, and its metadata. Rooms that accept no more members are left out.

Examples:

  rtc-client list ws://localhost:9080
  rtc-client list --filter map=desert --filter level=3 ws://localhost:9080
  rtc-client list --json ws://localhost:9080 | jq -r .url`
}

// Run prints the rooms as a table, or with --json as one object per line.
func (l *Command) Run(ctx context.Context, c *console.Console) error {
	if strings.HasPrefix(l.URL, rtcpeer.GodotScheme) {
		return cli.Usagef("a server of Godot's signaling demo has no list of rooms")
	}
	if _, _, err := signalclient.ParseURL(l.URL); err != nil {
		return cli.Usage(err)
	}
	filter, err := readFilter(l.Filter)
	if err != nil {
		return err
	}
	if l.Limit < 0 {
		return cli.Usagef("--limit %d: want a positive number, or 0 for all", l.Limit)
	}
	rooms, err := signalclient.List(ctx, l.URL, signaling.List{Filter: filter, Limit: l.Limit, Token: l.Token}, signalclient.Config{})
	switch {
	case err != nil:
		return cli.UnlessInterrupted(ctx, entry.Advise(err))
	case l.JSON:
		return l.printJSON(c, rooms)
	case len(rooms) == 0:
		c.Say("no public rooms")
	}
	return l.print(c, rooms)
}

// readFilter parses NAME=VALUE. A value that is neither a number nor a boolean is text.
func readFilter(flags []string) (map[string]any, error) {
	filter := make(map[string]any, len(flags))
	for _, flag := range flags {
		name, text, found := strings.Cut(flag, "=")
		if !found || name == "" {
			return nil, cli.Usagef("--filter %q: want NAME=VALUE", flag)
		}
		var value any
		_ = json.Unmarshal([]byte(text), &value) // a value that is not JSON is text
		switch value.(type) {
		case float64, bool, string:
			filter[name] = value
		default:
			filter[name] = text
		}
	}
	if len(filter) > signaling.MaxFilter {
		return nil, cli.Usagef("--filter: %d fields: at most %d", len(filter), signaling.MaxFilter)
	}
	return filter, nil
}

func (l *Command) print(c *console.Console, rooms []rtcpeer.PublicRoom) error {
	w := tabwriter.NewWriter(c.Out, 0, 0, 2, ' ', 0)
	for _, r := range rooms {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", signalclient.RoomURL(l.URL, r.Room), r.Topology, places(r), door(r), format.Clean(cmp.Or(string(r.Metadata), "-")))
	}
	return w.Flush()
}

// places returns the number of members and, if there is one, the limit.
func places(r rtcpeer.PublicRoom) string {
	if r.MaxMembers == 0 {
		return fmt.Sprint(r.Members)
	}
	return fmt.Sprintf("%d/%d", r.Members, r.MaxMembers)
}

// door returns what a peer needs to get in, or why it cannot.
func door(r rtcpeer.PublicRoom) string {
	var words []string
	if r.Locked {
		words = append(words, "locked")
	}
	if r.Password {
		words = append(words, "password")
	}
	if r.MaxMembers > 0 && r.Members >= r.MaxMembers {
		words = append(words, "full")
	}
	return cmp.Or(strings.Join(words, ","), "open")
}

func (l *Command) printJSON(c *console.Console, rooms []rtcpeer.PublicRoom) error {
	for _, r := range rooms {
		line, err := text.JSON(struct {
			URL string `json:"url"`
			rtcpeer.PublicRoom
		}{signalclient.RoomURL(l.URL, r.Room), r})
		if err == nil {
			_, err = fmt.Fprintf(c.Out, "%s\n", line)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
