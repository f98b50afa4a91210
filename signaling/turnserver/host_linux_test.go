package turnserver_test

import (
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/pion/turn/v5"
	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/signaling/turnserver"
	"example.org/rtcpeer/testdata/skip"
)

// inNetwork runs the test once more as a process of its own in an empty network, and reports whether it is that.
func inNetwork(t *testing.T) bool {
	t.Helper()
	const mark = "RTCPEER_IN_NETWORK"
	if os.Getenv(mark) == t.Name() {
		return true
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), mark+"="+t.Name())
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNET,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
	}
	out, err := cmd.CombinedOutput()
	if err != nil && cmd.ProcessState == nil {
		skip.Missing(t, "no network can be made here: %v", err)
	}
	require.NoError(t, err, "%s", out)
	return false
}

func ip(t *testing.T, command string) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "ip", strings.Fields(command)...).CombinedOutput()
	require.NoError(t, err, "ip %s: %s", command, out)
}

// A host has two public addresses, a network with broadcast and anycast addresses, and a route by which all of
// another network is its own. Its firewall lets the ports of TURN in alone, but relays are inside.
func TestNoRelayReachesItsOwnHost(t *testing.T) {
	if !inNetwork(t) {
		return
	}
	ip(t, "link set lo up")
	ip(t, "link add d0 type veth peer name d1")
	ip(t, "link set d1 up")
	ip(t, "link set d0 up")
	for _, a := range []string{"8.8.4.4/24", "8.8.5.5/24", "2a00:1::7/64", "2a00:2::7/64"} {
		ip(t, "addr add "+a+" dev d0 nodad")
	}
	ip(t, "route add local 9.9.9.0/24 dev lo")
	ip(t, "route add default dev d0")
	ip(t, "-6 route add default dev d0")

	s := serve(t, turnserver.Config{PublicAddresses: []netip.Addr{netip.MustParseAddr("8.8.4.4")}, UDP: "8.8.4.4:0", TCP: turnserver.Off,
		AllowPeers: []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")}})
	c := dial(t, s, "udp", "a")
	conn := allocate(t, c)
	refuse := func(s *turnserver.Server, c *turn.Client, peer string) {
		t.Helper()
		before := s.Stats().Refused["peer_denied"]
		require.ErrorContains(t, c.CreatePermission(&net.UDPAddr{IP: net.ParseIP(peer), Port: 9090}), "403", peer)
		refused(t, s, "peer_denied", before+1)
	}
	for _, peer := range []string{"8.8.5.5", "8.8.5.255", "8.8.4.255", "8.8.4.0", "9.9.9.9"} {
		refuse(s, c, peer)
	}
	require.NoError(t, c.CreatePermission(&net.UDPAddr{IP: net.ParseIP("8.8.4.4"), Port: 9090}), "other relays")
	require.NoError(t, c.CreatePermission(&net.UDPAddr{IP: net.ParseIP("8.8.5.6"), Port: 9090}), "a neighbour")

	s6 := serve(t, turnserver.Config{PublicAddresses: []netip.Addr{netip.MustParseAddr("2a00:1::7")}, UDP: "[2a00:1::7]:0", TCP: turnserver.Off})
	c6 := dial(t, s6, "udp", "a")
	allocate(t, c6)
	for _, peer := range []string{"2a00:2::7", "2a00:1::", "2a00:2::", "2a00:1::fdff:ffff:ffff:fffe", "64:ff9b::808:505", "64:ff9b::808:5ff"} {
		refuse(s6, c6, peer)
	}
	require.NoError(t, c6.CreatePermission(&net.UDPAddr{IP: net.ParseIP("2a00:2::8"), Port: 9090}), "a neighbour")

	// The host gets an address for which there is a permission already: nothing goes there any more.
	moving := &net.UDPAddr{IP: net.ParseIP("8.8.6.6"), Port: 9090}
	send(t, conn, "away", moving)
	ip(t, "addr add 8.8.6.6/32 dev d0")
	service, err := net.ListenUDP("udp4", moving)
	require.NoError(t, err)
	defer service.Close()
	before := s.Stats().Refused["peer_denied"]
	require.Eventually(t, func() bool {
		send(t, conn, "to the service", moving)
		return s.Stats().Refused["peer_denied"] > before+2
	}, 10*time.Second, 10*time.Millisecond)
	require.ErrorContains(t, c.CreatePermission(moving), "403")
}
