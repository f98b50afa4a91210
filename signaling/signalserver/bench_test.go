package signalserver_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"testing"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/signaling/signalserver"
)

// BenchmarkJoin is one member after another: dial, upgrade, join, welcome, leave, both ends.
func BenchmarkJoin(b *testing.B) {
	s := serve(b, signalserver.Config{})
	b.ReportAllocs()
	for b.Loop() {
		conn := s.connect(b)
		say(b, conn, `{"kind":"join"}`)
		hear(b, conn, `"kind":"welcome"`)
		say(b, conn, `{"kind":"leave"}`)
		_, _, err := conn.ReadMessage()
		require.True(b, websocket.IsCloseError(err, websocket.CloseNormalClosure), err)
		conn.Close()
	}
}

// BenchmarkForward is one candidate from one member to another, both ends. Some are on their way at
// a time, as when two peers connect.
func BenchmarkForward(b *testing.B) {
	s := serve(b, signalserver.Config{MessageRate: -1})
	to, from := s.connect(b), s.connect(b)
	defer to.Close()
	defer from.Close()
	say(b, to, `{"kind":"join","room":"r"}`)
	hear(b, to, `"welcome"`)
	say(b, from, `{"kind":"join","room":"r"}`)
	hear(b, from, `"welcome"`)
	hear(b, to, `"joined"`)
	signal := `{"kind":"signal","to":1,"data":{"type":"candidate","attempt":1,"candidate":"candidate:842163049 1 udp 1677729535 ` +
		`203.0.113.7 51423 typ srflx raddr 192.168.1.20 rport 51423 generation 0 ufrag Xy1z network-cost 999","sdpMid":"0"}}`
	const window = 16
	b.ReportAllocs()
	sent := 0
	for b.Loop() {
		say(b, from, signal)
		if sent++; sent > window {
			_, r, err := to.NextReader()
			require.NoError(b, err)
			_, err = io.Copy(io.Discard, r)
			require.NoError(b, err)
		}
	}
}

// BenchmarkIdleSession tells what a member costs that has joined a room of two and then does
// nothing. The other ends are bare sockets in this process, and counted too.
func BenchmarkIdleSession(b *testing.B) {
	const n = 2000
	for b.Loop() {
		s := serve(b, signalserver.Config{})
		before := memory()
		conns := make([]net.Conn, n)
		for i := range conns {
			conns[i] = bareMember(b, s, fmt.Sprint("room", i/2))
		}
		require.Equal(b, n, s.Stats().Members)
		b.ReportMetric(float64(memory()-before)/n, "B/session")
		b.ReportMetric(float64(runtime.NumGoroutine())/n, "goroutines/session")
		for _, c := range conns {
			c.Close()
		}
		shutDown(b, s.Server)
	}
}

// memory is the heap and the stacks in use, after a few collections: each halves the stacks that
// are mostly empty.
func memory() int64 {
	for range 5 {
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc + m.StackInuse)
}

// bareMember joins a room by hand, so that this end costs nothing but its socket.
func bareMember(b *testing.B, s *server, room string) net.Conn {
	b.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.url, "ws://"))
	require.NoError(b, err)
	fmt.Fprintf(conn, "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"+
		"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Protocol: %s\r\n\r\n", signaling.Subprotocol)
	r := bufio.NewReaderSize(conn, 1024)
	for line := ""; line != "\r\n"; {
		line, err = r.ReadString('\n')
		require.NoError(b, err)
	}
	join := `{"kind":"join","room":"` + room + `"}`
	conn.Write(append([]byte{0x81, 0x80 | byte(len(join)), 0, 0, 0, 0}, join...)) // masked with zeros
	_, err = r.ReadByte()
	require.NoError(b, err, "the welcome")
	return conn
}

func say(b *testing.B, conn *websocket.Conn, frame string) {
	b.Helper()
	require.NoError(b, conn.WriteMessage(websocket.TextMessage, []byte(frame)))
}

func hear(b *testing.B, conn *websocket.Conn, part string) {
	b.Helper()
	_, frame, err := conn.ReadMessage()
	require.NoError(b, err)
	require.Contains(b, string(frame), part)
}
