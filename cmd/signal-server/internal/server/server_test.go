package server

import (
	"io"
	"net"
	"net/http/httptest"
	"net/netip"
	"runtime/debug"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/cmd/signal-server/internal/admin"
	"example.org/rtcpeer/cmd/signal-server/internal/limits"
	"example.org/rtcpeer/cmd/signal-server/internal/logqueue"
	"example.org/rtcpeer/cmd/signal-server/internal/proxy"
	"example.org/rtcpeer/cmd/signal-server/internal/turn"
)

const adminToken = "administrators-only"

// Each listener limits the time in which an answer must be read, so that a client that reads nothing does not hold its
// connection for ever.
func TestWriteTimeouts(t *testing.T) {
	o := Options{Server: ServerOptions{Listen: "127.0.0.1:0"}}
	o.Metrics.Listen, o.Admin.Listen, o.Admin.Token = "127.0.0.1:0", "127.0.0.1:0", adminToken
	log := logqueue.New(io.Discard)
	defer log.Close()
	s, err := New(t.Context(), o, fstest.MapFS{"page.css": {}}, log)
	require.NoError(t, err)
	defer s.stop()
	for _, l := range s.endpoints {
		if l.flag != admin.ListenFlag {
			require.Equal(t, limits.WriteTimeout, l.http.WriteTimeout, l.flag)
			continue
		}
		for path, want := range map[string]time.Duration{"/rooms": limits.WriteTimeout, "/metrics": limits.WriteTimeout, "/debug/pprof/heap": admin.ProfileTimeout} {
			for _, token := range []string{adminToken, "wrong"} {
				w := &deadlineRecorder{ResponseRecorder: httptest.NewRecorder()}
				r := httptest.NewRequest("GET", path, nil)
				r.Header.Set("Authorization", "Bearer "+token)
				l.http.Handler.ServeHTTP(w, r)
				require.InDelta(t, want, time.Until(w.deadline), float64(10*time.Second), path)
			}
		}
	}
}

// A deadlineRecorder records until when an answer may be written, too.
type deadlineRecorder struct {
	*httptest.ResponseRecorder
	deadline time.Time
}

func (w *deadlineRecorder) SetWriteDeadline(t time.Time) error {
	w.deadline = t
	return nil
}

func TestTuneGC(t *testing.T) {
	percent := debug.SetGCPercent(100)
	limit := debug.SetMemoryLimit(1 << 40)
	defer debug.SetGCPercent(percent)
	defer debug.SetMemoryLimit(limit)
	for _, name := range []string{"GOGC", "GOMEMLIMIT"} {
		tuneGC(func(n string) (string, bool) { return "", n == name }, 1000)
		require.Equal(t, 100, debug.SetGCPercent(100), name)
	}
	tuneGC(func(string) (string, bool) { return "", false }, 1000)
	require.Equal(t, 400, debug.SetGCPercent(100))
	require.EqualValues(t, 64<<20+1000*32<<10, debug.SetMemoryLimit(-1))
}

func TestURL(t *testing.T) {
	for _, c := range []struct {
		want   string
		ip     net.IP
		port   int
		secure bool
		name   string
	}{
		{"ws://localhost:9080", net.IPv4zero, 9080, false, ""},
		{"ws://localhost:1", net.IPv6unspecified, 1, false, ""},
		{"ws://127.0.0.1:2", net.IPv4(127, 0, 0, 1), 2, false, ""},
		{"ws://[::1]:3", net.IPv6loopback, 3, false, ""},
		{"wss://localhost", net.IPv6unspecified, 443, true, ""},
		{"wss://game.example", net.IPv6unspecified, 443, true, "game.example"},
		{"wss://game.example:8443", net.IPv6unspecified, 8443, true, "game.example"},
	} {
		require.Equal(t, c.want, clientURL(&net.TCPAddr{IP: c.ip, Port: c.port}, c.secure, c.name))
	}
}

func TestConnectionsFitTheOpenFiles(t *testing.T) {
	o := Options{Limits: limits.Options{MaxSessions: 100}, TURN: turn.Options{MaxAllocations: 2048}}
	require.Equal(t, 1224, o.fitFiles(1224+spareFiles))
	require.Equal(t, 1223, o.fitFiles(1223+spareFiles))
	require.Equal(t, 1, o.fitFiles(10))
	o.TURN.On = true
	require.Equal(t, 1000-spareFiles-250, o.fitFiles(1000), "a quarter for TURN")
}

// The limits of connections do not hold for a trusted proxy.
func TestLimiterTrustsTheProxies(t *testing.T) {
	o := Options{Proxy: proxy.Options{Trusted: []string{"203.0.113.1"}}}
	require.False(t, o.limiter(nil, nil).CountedAs(netip.MustParseAddr("203.0.113.1")).IsValid())
	require.True(t, o.limiter(nil, nil).CountedAs(netip.MustParseAddr("203.0.113.2")).IsValid())
}
