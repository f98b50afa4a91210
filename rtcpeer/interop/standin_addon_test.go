//go:build unix

package interop

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer"
	"example.org/rtcpeer/signaling"
)

// What an engine does to a game when a socket or a link ends (FAULTS.md, section G), and games with the addon.

// packetsBeforeTheEnd has hosts of ours say something to a game, and end its link.
func (g *games) packetsBeforeTheEnd(ctx context.Context, t *testing.T) error {
	for name, end := range map[string]func(host *participant, game rtcpeer.PeerID) error{
		"disconnect": func(host *participant, game rtcpeer.PeerID) error { return host.player.(native).Disconnect(game) },
		"close":      func(host *participant, _ rtcpeer.PeerID) error { return host.leave() },
	} {
		p, err := g.gather(ctx, t, rtcpeer.Config{Topology: rtcpeer.Star}, inGo, inGodot)
		if err != nil {
			return err
		}
		host, game := p[0], p[1]
		const words = 5
		for i := range words {
			if err := host.Send(ctx, rtcpeer.Packet{Peer: game.ID(), Data: fmt.Append(nil, i)}); err != nil {
				return err
			}
		}
		if err := errors.Join(end(host, game.ID()), game.loses(ctx, host, noReason)); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		heard := 0
		for _, ev := range game.seen() {
			if ev.Kind == rtcpeer.PacketReceived {
				require.Equal(t, fmt.Append(nil, heard), ev.Packet.Data, name)
				heard++
			}
		}
		require.Equal(t, words, heard, name)
	}
	return nil
}

// turnedAway has one game more come than a host of ours takes.
func (g *games) turnedAway(ctx context.Context, t *testing.T) error {
	p, err := g.gather(ctx, t, rtcpeer.Config{Topology: rtcpeer.Star, MaxPeers: 1}, inGo, inGodot)
	if err != nil {
		return err
	}
	f, err := p[0].Facts(ctx)
	if err != nil {
		return err
	}
	const why = "kicked: no more than 1 peers are admitted"
	late, err := g.enter(ctx, inGodot, g.server.url(f.Room), rtcpeer.Config{Topology: rtcpeer.Star}, nil)
	if err != nil { // it was turned away before it was in
		require.ErrorContains(t, err, "4000 "+why)
	} else {
		defer late.leave()
		require.NoError(t, late.stopped(ctx, 4000, why))
	}
	return p[0].await(ctx, "PeerRefused", func(log []rtcpeer.Event) bool {
		return slices.ContainsFunc(log, func(ev rtcpeer.Event) bool { return ev.Kind == rtcpeer.PeerRefused })
	})
}

// badCloseCode has games come to a server that closes with a code that wslay does not know: so did earlier versions of ours.
func (g *games) badCloseCode(ctx context.Context, t *testing.T) error {
	code := make(chan int, 1)
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, err := (&websocket.Upgrader{Subprotocols: []string{signaling.Subprotocol}}).Upgrade(w, r, nil)
		if err != nil {
			return
		}
		defer conn.Close()
		_, _, _ = conn.ReadMessage() // the join
		_ = conn.WriteMessage(websocket.CloseMessage, websocket.FormatCloseMessage(<-code, "slow"))
		_, _, _ = conn.ReadMessage() // the answer
	}))
	defer web.Close()
	url := strings.Replace(web.URL, "http", "ws", 1) + "/room"
	for _, row := range []struct {
		kind kind
		code int
		want string
	}{
		{inGodot, 1013, "closed with -1"}, {inGodot, 4013, "closed with 4013 slow"},
		{inAddon, 1013, "disconnected"}, {inAddon, 4013, "slow"},
	} {
		code <- row.code
		_, err := g.enter(ctx, row.kind, url, rtcpeer.Config{Topology: rtcpeer.Mesh}, nil)
		require.ErrorContains(t, err, row.want, "%s, %d", row.kind.name, row.code)
	}
	return nil
}

func (g *games) addonMesh(ctx context.Context, t *testing.T) error {
	return g.life(ctx, t, rtcpeer.Mesh, inAddon, inGo, inAddon)
}

func (g *games) addonStar(ctx context.Context, t *testing.T) error {
	return errors.Join(g.life(ctx, t, rtcpeer.Star, inGo, inAddon, inAddon), g.life(ctx, t, rtcpeer.Star, inAddon, inGo, inGodot))
}

// life has all of a room meet, talk in each mode, and the last one leave. Packets of a mesh are framed, as MultiplayerAPI's are.
func (g *games) life(ctx context.Context, t *testing.T, topology rtcpeer.Topology, kinds ...kind) error {
	p, err := g.gather(ctx, t, rtcpeer.Config{Topology: topology, Framed: topology == rtcpeer.Mesh}, kinds...)
	if err != nil {
		return err
	}
	wrong := p.sendAll(ctx, "with the addon")
	_, err = p.quits(ctx, p[len(p)-1], false)
	return errors.Join(wrong[rtcpeer.Reliable], wrong[rtcpeer.UnreliableOrdered], wrong[rtcpeer.Unreliable], err, p.orderly(p))
}

// signals waits until the last signals of the addon are these; those of MultiplayerAPI come beside them.
func (s *participant) signals(ctx context.Context, want ...string) error {
	var last []string
	err := s.until(ctx, strings.Join(want, ", "), func(f facts) bool {
		last = slices.DeleteFunc(f.Game.Signals, func(signal string) bool { return strings.Contains(signal, "server") })
		return len(last) >= len(want) && slices.Equal(last[len(last)-len(want):], want)
	})
	if err != nil {
		err = fmt.Errorf("%w: it has %q", err, last)
	}
	return err
}

// refusedAs checks with what code the addon has told of a refusal.
func refusedAs(t *testing.T, err error, code signaling.Code) {
	t.Helper()
	why, ok := errors.AsType[playerError](err)
	require.True(t, ok, "%v", err)
	require.Equal(t, string(code), why.Code, why.Error())
}

// addonIsRefused has games with the addon come to rooms that do not take them, and be kicked. The engine drops the error when
// the close frame comes with it.
func (g *games) addonIsRefused(ctx context.Context, t *testing.T) error {
	p, err := g.gather(ctx, t, rtcpeer.Config{Topology: rtcpeer.Star}, inGo, inAddon)
	if err != nil {
		return err
	}
	host := p[0].player.(native)
	room := g.server.url(host.Room())
	_, err = g.enter(ctx, inAddon, room, rtcpeer.Config{Topology: rtcpeer.Mesh}, nil)
	refusedAs(t, err, signaling.CodeTopologyMismatch)
	if err := host.SetLocked(ctx, true); err != nil {
		return err
	}
	_, err = g.enter(ctx, inAddon, room, rtcpeer.Config{Topology: rtcpeer.Star}, nil)
	refusedAs(t, err, signaling.CodeLocked)
	if err := host.Seal(ctx); err != nil {
		return err
	}
	_, err = g.enter(ctx, inAddon, room, rtcpeer.Config{Topology: rtcpeer.Star}, nil)
	refusedAs(t, err, signaling.CodeSealed)
	if err := host.Kick(ctx, p[1].ID(), "be nice"); err != nil {
		return err
	}
	return p[1].signals(ctx, "failed 0 kicked", "no signaling")
}

// addonAfterTheEnd has the room of a game with the addon end, and a game be taken out while it has no server: neither comes back.
func (g *games) addonAfterTheEnd(ctx context.Context, t *testing.T) error {
	p, err := g.gather(ctx, t, rtcpeer.Config{Topology: rtcpeer.Star}, inGo, inAddon)
	if err != nil {
		return err
	}
	if err := errors.Join(p[0].leave(), p[1].signals(ctx, "failed 0 host_left", "no signaling")); err != nil {
		return err
	}
	server := startServer(t) // which is away for a while
	other := &games{lab: g.lab, server: server}
	p, err = other.gather(ctx, t, rtcpeer.Config{Topology: rtcpeer.Mesh, Framed: true}, inGo, inAddon, inAddon)
	if err != nil {
		return err
	}
	before := server.current.Swap(nil)
	before.Drain(ctx)
	for _, game := range p[1:] {
		if err := game.signals(ctx, "signaling_lost"); err != nil {
			return err
		}
	}
	require.True(t, before.Kick(signaling.RoomName(p[0].player.(native).Room()), p[1].ID(), ""))
	before.SetDraining(false)
	server.current.Store(before)
	return errors.Join(p[1].signals(ctx, "failed 0 resume_refused", "no signaling"), p[2].signals(ctx, "signaling_resumed"), p[2].clean(ctx))
}

// longWelcome has a game with the addon come to a room whose welcome is longer than the engine's own buffer.
func (g *games) longWelcome(ctx context.Context, t *testing.T) error {
	metadata := fmt.Appendf(nil, "%q", bytes.Repeat([]byte{'x'}, 1000))
	const members = 70 // of 1,000 bytes each
	for range members {
		dialer := websocket.Dialer{Subprotocols: []string{signaling.Subprotocol}}
		conn, res, err := dialer.DialContext(ctx, g.server.url("long"), nil)
		if err != nil {
			return err
		}
		res.Body.Close()
		defer conn.Close()
		join, err := signaling.JSON.Encode(signaling.Join{Room: "long", Metadata: metadata})
		if err := errors.Join(err, conn.WriteMessage(websocket.TextMessage, join)); err != nil {
			return err
		}
		if _, _, err := conn.ReadMessage(); err != nil { // the welcome
			return err
		}
	}
	game, err := g.enter(ctx, inAddon, g.server.url("long"), rtcpeer.Config{Topology: rtcpeer.Mesh}, nil)
	if err != nil {
		return err
	}
	return errors.Join(game.clean(ctx), game.leave())
}
