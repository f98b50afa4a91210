package main

import (
	"crypto/tls"
	"net"
	"strings"
	"syscall"
	"testing"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/cmd/signal-server/internal/limits"
	"example.org/rtcpeer/signaling"
)

// Connections that say nothing, to a port with TLS, take no more open files than there are for them. Who is in
// the room stays, and when one goes there is a place again.
func TestIdleConnectionsAreBounded(t *testing.T) {
	cert, key, roots := writeCertificate(t, t.TempDir(), 1)
	d := launchDaemon(t, "--max-sessions=2", "--metrics-listen=127.0.0.1:0", "--tls-cert="+cert, "--tls-key="+key, "--handshake-timeout=30s")
	figures := d.other(t, "--metrics-listen") + "/metrics"
	dialer := websocket.Dialer{TLSClientConfig: &tls.Config{RootCAs: roots}}
	member := callBy(t, dialer, d.url, nil)
	member.join(signaling.Join{Room: "lobby"})

	most := (&limits.Options{MaxSessions: 2}).Connections()
	conns := idle(t, d.address(), most-1)
	awaitFigure(t, figures, "connections", float64(most))
	files := scrape(t, figures)["process_open_fds"]
	for range 300 {
		late, err := net.Dial("tcp", d.address())
		if err == nil {
			_, err = late.Read(make([]byte, 1))
			late.Close()
		}
		require.ErrorIs(t, err, syscall.ECONNRESET, "closed at once")
	}
	after := scrape(t, figures)
	require.EqualValues(t, 300, after[`connections_closed_total{word="total"}`])
	require.InDelta(t, files, after["process_open_fds"], 2)
	lines := 0
	for range len(d.log) {
		if strings.Contains(<-d.log, "connection over the limit") {
			lines++
		}
	}
	require.Less(t, lines, 250, "the log is not filled")

	conns[0].Close()
	awaitFigure(t, figures, "connections", float64(most-1))
	other := callBy(t, dialer, d.url, nil)
	other.join(signaling.Join{Room: "lobby"})
	require.NotZero(t, member.receive(), "the member is still there")
	for _, conn := range conns { // all of whom have had time enough for the handshake by now, or have been ended
		conn.Close()
	}
	awaitFigure(t, figures, "connections", 2)
}

// idle opens connections, and leaves it at that.
func idle(t *testing.T, address string, n int) []net.Conn {
	t.Helper()
	var conns []net.Conn
	for range n {
		conn, err := net.Dial("tcp", address)
		require.NoError(t, err)
		t.Cleanup(func() { conn.Close() })
		conns = append(conns, conn)
	}
	return conns
}
