//go:build !js

package webrtc_test

import (
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer/transport"
	"example.org/rtcpeer/rtcpeer/transport/transporttest"
	"example.org/rtcpeer/rtcpeer/transport/webrtc"
)

// The machine gets other addresses while UDPPort is set (fault L11). New paths use them, existing paths go on, and an
// address that comes back works as before.
func TestPortOnNewAddresses(t *testing.T) {
	addresses := addressesOfThisMachine(t)
	for _, port := range []int{webrtc.AnyPort, freePort(t)} {
		var has atomic.Pointer[string] // the one address that the machine has
		has.Store(&addresses[0])
		server := newTransport(t, webrtc.Config{UDPPort: port, Loopback: true, IPv4Only: true, IPFilter: func(ip net.IP) bool { return ip.String() == *has.Load() }})
		client := newTransport(t, webrtc.Config{Loopback: true, IPv4Only: true})
		var open []transport.Path
		for _, address := range []string{addresses[0], addresses[1], addresses[0]} {
			has.Store(&address)
			require.Equal(t, []string{address}, hostCandidates(t, server))
			a, b := transporttest.Connect(t, client, server, transporttest.Config())
			open = append(open, a, b)
			for i := 0; i < len(open); i += 2 {
				require.NoError(t, open[i].Lane(0).Write([]byte("ping")))
				buf := make([]byte, 10)
				n, err := open[i+1].Lane(0).Read(buf)
				require.NoError(t, err)
				require.Equal(t, "ping", string(buf[:n]))
			}
		}
		for _, p := range open {
			require.NoError(t, p.Close())
		}
	}
}

// addressesOfThisMachine returns two IPv4 addresses, of which at most one is a loopback one.
func addressesOfThisMachine(t *testing.T) (list []string) {
	t.Helper()
	all, err := net.InterfaceAddrs()
	require.NoError(t, err)
	for _, a := range all {
		if n, ok := a.(*net.IPNet); ok && n.IP.To4() != nil && !n.IP.IsLinkLocalUnicast() {
			list = append(list, n.IP.String())
		}
	}
	slices.Sort(list)
	if len(list) < 2 {
		t.Skip("this machine has one address alone")
	}
	return list[:2]
}

// hostCandidates returns the addresses of a new path.
func hostCandidates(t *testing.T, tr transport.Transport) (list []string) {
	t.Helper()
	p, err := tr.NewPath(transporttest.Config())
	require.NoError(t, err)
	defer p.Close()
	_, err = p.Offer()
	require.NoError(t, err)
	for e := range p.Events() {
		if e.Kind == transport.EventCandidate && strings.Contains(e.Candidate.Line, " typ host") {
			return append(list, strings.Fields(e.Candidate.Line)[4])
		}
	}
	return nil
}
