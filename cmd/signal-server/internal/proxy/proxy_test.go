package proxy

import (
	"fmt"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestClientBehindProxies(t *testing.T) {
	trusted := (&Options{Trusted: []string{"127.0.0.1", "::ffff:10.0.0.0/104", "2001:db8::/32"}}).Networks()
	for _, c := range []struct {
		name, remote string
		forwarded    []string
		want         string
	}{
		{"direct", "203.0.113.5:1000", nil, "203.0.113.5"},
		{"a stranger's claim", "203.0.113.5:1000", []string{"198.51.100.1"}, "203.0.113.5"},
		{"one proxy", "127.0.0.1:1000", []string{"198.51.100.1"}, "198.51.100.1"},
		{"a client's claim", "127.0.0.1:1000", []string{"192.0.2.9, 198.51.100.1"}, "198.51.100.1"},
		{"two proxies", "127.0.0.1:1000", []string{"192.0.2.9, 198.51.100.1, 10.1.2.3"}, "198.51.100.1"},
		{"two headers", "127.0.0.1:1000", []string{"192.0.2.9, 198.51.100.1", "10.1.2.3"}, "198.51.100.1"},
		{"inside", "127.0.0.1:1000", []string{"10.0.0.9"}, "10.0.0.9"},
		{"with ports", "[2001:db8::1]:1000", []string{"[2001:db9::1]:77"}, "2001:db9::1"},
		{"IPv4 in IPv6", "[::ffff:127.0.0.1]:1000", []string{"::ffff:198.51.100.1"}, "198.51.100.1"},
		{"a proxy that does not tell", "127.0.0.1:1000", nil, "invalid IP"},
		{"rubbish", "127.0.0.1:1000", []string{"198.51.100.1, unknown"}, "invalid IP"},
		{"no address", "@", []string{"198.51.100.1"}, "invalid IP"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := httptest.NewRequest("GET", "/", nil)
			r.RemoteAddr, r.Header["X-Forwarded-For"] = c.remote, c.forwarded
			require.Equal(t, c.want, trusted.client(r).String())
		})
	}
}

// An operator who has forgotten --trusted-proxy is told, once for each address that is probably the proxy's: what a client
// with a public address invents is no reason.
func TestProxyThatIsNotTrusted(t *testing.T) {
	var lines strings.Builder
	client := (&Options{Trusted: []string{"10.0.0.1"}}).ClientOf(slog.New(slog.NewTextHandler(&lines, nil)))
	request := func(remote string, forwarded ...string) string {
		lines.Reset()
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr, r.Header["X-Forwarded-For"] = remote, forwarded
		require.NotEqual(t, "198.51.100.1", client(r).String())
		return lines.String()
	}
	require.Empty(t, request("127.0.0.1:1000"), "no proxy")
	require.Contains(t, request("127.0.0.1:1000", "198.51.100.1"), `address=127.0.0.1 remedy="if this is your proxy, set --trusted-proxy=127.0.0.1"`)
	require.Empty(t, request("127.0.0.1:1001", "198.51.100.1"), "known")
	require.Contains(t, request("[::ffff:10.0.0.2]:1000", "198.51.100.1"), "--trusted-proxy=10.0.0.2")
	require.Contains(t, request("[fd00::2]:1000", "198.51.100.1"), "--trusted-proxy=fd00::2")
	require.Empty(t, request("10.0.0.1:1000", "192.0.2.1"), "trusted")
	require.Empty(t, request("203.0.113.5:1000", "198.51.100.1"), "public")
	require.Empty(t, request("@", "198.51.100.1"), "no address")
	warned := 3
	for i := range 100 {
		warned += strings.Count(request(fmt.Sprintf("192.168.0.%d:1000", i), "198.51.100.1"), "\n")
	}
	require.Equal(t, maxIgnored, warned)
}
