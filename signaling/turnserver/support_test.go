package turnserver_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/pion/turn/v5"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/signaling/turnserver"
	"example.org/rtcpeer/testdata/atonce"
	"example.org/rtcpeer/testdata/skip"
)

func TestMain(m *testing.M) {
	atonce.Set(skip.Shorter(8, 4))
	goleak.VerifyTestMain(m)
}

var (
	here  = netip.MustParseAddr("127.0.0.1")
	here6 = netip.MustParseAddr("::1")
	// outer is what a NAT in front of this host would have; no interface here does.
	outer = netip.MustParseAddr("203.0.113.7")
)

// serve starts a server on loopback with all three listeners.
func serve(t *testing.T, config turnserver.Config) *turnserver.Server {
	t.Helper()
	if config.PublicAddresses == nil {
		config.PublicAddresses = []netip.Addr{here}
	}
	if config.UDP == "" {
		config.UDP, config.TCP, config.TLS = "127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:0"
		config.TLSConfig = &tls.Config{Certificates: []tls.Certificate{certificate(t)}, NextProtos: []string{"h2"}}
	}
	s, err := turnserver.New(config)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

func certificate(t *testing.T) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{here.AsSlice()}}
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, &key.PublicKey, key)
	require.NoError(t, err)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// address returns where the URL with this beginning and end points.
func address(t testing.TB, list []signaling.ICEServer, scheme, query string) string {
	t.Helper()
	for _, s := range list {
		for _, url := range s.URLs {
			if rest, ok := strings.CutPrefix(url, scheme+":"); ok && strings.HasSuffix(rest, query) {
				return strings.TrimSuffix(rest, query)
			}
		}
	}
	require.Fail(t, "no such URL", "%s...%s in %v", scheme, query, list)
	return ""
}

// dial returns a client over "udp", "tcp" or "tls", with a credential of the server for user.
func dial(t *testing.T, s *turnserver.Server, over, user string) *turn.Client {
	t.Helper()
	list := s.ICEServers(user)
	credential := list[len(list)-1]
	return dialAs(t, list, over, credential.Username, credential.Credential)
}

func dialAs(t testing.TB, list []signaling.ICEServer, over, username, password string) *turn.Client {
	t.Helper()
	var conn net.PacketConn
	at := ""
	switch over {
	case "udp":
		at = address(t, list, "turn", "?transport=udp")
		host, _, err := net.SplitHostPort(at)
		require.NoError(t, err)
		conn, err = net.ListenPacket("udp", net.JoinHostPort(host, "0"))
		require.NoError(t, err)
	case "tcp":
		at = address(t, list, "turn", "?transport=tcp")
		c, err := net.Dial("tcp", at)
		require.NoError(t, err)
		conn = turn.NewSTUNConn(c)
	case "tls":
		at = address(t, list, "turns", "?transport=tcp")
		c, err := tls.Dial("tcp", at, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"stun.turn"}})
		require.NoError(t, err)
		conn = turn.NewSTUNConn(c)
	}
	client, err := turn.NewClient(&turn.ClientConfig{
		Conn: conn, STUNServerAddr: at, TURNServerAddr: at, Username: username, Password: password,
	})
	require.NoError(t, err)
	require.NoError(t, client.Listen())
	t.Cleanup(func() {
		client.Close()
		conn.Close()
	})
	return client
}

func allocate(t *testing.T, c *turn.Client) net.PacketConn {
	t.Helper()
	conn, err := c.Allocate()
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	return conn
}

// send writes through the relay, which also asks for the permission.
func send(t *testing.T, from net.PacketConn, text string, to net.Addr) {
	t.Helper()
	_, err := from.WriteTo([]byte(text), to)
	require.NoError(t, err)
}

func receive(t *testing.T, conn net.PacketConn) (text string, from net.Addr) {
	t.Helper()
	buf := make([]byte, 1500)
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(10*time.Second)))
	n, from, err := conn.ReadFrom(buf)
	require.NoError(t, err)
	return string(buf[:n]), from
}

// refused waits for a count of Stats.Refused.
func refused(t *testing.T, s *turnserver.Server, word string, n uint64) {
	t.Helper()
	require.Eventually(t, func() bool { return s.Stats().Refused[turnserver.Reason(word)] == n }, 10*time.Second, time.Millisecond,
		"want %d %s", n, word)
}
