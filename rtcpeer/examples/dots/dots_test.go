//go:build !js

package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"example.org/rtcpeer/rtcpeer"
	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/signaling/signalserver"
	"example.org/rtcpeer/testdata/skip"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func startServer(t *testing.T) (room string) {
	t.Helper()
	server, err := signalserver.New(signalserver.Config{})
	require.NoError(t, err)
	web := httptest.NewServer(server)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = server.Shutdown(ctx)
		web.Close()
	})
	return strings.Replace(web.URL, "http", "ws", 1) + "/dots"
}

// collector is a bot that ends its game with the first scores in which somebody has the points.
type collector struct {
	bot
	points int
	scores map[rtcpeer.PeerID]int
	enough context.CancelFunc
}

// steer looks too: between it and show this player may have become the referee.
func (c *collector) steer(g *game) place {
	c.look(g.board.Scores)
	return c.bot.steer(g)
}

func (c *collector) show(g *game) { c.look(g.board.Scores) }

func (c *collector) look(scores map[rtcpeer.PeerID]int) {
	for _, n := range scores {
		if n >= c.points && c.scores == nil {
			c.scores = maps.Clone(scores)
			c.enough()
		}
	}
}

func TestTwoBotsAgreeOnTheScores(t *testing.T) {
	t.Parallel()
	room := startServer(t)
	var games sync.WaitGroup
	scores := make([]map[rtcpeer.PeerID]int, 2)
	for i := range scores {
		node, err := rtcpeer.Join(t.Context(), room, rtcpeer.Config{})
		require.NoError(t, err)
		games.Go(func() {
			defer node.Close() // which sees to it that the other has the last board
			ctx, enough := context.WithTimeout(t.Context(), time.Minute)
			defer enough()
			c := &collector{bot: bot{last: time.Now()}, points: 2, enough: enough}
			if err := newGame(node).play(ctx, c); err != nil {
				t.Error(err)
			}
			scores[i] = c.scores
		})
	}
	games.Wait()
	require.NotEmpty(t, scores[0])
	require.Equal(t, scores[0], scores[1])
}

// The game goes on when the bot that hosts its room quits, and the next one.
func TestGameOutlivesItsHosts(t *testing.T) {
	t.Parallel()
	room := startServer(t)
	var games sync.WaitGroup
	nodes, quit := make([]*rtcpeer.Node, 3), make([]context.CancelFunc, 3)
	boards := make(chan map[rtcpeer.PeerID]int)
	for i := range nodes {
		node, err := rtcpeer.Join(t.Context(), room, inRoom())
		require.NoError(t, err)
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
		nodes[i], quit[i] = node, cancel
		defer cancel()
		games.Go(func() {
			defer node.Close()
			if err := newGame(node).play(ctx, &reporter{bot: bot{last: time.Now()}, ctx: ctx, boards: boards}); err != nil {
				t.Error(err)
			}
		})
	}
	for i := range nodes[:2] {
		points, most := 0, 0
		for played := 0; played < 2; { // boards of this host's time in which somebody has got a point
			select {
			case scores := <-boards:
				points = 0
				for _, n := range scores {
					points += n
				}
				if points > most {
					played, most = played+1, points
				}
			case <-time.After(time.Minute):
				t.Fatalf("no more points after %d with host %d", most, i)
			}
		}
		require.Equal(t, nodes[i].ID(), nodes[2].Host())
		require.Equal(t, i+1, nodes[2].Term())
		quit[i]()
		for nodes[2].Term() != i+2 || nodes[2].Status() != rtcpeer.ConnectionConnected {
			select {
			case <-boards:
			case <-time.After(time.Minute):
				t.Fatalf("host %d has quit, and the last player is in term %d", i, nodes[2].Term())
			}
		}
	}
	for _, stop := range quit {
		stop()
	}
	games.Wait()
}

// reporter is a bot that shows each board that it has, as long as its game lasts.
type reporter struct {
	bot
	ctx    context.Context
	boards chan<- map[rtcpeer.PeerID]int
}

func (r *reporter) show(g *game) {
	select {
	case r.boards <- maps.Clone(g.board.Scores):
	case <-r.ctx.Done():
	}
}

func TestPackets(t *testing.T) {
	at, ok := decodePlace(place{0.25, 1}.encode())
	require.True(t, ok)
	require.InDelta(t, 0.25, at.X, 0.001)
	require.Equal(t, 1.0, at.Y)
	b, ok := decodeBoard(board{Coin: place{0.5, 0}, Scores: map[rtcpeer.PeerID]int{1: 2}}.encode())
	require.True(t, ok)
	require.Equal(t, map[rtcpeer.PeerID]int{1: 2}, b.Scores)

	for _, garbage := range []string{"", "x", "12345", "{}", `{"Scores":{"x":1}}`, "[]"} {
		_, ok := decodePlace([]byte(garbage))
		require.False(t, ok, garbage)
		_, ok = decodeBoard([]byte(garbage))
		require.False(t, ok, garbage)
	}
}

// The page is WebAssembly of many megabytes, which most of its visitors get compressed.
func TestPageIsCompressed(t *testing.T) {
	skip.Long(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	stop, err := servePage(listener, "ws://localhost/dots")
	require.NoError(t, err)
	defer stop()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DisableCompression: true}}
	sizes := make(map[string]int)
	for _, encoding := range []string{"", "gzip"} {
		req, err := http.NewRequestWithContext(t.Context(), "GET", "http://"+listener.Addr().String()+"/dots.wasm", nil)
		require.NoError(t, err)
		req.Header.Set("Accept-Encoding", encoding)
		res, err := client.Do(req)
		require.NoError(t, err)
		body, err := io.ReadAll(res.Body)
		require.NoError(t, errors.Join(err, res.Body.Close()))
		require.Equal(t, encoding, res.Header.Get("Content-Encoding"))
		require.Equal(t, "application/wasm", res.Header.Get("Content-Type"))
		sizes[encoding] = len(body)
		if encoding == "gzip" {
			unpacked, err := gzip.NewReader(bytes.NewReader(body))
			require.NoError(t, err)
			body, err = io.ReadAll(unpacked)
			require.NoError(t, err)
		}
		require.Equal(t, "\x00asm", string(body[:4]))
	}
	t.Log(sizes)
	require.Less(t, sizes["gzip"], sizes[""]/3)
}

// All players call a player by the same name, and few share one.
func TestNames(t *testing.T) {
	names := make(map[string]bool)
	for id := range rtcpeer.PeerID(70) {
		names[nameOf(id+1)] = true
	}
	require.Len(t, names, 70)
	require.Equal(t, "Orange Fox", nameOf(1))
	require.Equal(t, "Orange Owl", nameOf(8))
	require.NotEmpty(t, nameOf(signaling.MaxPeerID))
	require.Equal(t, "hsl(28 70% 50%)", colourOf(8))
}

func TestRunSaysWhatIsWrong(t *testing.T) {
	for _, row := range []struct {
		args []string
		code int
		text string
	}{
		{[]string{"-nonsense"}, exitUsage, "-url"},
		{[]string{"-url", "ws://127.0.0.1:1/dots"}, exitError, "is signal-server running there?"},
		{[]string{"-url", startServer(t), "-page", "nowhere"}, exitError, "nowhere"},
	} {
		var said bytes.Buffer
		require.Equal(t, row.code, run(t.Context(), row.args, &said, &said), "%v", row.args)
		require.Contains(t, said.String(), row.text)
	}
}

// Two players who each had a board when they met go on with the later one.
func TestLaterBoardWins(t *testing.T) {
	us := &rtcpeer.Offline{} // id 1
	g := newGame(us)
	told := func(from rtcpeer.PeerID, points int) map[rtcpeer.PeerID]int {
		b := board{Scores: map[rtcpeer.PeerID]int{from: points}}
		g.take(rtcpeer.Packet{Peer: from, Mode: rtcpeer.Reliable, Data: b.encode()})
		return g.board.Scores
	}
	require.Empty(t, told(2, 0), "as late as ours, and of a higher id")
	require.Equal(t, map[rtcpeer.PeerID]int{2: 5}, told(2, 5))
	require.Equal(t, map[rtcpeer.PeerID]int{2: 5}, told(3, 4), "an earlier one")
}
