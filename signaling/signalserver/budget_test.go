package signalserver_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/signaling/signalserver"
)

const (
	evil   = "203.0.113.66"
	honest = "203.0.113.7"
	budget = 16 << 20
)

// besieged is a server with a small budget, and with two honest members who must not notice the attack. Fake
// time, so nothing is given up for being slow.
func besieged(t *testing.T, config signalserver.Config, attack func(t *testing.T, s *server)) {
	t.Helper()
	config.RemoteAddr, config.MaxBuffered = from, budget
	config.ConnectRate, config.JoinRate, config.MessageRate = -1, -1, -1
	within(t, config, func(t *testing.T, s *server) {
		a := s.clientFrom(t, honest)
		a.send(signaling.Join{Room: "honest"})
		a.wantWelcome()
		b := s.clientFrom(t, "2001:db8::7")
		b.send(signaling.Join{Room: "honest"})
		b.wantWelcome()
		a.wantJoined(b)
		attack(t, s)
		synctest.Wait()
		require.LessOrEqual(t, s.Stats().Buffered, budget/8, "one address has a sixteenth")
		require.NotZero(t, s.Stats().Dropped["over_budget"])
		a.signal(b.id(), `"`+strings.Repeat("x", 60<<10)+`"`)
		require.Equal(t, signaling.KindSignal, b.receive().Kind())
		c := s.clientFrom(t, "203.0.113.8")
		c.send(signaling.Join{Room: "honest"})
		c.wantWelcome()
	})
}

// Members that are away are each kept a mebibyte of signals: there are many of them.
func TestBudgetBoundsKeptSignals(t *testing.T) {
	besieged(t, signalserver.Config{Grace: time.Hour}, func(t *testing.T, s *server) {
		host := s.clientFrom(t, evil)
		host.send(signaling.Join{Room: "r"})
		host.wantWelcome()
		data := `"` + strings.Repeat("x", 60<<10) + `"`
		var away []*client
		for range 40 {
			c := s.clientFrom(t, evil)
			c.send(signaling.Join{Room: "r"})
			c.wantWelcome()
			c.vanish()
			synctest.Wait()
			away = append(away, c)
		}
		for _, c := range away {
			for range 10 {
				host.signal(c.id(), data)
			}
		}
		host.send(signaling.List{})
		for host.receive().Kind() != signaling.KindRooms {
		}
	})
}

// Sessions that do not read what is sent to them are each kept a mebibyte of frames.
func TestBudgetBoundsOutboxes(t *testing.T) {
	besieged(t, signalserver.Config{}, func(t *testing.T, s *server) {
		host := s.clientFrom(t, evil)
		host.send(signaling.Join{Room: "r"})
		host.wantWelcome()
		data := `"` + strings.Repeat("x", 60<<10) + `"`
		for range 40 {
			conn, _ := s.open(t, evil)
			require.NoError(t, conn.WriteJSON(map[string]string{"kind": "join", "room": "r"}))
			var w signaling.Welcome
			require.NoError(t, conn.ReadJSON(&w))
			for host.receive().Kind() != signaling.KindJoined {
			}
			for range 10 {
				host.signal(w.ID, data)
			}
		}
		host.send(signaling.List{})
		for host.receive().Kind() != signaling.KindRooms {
		}
	})
}

// Frames that never come whole, as one and as fragments.
func TestBudgetBoundsUnfinishedFrames(t *testing.T) {
	for name, whole := range map[string]bool{"frames": true, "fragments": false} {
		t.Run(name, func(t *testing.T) {
			besieged(t, signalserver.Config{}, func(t *testing.T, s *server) {
				for range 100 {
					conn, _ := s.open(t, evil)
					sendUnfinished(t, conn, 60<<10, whole)
				}
			})
		})
	}
}

// sendUnfinished sends so much of a message, and no more. A session that is ended for it does not read on.
func sendUnfinished(t *testing.T, conn *websocket.Conn, size int, whole bool) {
	t.Helper()
	raw := conn.NetConn()
	require.NoError(t, raw.SetWriteDeadline(time.Now().Add(time.Millisecond)))
	head := []byte{0x01, 0x80 | 127, 0, 0, 0, 0, 0, 0, byte(size >> 8), byte(size), 0, 0, 0, 0}
	if whole {
		head[0] |= 0x80 // final
		size--          // a byte is missing
	}
	_, _ = raw.Write(append(head, make([]byte, size)...))
}

// What those who wait for a match have told of themselves.
func TestBudgetBoundsWaitingJoins(t *testing.T) {
	besieged(t, signalserver.Config{}, func(t *testing.T, s *server) {
		join := signaling.Join{Match: &signaling.Match{Key: "k", Size: 64}, Metadata: []byte(`"` + strings.Repeat("x", 1000) + `"`)}
		for range 100 {
			join.Channels = append(join.Channels, signaling.UnreliableOrdered)
		}
		for i := range 200 {
			c := s.clientFrom(t, evil)
			join.Match.Size = 40 + i%20 // never enough of one size
			c.send(join)
			synctest.Wait()
		}
	})
}

// When everything is gone nothing is charged to anybody.
func TestBudgetIsGivenBack(t *testing.T) {
	within(t, signalserver.Config{RemoteAddr: from, Grace: time.Minute}, func(t *testing.T, s *server) {
		host := s.clientFrom(t, honest)
		host.send(public("r", `{"map":"desert"}`))
		host.wantWelcome()
		require.NotZero(t, s.Stats().Buffered)
		a := s.clientFrom(t, evil)
		a.send(signaling.Join{Room: "r", Metadata: []byte(`"x"`)})
		a.wantWelcome()
		a.vanish()
		synctest.Wait()
		host.receive()
		host.signal(a.id(), `"kept"`)
		host.wantNothing()
		a = s.resumeFrom(t, a, "2001:db8::1")
		a.vanish()
		sendUnfinished(t, s.clientFrom(t, evil).conn, 30<<10, true)
		w := s.clientFrom(t, evil)
		w.send(signaling.Join{Match: &signaling.Match{Key: "k", Size: 2}})
		synctest.Wait()
		w.vanish()
		host.send(signaling.Leave{})
		time.Sleep(time.Hour)
		require.Zero(t, s.Stats().Buffered)
		require.Zero(t, s.Stats().Addresses)
	})
}

func (s *server) resumeFrom(t *testing.T, c *client, remote string) *client {
	t.Helper()
	back := s.clientFrom(t, remote)
	back.send(signaling.Join{Resume: c.welcome.Resume})
	back.wantWelcome()
	return back
}

// Members with large metadata are lost, one after the other: their places, and what others would be told of them, are paid for
// by their address.
func TestBudgetBoundsMembersThatAreAway(t *testing.T) {
	besieged(t, signalserver.Config{Grace: time.Hour}, func(t *testing.T, s *server) {
		metadata := []byte(`"` + strings.Repeat("x", signaling.MaxMetadata-2) + `"`)
		for i := range 300 {
			c := s.clientFrom(t, evil)
			c.send(signaling.Join{Room: signaling.RoomName(fmt.Sprint("r", i%30)), Metadata: metadata})
			synctest.Wait() // it may be refused at last
			c.vanish()
			synctest.Wait()
		}
	})
}
