package turnserver

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/netip"
	"os"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/testdata/bubble"
)

func TestReadMessage(t *testing.T) {
	binding := append([]byte{0, 1, 0, 4}, make([]byte, 20)...)
	channel := append([]byte{0x40, 0, 0, 5}, make([]byte, 8)...) // 5 bytes, padded to 8
	in := bufio.NewReader(iotest.OneByteReader(bytes.NewReader(append(binding, channel...))))
	p := make([]byte, 1600)
	for _, want := range [][]byte{binding, channel} {
		n, err := readMessage(in, p)
		require.NoError(t, err)
		require.Equal(t, want, p[:n])
	}
	_, err := readMessage(in, p)
	require.ErrorIs(t, err, io.EOF)
}

func TestReadMessageRefuses(t *testing.T) {
	for name, tt := range map[string]struct {
		sent string
		want error
	}{
		"HTTP":              {"GET / HTTP/1.1\r\n\r\n", errMessage}, // G is 0x47: channel data of 8 KiB
		"TLS on plain TCP":  {"\x16\x03\x01\x02\x00\x01\x00\x01\xfc", io.ErrUnexpectedEOF},
		"too large":         {"\x00\x01\x06\x40", errMessage},
		"too large channel": {"\x40\x00\xff\xff", errMessage},
		"other bits":        {"\x80\x00\x00\x00", errMessage},
		"half a head":       {"\x00\x01", io.EOF},
		"half a message":    {"\x00\x01\x00\x08xxxx", io.ErrUnexpectedEOF},
	} {
		_, err := readMessage(bufio.NewReader(bytes.NewBufferString(tt.sent)), make([]byte, 1600))
		require.ErrorIs(t, err, tt.want, name)
	}
}

func FuzzReadMessage(f *testing.F) {
	f.Add([]byte("\x00\x01\x00\x04xxxxxxxxxxxxxxxxxxxx"))
	f.Add([]byte("\x40\x00\x00\x05xxxxxxxx\x40\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, sent []byte) {
		in := bufio.NewReaderSize(bytes.NewReader(sent), streamBuffer)
		p, total := make([]byte, 1600), 0
		for {
			n, err := readMessage(in, p)
			total += n
			if err != nil {
				break
			}
			require.GreaterOrEqual(t, n, 4)
			require.Equal(t, sent[total-n:total], p[:n])
		}
		require.LessOrEqual(t, total, len(sent))
	})
}

// piped returns a stream of a server that is not started, and the client's end of it.
func piped(t *testing.T) (*stream, net.Conn, *Server) {
	t.Helper()
	config, err := Config{PublicAddresses: []netip.Addr{netip.IPv6Loopback()}}.withDefaults()
	require.NoError(t, err)
	s := &Server{config: config, log: config.Log, registry: newRegistry(&config)}
	server, client := net.Pipe()
	t.Cleanup(func() { server.Close(); client.Close() })
	return newStream(s, server, server), client, s
}

func TestStreamTimes(t *testing.T) {
	p := make([]byte, 1600)
	t.Run("without an allocation", func(t *testing.T) {
		bubble.Test(t, func(t *testing.T) {
			c, _, _ := piped(t)
			began := time.Now()
			_, err := c.Read(p)
			require.ErrorIs(t, err, os.ErrDeadlineExceeded)
			require.Equal(t, streamOpening, time.Since(began))
		})
	})
	t.Run("with one", func(t *testing.T) {
		bubble.Test(t, func(t *testing.T) {
			c, client, _ := piped(t)
			c.keep()
			go func() {
				time.Sleep(10 * time.Minute)
				client.Write([]byte{0x40, 0, 0, 0})
			}()
			_, err := c.Read(p)
			require.NoError(t, err)
			began := time.Now()
			_, err = c.Read(p)
			require.ErrorIs(t, err, os.ErrDeadlineExceeded)
			require.Equal(t, streamIdle, time.Since(began))
		})
	})
	t.Run("to a client that does not read", func(t *testing.T) {
		bubble.Test(t, func(t *testing.T) {
			c, client, s := piped(t)
			c.keep()
			began := time.Now()
			_, err := c.Write([]byte("news"))
			require.ErrorIs(t, err, os.ErrDeadlineExceeded)
			require.Equal(t, streamWrite, time.Since(began))
			require.EqualValues(t, 1, s.Stats().Refused["slow"])
			_, err = client.Read(p)
			require.ErrorIs(t, err, io.EOF)
		})
	})
}

func TestCountedAs(t *testing.T) {
	for addr, want := range map[string]string{
		"192.0.2.7:1":            "192.0.2.7/32",
		"[::ffff:192.0.2.7]:1":   "192.0.2.7/32",
		"[2a00:1:2:3:4:5:6:7]:1": "2a00:1:2:3::/64",
		"[fe80::7%eth0]:1":       "fe80::/64",
	} {
		require.Equal(t, want, countedAs(net.UDPAddrFromAddrPort(netip.MustParseAddrPort(addr))).String())
		require.Equal(t, want, countedAs(net.TCPAddrFromAddrPort(netip.MustParseAddrPort(addr))).String())
	}
	who := claim{user: "one two", address: netip.MustParsePrefix("2a00:1::/64")}
	got, ok := parseClaim(who.String())
	require.True(t, ok)
	require.Equal(t, who, got)
}
