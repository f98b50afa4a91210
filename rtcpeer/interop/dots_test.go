//go:build unix

package interop

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"net/url"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer"
	"example.org/rtcpeer/testdata/skip"
)

// The example, as its documentation says to start it: a bot, a tab, and this test as a third player
// who only watches. Both of the others tell their places, and the bot scores.
func TestDots(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	need(t, inChromium)
	profile, err := newProfile(t)
	require.NoError(t, err)
	h := &host{cmd: chromium(profile, startExample(t, "dots", s.url("dots")), "")}
	require.NoError(t, h.run())
	t.Cleanup(h.end)
	watcher, err := rtcpeer.Join(t.Context(), s.url("dots"), rtcpeer.Config{})
	require.NoError(t, err)
	t.Cleanup(func() { watcher.Close() })

	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	places, boards := make(map[rtcpeer.PeerID]int), 0
	for enough := false; !enough; {
		ev, err := watcher.Receive(ctx)
		require.NoError(t, err, "places %v, boards %d", places, boards)
		switch {
		case ev.Kind != rtcpeer.PacketReceived:
		case ev.Packet.Mode == rtcpeer.Reliable:
			boards++
		default:
			require.Equal(t, rtcpeer.UnreliableOrdered, ev.Packet.Mode)
			require.Len(t, ev.Packet.Data, 4)
			places[ev.Peer]++
		}
		enough = len(places) == 2 && boards > 1
		for _, n := range places {
			enough = enough && n >= 60
		}
	}
}

// The bot that hosts the room quits, and the tab hosts it from then on: Go in a page. What the tab tells goes on.
func TestDotsGoesOnWithoutItsHost(t *testing.T) {
	t.Parallel()
	skip.Long(t)
	s := startServer(t)
	need(t, inChromium)
	profile, err := newProfile(t)
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	first, err := rtcpeer.Join(ctx, s.url("dots"), rtcpeer.Config{
		Topology: rtcpeer.Star, NewRoom: rtcpeer.NewRoom{Migrates: true},
		Linger: patience, // a page that compiles WebAssembly is in no hurry to acknowledge
	})
	require.NoError(t, err)
	t.Cleanup(func() { first.Close() })
	h := &host{cmd: chromium(profile, startExample(t, "dots", s.url("dots")), "")}
	require.NoError(t, h.run())
	t.Cleanup(h.end)

	var bot, tab rtcpeer.PeerID // the bot has joined before it serves the page
	for tab == 0 {
		switch ev, err := first.Receive(ctx); {
		case err != nil:
			require.NoError(t, err, "bot %d, no tab", bot)
		case ev.Kind == rtcpeer.PeerConnected && bot == 0:
			bot = ev.Peer
		case ev.Kind == rtcpeer.PeerConnected:
			tab = ev.Peer
		}
	}
	watcher, err := rtcpeer.Join(ctx, s.url("dots"), rtcpeer.Config{NeverHost: true})
	require.NoError(t, err)
	t.Cleanup(func() { watcher.Close() })
	require.NoError(t, first.SetSuccessor(ctx, tab))
	places := make(map[rtcpeer.PeerID]int) // that the watcher is told of; of the tab's time as the host once it is that
	for changed := false; places[bot] < 30 || places[tab] < 60; {
		ev, err := watcher.Receive(ctx)
		require.NoError(t, err, "places %v, host changed: %v", places, changed)
		switch {
		case ev.Kind == rtcpeer.HostChanged:
			require.Equal(t, tab, ev.Host.New)
			changed = true
		case ev.Kind == rtcpeer.PacketReceived && ev.Packet.Mode != rtcpeer.Reliable && changed:
			places[ev.Peer]++
		case ev.Kind == rtcpeer.PacketReceived && first.Status() == rtcpeer.ConnectionConnected:
			require.NoError(t, first.Close())
		}
	}
}

// The other example: its page is a player, and this test another one. Both have names and places by the server's word.
func TestArena(t *testing.T) {
	t.Parallel()
	skip.Long(t)
	s := startServer(t)
	need(t, inChromium)
	address := startExample(t, "arena", s.url("arena"))
	answer, err := http.Get(address + "token?name=watcher")
	require.NoError(t, err)
	defer answer.Body.Close()
	token, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	watcher, err := rtcpeer.Join(t.Context(), s.url("arena"), rtcpeer.Config{
		Create: rtcpeer.CreateNever,
		Auth:   func(_ context.Context, peer *rtcpeer.PendingPeer) error { return peer.Send(token) },
	})
	require.NoError(t, err)
	t.Cleanup(func() { watcher.Close() })

	profile, err := newProfile(t)
	require.NoError(t, err)
	h := &host{cmd: chromium(profile, address+"?name=anna&room="+url.QueryEscape(s.url("arena")), "")}
	require.NoError(t, h.run())
	t.Cleanup(h.end)

	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	const two = 8 + 2*10 // bytes of a snapshot of two players
	var names string
	for snapshots := 0; snapshots < 30 || !strings.Contains(names, `"anna"`); {
		ev, err := watcher.Receive(ctx)
		require.NoError(t, err, "%d snapshots of two, names %s", snapshots, names)
		switch {
		case ev.Kind != rtcpeer.PacketReceived:
		case ev.Packet.Mode == rtcpeer.Reliable:
			names += string(ev.Packet.Data)
		case len(ev.Packet.Data) == two:
			snapshots++
		}
	}
}

// startExample returns the address of the page.
func startExample(t *testing.T, name, room string) string {
	t.Helper()
	program := t.TempDir() + "/" + name
	out, err := exec.Command("go", "build", "-ldflags=-s -w", "-o", program, "example.org/rtcpeer/rtcpeer/examples/"+name).CombinedOutput()
	require.NoError(t, err, "%s", out)
	cmd := exec.Command(program, "-url", room, "-page", "127.0.0.1:0")
	said, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	lines := bufio.NewReader(said)
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGINT)
		rest, _ := io.ReadAll(lines)
		require.NoError(t, cmd.Wait(), "%s", rest)
	})
	watchdog := time.AfterFunc(2*time.Minute, func() { _ = cmd.Process.Kill() })
	defer watchdog.Stop()
	line, err := lines.ReadString('\n')
	require.NoError(t, err)
	address, ok := strings.CutPrefix(strings.TrimSpace(line), "play at ")
	require.True(t, ok, "%q", line)
	return address
}
