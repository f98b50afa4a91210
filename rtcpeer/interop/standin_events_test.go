//go:build unix

package interop

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer"
)

// What else happens to games.
var gameEvents = []struct {
	name  string
	kinds []kind
	run   func(*games, context.Context, *testing.T) error
	quick bool // run without RTCPEER_LONG, too
}{
	{"a mesh is sealed, and played on", []kind{inGodot, inChromium}, (*games).sealedMesh, false},
	{"a star is sealed, and played on", []kind{inGodot}, (*games).sealedStar, false},
	{"a guest gets what Godot's host would send", []kind{inGodot}, (*games).bytesToGuest, true},
	{"a host gets what Godot's guest would send", []kind{inGodot}, (*games).bytesToHost, true},
	{"a host asks guests for a secret", []kind{inGodot}, (*games).hostAsks, false},
	{"a game reads what was sent before the end", []kind{inGodot}, (*games).packetsBeforeTheEnd, true},
	{"a game is turned away", []kind{inGodot}, (*games).turnedAway, true},
	{"a close code that the engine does not take", []kind{inGodot, inAddon}, (*games).badCloseCode, true},
	{"the addon in a mesh", []kind{inAddon}, (*games).addonMesh, false},
	{"the addon in a star, also as its host", []kind{inAddon}, (*games).addonStar, false},
	{"the addon is refused, and taken out", []kind{inAddon}, (*games).addonIsRefused, true},
	{"the addon when the room has ended, and when its place is void", []kind{inAddon}, (*games).addonAfterTheEnd, true},
	{"the addon in a room with a long welcome", []kind{inAddon}, (*games).longWelcome, true},
	{"the addon when its server falls silent", []kind{inAddon}, (*games).deadServer, true},
	{"the addon when no request is answered", []kind{inAddon}, (*games).deadRequests, false},
	{"the addon when a member leaves while it has no server", []kind{inAddon}, (*games).leftMeanwhile, true},
	{"the addon when a member's program is restarted", []kind{inAddon}, (*games).restartedMember, true},
	{"the addon when a member that refuses it leaves", []kind{inAddon}, (*games).refusedMember, true},
	{"the addon when a member that offers is restarted", []kind{inAddon}, (*games).restartedOfferer, true},
	{"the addon when its host is restarted", []kind{inAddon}, (*games).restartedHost, true},
	{"the addon when the ICE servers change", []kind{inAddon}, (*games).newICEServers, true},
	{"the addon when a member is kicked", []kind{inAddon}, (*games).kickedFromMesh, false},
	{"guests of rtc-client relay", []kind{inGodot}, (*games).relayed, false},
	{"guests of rtc-client relay --auth-secret", []kind{inGodot}, (*games).relayAsks, false},
}

func (g *games) sealedMesh(ctx context.Context, t *testing.T) error {
	return g.sealed(ctx, t, rtcpeer.Mesh, inGodot, inGo, inChromium, inGodot)
}

func (g *games) sealedStar(ctx context.Context, t *testing.T) error {
	return g.sealed(ctx, t, rtcpeer.Star, inGoByGodot, inGodot, inGodot)
}

// sealed has a room's host seal it. Newcomers are refused; ten seconds later the server closes all
// sockets, and nobody who is in it minds.
func (g *games) sealed(ctx context.Context, t *testing.T, topology rtcpeer.Topology, kinds ...kind) error {
	p, err := g.gather(ctx, t, rtcpeer.Config{Topology: topology}, kinds...)
	if err != nil {
		return err
	}
	f, err := p[0].Facts(ctx)
	if err != nil {
		return err
	}
	if err := p[0].player.(interface{ Seal(context.Context) error }).Seal(ctx); err != nil {
		return err
	}
	for _, s := range p {
		if s.isGame() {
			if err := s.until(ctx, "sealed", func(f facts) bool { return f.Game.Sealed }); err != nil {
				return err
			}
		}
	}
	_, err = g.enter(ctx, inGodot, g.server.url(f.Room), rtcpeer.Config{Topology: topology}, nil)
	require.ErrorContains(t, err, "4000 Lobby is sealed")
	for _, s := range p {
		if s.isGame() {
			if err := s.hungUp(ctx, 1000, "Seal complete"); err != nil {
				return err
			}
		}
	}
	wrong := p.sendAll(ctx, "without a server")
	_, err = p.quits(ctx, p[len(p)-1], false)
	return errors.Join(wrong[rtcpeer.Reliable], wrong[rtcpeer.UnreliableOrdered], wrong[rtcpeer.Unreliable], err, p.orderly(p))
}

// capture is what was seen on the data channels of a running engine, by name. The id of its guest is
// recordedGuest.
type capture map[string]struct{ Name, Channel, Hex string }

const recordedGuest = 1677583863

func readCapture(t *testing.T) capture {
	t.Helper()
	raw, err := os.ReadFile("../../testdata/godot/packets.json")
	require.NoError(t, err)
	var file struct {
		Packets []struct{ Name, Channel, Hex string }
	}
	require.NoError(t, json.Unmarshal(raw, &file))
	c := make(capture)
	for _, p := range file.Packets {
		c[p.Name] = p
	}
	return c
}

// bytes returns a message without its first n bytes.
func (c capture) bytes(t *testing.T, name string, n int) []byte {
	t.Helper()
	b, err := hex.DecodeString(c[name].Hex)
	require.NoError(t, err)
	require.Greater(t, len(b), n, name)
	return b[n:]
}

// wire is a message as a game's facts have it, coming from a peer, with the id of a guest here.
func (c capture) wire(name string, from, guest rtcpeer.PeerID) string {
	id := func(id rtcpeer.PeerID) string {
		return hex.EncodeToString(binary.LittleEndian.AppendUint32(nil, uint32(id)))
	}
	p := c[name]
	return fmt.Sprintf("< %d %s %s", from, p.Channel, strings.Replace(p.Hex, id(recordedGuest), id(guest), 1))
}

// Captured messages, in each mode.
var (
	plain    = map[rtcpeer.Mode]string{rtcpeer.Reliable: "send_bytes reliable", rtcpeer.UnreliableOrdered: "send_bytes ordered", rtcpeer.Unreliable: "send_bytes unreliable"}
	relaying = map[rtcpeer.Mode]string{rtcpeer.Reliable: "relay raw reliable", rtcpeer.UnreliableOrdered: "relay raw ordered", rtcpeer.Unreliable: "relay raw unreliable"}
)

// What goes before a packet, in bytes.
const (
	rawSize   = 1
	relaySize = 6
)

// bytesToGuest has a host and a guest of ours say to a game what an engine said when it was recorded.
func (g *games) bytesToGuest(ctx context.Context, t *testing.T) error {
	p, err := g.gather(ctx, t, rtcpeer.Config{Topology: rtcpeer.Star}, inGo, inGodot, inGo)
	if err != nil {
		return err
	}
	c, host, game, guest := readCapture(t), p[0], p[1], p[2]
	want := []string{c.wire("add_peer", 1, guest.ID())}
	say := func(from *participant, name string, skip int, mode rtcpeer.Mode, command rtcpeer.Command) {
		before := len(game.seen())
		require.NoError(t, from.Send(ctx, rtcpeer.Packet{Peer: game.ID(), Mode: mode, Command: command, Data: c.bytes(t, name, skip)}))
		require.NoError(t, game.await(ctx, name, func(log []rtcpeer.Event) bool { return len(log) > before }))
		want = append(want, c.wire(name, 1, guest.ID()))
	}
	for _, mode := range modes {
		say(host, plain[mode], rawSize, mode, rtcpeer.CommandRaw)
		say(guest, relaying[mode], relaySize+rawSize, mode, rtcpeer.CommandRaw)
	}
	say(host, "simplify_path", 0, rtcpeer.Reliable, rtcpeer.CommandSimplifyPath)
	say(host, "rpc", 0, rtcpeer.Reliable, rtcpeer.CommandRemoteCall)
	say(guest, "relay rpc", relaySize, rtcpeer.Reliable, rtcpeer.CommandRemoteCall)
	require.ElementsMatch(t, want, game.incoming(ctx, t))
	if err := game.clean(ctx); err != nil {
		return err
	}
	// More than our description announces stays with the game, which is told so, and nothing else is lost.
	err = game.Send(ctx, rtcpeer.Packet{Peer: rtcpeer.Server, Data: make([]byte, limit+100)})
	require.ErrorContains(t, err, "FAILED")
	return game.says(ctx, host, "and on it goes")
}

// incoming are the messages that have come to a game.
func (s *participant) incoming(ctx context.Context, t *testing.T) []string {
	f, err := s.Facts(ctx)
	require.NoError(t, err)
	return slices.DeleteFunc(f.Game.Wire, func(line string) bool { return line[0] != '<' })
}

// bytesToHost has guests of ours say to a game what an engine said, and one call the other by RPC.
func (g *games) bytesToHost(ctx context.Context, t *testing.T) error {
	p, err := g.gather(ctx, t, rtcpeer.Config{Topology: rtcpeer.Star}, inGodot, inGo, inGo)
	if err != nil {
		return err
	}
	c, game, a, b := readCapture(t), p[0], p[1], p[2]
	heard := func(s *participant, what string, packet rtcpeer.Packet) {
		require.NoError(t, s.await(ctx, what, func(log []rtcpeer.Event) bool {
			return slices.ContainsFunc(log, func(ev rtcpeer.Event) bool {
				return ev.Kind == rtcpeer.PacketReceived && ev.Packet.Peer == packet.Peer && ev.Packet.Command == packet.Command && string(ev.Packet.Data) == string(packet.Data)
			})
		}))
	}
	text := c.bytes(t, "broadcast by client", relaySize+rawSize)
	require.NoError(t, a.Send(ctx, rtcpeer.Packet{Data: text}))
	heard(game, "broadcast", rtcpeer.Packet{Peer: a.ID(), Data: text})
	heard(b, "broadcast", rtcpeer.Packet{Peer: a.ID(), Data: text})
	rpc := rtcpeer.Packet{Command: rtcpeer.CommandRemoteCall, Data: c.bytes(t, "relay rpc", relaySize)}
	for _, way := range []struct{ from, to *participant }{{a, b}, {b, game}, {game, a}} {
		sent, want := rpc, rpc
		sent.Peer, want.Peer = way.to.ID(), way.from.ID()
		require.NoError(t, way.from.Send(ctx, sent))
		heard(way.to, "RPC", want)
	}
	relayedRPC := strings.Replace(c.wire("relay rpc", a.ID(), b.ID()), "< 1 ", fmt.Sprintf("< %d ", a.ID()), 1)
	require.ElementsMatch(t, []string{
		c.wire("broadcast by client", a.ID(), 0), relayedRPC,
		fmt.Sprintf("< %d reliable %x", b.ID(), rpc.Data),
	}, game.incoming(ctx, t))
	return game.clean(ctx)
}

const secret = "open sesame"

// hostAsks has guests of ours come to a game that has an auth_callback.
func (g *games) hostAsks(ctx context.Context, t *testing.T) error {
	host, err := g.enter(ctx, inGodot, g.server.url(""), rtcpeer.Config{Topology: rtcpeer.Star}, map[string]any{"auth": secret})
	require.NoError(t, err)
	defer host.leave()
	f, err := host.Facts(ctx)
	require.NoError(t, err)
	visit := func(auth rtcpeer.AuthFunc) *participant {
		s, err := g.enter(ctx, inGo, g.server.url(f.Room), rtcpeer.Config{Topology: rtcpeer.Star, Auth: auth}, nil)
		require.NoError(t, err)
		return s
	}
	right := visit(rtcpeer.SharedSecret([]byte(secret)))
	defer right.leave()
	require.NoError(t, (party{host, right}).meet(ctx))
	wrong := visit(rtcpeer.SharedSecret([]byte("guess")))
	defer wrong.leave()
	require.ErrorIs(t, wrong.ending(ctx), rtcpeer.ErrUnauthorized)
	none := visit(nil)
	defer none.leave()
	require.ErrorContains(t, none.ending(ctx), "it may require authentication", "a game does not say so")
	talk := (party{host, right}).sendAll(ctx, "among friends")
	return errors.Join(talk[rtcpeer.Reliable], talk[rtcpeer.UnreliableOrdered], talk[rtcpeer.Unreliable],
		host.orderly(right.ID()), right.orderly(host.ID()), host.clean(ctx))
}

// ending waits for the end of a player, and returns why.
func (s *participant) ending(ctx context.Context) error {
	return s.await(ctx, "its end", func([]rtcpeer.Event) bool { return false })
}
