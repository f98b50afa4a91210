package turnserver_test

import (
	"net"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/signaling/turnserver"
)

// A client asks for a permission for an address of each class that is not the public Internet's.
func TestRefusedPeers(t *testing.T) {
	s := serve(t, turnserver.Config{PublicAddresses: []netip.Addr{outer}, Host: "127.0.0.1"})
	c := dial(t, s, "udp", "a")
	allocate(t, c)
	n := uint64(0)
	for _, peer := range []string{"127.0.0.1", "127.255.255.255", "0.0.0.0", "0.1.2.3", "10.1.2.3", "172.16.0.1", "192.168.1.1",
		"100.64.0.1", "100.100.100.200", "169.254.0.1", "169.254.169.254", "168.63.129.16", "192.0.0.192", "224.0.0.251", "239.1.1.1",
		"255.255.255.255", "203.0.113.8"} {
		err := c.CreatePermission(&net.UDPAddr{IP: net.ParseIP(peer), Port: 80})
		require.ErrorContains(t, err, "403", peer)
		n++
		refused(t, s, "peer_denied", n)
	}
	require.NoError(t, c.CreatePermission(&net.UDPAddr{IP: net.IPv4(8, 8, 8, 8), Port: 53}), "the public Internet")
	require.NoError(t, c.CreatePermission(&net.UDPAddr{IP: outer.AsSlice(), Port: 53}), "other relays of this server")
}

func TestRefusedPeersOfIPv6(t *testing.T) {
	s := serve(t, turnserver.Config{PublicAddresses: []netip.Addr{netip.MustParseAddr("2a00::7")}, Host: "::1", UDP: "[::1]:0", TCP: turnserver.Off})
	c := dial(t, s, "udp", "a")
	allocate(t, c)
	for _, peer := range []string{"::1", "::", "fe80::1", "fc00::1", "fd00:ec2::254", "fd20:ce::254", "ff02::1", "::7f00:1",
		"64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b::a01:203", "64:ff9b:1::808:808", "2002:7f00:1::", "2001::1", "2001:db8::1"} {
		require.ErrorContains(t, c.CreatePermission(&net.UDPAddr{IP: net.ParseIP(peer), Port: 80}), "403", peer)
	}
	require.NoError(t, c.CreatePermission(&net.UDPAddr{IP: net.ParseIP("2606:4700::1111"), Port: 53}))
	require.NoError(t, c.CreatePermission(&net.UDPAddr{IP: net.ParseIP("64:ff9b::808:808"), Port: 53}), "8.8.8.8 by a translator")
}

// The permission for a relay of this server is one for its address, where other services are too.
func TestServicesOfThisHostAreOutOfReach(t *testing.T) {
	service, err := net.ListenPacket("udp4", "127.0.0.1:0")
	require.NoError(t, err)
	defer service.Close()

	s := serve(t, turnserver.Config{})
	conn := allocate(t, dial(t, s, "udp", "a"))
	send(t, conn, "let me in", service.LocalAddr())
	refused(t, s, "peer_denied", 1)
	require.Zero(t, s.Stats().ToPeers)

	told := serve(t, turnserver.Config{AllowPeers: []netip.Prefix{netip.PrefixFrom(here, 32)}})
	conn = allocate(t, dial(t, told, "udp", "a"))
	send(t, conn, "let me in", service.LocalAddr())
	text, from := receive(t, service)
	require.Equal(t, "let me in", text)
	require.Equal(t, conn.LocalAddr().String(), from.String())
}

func TestStrangersAreNotRelayed(t *testing.T) {
	stranger, err := net.ListenPacket("udp4", "127.0.0.2:0")
	require.NoError(t, err)
	defer stranger.Close()
	friend, err := net.ListenPacket("udp4", "127.0.0.3:0")
	require.NoError(t, err)
	defer friend.Close()

	s := serve(t, turnserver.Config{AllowPeers: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
	conn := allocate(t, dial(t, s, "udp", "a"))
	send(t, conn, "hello", friend.LocalAddr())
	receive(t, friend)

	send(t, stranger, "you do not know me", conn.LocalAddr())
	refused(t, s, "no_permission", 1)
	send(t, friend, "hello yourself", conn.LocalAddr())
	text, _ := receive(t, conn)
	require.Equal(t, "hello yourself", text)
}

// A client that collects permissions loses its allocation: nothing else bounds them.
func TestTooManyPermissions(t *testing.T) {
	s := serve(t, turnserver.Config{})
	c := dial(t, s, "udp", "a")
	allocate(t, c)
	for i := range 128 {
		require.NoError(t, c.CreatePermission(&net.UDPAddr{IP: net.IPv4(8, 8, 8, byte(i)), Port: 53}))
	}
	require.Equal(t, 1, s.Stats().Allocations)
	require.NoError(t, c.CreatePermission(&net.UDPAddr{IP: net.IPv4(8, 8, 9, 9), Port: 53}))
	refused(t, s, "bounds", 1)
	require.Zero(t, s.Stats().Allocations)
}
