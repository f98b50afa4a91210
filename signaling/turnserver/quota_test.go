package turnserver_test

import (
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/signaling/turnserver"
)

func TestQuotaOfUser(t *testing.T) {
	s := serve(t, turnserver.Config{PerUser: 2})
	first := dial(t, s, "udp", "a")
	conn := allocate(t, first)
	allocate(t, dial(t, s, "tcp", "a")) // another credential of the same user counts too
	_, err := dial(t, s, "udp", "a").Allocate()
	require.ErrorContains(t, err, "486")
	refused(t, s, "quota_user", 1)
	allocate(t, dial(t, s, "udp", "b"))

	require.NoError(t, conn.Close())
	require.Eventually(t, func() bool { return s.Stats().Allocations == 2 }, 10*time.Second, time.Millisecond)
	allocate(t, dial(t, s, "udp", "a"))
}

func TestQuotaOfAddress(t *testing.T) {
	s := serve(t, turnserver.Config{PerAddress: 2})
	allocate(t, dial(t, s, "udp", "a"))
	allocate(t, dial(t, s, "udp", "b"))
	_, err := dial(t, s, "udp", "c").Allocate()
	require.ErrorContains(t, err, "486")
	refused(t, s, "quota_address", 1)
}

func TestQuotaOfConnections(t *testing.T) {
	s := serve(t, turnserver.Config{PerAddress: 1})
	at := address(t, s.ICEServers("a"), "turn", "?transport=tcp")
	first, err := net.Dial("tcp", at)
	require.NoError(t, err)
	second, err := net.Dial("tcp", at)
	require.NoError(t, err)
	defer second.Close()
	_, err = second.Read(make([]byte, 1))
	require.Error(t, err, "closed by the server")
	refused(t, s, "quota_address", 1)

	first.Close()
	require.Eventually(t, func() bool { return s.Stats().Streams == 0 }, 10*time.Second, time.Millisecond)
	allocate(t, dial(t, s, "tcp", "a"))
}

func TestQuotaOfServer(t *testing.T) {
	s := serve(t, turnserver.Config{MaxAllocations: 1, PerUser: -1, PerAddress: -1})
	allocate(t, dial(t, s, "udp", "a"))
	_, err := dial(t, s, "udp", "b").Allocate()
	require.ErrorContains(t, err, "486")
	refused(t, s, "capacity", 1)
}

// Many clients ask at the same time, each in a goroutine of its own on the server.
func TestQuotaHoldsInARace(t *testing.T) {
	s := serve(t, turnserver.Config{PerUser: 3})
	var made atomic.Int32
	var asking sync.WaitGroup
	for range 12 {
		c := dial(t, s, "tcp", "a")
		asking.Go(func() {
			if conn, err := c.Allocate(); err == nil {
				made.Add(1)
				t.Cleanup(func() { conn.Close() })
			}
		})
	}
	asking.Wait()
	require.EqualValues(t, 3, made.Load())
	require.EqualValues(t, 3, s.Stats().Allocated)
	require.EqualValues(t, 9, s.Stats().Refused["quota_user"])
}

// 64 KiB may come at once, at 1 byte a second over time.
func TestBandwidth(t *testing.T) {
	peer, err := net.ListenPacket("udp4", "127.0.0.2:0")
	require.NoError(t, err)
	defer peer.Close()
	s := serve(t, turnserver.Config{Bandwidth: 1, AllowPeers: []netip.Prefix{netip.MustParsePrefix("127.0.0.2/32")}})
	conn := allocate(t, dial(t, s, "udp", "a"))

	kilobyte := string(make([]byte, 1<<10))
	for range 64 {
		send(t, conn, kilobyte, peer.LocalAddr())
		receive(t, peer)
	}
	send(t, conn, kilobyte, peer.LocalAddr())
	refused(t, s, "bandwidth", 1)
	require.EqualValues(t, 64<<10, s.Stats().ToPeers)

	for range 64 { // the other way has a limit of its own
		send(t, peer, kilobyte, conn.LocalAddr())
		receive(t, conn)
	}
	send(t, peer, kilobyte, conn.LocalAddr())
	refused(t, s, "bandwidth", 2)
	require.EqualValues(t, 64<<10, s.Stats().ToClients)
}
