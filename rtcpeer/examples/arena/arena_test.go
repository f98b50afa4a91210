package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
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
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const patience = 30 * time.Second

var key = []byte("a key of the site")

// startRoom returns the URL of a room that nobody has made.
func startRoom(t *testing.T) (room string) {
	t.Helper()
	signal, err := signalserver.New(signalserver.Config{})
	require.NoError(t, err)
	web := httptest.NewServer(signal)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		_ = signal.Shutdown(ctx)
		web.Close()
	})
	return strings.Replace(web.URL, "http", "ws", 1) + "/arena"
}

// startServer has a server play until the test ends.
func startServer(t *testing.T, room string) (s *server) {
	t.Helper()
	s, err := newServer(t.Context(), room, key, rtcpeer.Config{}, io.Discard)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	var playing sync.WaitGroup
	playing.Go(func() {
		if err := s.play(ctx); err != nil {
			t.Errorf("the server: %v", err)
		}
	})
	t.Cleanup(func() {
		cancel()
		playing.Wait()
		s.close()
	})
	return s
}

func token(t *testing.T, name string) string {
	t.Helper()
	token, err := newToken(key, name, time.Now())
	require.NoError(t, err)
	return token
}

func enter(t *testing.T, room, name string) *bot {
	t.Helper()
	b, err := joinBot(t.Context(), room, token(t, name), rtcpeer.Config{})
	require.NoError(t, err)
	t.Cleanup(func() { b.node.Close() })
	return b
}

// await takes events of a player until one is what is wanted.
func await(t *testing.T, b *bot, wanted func(rtcpeer.Event) bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for {
		ev, err := b.node.Receive(ctx)
		require.NoError(t, err)
		if wanted(ev) {
			return
		}
	}
}

// A player comes late, and knows all names and places; one leaves, and all are told.
func TestPlayers(t *testing.T) {
	room := startRoom(t)
	_, err := joinBot(t.Context(), room, token(t, "early"), rtcpeer.Config{})
	require.ErrorIs(t, err, &signaling.Error{Code: signaling.CodeUnknownRoom}, "before the server is there")
	startServer(t, room)

	anna := enter(t, room, "anna")
	known := make(names)
	learns := func(ev rtcpeer.Event) {
		if ev.Kind == rtcpeer.PacketReceived && ev.Packet.Mode == rtcpeer.Reliable {
			require.NoError(t, json.Unmarshal(ev.Packet.Data, &known))
		}
	}
	await(t, anna, func(ev rtcpeer.Event) bool { learns(ev); return known[anna.node.ID()] == "anna" })
	late := enter(t, room, "late")
	await(t, anna, func(ev rtcpeer.Event) bool { learns(ev); return known[late.node.ID()] == "late" })
	known = make(names)
	await(t, late, func(ev rtcpeer.Event) bool { learns(ev); return len(known) == 2 })
	require.Equal(t, names{anna.node.ID(): "anna", late.node.ID(): "late"}, known)
	await(t, late, func(ev rtcpeer.Event) bool {
		s, ok := decodeSnapshot(ev.Packet.Data)
		return ev.Packet.Mode == rtcpeer.UnreliableOrdered && ok && len(s.players) == 2
	})
	require.Equal(t, []rtcpeer.PeerID{rtcpeer.Server}, late.node.Peers(), "players have no links with each other, not even by the relay")

	require.NoError(t, anna.node.Close())
	await(t, late, func(ev rtcpeer.Event) bool { learns(ev); return known[anna.node.ID()] == "" })
}

// Bots run for the coin until one of them has it.
func TestScore(t *testing.T) {
	room := startRoom(t)
	startServer(t, room)
	ctx, enough := context.WithCancel(t.Context())
	defer enough()
	var playing sync.WaitGroup
	for range 3 {
		b := enter(t, room, "bot")
		playing.Go(func() {
			for ctx.Err() == nil {
				turn, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
				if err := b.play(turn); err != nil {
					t.Error(err)
				}
				cancel()
				if me := b.last.players[b.node.ID()]; me.score > 0 {
					enough()
				}
			}
		})
	}
	select {
	case <-ctx.Done():
	case <-time.After(patience):
		t.Error("nobody has scored")
		enough()
	}
	playing.Wait()
}

// Nobody hears of one whose token is not the site's.
func TestTokenIsNeeded(t *testing.T) {
	room := startRoom(t)
	s := startServer(t, room)
	forged, err := newToken([]byte("another key"), "anna", time.Now())
	require.NoError(t, err)
	b, err := joinBot(t.Context(), room, forged, rtcpeer.Config{})
	require.NoError(t, err)
	defer b.node.Close()
	_, err = b.node.Receive(t.Context())
	for err == nil {
		_, err = b.node.Receive(t.Context())
	}
	require.ErrorIs(t, err, rtcpeer.ErrUnauthorized)
	require.Empty(t, s.node.Peers())
}

// One whose packets are none of the game is taken out, and the others play on.
func TestKick(t *testing.T) {
	room := startRoom(t)
	startServer(t, room)
	good, rogue := enter(t, room, "good"), enter(t, room, "rogue")
	await(t, rogue, func(ev rtcpeer.Event) bool { return ev.Kind == rtcpeer.PeerConnected })
	for range maxWrong {
		require.NoError(t, rogue.node.Send(t.Context(), rtcpeer.Packet{Peer: rtcpeer.Server, Data: []byte("nonsense")}))
	}
	var err error
	for err == nil {
		_, err = rogue.node.Receive(t.Context())
	}
	require.ErrorIs(t, err, &signaling.Error{Code: signaling.CodeKicked})
	require.ErrorContains(t, err, "too many invalid packets")
	await(t, good, func(ev rtcpeer.Event) bool {
		s, ok := decodeSnapshot(ev.Packet.Data)
		return ok && s.tick > 0 && len(s.players) == 1
	})
}

func TestStep(t *testing.T) {
	const each = speed / tickRate
	for name, row := range map[string]struct {
		want     input
		at, then place
	}{
		"still":          {input{}, place{0.5, 0.5}, place{0.5, 0.5}},
		"right":          {input{127, 0}, place{0.5, 0.5}, place{0.5 + each, 0.5}},
		"not faster":     {input{-128, 0}, place{0.5, 0.5}, place{0.5 - each, 0.5}},
		"not diagonally": {input{127, 127}, place{0, 0}, place{each * 0.7071067811865475, each * 0.7071067811865475}},
		"not out":        {input{127, -127}, place{1, 0}, place{1, 0}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(func() float64 { return 0.25 })
			w.enter(2)
			w.players[2].at, w.players[2].want = row.at, row.want
			w.step()
			require.InDelta(t, row.then.x, w.players[2].at.x, 1e-9)
			require.InDelta(t, row.then.y, w.players[2].at.y, 1e-9)
			require.Zero(t, w.players[2].score)
		})
	}
	w := newWorld(func() float64 { return 0.25 })
	w.enter(2) // on the coin
	w.step()
	require.EqualValues(t, 1, w.players[2].score)
}

func TestToken(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	token, err := newToken(key, "änna.b", now)
	require.NoError(t, err)
	name, err := checkToken(key, token, now.Add(tokenLife))
	require.NoError(t, err)
	require.Equal(t, "änna.b", name)
	_, err = checkToken(key, token, now.Add(tokenLife+time.Second))
	require.ErrorContains(t, err, "expired")
	for _, bad := range []string{"", ".", "..", token + "x", "x" + token, strings.Replace(token, ".", "", 1)} {
		_, err = checkToken(key, bad, now)
		require.ErrorIs(t, err, errToken, bad)
	}
	for _, name := range []string{"", strings.Repeat("x", maxName+1)} {
		_, err = newToken(key, name, now)
		require.Error(t, err)
	}
}

func TestSite(t *testing.T) {
	site := httptest.NewServer(newSite(key, "ws://localhost:9080/arena"))
	defer site.Close()
	get := func(path string) (int, string) {
		answer, err := http.Get(site.URL + path)
		require.NoError(t, err)
		defer answer.Body.Close()
		body, err := io.ReadAll(answer.Body)
		require.NoError(t, err)
		return answer.StatusCode, string(body)
	}
	code, body := get("/token?name=anna")
	require.Equal(t, http.StatusOK, code)
	name, err := checkToken(key, body, time.Now())
	require.NoError(t, err)
	require.Equal(t, "anna", name)
	code, _ = get("/token")
	require.Equal(t, http.StatusBadRequest, code)
	_, body = get("/")
	require.Contains(t, body, "rtcpeer.js")
	_, body = get("/rtcpeer.js")
	require.Contains(t, body, "export")
}

// The whole program, with a bot, until it is interrupted.
func TestRun(t *testing.T) {
	room := startRoom(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var out, talk bytes.Buffer
	require.Equal(t, exitError, run(ctx, []string{"-url", room, "-bots", "1", "-key", "k"}, strings.NewReader(""), &out, &talk))
	require.Contains(t, talk.String(), "unknown_room")
	require.Equal(t, exitUsage, run(ctx, []string{"-nonsense"}, strings.NewReader(""), &out, &talk))
	cancel()
	require.Equal(t, exitError, run(ctx, []string{"-bots", "1"}, strings.NewReader(""), &out, &talk))
}

func FuzzPackets(f *testing.F) {
	w := newWorld(func() float64 { return 0.5 })
	w.enter(2)
	f.Add(w.appendSnapshot(nil))
	f.Add(input{1, -1}.encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		if in, ok := decodeInput(b); ok {
			require.Equal(t, b, in.encode())
		}
		if s, ok := decodeSnapshot(b); ok {
			require.LessOrEqual(t, len(s.players), (len(b)-snapshotHead)/playerSize)
		}
		_, err := checkToken(key, string(b), time.Now())
		require.Error(t, err)
	})
}
