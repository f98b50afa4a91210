package signalserver_test

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/signaling/signalserver"
)

// from takes the address of a session from its header X-From.
func from(r *http.Request) netip.Addr {
	a, _ := netip.ParseAddr(r.Header.Get("X-From"))
	return a
}

// open opens a session from an address. It returns the status of the answer if there is none.
func (s *server) open(t *testing.T, remote string) (conn *websocket.Conn, retryAfter string) {
	t.Helper()
	d := websocket.Dialer{NetDialContext: s.dial, Subprotocols: []string{signaling.Subprotocol}}
	conn, res, err := d.DialContext(t.Context(), s.url, http.Header{"X-From": {remote}})
	if err != nil {
		require.NotNil(t, res, "%v", err)
		require.Equal(t, http.StatusTooManyRequests, res.StatusCode)
		return nil, res.Header.Get("Retry-After")
	}
	t.Cleanup(func() { conn.Close() })
	return conn, ""
}

func TestSessionsPerAddress(t *testing.T) {
	s := serve(t, signalserver.Config{RemoteAddr: from, MaxSessionsPerAddress: 2, ConnectRate: -1})
	for name, c := range map[string]struct {
		remotes [3]string
		refused bool
	}{
		"one address":        {[3]string{"203.0.113.1", "203.0.113.1", "::ffff:203.0.113.1"}, true},
		"one /64":            {[3]string{"2001:db8::1", "2001:db8::2", "2001:db8::ffff:0:0:3"}, true},
		"three /64":          {[3]string{"2001:db8:0:1::1", "2001:db8:0:2::1", "2001:db8:0:3::1"}, false},
		"a private network":  {[3]string{"192.168.1.1", "192.168.1.1", "192.168.1.1"}, false},
		"loopback":           {[3]string{"::1", "::1", "::1"}, false},
		"nobody knows where": {[3]string{"", "", ""}, false},
	} {
		t.Run(name, func(t *testing.T) {
			var first *websocket.Conn
			for _, remote := range c.remotes[:2] {
				conn, _ := s.open(t, remote)
				require.NotNil(t, conn)
				first = conn
			}
			conn, retryAfter := s.open(t, c.remotes[2])
			require.Equal(t, c.refused, conn == nil)
			if c.refused {
				require.Equal(t, "5", retryAfter)
				first.Close()
				require.Eventually(t, func() bool { conn, _ := s.open(t, c.remotes[2]); return conn != nil }, patience, time.Millisecond, "one is gone")
			}
		})
	}
	require.NotZero(t, s.Stats().Refused[signaling.CodeRateLimited])
}

// What one /64 may, a /56 may twice and a /48 four times, however many /64 it has.
func TestNetworksHaveLimits(t *testing.T) {
	for name, c := range map[string]struct {
		remote string
		config signalserver.Config
		want   int
	}{
		"sessions of a /56": {"2001:db8:0:%x::1", signalserver.Config{MaxSessionsPerAddress: 3, ConnectRate: -1}, 6},
		"sessions of a /48": {"2001:db8:0:%x00::1", signalserver.Config{MaxSessionsPerAddress: 3, ConnectRate: -1}, 12},
		"connects of a /56": {"2001:db8:0:%x::1", signalserver.Config{MaxSessionsPerAddress: 3, ConnectRate: 1}, 6},
		"/48 are apart":     {"2001:db8:%x::1", signalserver.Config{MaxSessionsPerAddress: 3, ConnectRate: 1}, 60},
		"joins of a /56":    {"2001:db8:0:%x::1", signalserver.Config{MaxSessionsPerAddress: 3, ConnectRate: -1, JoinRate: 1}, 6},
	} {
		t.Run(name, func(t *testing.T) {
			c.config.RemoteAddr = from
			within(t, c.config, func(t *testing.T, s *server) {
				taken := 0
				for i := range 60 {
					conn, _ := s.open(t, fmt.Sprintf(c.remote, i))
					if conn == nil {
						continue
					}
					if c.config.JoinRate == 0 {
						taken++
						continue
					}
					require.NoError(t, conn.WriteJSON(map[string]string{"kind": "list"}))
					_, frame, err := conn.ReadMessage()
					require.NoError(t, err)
					if strings.Contains(string(frame), `"rooms"`) {
						taken++
					}
					conn.Close()
				}
				require.Equal(t, c.want, taken)
			})
		})
	}
}

func TestConnectRatePerAddress(t *testing.T) {
	var log lockedBuilder
	config := signalserver.Config{RemoteAddr: from, MaxSessionsPerAddress: 10, ConnectRate: 2, Log: slog.New(slog.NewTextHandler(&log, nil))}
	within(t, config, func(t *testing.T, s *server) {
		hurry := func() (n int, retryAfter string) {
			for n < 100 {
				conn, retryAfter := s.open(t, "203.0.113.1")
				if conn == nil {
					return n, retryAfter
				}
				s.eventually(t, "it is there", func(st signalserver.Stats) bool { return st.Sessions == 1 })
				conn.Close()
				s.eventually(t, "it is gone", func(st signalserver.Stats) bool { return st.Sessions == 0 })
				n++
			}
			return n, ""
		}
		began := time.Now()
		n, retryAfter := hurry()
		require.InDelta(t, 10+2*time.Since(began).Seconds(), n, 1)
		require.Equal(t, "1", retryAfter)
		require.Contains(t, log.String(), `code=rate_limited text="too many new connections from this address" remote=203.0.113.1`)
		time.Sleep(time.Hour)
		require.Zero(t, s.Stats().Addresses, "what is full again is forgotten")
		n, _ = hurry()
		require.GreaterOrEqual(t, n, 10)
	})
}

func TestJoinRatePerAddress(t *testing.T) {
	remote := netip.MustParseAddr("203.0.113.1")
	within(t, signalserver.Config{RemoteAddr: func(*http.Request) netip.Addr { return remote }, MaxSessionsPerAddress: 3, ConnectRate: -1, JoinRate: 1}, func(t *testing.T, s *server) {
		c := s.client(t)
		for range 3 {
			c.list(signaling.List{})
		}
		c.send(signaling.Join{Room: "r"})
		e := c.wantError(signaling.CodeRateLimited)
		require.InDelta(t, time.Second, e.RetryAfter(), float64(10*time.Millisecond))
		time.Sleep(e.RetryAfter())
		c = s.client(t)
		c.send(signaling.Join{Room: "r"})
		c.wantWelcome()
	})
}

// However many addresses there are, only so many are remembered.
func TestAddressesAreBounded(t *testing.T) {
	s := serve(t, signalserver.Config{RemoteAddr: from, MaxSessions: 1})
	most := 4 * (1 + 1024)
	for i := range most + 100 {
		res, err := http.DefaultTransport.RoundTrip(request(t, s, fmt.Sprintf("2001:db8:%x::1", i)))
		require.NoError(t, err)
		res.Body.Close()
	}
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	require.Equal(t, most, s.Stats().Addresses)
}

// request is an upgrade that fails after its address was looked at.
func request(t *testing.T, s *server, remote string) *http.Request {
	r, err := http.NewRequestWithContext(t.Context(), "GET", "http"+strings.TrimPrefix(s.url, "ws"), nil)
	require.NoError(t, err)
	r.Header = upgrade("Sec-WebSocket-Protocol", signaling.Subprotocol, "X-From", remote, "Sec-WebSocket-Version", "12")
	return r
}

func TestRefusalsDoNotFillTheLog(t *testing.T) {
	var log lockedBuilder
	within(t, signalserver.Config{Log: slog.New(slog.NewTextHandler(&log, nil))}, func(t *testing.T, s *server) {
		refuse := func(n int) {
			for range n {
				c := s.client(t)
				c.sendText("{")
				c.wantRefused(signaling.CodeBadMessage)
			}
		}
		refuse(300)
		lines := strings.Count(log.String(), "msg=refused")
		require.InDelta(t, 100, lines, 20)
		time.Sleep(time.Minute)
		refuse(1)
		require.Contains(t, log.String(), fmt.Sprintf("unlogged=%d", 300-lines))
	})
}

type lockedBuilder struct {
	mu sync.Mutex
	strings.Builder
}

func (b *lockedBuilder) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Builder.Write(p)
}

func (b *lockedBuilder) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Builder.String()
}

// wantStatus wants the request for a WebSocket from an address to be answered so.
func (s *server) wantStatus(t *testing.T, remote string, status int) {
	t.Helper()
	d := websocket.Dialer{NetDialContext: s.dial, Subprotocols: []string{signaling.Subprotocol}}
	_, res, err := d.DialContext(t.Context(), s.url, http.Header{"X-From": {remote}})
	require.ErrorIs(t, err, websocket.ErrBadHandshake)
	require.Equal(t, status, res.StatusCode)
}

// Rooms count for networks as sessions do: what one /64 may have, a /56 may twice and a /48 four times. Public ones and those
// that are not listed have their own bounds.
func TestRoomsOfNetworks(t *testing.T) {
	for name, c := range map[string]struct {
		remote string
		public bool
		want   int
	}{
		"rooms of a /56":        {"2001:db8:0:%x::1", false, 6},
		"rooms of a /48":        {"2001:db8:0:%x00::1", false, 12},
		"public rooms of a /56": {"2001:db8:0:%x::1", true, 4},
		"public rooms of a /48": {"2001:db8:0:%x00::1", true, 8},
		"/48 are apart":         {"2001:db8:%x::1", false, 30},
	} {
		t.Run(name, func(t *testing.T) {
			config := signalserver.Config{RemoteAddr: from, ConnectRate: -1, JoinRate: -1, MaxRoomsPerAddress: 3, MaxPublicPerAddress: 2}
			within(t, config, func(t *testing.T, s *server) {
				for i := range 30 {
					c2 := s.clientFrom(t, fmt.Sprintf(c.remote, i))
					c2.send(signaling.Join{NewRoom: signaling.NewRoom{Public: c.public}})
					require.NotNil(t, c2.receive())
				}
				require.Equal(t, c.want, s.Stats().Rooms)
			})
		})
	}
}
