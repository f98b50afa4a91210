package signalserver_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/signaling/signalserver"
	"example.org/rtcpeer/testdata/skip"
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
	return s.enter(t, s.connect(t), j)
}

func (s *server) relayMemberFrom(t *testing.T, remote string, j signaling.Join) *rawMember {
	t.Helper()
	return s.enter(t, s.connectFrom(t, remote), j)
}

func (s *server) enter(t *testing.T, conn *websocket.Conn, j signaling.Join) *rawMember {
	t.Helper()
	m := &rawMember{t: t, conn: conn}
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

// skip reads all that comes: a WebSocket answers pings when it is read.
func (m *rawMember) skip() {
	_ = m.conn.SetReadDeadline(time.Time{})
	for {
		if _, _, err := m.conn.ReadMessage(); err != nil {
			return
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
	skip.Long(t)
	t.Parallel()
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
	for _, m := range floods {
		m.conn.Close()
	}
	target.conn.Close()
	elapsed := time.Since(began)
	sum := 0
	for n := range received {
		sum += n
	}
	most := int(elapsed.Seconds()*float64(config.RelayTotal)) + config.RelayTotal/4 + config.RelayBurst + 16<<10
	require.LessOrEqual(t, sum, most, "within %v", elapsed)
	require.Zero(t, s.Stats().Dropped["slow"])
}

// floodFor has members send frames of 8 KiB to the last one for so long, and returns how many bytes it has got.
func floodFor(t *testing.T, lasts time.Duration, members []*rawMember) int {
	t.Helper()
	target, sum := members[len(members)-1], make(chan int, 1)
	require.NoError(t, target.conn.SetReadDeadline(time.Now().Add(lasts)))
	go func() {
		got := 0
		for {
			kind, frame, err := target.conn.ReadMessage()
			if err != nil {
				sum <- got
				return
			}
			if kind == websocket.BinaryMessage {
				got += len(frame)
			}
		}
	}()
	for _, m := range members[:len(members)-1] {
		go m.skip()
		go func() {
			for m.forward(target.id, make([]byte, 8<<10)) == nil {
			}
		}()
	}
	return <-sum
}

// One member gets its bandwidth, and no more.
func TestForwardLimitOfOneMember(t *testing.T) {
	config := signalserver.Config{RelayLinks: true, RelayRate: 64 << 10, RelayBurst: 32 << 10, RelayTotal: 1 << 30}
	within(t, config, func(t *testing.T, s *server) {
		const seconds = 20
		got := floodFor(t, seconds*time.Second, []*rawMember{s.relayMember(t, relaying), s.relayMember(t, relaying)})
		want := seconds*config.RelayRate + config.RelayBurst
		require.LessOrEqual(t, got, want)
		require.Greater(t, got, want*9/10)
	})
}

// The members of one address, or of one network, get a part of all there is, and those of others do not notice.
func TestForwardLimitOfOneAddress(t *testing.T) {
	for name, c := range map[string]struct {
		from  func(i int) string
		share int
	}{
		"one address":      {func(int) string { return "203.0.113.1" }, 1},
		"its /64":          {func(i int) string { return fmt.Sprintf("2001:db8::%x", i+1) }, 1},
		"all /64 of a /56": {func(i int) string { return fmt.Sprintf("2001:db8:0:%x::1", i) }, 2},
		"all /56 of a /48": {func(i int) string { return fmt.Sprintf("2001:db8:0:%x00::1", i) }, 4},
	} {
		t.Run(name, func(t *testing.T) {
			config := signalserver.Config{RelayLinks: true, RelayRate: 64 << 10, RelayTotal: 1 << 20, RemoteAddr: from, ConnectRate: -1, JoinRate: -1}
			within(t, config, func(t *testing.T, s *server) {
				var others sync.WaitGroup
				t.Cleanup(others.Wait) // they end with their sockets
				one, two := s.relayMemberFrom(t, "198.51.100.1", relaying), s.relayMemberFrom(t, "198.51.100.2", relaying)
				one.hear()
				others.Go(one.skip)
				_ = two.conn.SetReadDeadline(time.Time{})
				var late time.Duration
				others.Go(func() {
					for one.forward(two.id, make([]byte, 1000)) == nil {
						time.Sleep(100 * time.Millisecond) // of the fake clock
					}
				})
				others.Go(func() {
					for last := time.Now(); ; last = time.Now() {
						if _, _, err := two.conn.ReadMessage(); err != nil {
							return
						}
						late = max(late, time.Since(last)-100*time.Millisecond)
					}
				})
				var members []*rawMember
				for i := range 48 {
					members = append(members, s.relayMemberFrom(t, c.from(i), signaling.Join{Room: "flood", Features: relaying.Features}))
				}
				members = append(members, s.relayMemberFrom(t, "198.51.100.3", signaling.Join{Room: "flood", Features: relaying.Features}))
				const seconds = 20
				got := floodFor(t, seconds*time.Second, members)
				rate := c.share * config.RelayTotal / 16
				require.LessOrEqual(t, got, seconds*rate+max(rate/4, 256<<10))
				require.Greater(t, got, seconds*rate*8/10)
				synctest.Wait()
				require.Less(t, late, 20*time.Millisecond, "of the others")
			})
		})
	}
}

// What members have sent that are gone takes nothing of what others of their address may send.
func TestForwardOfMembersThatAreGone(t *testing.T) {
	config := signalserver.Config{RelayLinks: true, RelayRate: 64 << 10, RelayTotal: 64 << 10, RemoteAddr: from}
	within(t, config, func(t *testing.T, s *server) {
		one, two := s.relayMemberFrom(t, "203.0.113.1", relaying), s.relayMemberFrom(t, "198.51.100.2", relaying)
		for range 8 {
			gone := s.relayMemberFrom(t, "203.0.113.1", relaying)
			for range 15 { // what may wait
				require.NoError(t, gone.forward(77, make([]byte, 16<<10)))
			}
			gone.conn.Close()
		}
		start := time.Now()
		require.NoError(t, one.forward(two.id, []byte("still here")))
		require.Equal(t, []byte("still here"), two.wantForwarded(one.id))
		require.Less(t, time.Since(start), 3*time.Second)
	})
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
