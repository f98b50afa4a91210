package signalserver_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/signaling/signalserver"
)

// Many members come, talk, vanish, come back and leave at the same time. Whatever happens, nobody
// ever hears of two members with one id, and in the end nothing is left.
func TestChurn(t *testing.T) {
	s := serve(t, signalserver.Config{Grace: -1, MessageRate: -1})
	topologies := []signaling.Topology{signaling.Mesh, signaling.Star}
	var members sync.WaitGroup
	for n := range 12 {
		members.Go(func() {
			random := rand.New(rand.NewPCG(uint64(n), 1))
			var token string
			for range 15 {
				room := random.IntN(4)
				j := signaling.Join{Room: signaling.RoomName(fmt.Sprint("room", room)), Topology: topologies[room%2]}
				if random.IntN(2) == 0 {
					j = signaling.Join{Resume: token}
				}
				token = visit(t, s, random, j)
			}
		})
	}
	members.Wait()
	s.eventually(t, "everything is gone", func(st signalserver.Stats) bool {
		return st.Sessions == 0 && st.Rooms == 0 && st.Members == 0 && st.Buffered == 0
	})
	t.Logf("%+v", s.Stats())
}

// visit is one life of a session. It returns the token of its member, if it came to be one.
func visit(t *testing.T, s *server, random *rand.Rand, j signaling.Join) (token string) {
	conn := s.connect(t)
	defer conn.Close()
	conn.SetReadDeadline(time.Now().Add(patience))
	frame, err := signaling.JSON.Encode(j)
	if err != nil {
		t.Error(err)
		return ""
	}
	if conn.WriteMessage(websocket.TextMessage, frame) != nil {
		return ""
	}
	self := signaling.PeerID(0)
	known := map[signaling.PeerID]bool{}
	for range 5 + random.IntN(10) {
		_, frame, err := conn.ReadMessage()
		if err != nil {
			if _, closed := errors.AsType[*websocket.CloseError](err); !closed {
				t.Errorf("member %d: %v", self, err)
			}
			return token
		}
		m, err := signaling.JSON.Decode(frame)
		if err != nil {
			t.Errorf("the server sent %q: %v", frame, err)
			return token
		}
		switch m := m.(type) {
		case signaling.Welcome:
			if self != 0 {
				t.Error("two welcomes for one session")
			}
			self, token = m.ID, m.Resume
			for _, other := range m.Members {
				known[other.ID] = true
			}
		case signaling.Joined:
			if known[m.Member.ID] || m.Member.ID == self {
				t.Errorf("member %d hears that %d joined, which was there", self, m.Member.ID)
			}
			known[m.Member.ID] = true
		case signaling.Left:
			if !known[m.ID] {
				t.Errorf("member %d hears that %d left, which was not there", self, m.ID)
			}
			delete(known, m.ID)
		case signaling.Signal:
			if m.To != 0 || !known[m.From] {
				t.Errorf("member %d hears a signal from %d, which is not there", self, m.From)
			}
		case *signaling.Error:
			if m.Code.Fatal() {
				return token
			}
		}
		act(conn, random, known)
	}
	return token
}

func act(conn *websocket.Conn, random *rand.Rand, known map[signaling.PeerID]bool) {
	var m signaling.Message = signaling.Signal{To: 1, Data: []byte(`"to the host, who may be me or gone"`)}
	switch random.IntN(12) {
	case 0:
		m = signaling.Leave{}
	case 1:
		m = signaling.Join{}
	default:
		for id := range known {
			m = signaling.Signal{To: id, Data: []byte(`"to you"`)}
		}
	}
	if frame, err := signaling.JSON.Encode(m); err == nil {
		conn.WriteMessage(websocket.TextMessage, frame)
	}
}

// The rooms' own invariants, while members come and go.
func TestManyJoinOneRoomAtOnce(t *testing.T) {
	const n = 40
	s := serve(t, signalserver.Config{MessageRate: -1})
	clients := make([]*client, n)
	for i := range clients {
		clients[i] = s.client(t)
	}
	for _, c := range clients {
		c.send(signaling.Join{Room: "r"})
	}
	seen := map[signaling.PeerID]bool{}
	for _, c := range clients {
		met := len(c.wantWelcome().Members)
		require.False(t, seen[c.id()], "id %d was given twice", c.id())
		seen[c.id()] = true
		for ; met < n-1; met++ {
			require.Equal(t, signaling.KindJoined, c.receive().Kind())
		}
	}
	require.True(t, seen[signaling.Host])
	require.Equal(t, 1, s.Stats().Rooms)
	require.Equal(t, n, s.Stats().Members)
}
