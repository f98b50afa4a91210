package entry

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"example.org/rtcpeer/cmd/internal/cli"
	"example.org/rtcpeer/cmd/rtc-client/internal/console"
	"example.org/rtcpeer/cmd/rtc-client/internal/modes"
	"example.org/rtcpeer/rtcpeer"
	"example.org/rtcpeer/rtcpeer/transport"
	"example.org/rtcpeer/signaling"
)

// Unseen is a note in the help of each flag that takes a secret. The help texts refer to it as ${unseen}.
const Unseen = "Other users of this machine can see flags, but not the environment"

// Flags are the flags of every command that enters a room. The URL of the room is not among them.
type Flags struct {
	Access
	roomFlags
	ICEServer  []string      `name:"ice-server" placeholder:"URL" help:"STUN or TURN server: stun:host:port or turn:user:secret@host:port. Repeat for more."`
	Channels   []string      `placeholder:"MODE,..." help:"Modes of the transfer channels 1, 2, ...: reliable, unreliable_ordered or unreliable. All members need the same (none)."`
	Framed     bool          `help:"Frame the packets of a mesh like Godot's MultiplayerAPI, for games that use it. All members need the same. A star is always framed."`
	AuthSecret string        `env:"RTC_CLIENT_AUTH_SECRET" placeholder:"TEXT" help:"Secret of a star: the host admits only guests that send exactly these bytes. ${unseen}"`
	LostAfter  time.Duration `default:"30s" placeholder:"TIME" help:"How long a peer may be interrupted before it counts as lost (${default})."`
	RelayLinks bool          `help:"Use the signaling server as an encrypted relay when there is no other path. The other end and the server must allow it too."`
	Verbose    bool          `short:"v" help:"Log events of links and signaling on stderr."`
}

// configure applies the flags to config.
func (f *Flags) configure(c *console.Console, config *rtcpeer.Config, isGodot bool) error {
	if err := f.roomFlags.apply(config, isGodot); err != nil {
		return err
	}
	if f.LostAfter <= 0 {
		return cli.Usagef("--lost-after %v: want a positive time", f.LostAfter)
	}
	config.LostAfter, config.RelayLinks, config.Framed = f.LostAfter, f.RelayLinks, f.Framed
	f.Access.apply(config, isGodot)
	var err error
	if config.WebRTC.ICEServers, err = ICEServers(f.ICEServer); err != nil {
		return err
	}
	if config.Channels, err = channelModes(f.Channels); err != nil {
		return err
	}
	if f.AuthSecret != "" {
		config.Auth = rtcpeer.SharedSecret([]byte(f.AuthSecret))
	}
	if f.Verbose {
		config.Log, config.WebRTC.Log = c.Logger(slog.LevelDebug), c.Logger(slog.LevelWarn)
		config.Signaling.Log = config.Log
	}
	return nil
}

// channelModes parses --channels.
func channelModes(words []string) (list []rtcpeer.Mode, err error) {
	for _, word := range words {
		i := slices.IndexFunc(modes.All[:], func(m rtcpeer.Mode) bool { return m.String() == word })
		if i < 0 {
			return nil, cli.Usagef("--channels: %q: want reliable, unreliable_ordered or unreliable", word)
		}
		list = append(list, modes.All[i])
	}
	return list, nil
}

// ICEServers parses --ice-server. The user and the secret of a TURN server stand before its host, because the
// URL of RFC 7065 has no place for them.
func ICEServers(urls []string) ([]transport.ICEServer, error) {
	var servers []transport.ICEServer
	for _, url := range urls {
		scheme, rest, _ := strings.Cut(url, ":")
		at := strings.LastIndexByte(rest, '@') // the last one, because the secret may contain an @
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

// Access is what a signaling server may require of its clients.
type Access struct {
	Token string `env:"RTC_CLIENT_TOKEN" placeholder:"TEXT" help:"Access token, for servers that require one. ${unseen}"`
}

// apply sets the token in config. For a server of Godot's signaling demo it adds an Authorization header to the
// request, because that protocol has no field for a token.
func (a *Access) apply(config *rtcpeer.Config, isGodot bool) {
	config.Token = a.Token
	if isGodot && a.Token != "" {
		config.Signaling.Header = http.Header{"Authorization": {"Bearer " + a.Token}}
	}
}

// The roomFlags are the password of a room and the settings of a new room.
type roomFlags struct {
	Password   string `env:"RTC_CLIENT_PASSWORD" placeholder:"TEXT" help:"Password of the room; a new room gets it. ${unseen}"`
	Public     bool   `help:"If the room is new, show it in rtc-client list."`
	Metadata   string `placeholder:"JSON" help:"Metadata of a new room, which rtc-client list shows and filters by."`
	Create     string `placeholder:"never|only" help:"never: only join a room that exists; only: only create a room (either)."`
	MaxMembers int    `placeholder:"N" help:"Most members of a new room, including the host (as many as the server allows)."`
}

func (f *roomFlags) apply(config *rtcpeer.Config, isGodot bool) error {
	switch {
	case isGodot && *f != roomFlags{}:
		return cli.Usagef("--password, --public, --metadata, --max-members and --create: the protocol of Godot's signaling demo supports none of them")
	case len(f.Password) > signaling.MaxPassword:
		return cli.Usagef("--password: want at most %d bytes", signaling.MaxPassword)
	case f.Metadata != "" && !json.Valid([]byte(f.Metadata)), len(f.Metadata) > signaling.MaxMetadata:
		return cli.Usagef("--metadata: want JSON of at most %d bytes", signaling.MaxMetadata)
	case f.Create != "" && f.Create != string(rtcpeer.CreateNever) && f.Create != string(rtcpeer.CreateOnly):
		return cli.Usagef("--create %q: want never or only", f.Create)
	case f.MaxMembers < 0:
		return cli.Usagef("--max-members %d: want a positive number, or 0 for the server's limit", f.MaxMembers)
	}
	config.Password, config.Create = f.Password, rtcpeer.Create(f.Create)
	config.NewRoom.Public, config.NewRoom.MaxMembers = f.Public, f.MaxMembers
	if f.Metadata != "" {
		config.NewRoom.Metadata = json.RawMessage(f.Metadata)
	}
	return nil
}
