package webrtc_test

import (
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer/transport"
	"example.org/rtcpeer/rtcpeer/transport/transporttest"
	"example.org/rtcpeer/rtcpeer/transport/webrtc"
)

// A TURN server that does not answer, for example behind a firewall that drops packets, does not delay Close for long.
func TestCloseWithSilentTURNServer(t *testing.T) {
	t.Parallel()
	server := silentServer(t)
	client := newTransport(t, webrtc.Config{Loopback: true})
	config := transporttest.Config()
	config.ICEServers = []transport.ICEServer{{
		URLs: []string{fmt.Sprintf("turn:%v?transport=tcp", server)}, Username: "ann", Credential: "secret",
	}}
	path, err := client.NewPath(config)
	require.NoError(t, err)
	_, err = path.Offer()
	require.NoError(t, err)
	require.Eventually(t, func() bool { return dialed(t, server) }, 5*time.Second, time.Millisecond)
	begun := time.Now()
	require.NoError(t, path.Close())
	require.Less(t, time.Since(begun), 8*time.Second)
}

// silentServer is the address of a listener whose backlog is full: Linux drops what comes then.
func silentServer(t *testing.T) *net.TCPAddr {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	require.NoError(t, err)
	file := os.NewFile(uintptr(fd), "listener")
	t.Cleanup(func() { file.Close() })
	require.NoError(t, syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}))
	require.NoError(t, syscall.Listen(fd, 0))
	bound, err := syscall.Getsockname(fd)
	require.NoError(t, err)
	address := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: bound.(*syscall.SockaddrInet4).Port}
	for range 10 {
		conn, err := net.DialTimeout("tcp", address.String(), 500*time.Millisecond)
		if err != nil {
			return address
		}
		t.Cleanup(func() { conn.Close() })
	}
	require.Fail(t, "the backlog has no end")
	return nil
}

// dialed reports whether a connection to that address is being made: has sent its SYN, state 2.
func dialed(t *testing.T, address *net.TCPAddr) bool {
	t.Helper()
	table, err := os.ReadFile("/proc/net/tcp")
	require.NoError(t, err)
	return strings.Contains(string(table), fmt.Sprintf(":%04X 02 ", address.Port))
}
