package main

import (
	"encoding/json"
	"net"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/pion/turn/v5"
	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/signaling"
)

// A ledger remembers which figures have been above what they were at first.
type ledger struct {
	t     *testing.T
	url   string
	first map[string]float64
	moved map[string]bool
}

func (l *ledger) open(t *testing.T, url string) { l.t, l.url, l.first = t, url, scrape(t, url) }

func (l *ledger) look() {
	l.t.Helper()
	for name, value := range scrape(l.t, l.url) {
		if value > l.first[name] {
			l.moved[name] = true
		}
	}
}

// await waits until a figure has moved.
func (l *ledger) await(name string) {
	l.t.Helper()
	require.True(l.t, eventually(l.t.Context(), func() bool { l.look(); return l.moved[name] }), name)
}

// Each metric in the table of DEPLOY.md rises when what it measures happens.
func TestDocumentedMetricsMove(t *testing.T) {
	t.Parallel()
	l := &ledger{moved: make(map[string]bool)}
	t.Run("rooms", func(t *testing.T) { roomsMove(t, l) })
	t.Run("the lost", func(t *testing.T) { lostMembersMove(t, l) })
	t.Run("admission", func(t *testing.T) { admissionMoves(t, l) })
	t.Run("TURN", func(t *testing.T) { turnMoves(t, l) })
	promised := promisedFigures(t)
	require.Greater(t, len(promised), 30)
	for _, figure := range promised {
		name, _, _ := strings.Cut(figure, "{")
		if movesElsewhere[name] != "" || movesElsewhere[figure] != "" || strings.HasPrefix(name, "cluster_") {
			continue
		}
		require.True(t, moves(l.moved, figure), figure)
	}
}

// movesElsewhere are figures that need a server of their own, by the test that has it.
var movesElsewhere = map[string]string{
	"connections_closed_total":    "gate_test.go, front_test.go",
	"certificate_expires_seconds": "watch_test.go",
	"accept_errors_total":         "files_test.go",
	"admin_refused_total":         "admin_test.go",
	"draining":                    "admin_test.go",
	"log_dropped_total":           "unreadlog_linux_test.go",

	"relay_frames_total":    "TestRelayLinks",
	"relay_bytes_total":     "TestRelayLinks",
	"relay_throttled_total": "TestRelayLinks",

	`dropped_total{word="relay_unknown"}`: "forward_test.go of signalserver",
	`dropped_total{word="relay_full"}`:    "forward_test.go of signalserver",

	`seconds_count{phase="bus"}`: "TestClusterFigures", // as those that begin with cluster_
}

// moves reports whether a figure has moved, with any label if it ends before one.
func moves(moved map[string]bool, figure string) bool {
	for name := range moved {
		if name == figure || strings.HasSuffix(figure, "{") && strings.HasPrefix(name, figure) {
			return true
		}
	}
	return false
}

// promisedFigures reads the table: the names of a row, and the words that their label may be.
func promisedFigures(t *testing.T) (figures []string) {
	t.Helper()
	page, err := os.ReadFile("DEPLOY.md")
	require.NoError(t, err)
	_, table, _ := strings.Cut(string(page), "| metric | meaning |\n|---|---|\n")
	table, _, _ = strings.Cut(table, "\n\n")
	quoted := regexp.MustCompile("`([a-z_]+)(?:\\{([a-z]+)\\})?`")
	for row := range strings.Lines(table) {
		cells := strings.SplitN(row, "|", 4)
		for _, name := range quoted.FindAllStringSubmatch(cells[1], -1) {
			words := quoted.FindAllStringSubmatch(cells[2], -1)
			if name[1] == "seconds" {
				name[1] = "seconds_count" // of the histogram
			}
			switch {
			case name[2] == "":
				figures = append(figures, name[1])
			case len(words) == 0:
				figures = append(figures, name[1]+"{")
			}
			for _, word := range words {
				if name[2] != "" {
					figures = append(figures, name[1]+"{"+name[2]+`="`+word[1]+`"}`)
				}
			}
		}
	}
	return figures
}

func roomsMove(t *testing.T, l *ledger) {
	d := launchDaemon(t, "--ping-interval=0", "--message-rate=20")
	l.open(t, pageOf(&d.program)+"metrics")
	host, guest := call(t, d.url, nil), call(t, d.url, nil)
	host.join(signaling.Join{Room: "lobby", NewRoom: signaling.NewRoom{Public: true}})
	welcome := guest.join(signaling.Join{Room: "lobby"})
	host.receive()
	guest.send(signaling.Signal{To: 1, Data: json.RawMessage("1")})
	host.receive()
	require.Equal(t, signaling.CodeNotJoined, refusalOf(call(t, d.url, nil), signaling.Sealed{}).code)
	l.look()
	call(t, d.url, nil).join(signaling.Join{Resume: welcome.Resume})
	l.await("resumes_total")

	first, second := call(t, d.url, nil), call(t, d.url, nil)
	first.send(signaling.Join{Match: &signaling.Match{Key: "duel", Size: 2}})
	l.await("waiting")
	second.send(signaling.Join{Match: &signaling.Match{Key: "duel", Size: 2}})
	l.await("matches_total")
	for range welcome.Limits.MessageBurst + 100 { // at once: one after the other, each with its answer, they may be slower than the rate
		host.send(signaling.List{})
	}
	l.await("throttled_total")
}

// lostMembersMove has members given up for each reason there is.
func lostMembersMove(t *testing.T, l *ledger) {
	flood := json.RawMessage(`"` + strings.Repeat("x", 60_000) + `"`)
	for _, c := range []struct {
		word, pings, grace string // of a server where nothing else can come first, however slow the machine is
		do                 func(host *caller, guest *caller, id signaling.PeerID)
	}{
		{"grace_over", "0", "100ms", func(_, guest *caller, _ signaling.PeerID) { guest.conn.Close() }},
		{"dead", "2s", "0s", func(_, _ *caller, _ signaling.PeerID) {}},
		{"detached_full", "0", "1m", func(host, guest *caller, id signaling.PeerID) {
			guest.conn.Close()
			awaitFigure(t, l.url, "sessions", 1)
			for range 20 {
				host.send(signaling.Signal{To: id, Data: flood})
			}
		}},
		{"slow", "0", "1m", func(host, _ *caller, id signaling.PeerID) {
			for range 300 {
				host.send(signaling.Signal{To: id, Data: flood})
			}
		}},
	} {
		d := launchDaemon(t, "--ping-interval="+c.pings, "--grace="+c.grace, "--message-rate=0")
		l.open(t, pageOf(&d.program)+"metrics")
		host, guest := call(t, d.url, nil), call(t, d.url, nil)
		host.join(signaling.Join{Room: signaling.RoomName(c.word)})
		id := guest.join(signaling.Join{Room: signaling.RoomName(c.word)}).ID
		host.receive()
		gone := make(chan struct{})
		go func() { // it answers pings
			defer close(gone)
			for _, _, err := host.conn.ReadMessage(); err == nil; _, _, err = host.conn.ReadMessage() {
			}
		}()
		c.do(host, guest, id)
		l.await(`dropped_total{word="` + c.word + `"}`)
		host.conn.Close()
		guest.conn.Close()
		<-gone
		awaitFigure(t, l.url, "sessions", 0)
	}
}

func admissionMoves(t *testing.T, l *ledger) {
	secret, _ := keyFiles(t, "HS256")
	p := start(t, nil, "--auth-jwt="+secret)
	l.open(t, pageOf(p)+"metrics")
	token := mint(t, "--key="+secret, "--room=*", "--create", "--host")
	call(t, p.url, http.Header{"Authorization": {"Bearer " + token}}).join(signaling.Join{Room: "lobby"})
	l.await(`seconds_count{phase="admit"}`)
}

func turnMoves(t *testing.T, l *ledger) {
	p := start(t, nil, append(append([]string{}, turnHere...), "--turn-allow-peer=127.0.0.2/32")...)
	l.open(t, pageOf(p)+"metrics")
	server := turnOf(t, p)
	require.True(t, strings.HasSuffix(server.URLs[1], "?transport=tcp"), server.URLs)
	stream, err := net.Dial("tcp", strings.TrimSuffix(strings.TrimPrefix(server.URLs[1], "turn:"), "?transport=tcp"))
	require.NoError(t, err)
	client, err := turn.NewClient(&turn.ClientConfig{Conn: turn.NewSTUNConn(stream), TURNServerAddr: stream.RemoteAddr().String(), Username: server.Username, Password: server.Credential})
	require.NoError(t, err)
	defer client.Close()
	require.NoError(t, client.Listen())
	relay, err := client.Allocate()
	require.NoError(t, err)
	defer relay.Close()

	peer, err := net.ListenPacket("udp4", "127.0.0.2:0")
	require.NoError(t, err)
	defer peer.Close()
	_, err = relay.WriteTo([]byte("there"), peer.LocalAddr())
	require.NoError(t, err)
	require.NoError(t, peer.SetReadDeadline(time.Now().Add(time.Minute)))
	_, from, err := peer.ReadFrom(make([]byte, 100))
	require.NoError(t, err)
	_, err = peer.WriteTo([]byte("and back"), from)
	require.NoError(t, err)
	l.await(`turn_bytes_total{direction="to_clients"}`)
	_, err = relay.WriteTo([]byte("x"), &net.UDPAddr{IP: net.IPv4(10, 0, 0, 1), Port: 9})
	require.Error(t, err)
	l.await(`turn_refused_total{word="peer_denied"}`)
}
