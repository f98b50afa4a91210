package turnserver_test

import (
	"io"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/signaling/turnserver"
)

// Two clients, each behind a relay, over each pair of transports.
func TestRelayToRelay(t *testing.T) {
	s := serve(t, turnserver.Config{})
	for _, over := range []string{"udp", "tcp", "tls"} {
		t.Run(over, func(t *testing.T) {
			a, b := allocate(t, dial(t, s, over, "a")), allocate(t, dial(t, s, "udp", "b"))
			send(t, b, "open", a.LocalAddr())
			send(t, a, "hello", b.LocalAddr())
			text, from := receive(t, b)
			require.Equal(t, "hello", text)
			require.Equal(t, a.LocalAddr().String(), from.String())
		})
	}
	st := s.Stats()
	require.EqualValues(t, 6, st.Allocated)
	require.GreaterOrEqual(t, st.ToPeers, uint64(15))
	require.GreaterOrEqual(t, st.ToClients, uint64(15))
	require.Eventually(t, func() bool { return s.Stats().Allocations == 0 }, 10*time.Second, time.Millisecond,
		"each client gave its allocation back")
}

// The public address belongs to a NAT, through which this host could not reach itself.
func TestRelayToRelayBehindNAT(t *testing.T) {
	s := serve(t, turnserver.Config{PublicAddresses: []netip.Addr{outer}, Host: "127.0.0.1"})
	a, b := allocate(t, dial(t, s, "udp", "a")), allocate(t, dial(t, s, "udp", "b"))
	require.Equal(t, outer.String(), a.LocalAddr().(*net.UDPAddr).IP.String())

	send(t, b, "open", a.LocalAddr())
	send(t, a, "hello", b.LocalAddr())
	text, from := receive(t, b)
	require.Equal(t, "hello", text)
	require.Equal(t, a.LocalAddr().String(), from.String(), "the peer is known by its public address")
}

func TestRelayOfIPv6(t *testing.T) {
	s := serve(t, turnserver.Config{PublicAddresses: []netip.Addr{here6}, UDP: "[::1]:0", TCP: turnserver.Off})
	a, b := allocate(t, dial(t, s, "udp", "a")), allocate(t, dial(t, s, "udp", "b"))
	send(t, b, "open", a.LocalAddr())
	send(t, a, "hello", b.LocalAddr())
	text, _ := receive(t, b)
	require.Equal(t, "hello", text)
}

func TestSTUN(t *testing.T) {
	s := serve(t, turnserver.Config{})
	c := dial(t, s, "udp", "a")
	at, err := net.ResolveUDPAddr("udp", address(t, s.ICEServers("a"), "stun", ""))
	require.NoError(t, err)
	mapped, err := c.SendBindingRequestTo(at)
	require.NoError(t, err)
	require.Equal(t, "127.0.0.1", mapped.(*net.UDPAddr).IP.String())
}

func TestRelaysUseThePortRange(t *testing.T) {
	s := serve(t, turnserver.Config{MinPort: 23710, MaxPort: 23712})
	for range 3 {
		port := allocate(t, dial(t, s, "udp", "a")).LocalAddr().(*net.UDPAddr).Port
		require.GreaterOrEqual(t, port, 23710)
		require.LessOrEqual(t, port, 23712)
	}
	_, err := dial(t, s, "udp", "a").Allocate()
	require.ErrorContains(t, err, "508", "the range is full")
	refused(t, s, "capacity", 1)
}

func TestNoTCPAllocations(t *testing.T) {
	s := serve(t, turnserver.Config{})
	_, err := dial(t, s, "tcp", "a").AllocateTCP()
	require.ErrorContains(t, err, "508")
	refused(t, s, "unsupported", 1)
	require.Zero(t, s.Stats().Allocations)
}

func TestICEServers(t *testing.T) {
	s := serve(t, turnserver.Config{Host: "turn.example.org", UDP: "127.0.0.1:23721", TCP: "127.0.0.1:23721"})
	list := s.ICEServers("lobby/7")
	require.Len(t, list, 2)
	require.Equal(t, []string{"stun:turn.example.org:23721"}, list[0].URLs)
	require.Empty(t, list[0].Credential)
	require.Equal(t, []string{"turn:turn.example.org:23721?transport=udp", "turn:turn.example.org:23721?transport=tcp"}, list[1].URLs)
	require.Regexp(t, `^[0-9]{10}:lobby/7$`, list[1].Username)
	require.Equal(t, time.Hour, s.TTL())

	list[1].URLs[0] = "scribbled"
	require.Equal(t, "turn:turn.example.org:23721?transport=udp", s.ICEServers("lobby/7")[1].URLs[0])
}

func TestBothFamilies(t *testing.T) {
	s := serve(t, turnserver.Config{PublicAddresses: []netip.Addr{here, here6}, UDP: ":0", TCP: turnserver.Off})
	list := s.ICEServers("a")
	require.Len(t, list[0].URLs, 2)
	require.Regexp(t, `^stun:127\.0\.0\.1:[0-9]+$`, list[0].URLs[0])
	require.Regexp(t, `^stun:\[::1\]:[0-9]+$`, list[0].URLs[1])
	require.Len(t, list[1].URLs, 2)
	allocate(t, dial(t, s, "udp", "a"))
}

// Close ends what clients have, and waits; TestMain sees whether anything is left running.
func TestCloseEndsEverything(t *testing.T) {
	s := serve(t, turnserver.Config{})
	for _, over := range []string{"udp", "tcp", "tls"} {
		allocate(t, dial(t, s, over, "a"))
	}
	silent, err := net.Dial("tcp", address(t, s.ICEServers("a"), "turns", "?transport=tcp"))
	require.NoError(t, err)
	defer silent.Close()
	require.Eventually(t, func() bool { return s.Stats().Streams == 3 }, 10*time.Second, time.Millisecond)

	require.NoError(t, s.Close())
	st := s.Stats()
	require.Zero(t, st.Allocations)
	require.Zero(t, st.Streams)
	_, err = silent.Read(make([]byte, 1))
	require.ErrorIs(t, err, io.EOF)
	require.NoError(t, s.Close(), "again")
}

func TestConfigErrors(t *testing.T) {
	for want, config := range map[string]turnserver.Config{
		"turnserver: Config.MinPort 5 is above MaxPort 4":                                                                 {MinPort: 5, MaxPort: 4},
		"turnserver: Config.TLS \":5349\": needs Config.TLSConfig":                                                        {TLS: ":5349"},
		"turnserver: Config.UDP, TCP and TLS are all \"off\": set the address of one of them":                             {UDP: "off", TCP: "off"},
		"turnserver: Config.Credentials.Secret has 5 bytes: want at least 16":                                             {Credentials: turnserver.Credentials{Secret: "short"}},
		"turnserver: Config.Credentials.TTL -1s: want a positive time":                                                    {Credentials: turnserver.Credentials{TTL: -time.Second}},
		"turnserver: Config.MaxAllocations -1, MaxStreams 2048: want positive numbers":                                    {MaxAllocations: -1},
		"turnserver: Config.Host \"example.org:3478\": want a name or an IP address, without a port":                      {Host: "example.org:3478"},
		"turnserver: Config.PublicAddresses: 0.0.0.0 is not the address of a host":                                        {PublicAddresses: []netip.Addr{netip.IPv4Unspecified()}},
		"turnserver: Config.PublicAddresses [127.0.0.1 203.0.113.7]: want at most one address of each family":             {PublicAddresses: []netip.Addr{here, outer}},
		"turnserver: Config.UDP: \"3478\": want ip:port, :port or \"off\"":                                                {PublicAddresses: []netip.Addr{here}, UDP: "3478"},
		"turnserver: Config.UDP: \"host:3478\": want an IP address, or none for all interfaces":                           {PublicAddresses: []netip.Addr{here}, UDP: "host:3478"},
		"turnserver: Config.UDP: \":99999\": want a port of 0 to 65535":                                                   {PublicAddresses: []netip.Addr{here}, UDP: ":99999"},
		"turnserver: Config.TCP: \"[::1]:0\": Config.PublicAddresses [127.0.0.1] has no address of its family for relays": {PublicAddresses: []netip.Addr{here}, UDP: "127.0.0.1:0", TCP: "[::1]:0"},
	} {
		s, err := turnserver.New(config)
		require.EqualError(t, err, want)
		require.Nil(t, s)
	}
}

func TestPortInUse(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	_, err = turnserver.New(turnserver.Config{PublicAddresses: []netip.Addr{here}, UDP: "127.0.0.1:0", TCP: taken.Addr().String()})
	require.ErrorContains(t, err, "turnserver: Config.TCP \""+taken.Addr().String()+"\"")
}
