//go:build !js

package doctor

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"example.org/rtcpeer/rtcpeer/transport"
	"example.org/rtcpeer/signaling/turnserver"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var here = netip.MustParseAddr("127.0.0.1")

// serve starts a server of this module with its three listeners, and returns what members are told.
func serve(t *testing.T, config turnserver.Config) (list []transport.ICEServer, client *tls.Config) {
	t.Helper()
	web := httptest.NewTLSServer(nil) // for its certificate
	t.Cleanup(web.Close)
	config.PublicAddresses = []netip.Addr{here}
	config.UDP, config.TCP, config.TLS = "127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:0"
	config.TLSConfig = &tls.Config{Certificates: web.TLS.Certificates}
	s, err := turnserver.New(config)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	for _, server := range s.ICEServers("doctor") {
		list = append(list, transport.ICEServer{URLs: server.URLs, Username: server.Username, Credential: server.Credential})
	}
	return list, web.Client().Transport.(*http.Transport).TLSClientConfig
}

func examine(t *testing.T, config Config) Report {
	t.Helper()
	var told []Check
	r, err := Examine(t.Context(), config, func(c Check) { told = append(told, c) })
	require.NoError(t, err)
	require.ElementsMatch(t, urls(r.Checks), urls(told))
	return r
}

func urls(checks []Check) (list []string) {
	for _, c := range checks {
		list = append(list, c.URL)
	}
	return list
}

// Everything works, and a single server is enough to tell the mapping.
func TestEverythingWorks(t *testing.T) {
	servers, config := serve(t, turnserver.Config{AllowPeers: []netip.Prefix{netip.PrefixFrom(here, 32)}})
	r := examine(t, Config{Servers: servers, TLS: config})
	require.Equal(t, Everybody, r.Outlook())
	require.Equal(t, MappingNone, r.Mapping)
	var over []string
	for _, c := range r.Checks {
		require.NoError(t, c.Err, c.URL)
		require.Empty(t, c.Remedy, c.URL)
		require.Positive(t, c.Took)
		require.True(t, c.Mapped.Addr() == here || c.Relay.Addr() == here, "%+v", c)
		over = append(over, c.Over)
	}
	slices.Sort(over)
	require.Equal(t, []string{"tcp", "tls", "udp", "udp"}, over)
}

// A server that is careful about private addresses still works.
func TestPrivatePeersAreRefused(t *testing.T) {
	servers, config := serve(t, turnserver.Config{})
	r := examine(t, Config{Servers: servers, TLS: config})
	require.Equal(t, Everybody, r.Outlook())
}

func TestFailedChecksHaveRemedies(t *testing.T) {
	servers, _ := serve(t, turnserver.Config{})
	silent, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	defer silent.Close()
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	closed.Close()
	find := func(prefix, suffix string) string {
		for _, url := range servers[1].URLs {
			if strings.HasPrefix(url, prefix) && strings.HasSuffix(url, suffix) {
				return url
			}
		}
		return ""
	}
	tcp := find("turn:", "=tcp")
	for name, tt := range map[string]struct{ url, remedy string }{
		"nobody answers":      {"stun:" + silent.LocalAddr().String(), remedySilentUDP},
		"TURN does not":       {"turn:" + silent.LocalAddr().String(), remedySilentUDP},
		"nothing there":       {"turn:" + closed.Addr().String() + "?transport=tcp", remedyRefused},
		"wrong credential":    {tcp, remedyCredential},
		"untrusted":           {find("turns:", ""), remedyCertificate},
		"no TLS there":        {strings.Replace(tcp, "turn:", "turns:", 1), remedySilentTCP},
		"no such name":        {"stun:no-such-host.invalid", remedyName},
		"no URL":              {"turn://example.org", remedyURL},
		"no scheme":           {"example.org:3478", remedyURL},
		"STUN over TLS":       {"stuns:" + silent.LocalAddr().String(), remedySTUNS},
		"an IPv6 STUN server": {"stun:[::1]:3478", remedyIPv4},
	} {
		t.Run(name, func(t *testing.T) {
			server := transport.ICEServer{URLs: []string{tt.url}, Username: "1:x", Credential: "wrong"}
			timeout := 500 * time.Millisecond
			if tt.remedy != remedySilentUDP && tt.remedy != remedySilentTCP { // it is told at once
				timeout = 10 * time.Second
			}
			r := examine(t, Config{Servers: []transport.ICEServer{server}, Timeout: timeout})
			require.Error(t, r.Checks[0].Err)
			require.Equal(t, tt.remedy, r.Checks[0].Remedy, "%v", r.Checks[0].Err)
			require.Equal(t, Nobody, r.Outlook())
			require.Equal(t, MappingBlocked, r.Mapping)
		})
	}
}

func TestMappings(t *testing.T) {
	at := netip.MustParseAddrPort
	one, two := at("45.0.0.1:3478"), at("45.0.0.1:50000")
	local := []netip.Addr{netip.MustParseAddr("192.168.1.2")}
	for want, seen := range map[Mapping]map[netip.AddrPort]netip.AddrPort{
		MappingBlocked:     {},
		MappingUnknown:     {one: at("45.0.1.2:4000")},
		MappingNone:        {one: at("192.168.1.2:4000")},
		MappingIndependent: {one: at("45.0.1.2:4000"), two: at("45.0.1.2:4000")},
		MappingSymmetric:   {one: at("45.0.1.2:4000"), two: at("45.0.1.2:4001")},
	} {
		require.Equal(t, want, mappingOf(seen, 4000, local))
	}
}

func TestOutlooks(t *testing.T) {
	down := errors.New("down")
	stun, turn := Check{URL: "stun:x"}, Check{URL: "turn:x"}
	noSTUN, noTURN := Check{URL: "stun:x", Err: down}, Check{URL: "turn:x", Err: down}
	for _, tt := range []struct {
		checks  []Check
		mapping Mapping
		want    Outlook
	}{
		{nil, MappingBlocked, Near},
		{[]Check{stun, turn}, MappingSymmetric, Everybody},
		{[]Check{noSTUN, noTURN, turn}, MappingBlocked, Everybody},
		{[]Check{stun, noTURN}, MappingIndependent, Most},
		{[]Check{stun, noTURN}, MappingSymmetric, Few},
		{[]Check{noSTUN, noTURN}, MappingBlocked, Nobody},
	} {
		require.Equal(t, tt.want, Report{Checks: tt.checks, Mapping: tt.mapping}.Outlook(), "%+v", tt)
	}
}

func TestRemedies(t *testing.T) {
	require.Equal(t, remedySilentTCP, remedy(overTCP, fmt.Errorf("no answer: %w", os.ErrDeadlineExceeded)))
	require.Equal(t, remedyNotTLS, remedy(overTLS, tls.RecordHeaderError{}))
	require.Equal(t, remedyQuota, remedyOf(486))
	require.Equal(t, remedyForbidden, remedyOf(403))
}
