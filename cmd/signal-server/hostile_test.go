package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/testdata/skip"
)

// A stranger is a socket that says what no client of ours says.
type stranger struct {
	net.Conn
	t  *testing.T
	wg sync.WaitGroup
}

func newStranger(t *testing.T, d *daemon) *stranger {
	t.Helper()
	conn, err := net.Dial("tcp", d.address())
	require.NoError(t, err)
	s := &stranger{Conn: conn, t: t}
	t.Cleanup(func() {
		s.Close()
		s.wg.Wait()
	})
	return s
}

// says writes bytes; the server may have had enough of them before the end.
func (s *stranger) says(bytes string) *stranger {
	_, _ = io.WriteString(s, bytes)
	return s
}

// says without end, until the server closes.
func (s *stranger) repeats(bytes string) {
	many := strings.Repeat(bytes, 1+1000/len(bytes))
	s.wg.Go(func() {
		for err := error(nil); err == nil; _, err = io.WriteString(s, many) {
		}
	})
}

// upgrades makes a WebSocket of it.
func (s *stranger) upgrades() *stranger {
	s.t.Helper()
	s.says("GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" +
		"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Protocol: " + signaling.Subprotocol + "\r\n\r\n")
	res, err := http.ReadResponse(bufio.NewReaderSize(s, 16), nil)
	require.NoError(s.t, err)
	require.Equal(s.t, http.StatusSwitchingProtocols, res.StatusCode)
	return s
}

// joins has it become a member, which never reads its welcome.
func (s *stranger) joins() *stranger {
	s.t.Helper()
	return s.upgrades().says(frame(0x81, `{"kind":"join","room":"lobby"}`))
}

// frame is a WebSocket frame, masked with zeros. The first byte is FIN, RSV and the kind.
func frame(first byte, payload string) string {
	return string([]byte{first, 0x80 | byte(len(payload)), 0, 0, 0, 0}) + payload
}

// announce is the head of a text frame with a length of 64 bits, by its first byte.
func announce(high byte) string {
	return string([]byte{0x81, 0xff, high}) + strings.Repeat("\x00", 7+4)
}

// Whatever a stranger sends, others can join meanwhile, its connection ends in time, and then the server is as it was
// before. All strangers of a kind come at the same time, since most of the test is waiting: one that does not join is
// cut off after ten seconds.
func TestStrangers(t *testing.T) {
	skip.Long(t)
	t.Parallel()
	for _, kind := range []struct {
		name  string
		pings string
		does  map[string]func(*stranger)
		moves map[string]float64
	}{
		{"clients that send half of an HTTP request", "15s", map[string]func(*stranger){
			"nothing":               func(*stranger) {},
			"half a request":        func(s *stranger) { s.says("GET / HTTP/1.1\r\nHost: x\r\n") },
			"half a body":           func(s *stranger) { s.says("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\nx") },
			"an answer is not read": func(s *stranger) { s.repeats("GET /rtcpeer.js HTTP/1.1\r\nHost: x\r\n\r\n") },
		}, nil},
		{"clients that never join", "0", map[string]func(*stranger){ // a ping would find out first
			"no frame":        func(s *stranger) { s.upgrades() },
			"half a frame":    func(s *stranger) { s.upgrades().says(frame(0x81, `{"kind":"join"}`)[:9]) },
			"empty fragments": func(s *stranger) { s.upgrades().says(frame(0x01, "")).repeats(frame(0x00, "")) },
			"pings":           func(s *stranger) { s.upgrades().repeats(frame(0x89, "")) },
		}, map[string]float64{`refused_total{code="join_timeout"}`: 4}},
		{"members", "2s", map[string]func(*stranger){
			"no pongs":                      func(s *stranger) { s.joins() },
			"half a frame":                  func(s *stranger) { s.joins().says(frame(0x81, `{"kind":"leave"}`)[:9]) },
			"2^62 bytes, announced":         func(s *stranger) { s.joins().says(announce(0x40)) },
			"empty fragments":               func(s *stranger) { s.joins().says(frame(0x01, "")).repeats(frame(0x00, "")) },
			"2^62 bytes, and they come":     func(s *stranger) { s.joins().says(announce(0x40)).repeats(" ") },
			"many fragments":                func(s *stranger) { s.joins().says(frame(0x01, "{")).repeats(frame(0x00, " ")) },
			"2^63 bytes, against the rules": func(s *stranger) { s.joins().says(announce(0x80)) },
			"compressed, which is too":      func(s *stranger) { s.joins().says(frame(0xc1, "\x4a\x04\x02\x00\x00")) },
		}, map[string]float64{`dropped_total{word="dead"}`: 4, `refused_total{code="too_large"}`: 2}},
	} {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			d := launchDaemon(t, "--ping-interval="+kind.pings, "--grace=0s", "--metrics-listen=127.0.0.1:0", "--admin-listen=127.0.0.1:0", "--admin-token="+adminToken)
			figures := d.other(t, "--metrics-listen") + "/metrics"
			before := scrapeClean(t, d, figures)
			for _, does := range kind.does {
				does(newStranger(t, d))
			}
			member := call(t, d.url, nil)
			member.join(signaling.Join{Room: "another"})
			require.NoError(t, member.conn.Close())

			awaitFigure(t, figures, "connections", 0)
			awaitFigure(t, figures, "members", 0)
			after := scrapeClean(t, d, figures)
			for name, value := range after {
				if strings.HasPrefix(name, "refused_total") || strings.HasPrefix(name, "dropped_total") && !strings.Contains(name, "grace_over") {
					require.Equal(t, kind.moves[name], value, name)
				}
			}
			for name, value := range kind.moves {
				require.Equal(t, value, after[name], name)
			}
			wantAsBefore(t, d, figures, before)
		})
	}
}

// wantAsBefore waits until goroutines, open files and memory are as they were.
func wantAsBefore(t *testing.T, d *daemon, figures string, before map[string]float64) {
	t.Helper()
	require.True(t, eventually(t.Context(), func() bool { return scrape(t, figures)["go_goroutines"] <= before["go_goroutines"]+2 }))
	after := scrapeClean(t, d, figures)
	require.InDelta(t, before["process_open_fds"], after["process_open_fds"], 2)
	// The runtime keeps what describes a goroutine for the next one: half a kilobyte of each that there was.
	require.Less(t, after["go_memstats_heap_alloc_bytes"]-before["go_memstats_heap_alloc_bytes"], float64(3<<20))
	require.Less(t, after["process_resident_memory_bytes"], float64(512<<20), "nor was there ever much more")
}

// A TLS handshake that stops in the middle has a time, too.
func TestHalfAHandshake(t *testing.T) {
	t.Parallel()
	cert, key, _ := writeCertificate(t, t.TempDir(), 1)
	d := launchDaemon(t, "--metrics-listen=127.0.0.1:0", "--tls-cert="+cert, "--tls-key="+key, "--handshake-timeout=1s")
	began := time.Now()
	s := newStranger(t, d).says("\x16\x03\x01\x02")
	require.NoError(t, s.SetReadDeadline(time.Now().Add(time.Minute)))
	_, err := io.Copy(io.Discard, s) // until the server closes
	require.NotErrorIs(t, err, os.ErrDeadlineExceeded)
	require.GreaterOrEqual(t, time.Since(began), time.Second)
	awaitFigure(t, d.other(t, "--metrics-listen")+"/metrics", "connections", 0)
}

// A thousand sessions that never join: members come and go meanwhile, and after the time to join there is
// nothing left of them. They have time enough to be all there at once.
func TestThousandThatNeverJoin(t *testing.T) {
	skip.Long(t)
	t.Parallel()
	d := launchDaemon(t, "--join-timeout=25s", "--metrics-listen=127.0.0.1:0", "--admin-listen=127.0.0.1:0", "--admin-token="+adminToken)
	figures := d.other(t, "--metrics-listen") + "/metrics"
	before := scrapeClean(t, d, figures)
	for range 1000 {
		newStranger(t, d).upgrades()
	}
	awaitFigure(t, figures, "sessions", 1000)
	member := call(t, d.url, nil)
	member.join(signaling.Join{Room: "lobby"})
	require.NoError(t, member.conn.Close())

	awaitFigure(t, figures, `refused_total{code="join_timeout"}`, 1000)
	awaitFigure(t, figures, "connections", 0)
	wantAsBefore(t, d, figures, before) // 3 KiB of each would be more; a session has eight
}

// scrapeClean returns the figures when all garbage has been collected.
func scrapeClean(t *testing.T, d *daemon, url string) map[string]float64 {
	t.Helper()
	for range 2 { // what a sync.Pool holds outlives one collection
		status, _ := d.administer(t, "GET", "/debug/pprof/heap?gc=1")
		require.Equal(t, http.StatusOK, status)
	}
	return scrape(t, url)
}

// A member that reads nothing is ended when what waits for it is more than an outbox holds, besides what the
// kernel takes; who sends it that is not held up. It runs alone: a write may take ten seconds, and what is sent
// meanwhile must be more than all that.
func TestSlowReader(t *testing.T) {
	const large = 16 << 20
	for _, outbox := range []int{1, large} {
		t.Run(fmt.Sprint(outbox), func(t *testing.T) {
			d := launchDaemon(t, "--message-rate=0", "--ping-interval=0", "--grace=0s", fmt.Sprintf("--max-outbox=%d", outbox))
			figures := pageOf(&d.program) + "metrics"
			host := call(t, d.url, nil)
			host.join(signaling.Join{Room: "lobby"})
			newStranger(t, d).joins()
			slow := host.receive().(signaling.Joined).Member.ID
			data := json.RawMessage(`"` + strings.Repeat("x", 60_000) + `"`)
			send := func(bytes int) (ended float64) {
				for ; bytes > 0; bytes -= len(data) {
					host.send(signaling.Signal{To: slow, Data: data})
				}
				return scrape(t, figures)[`dropped_total{word="slow"}`]
			}
			if outbox == large { // little is asked meanwhile
				require.Zero(t, send(outbox-1<<20), "it fits")
				send(outbox)
				awaitFigure(t, figures, `dropped_total{word="slow"}`, 1) // the server may not have read all yet
			} else {
				sent := 0 // step by step: what is sent to nobody comes back as errors, which the host does not read
				for ; send(1) == 0; sent += len(data) {
					require.Less(t, sent, large-1<<20)
				}
			}
			left := host.receive().(signaling.Left)
			require.Equal(t, signaling.Left{ID: slow, Reason: signaling.LeftLost}, left)
			awaitFigure(t, figures, "sessions", 1)
		})
	}
}

// A member that sends as fast as it can is read as fast as it may, and keeps nobody else waiting.
func TestFloodOfMessages(t *testing.T) {
	t.Parallel()
	d := launchDaemon(t, "--message-rate=50")
	figures := pageOf(&d.program) + "metrics"
	flooder := newStranger(t, d).joins()
	flooder.wg.Go(func() { _, _ = io.Copy(io.Discard, flooder) })
	flooder.repeats(frame(0x81, `{"kind":"signal","to":7,"data":1}`))
	require.True(t, eventually(t.Context(), func() bool { return scrape(t, figures)["throttled_total"] > 10 }))

	a, b := call(t, d.url, nil), call(t, d.url, nil)
	id := a.join(signaling.Join{Room: "calm"}).ID
	b.join(signaling.Join{Room: "calm"})
	a.receive()
	for i := range 100 {
		b.send(signaling.Signal{To: id, Data: json.RawMessage(fmt.Sprint(i))})
		require.Equal(t, fmt.Sprint(i), string(a.receive().(signaling.Signal).Data))
	}
	require.Less(t, scrape(t, figures)["signals_total"], 5000.0, "the first 500, and 50 a second")
}

// A member whose other end vanished without a word, as with a cable that is pulled, leaves when it has
// answered no ping, and not before.
func TestHalfOpen(t *testing.T) {
	t.Parallel()
	d := launchDaemon(t, "--ping-interval=2s", "--grace=0s") // the host answers only while it receives
	host, silent := call(t, d.url, nil), call(t, d.url, nil)
	host.join(signaling.Join{Room: "lobby"})
	pings := make(chan struct{}, 100)
	silent.conn.SetPingHandler(func(string) error { pings <- struct{}{}; return nil })
	id := silent.join(signaling.Join{Room: "lobby"}).ID
	require.Equal(t, id, host.receive().(signaling.Joined).Member.ID)

	require.Equal(t, signaling.Left{ID: id, Reason: signaling.LeftLost}, host.receive())
	_, _, err := silent.conn.ReadMessage() // first what has come until now
	require.Error(t, err)
	require.False(t, websocket.IsCloseError(err, websocket.CloseNormalClosure), "nobody says good-bye to the dead")
	require.GreaterOrEqual(t, len(pings), 1)
	require.EqualValues(t, 1, scrape(t, pageOf(&d.program)+"metrics")[`dropped_total{word="dead"}`])
}
