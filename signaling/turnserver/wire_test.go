package turnserver_test

import (
	"encoding/binary"
	"io"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/pion/stun/v4"
	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/signaling/turnserver"
	"example.org/rtcpeer/testdata/skip"
)

// A rawClient says what no decent client does: it has an allocation, and builds its own requests.
type rawClient struct {
	conn       net.Conn
	credential signaling.ICEServer
	nonce      string
}

// overUDP asks for an allocation of UDP.
var overUDP = stun.RawAttribute{Type: stun.AttrRequestedTransport, Value: []byte{17, 0, 0, 0}}

func dialRaw(t *testing.T, s *turnserver.Server) *rawClient {
	t.Helper()
	list := s.ICEServers("raw")
	conn, err := net.Dial("udp", address(t, list, "turn", "?transport=udp"))
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	c := &rawClient{conn: conn, credential: list[1]}
	challenge := c.ask(t, stun.MethodAllocate)
	var nonce stun.Nonce
	require.NoError(t, nonce.GetFrom(challenge))
	c.nonce = nonce.String()
	return c
}

// ask sends a request, signed if there is a nonce, and returns the answer.
func (c *rawClient) ask(t *testing.T, method stun.Method, attributes ...stun.Setter) *stun.Message {
	t.Helper()
	setters := []stun.Setter{stun.TransactionID, stun.NewType(method, stun.ClassRequest)}
	setters = append(setters, attributes...)
	if c.nonce != "" {
		setters = append(setters, stun.NewUsername(c.credential.Username), stun.NewRealm("rtcpeer"), stun.NewNonce(c.nonce),
			stun.NewLongTermIntegrity(c.credential.Username, "rtcpeer", c.credential.Credential))
	}
	request, err := stun.Build(setters...)
	require.NoError(t, err)
	_, err = c.conn.Write(request.Raw)
	require.NoError(t, err)
	answer := &stun.Message{Raw: make([]byte, 1500)}
	require.NoError(t, c.conn.SetReadDeadline(time.Now().Add(10*time.Second)))
	n, err := c.conn.Read(answer.Raw)
	require.NoError(t, err)
	answer.Raw = answer.Raw[:n]
	require.NoError(t, answer.Decode())
	return answer
}

// code is that of an error response, or 0.
func code(m *stun.Message) int {
	var c stun.ErrorCodeAttribute
	if c.GetFrom(m) != nil {
		return 0
	}
	return int(c.Code)
}

// peer is an XOR-PEER-ADDRESS, port 80, that keeps an IPv4 address in its IPv6 form if it came so.
type peer string

func (p peer) AddTo(m *stun.Message) error {
	a := netip.MustParseAddr(string(p))
	family := byte(1)
	if a.Is6() {
		family = 2
	}
	key := binary.BigEndian.AppendUint32(nil, 0x2112A442)
	value := []byte{0, family, key[0], 80 ^ key[1]}
	key = append(key, m.TransactionID[:]...)
	for i, b := range a.AsSlice() {
		value = append(value, b^key[i])
	}
	m.Add(stun.AttrXORPeerAddress, value)
	return nil
}

func TestRefusedPeersOnTheWire(t *testing.T) {
	s := serve(t, turnserver.Config{})
	c := dialRaw(t, s)
	require.Zero(t, code(c.ask(t, stun.MethodAllocate, overUDP)))
	channel := stun.RawAttribute{Type: stun.AttrChannelNumber, Value: []byte{0x40, 0, 0, 0}}
	n := uint64(0)
	for _, p := range []peer{"10.0.0.1", "::ffff:10.0.0.1", "::ffff:127.0.0.2", "::ffff:169.254.169.254", "::ffff:0.0.0.0", "::ffff:255.255.255.255", "::ffff:224.0.0.1"} {
		require.Equal(t, 403, code(c.ask(t, stun.MethodCreatePermission, p)), p)
		require.Equal(t, 403, code(c.ask(t, stun.MethodCreatePermission, peer("8.8.8.8"), p)), "%s after a good one", p)
		require.Equal(t, 403, code(c.ask(t, stun.MethodConnect, p)), p)
		require.Equal(t, 401, code(c.ask(t, stun.MethodChannelBind, channel, p)), "%s, for which Pion answers 401", p)
		n += 4
		require.Equal(t, n, s.Stats().Refused["peer_denied"])
	}
	for _, p := range []peer{"::1", "fd00:ec2::254", "2606:4700::1111"} {
		require.Equal(t, 443, code(c.ask(t, stun.MethodCreatePermission, p)), "%s is not of the relay's family", p)
	}
	require.Equal(t, 400, code(c.ask(t, stun.MethodCreatePermission, stun.RawAttribute{Type: stun.AttrXORPeerAddress, Value: []byte{0, 1}})))
	require.Zero(t, code(c.ask(t, stun.MethodCreatePermission, peer("::ffff:8.8.8.8"))), "one of the public Internet")
}

// A Connect request asks for a TCP connection from an allocation (RFC 6062). Pion passes it on even for an allocation of UDP;
// this server refuses it.
func TestConnectIsRefused(t *testing.T) {
	s := serve(t, turnserver.Config{})
	c := dialRaw(t, s)
	require.Zero(t, code(c.ask(t, stun.MethodAllocate, overUDP)))
	require.Equal(t, 447, code(c.ask(t, stun.MethodConnect, peer("8.8.8.8"))))
	require.EqualValues(t, 1, s.Stats().Refused["unsupported"])
}

func TestTooManyChannels(t *testing.T) {
	s := serve(t, turnserver.Config{})
	c := dialRaw(t, s)
	require.Zero(t, code(c.ask(t, stun.MethodAllocate, overUDP)))
	for i := range 129 {
		require.Equal(t, 1, s.Stats().Allocations)
		channel := stun.RawAttribute{Type: stun.AttrChannelNumber, Value: []byte{0x40, byte(i), 0, 0}}
		require.Zero(t, code(c.ask(t, stun.MethodChannelBind, channel, peer(netip.AddrFrom4([4]byte{8, 8, byte(i / 100), byte(i % 100)}).String()))))
	}
	refused(t, s, "bounds", 1)
	require.Zero(t, s.Stats().Allocations)
}

// What has an allocation may go on after the credential has expired; nothing new begins.
func TestAllocationOutlivesItsCredential(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		outlive time.Duration
		want    int
	}{"by default": {0, 0}, "not at all": {-1, 401}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, turnserver.Config{Outlive: tt.outlive, Credentials: turnserver.Credentials{TTL: 3 * time.Second}})
			c, late := dialRaw(t, s), dialRaw(t, s)
			late.credential = c.credential
			require.Zero(t, code(c.ask(t, stun.MethodAllocate, overUDP)))
			require.Zero(t, code(c.ask(t, stun.MethodRefresh)))
			<-time.After(3 * time.Second)
			require.Equal(t, tt.want, code(c.ask(t, stun.MethodRefresh)))
			require.Equal(t, tt.want, code(c.ask(t, stun.MethodCreatePermission, peer("8.8.8.8"))))
			require.Equal(t, 401, code(late.ask(t, stun.MethodAllocate, overUDP)))
		})
	}
}

// An allocation that its client refreshes lives on through several lifetimes, of its own and of the credential,
// and ends when nobody refreshes it.
func TestAllocationIsRefreshed(t *testing.T) {
	t.Parallel()
	s := serve(t, turnserver.Config{Credentials: turnserver.Credentials{TTL: 2 * time.Second}})
	c := dialRaw(t, s)
	short := stun.RawAttribute{Type: stun.AttrLifetime, Value: []byte{0, 0, 0, 2}}
	require.Zero(t, code(c.ask(t, stun.MethodAllocate, overUDP, short)))
	refreshes := time.NewTicker(time.Second / 2)
	defer refreshes.Stop()
	for range skip.Shorter(6, 24) { // longer than the credential lives
		<-refreshes.C
		require.Zero(t, code(c.ask(t, stun.MethodRefresh, short)))
		require.Equal(t, 1, s.Stats().Allocations)
	}
	require.Eventually(t, func() bool { return s.Stats().Allocations == 0 }, 10*time.Second, time.Millisecond)
	require.EqualValues(t, 1, s.Stats().Allocated)
}

// A web browser on the TURN port, and a client that says it sends more than it may.
func TestInvalidStreamsAreClosed(t *testing.T) {
	s := serve(t, turnserver.Config{})
	at := address(t, s.ICEServers("a"), "turn", "?transport=tcp")
	for i, sent := range []string{"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "\x00\x01\xff\xfc\x21\x12\xa4\x42"} {
		conn, err := net.Dial("tcp", at)
		require.NoError(t, err)
		defer conn.Close()
		_, err = io.WriteString(conn, sent)
		require.NoError(t, err)
		_, err = conn.Read(make([]byte, 1))
		require.Error(t, err, "closed")
		refused(t, s, "invalid", uint64(i+1))
	}
	require.Eventually(t, func() bool { return s.Stats().Streams == 0 }, 10*time.Second, time.Millisecond)
}
