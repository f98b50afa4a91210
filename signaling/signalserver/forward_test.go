package signalserver_test

import (
	"bytes"
	"encoding/binary"
	"slices"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/signaling/signalserver"
)

var relaying = signaling.Join{Room: "r", Features: []string{signaling.FeatureRelayLinks}}

// A member is a WebSocket of a test that reads for itself.
type rawMember struct {
	t    *testing.T
	conn *websocket.Conn
	id   signaling.PeerID
	told signaling.Welcome
}

func (s *server) relayMember(t *testing.T, j signaling.Join) *rawMember {
	t.Helper()
	m := &rawMember{t: t, conn: s.connect(t)}
	t.Cleanup(func() { m.conn.Close() })
	m.say(j)
	w, ok := m.hear().(signaling.Welcome)
	require.True(t, ok)
	m.id, m.told = w.ID, w
	return m
}

func (m *rawMember) say(message signaling.Message) {
	m.t.Helper()
	frame, err := signaling.JSON.Encode(message)
	require.NoError(m.t, err)
	require.NoError(m.t, m.conn.WriteMessage(websocket.TextMessage, frame))
}

// forward sends a binary frame.
func (m *rawMember) forward(to signaling.PeerID, data []byte) error {
	return m.conn.WriteMessage(websocket.BinaryMessage, append(binary.BigEndian.AppendUint32(nil, uint32(to)), data...))
}

// next returns the next frame.
func (m *rawMember) next() (binary bool, frame []byte) {
	m.t.Helper()
	require.NoError(m.t, m.conn.SetReadDeadline(time.Now().Add(patience)))
	kind, frame, err := m.conn.ReadMessage()
	require.NoError(m.t, err)
	return kind == websocket.BinaryMessage, frame
}

// hear returns the next message that is no binary frame.
func (m *rawMember) hear() signaling.Message {
	m.t.Helper()
	for {
		if binary, frame := m.next(); !binary {
			message, err := signaling.JSON.Decode(frame)
			require.NoError(m.t, err)
			return message
		}
	}
}

// wantForwarded returns what the next binary frame holds, which must be of a member.
func (m *rawMember) wantForwarded(from signaling.PeerID) []byte {
	m.t.Helper()
	for {
		if binary, frame := m.next(); binary {
			id, data, err := signaling.DecodeForward(frame)
			require.NoError(m.t, err)
			require.Equal(m.t, from, id)
			return data
		}
	}
}

func TestForwards(t *testing.T) {
	s := serve(t, signalserver.Config{RelayLinks: true})
	a, b := s.relayMember(t, relaying), s.relayMember(t, relaying)
	require.True(t, a.told.RelayLinks)
	require.Equal(t, 256<<10, a.told.Limits.RelayRate)
	for i := range 100 {
		data := bytes.Repeat([]byte{byte(i)}, 1+10*i)
		require.NoError(t, a.forward(b.id, data))
		require.Equal(t, data, b.wantForwarded(a.id))
		require.NoError(t, b.forward(a.id, data))
		require.Equal(t, data, a.wantForwarded(b.id))
	}
	require.NoError(t, a.forward(b.id, make([]byte, signaling.MaxForward-signaling.ForwardHeader)))
	require.Len(t, b.wantForwarded(a.id), signaling.MaxForward-signaling.ForwardHeader)
	require.GreaterOrEqual(t, s.Stats().RelayedFrames, uint64(200))
}

// What is not for a member that asks for it, of the same room, is dropped and counted; the sender is not told, and stays.
func TestForwardsToNobodyElse(t *testing.T) {
	s := serve(t, signalserver.Config{RelayLinks: true})
	a := s.relayMember(t, relaying)
	plain := s.relayMember(t, signaling.Join{Room: "r"})
	other := s.relayMember(t, signaling.Join{Room: "another", Features: relaying.Features})
	star := signaling.Join{Room: "star", Topology: signaling.Star, Features: relaying.Features}
	s.relayMember(t, star)
	guest, second := s.relayMember(t, star), s.relayMember(t, star)
	for _, to := range []signaling.PeerID{plain.id, a.id, 77} {
		require.NoError(t, a.forward(to, []byte("x")))
	}
	require.NoError(t, guest.forward(second.id, []byte("x")))
	require.Eventually(t, func() bool { return s.Stats().Dropped["relay_unknown"] == 4 }, patience, time.Millisecond)
	for _, m := range []*rawMember{plain, other, second} {
		m.say(signaling.List{})
		require.IsType(t, signaling.Rooms{}, m.hear(), "and nothing else")
	}
}

// Whoever has not asked for it, and sends a binary frame all the same, is told what any is that does. So is one that
// sends what is no frame.
func TestForwardRefused(t *testing.T) {
	on, off := signalserver.Config{RelayLinks: true}, signalserver.Config{}
	for name, c := range map[string]struct {
		config signalserver.Config
		join   signaling.Join
		frame  []byte
		want   signaling.Code
	}{
		"the server does not forward":   {off, relaying, []byte{0, 0, 0, 1, 9}, signaling.CodeBadMessage},
		"the member has not asked":      {on, signaling.Join{Room: "r"}, []byte{0, 0, 0, 1, 9}, signaling.CodeBadMessage},
		"a frame without a receiver":    {on, relaying, []byte{0, 0, 0}, signaling.CodeBadMessage},
		"a frame without anything else": {on, relaying, []byte{0, 0, 0, 1}, signaling.CodeBadMessage},
		"receiver 0":                    {on, relaying, []byte{0, 0, 0, 0, 9}, signaling.CodeBadMessage},
		"a receiver that cannot be":     {on, relaying, []byte{255, 0, 0, 0, 9}, signaling.CodeBadMessage},
		"a frame that is too large":     {on, relaying, make([]byte, signaling.MaxForward+1), signaling.CodeTooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, c.config)
			m := s.relayMember(t, c.join)
			require.NoError(t, m.conn.WriteMessage(websocket.BinaryMessage, c.frame))
			told, ok := m.hear().(*signaling.Error)
			require.True(t, ok)
			require.Equal(t, c.want, told.Code)
		})
	}
}

// A member that floods gets no more than its bandwidth, and all of them together no more than theirs. The signals of
// others, and of those who flood, go on meanwhile.
func TestForwardLimits(t *testing.T) {
	config := signalserver.Config{RelayLinks: true, RelayRate: 64 << 10, RelayBurst: 32 << 10, RelayTotal: 128 << 10}
	s := serve(t, config)
	target := s.relayMember(t, relaying)
	received := make(chan int, 1<<16)
	go func() {
		defer close(received)
		for {
			kind, frame, err := target.conn.ReadMessage()
			if err != nil {
				return
			}
			if kind == websocket.BinaryMessage {
				received <- len(frame)
			}
		}
	}()
	began := time.Now()
	var floods []*rawMember
	for range 4 {
		m := s.relayMember(t, relaying)
		floods = append(floods, m)
		go func() {
			for m.forward(target.id, make([]byte, 8<<10)) == nil {
			}
		}()
	}
	one, two := s.relayMember(t, signaling.Join{Room: "quiet"}), s.relayMember(t, signaling.Join{Room: "quiet"})
	require.IsType(t, signaling.Joined{}, one.hear())
	var took []time.Duration
	for range 1000 {
		start := time.Now()
		one.say(signaling.Signal{To: two.id, Data: []byte(`{}`)})
		require.IsType(t, signaling.Signal{}, two.hear())
		took = append(took, time.Since(start))
	}
	slices.Sort(took)
	t.Logf("signals beside the flood: p50 %v, p99 %v", took[len(took)/2], took[len(took)*99/100])
	require.Eventually(t, func() bool { return s.Stats().RelayThrottled > 20 }, patience, time.Millisecond)
	elapsed := time.Since(began)
	for _, m := range floods {
		m.conn.Close()
	}
	target.conn.Close()
	sum := 0
	for n := range received {
		sum += n
	}
	most := int(elapsed.Seconds()*float64(config.RelayTotal)) + config.RelayTotal/4 + config.RelayBurst + 16<<10
	require.LessOrEqual(t, sum, most, "within %v", elapsed)
	require.Zero(t, s.Stats().Dropped["slow"])
}

// A member that does not read costs those who send to it their frames, and nothing else. What waits is bounded.
func TestForwardToSlowMember(t *testing.T) {
	s := serve(t, signalserver.Config{RelayLinks: true, RelayRate: 1 << 30, RelayTotal: 1 << 30})
	target, sender := s.relayMember(t, relaying), s.relayMember(t, relaying)
	for s.Stats().Dropped["relay_full"] == 0 { // the sockets of the system hold some megabytes
		require.NoError(t, sender.forward(target.id, make([]byte, 16<<10)))
	}
	require.LessOrEqual(t, s.Stats().Buffered, 2<<20)
	sender.say(signaling.Signal{To: target.id, Data: []byte(`{"behind":"no binary frame that waits here"}`)})
	target.hear() // joined
	require.IsType(t, signaling.Signal{}, target.hear())
	require.IsType(t, signaling.Rooms{}, func() signaling.Message { sender.say(signaling.List{}); return sender.hear() }())
}
