//go:build unix

package interop

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer"
)

// A client in 150 lines that was written from PROTOCOL.md alone: testdata/stranger.mjs. It meets Go members in a mesh,
// with either end offering, and as the guest of a star. What it gets in each mode it sends back. Either end ends the link
// with a code and a text, which the other end gets.
func TestClientWrittenFromTheProtocol(t *testing.T) {
	t.Parallel()
	need(t, kind{name: "libwebrtc", host: "libwebrtc"})
	s := startServer(t)
	source, err := os.ReadFile("testdata/stranger.mjs")
	require.NoError(t, err)
	require.LessOrEqual(t, bytes.Count(source, []byte("\n")), 150)
	enter := func(t *testing.T, room string, topology rtcpeer.Topology) *rtcpeer.Node {
		node, err := rtcpeer.Join(t.Context(), s.url(room), rtcpeer.Config{Topology: topology, LostAfter: time.Minute})
		require.NoError(t, err)
		t.Cleanup(func() { node.Close() })
		return node
	}
	t.Run("it offers", func(t *testing.T) {
		first := enter(t, "second", rtcpeer.Mesh)
		stranger, _ := startStranger(t, s.url("second"), "mesh")
		echo(t, first, stranger)
		hearsBye(t, first, stranger)
	})
	t.Run("it answers", func(t *testing.T) {
		stranger, said := startStranger(t, s.url("first"), "mesh")
		require.EqualValues(t, 1, stranger)
		node := enter(t, "first", rtcpeer.Mesh)
		echo(t, node, stranger)
		saysBye(t, node, stranger, said)
	})
	t.Run("guest of a star", func(t *testing.T) {
		host := enter(t, "star", rtcpeer.Star)
		stranger, _ := startStranger(t, s.url("star"), "star")
		echo(t, host, stranger)
		echo(t, enter(t, "star", rtcpeer.Star), stranger) // through the host
		hearsBye(t, host, stranger)
	})
}

// hearsBye has the client end the link with a code and a text, and wants them. The link is not made again.
func hearsBye(t *testing.T, node *rtcpeer.Node, peer rtcpeer.PeerID) {
	t.Helper()
	require.NoError(t, node.Send(t.Context(), rtcpeer.Packet{Peer: peer, Data: []byte("bye 300 à bientôt")}))
	for {
		ev, err := node.Receive(t.Context())
		require.NoError(t, err)
		if ev.Peer == peer && ev.Kind != rtcpeer.PacketReceived { // one that was late
			require.Equal(t, rtcpeer.Event{Kind: rtcpeer.PeerDisconnected, Peer: peer, Reason: rtcpeer.ByPeer, Code: 300, Text: "à bientôt"}, ev)
			break
		}
	}
	require.NotContains(t, node.Peers(), peer)
}

// saysBye ends the link with a code and a text, and wants the client to say so.
func saysBye(t *testing.T, node *rtcpeer.Node, peer rtcpeer.PeerID, said <-chan string) {
	t.Helper()
	require.NoError(t, node.DisconnectWith(peer, 300, "à bientôt"))
	want := fmt.Sprintf("bye %d 1 300 à bientôt", node.ID())
	late := time.After(time.Minute)
	for {
		select {
		case line, ok := <-said:
			require.True(t, ok, "the client has ended without %q", want)
			if line == want {
				return
			}
		case <-late:
			require.Fail(t, "the client does not say", want)
		}
	}
}

// echo waits until the peer is connected, and has a packet of each mode come back from it. An unreliable one may be lost:
// then another one is sent.
func echo(t *testing.T, node *rtcpeer.Node, peer rtcpeer.PeerID) {
	t.Helper()
	next := func(ctx context.Context, want rtcpeer.EventKind) (rtcpeer.Event, error) {
		for {
			ev, err := node.Receive(ctx)
			if err != nil || ev.Kind == want && ev.Peer == peer {
				return ev, err
			}
			require.NotContains(t, []rtcpeer.EventKind{rtcpeer.PeerDisconnected, rtcpeer.PeerFailed}, ev.Kind, "%v", ev)
		}
	}
	_, err := next(t.Context(), rtcpeer.PeerConnected)
	require.NoError(t, err)
	for _, mode := range modes {
		sent := rtcpeer.Packet{Peer: peer, Mode: mode, Data: []byte("in mode " + mode.String())}
		for {
			require.NoError(t, node.Send(t.Context(), sent))
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			if mode == rtcpeer.Reliable {
				ctx = t.Context()
			}
			got, err := next(ctx, rtcpeer.PacketReceived)
			cancel()
			if mode != rtcpeer.Reliable && errors.Is(err, context.DeadlineExceeded) && t.Context().Err() == nil {
				continue
			}
			require.NoError(t, err)
			if got.Packet.Mode == mode { // and not an earlier one that was late
				require.Equal(t, sent.Data, got.Packet.Data)
				break
			}
		}
	}
}

// startStranger returns the id that the client has, and what it says. It ends with the test.
func startStranger(t *testing.T, url, topology string) (id rtcpeer.PeerID, said <-chan string) {
	t.Helper()
	program, err := filepath.Abs("testdata/stranger.mjs")
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), "node", program, url, topology)
	cmd.Dir = packages
	cmd.Stderr = t.Output()
	stdin, err := cmd.StdinPipe()
	require.NoError(t, err)
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	lines := bufio.NewScanner(stdout)
	require.True(t, lines.Scan(), "nothing but %v", lines.Err())
	number, err := strconv.Atoi(strings.TrimPrefix(lines.Text(), "joined "))
	require.NoError(t, err)
	all, ended := make(chan string, 64), make(chan struct{})
	go func() {
		defer close(ended)
		defer close(all)
		for lines.Scan() {
			t.Log(topology, lines.Text())
			select {
			case all <- lines.Text():
			default: // the test does not listen
			}
		}
	}()
	t.Cleanup(func() {
		stdin.Close()
		<-ended
		_ = cmd.Wait() // killed with the test's context, or by itself
	})
	return rtcpeer.PeerID(number), all
}
