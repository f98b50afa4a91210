package main

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"testing"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/signaling"
)

// What counts as one, and what does not count: it may be a proxy, behind which is everybody.
func TestGateTellsAddressesApart(t *testing.T) {
	trusted := (&proxyOptions{Trusted: []string{"198.51.100.0/24"}}).proxies()
	for _, c := range []struct {
		name    string
		from    [2]string
		limited bool
	}{
		{"one address", [2]string{"203.0.113.5", "203.0.113.5"}, true},
		{"IPv4 in IPv6", [2]string{"203.0.113.5", "::ffff:203.0.113.5"}, true},
		{"one /64", [2]string{"2001:db8::1", "2001:db8::ffff:0:0:1"}, true},
		{"two addresses", [2]string{"203.0.113.5", "203.0.113.6"}, false},
		{"two /64", [2]string{"2001:db8::1", "2001:db8:0:1::1"}, false},
		{"loopback", [2]string{"127.0.0.1", "127.0.0.1"}, false},
		{"a private network", [2]string{"10.0.0.1", "10.0.0.1"}, false},
		{"link-local", [2]string{"fe80::1%eth0", "fe80::1%eth0"}, false},
		{"a trusted proxy", [2]string{"198.51.100.7", "198.51.100.7"}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := newGate(10, 1, trusted, slog.New(slog.DiscardHandler), nil)
			first, second := g.countedAs(netip.MustParseAddr(c.from[0])), g.countedAs(netip.MustParseAddr(c.from[1]))
			require.Empty(t, g.enter(first))
			if !c.limited {
				require.Empty(t, g.enter(second))
				g.leave(second)
				g.leave(first)
			} else {
				require.Equal(t, closedAddress, g.enter(second))
				g.leave(first)
				require.Empty(t, g.enter(second), "one has gone")
				g.leave(second)
			}
			require.Zero(t, g.open)
			require.Empty(t, g.counts, "nothing is remembered of who has gone")
		})
	}
}

func TestGateFollowsTheLimitsOfSessions(t *testing.T) {
	o, err := read(t, nil, "--max-sessions=100", "--max-per-address=7", "--trusted-proxy=203.0.113.1")
	require.NoError(t, err)
	g := o.gate(nil, nil)
	require.Equal(t, 1224, g.most)
	require.Equal(t, 78, g.perAddress)
	require.False(t, g.countedAs(netip.MustParseAddr("203.0.113.1")).IsValid())
	o.Limits.SessionsPerAddress = 0
	require.Zero(t, o.gate(nil, nil).perAddress, "none, as for sessions")
	require.Less(t, 2*(connectionsEach*15000+spareTotal), 65536, "half of the open files of deploy/signal-server.service")
}

// Connections that say nothing, to a port with TLS, take no more open files than there are for them. Who is in
// the room stays, and when one goes there is a place again.
func TestIdleConnectionsAreBounded(t *testing.T) {
	cert, key, roots := writeCertificate(t, t.TempDir(), 1)
	d := launchDaemon(t, "--max-sessions=2", "--metrics-listen=127.0.0.1:0", "--tls-cert="+cert, "--tls-key="+key, "--handshake-timeout=30s")
	figures := d.other(t, "--metrics-listen") + "/metrics"
	dialer := websocket.Dialer{TLSClientConfig: &tls.Config{RootCAs: roots}}
	member := callBy(t, dialer, d.url, nil)
	member.join(signaling.Join{Room: "lobby"})

	const most = connectionsEach*2 + spareTotal
	conns := idle(t, d.address(), most-1)
	awaitFigure(t, figures, "connections", most)
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
		if strings.Contains(<-d.log, "connection closed") {
			lines++
		}
	}
	require.Less(t, lines, 250, "the log is not filled")

	conns[0].Close()
	awaitFigure(t, figures, "connections", most-1)
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

// A network has bounds, too: many /64 of one customer do not take all connections.
func TestGateBoundsNetworks(t *testing.T) {
	for layout, want := range map[string]int{
		"2001:db8:0:%x::1":   20, // a /56
		"2001:db8:0:%x00::1": 40, // a /48
		"2001:db8:%x::1":     500,
	} {
		g := newGate(10_000, 10, nil, slog.New(slog.DiscardHandler), nil)
		var open []netip.Addr
		for i := range 50 {
			from := g.countedAs(netip.MustParseAddr(fmt.Sprintf(layout, i)))
			for range 20 {
				if g.enter(from) == "" {
					open = append(open, from)
				}
			}
		}
		require.Len(t, open, want, layout)
		for _, from := range open {
			g.leave(from)
		}
		require.Empty(t, g.counts)
	}
}
