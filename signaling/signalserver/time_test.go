package signalserver_test

import (
	"math"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/signaling/signalserver"
	"example.org/rtcpeer/testdata/bubble"
)

// within runs a test in fake time. The sockets are pipes.
func within(t *testing.T, config signalserver.Config, story func(t *testing.T, s *server)) {
	t.Helper()
	bubble.Test(t, func(t *testing.T) { story(t, serveInMemory(t, config)) })
}

func TestLostMemberKeepsItsPlaceForItsGrace(t *testing.T) {
	within(t, signalserver.Config{Grace: time.Minute}, func(t *testing.T, s *server) {
		host, a := pair(t, s, signaling.Mesh)
		lost := time.Now()
		a.vanish()
		host.wantLeft(a, signaling.LeftLost)
		require.Equal(t, time.Minute, time.Since(lost))
		require.Equal(t, map[signalserver.DropReason]uint64{"grace_over": 1}, s.Stats().Dropped)
	})
}

// Times that no clock can add to are as long as they sound.
func TestLongestTimes(t *testing.T) {
	for name, d := range map[string]time.Duration{"the longest": math.MaxInt64, "200 years": 200 * 365 * 24 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			config := signalserver.Config{Grace: d, PingInterval: d, JoinTimeout: d, Recovery: -1, RebuildTime: d, TicketAge: d, ResumeKey: key}
			within(t, config, func(t *testing.T, s *server) {
				idle := s.client(t)
				time.Sleep(time.Hour)
				host, a := pair(t, s, signaling.Star)
				time.Sleep(time.Hour)
				host.wantNothing()
				host.vanish()
				time.Sleep(time.Hour)
				a.wantNothing()
				b := s.member(t, signaling.Join{Room: "r"})
				require.Greater(t, time.Duration(b.welcome.HostAwayMillis)*time.Millisecond, 50*365*24*time.Hour)
				s.resume(t, host)
				idle.send(signaling.Join{Room: "another"})
				idle.wantWelcome()
				require.Empty(t, s.Stats().Dropped)
			})
		})
	}
}

func TestEachLossHasItsOwnGrace(t *testing.T) {
	within(t, signalserver.Config{Grace: time.Minute}, func(t *testing.T, s *server) {
		host, a := pair(t, s, signaling.Mesh)
		a.vanish()
		time.Sleep(59 * time.Second)
		a = s.resume(t, a)
		time.Sleep(59 * time.Second)
		lost := time.Now()
		a.vanish()
		host.wantLeft(a, signaling.LeftLost)
		require.Equal(t, time.Minute, time.Since(lost))
	})
}

func TestStarEndsWhenItsHostStaysAway(t *testing.T) {
	within(t, signalserver.Config{}, func(t *testing.T, s *server) {
		host, a := pair(t, s, signaling.Star)
		host.vanish()
		time.Sleep(29 * time.Second)
		a.wantNothing()
		time.Sleep(2 * time.Second)
		a.wantRefused(signaling.CodeHostLeft)
		require.Zero(t, s.Stats().Rooms)
	})
}

func TestRebuiltStarEndsWhenItsHostStaysAway(t *testing.T) {
	within(t, signalserver.Config{ResumeKey: key}, func(t *testing.T, before *server) {
		_, a := pair(t, before, signaling.Star)
		after := serveInMemory(t, signalserver.Config{ResumeKey: key})
		back := after.resume(t, a)
		time.Sleep(29 * time.Second)
		back.wantNothing()
		time.Sleep(2 * time.Second)
		back.wantRefused(signaling.CodeHostLeft)
		require.Zero(t, after.Stats().Members)
	})
}

func TestRoomOfLostMembersEndsWithTheirGrace(t *testing.T) {
	within(t, signalserver.Config{}, func(t *testing.T, s *server) {
		host, a := pair(t, s, signaling.Mesh)
		host.vanish()
		a.vanish()
		time.Sleep(29 * time.Second)
		require.Equal(t, 1, s.Stats().Rooms)
		require.Equal(t, 2, s.Stats().Members)
		require.Equal(t, 0, s.Stats().Sessions)
		time.Sleep(2 * time.Second)
		require.Zero(t, s.Stats().Rooms)
		require.Zero(t, s.Stats().Members)
	})
}

func TestDetachedMemberIsSentOnlySoMuch(t *testing.T) {
	for name, config := range map[string]signalserver.Config{
		"frames": {OutboxFrames: 3},
		"bytes":  {OutboxBytes: 30},
	} {
		t.Run(name, func(t *testing.T) {
			within(t, config, func(t *testing.T, s *server) {
				host, a := pair(t, s, signaling.Mesh)
				a.vanish()
				synctest.Wait()
				for range 3 {
					host.signal(a.id(), `"8 bytes"`)
					host.wantNothing()
				}
				host.signal(a.id(), `"8 bytes"`)
				host.wantLeft(a, signaling.LeftLost)
				require.Equal(t, map[signalserver.DropReason]uint64{"detached_full": 1}, s.Stats().Dropped)
			})
		})
	}
}

func TestSessionWithoutJoinEnds(t *testing.T) {
	within(t, signalserver.Config{}, func(t *testing.T, s *server) {
		began := time.Now()
		c := s.client(t)
		c.wantRefused(signaling.CodeJoinTimeout)
		require.InDelta(t, 10, time.Since(began).Seconds(), 1)
	})
}

func TestJoinTimeoutCanBeOff(t *testing.T) {
	within(t, signalserver.Config{JoinTimeout: -1}, func(t *testing.T, s *server) {
		c := s.client(t)
		time.Sleep(time.Hour)
		c.send(signaling.Join{Room: "r"})
		c.wantWelcome()
	})
}

func TestIdleMemberThatAnswersPingsStays(t *testing.T) {
	within(t, signalserver.Config{}, func(t *testing.T, s *server) {
		a := s.member(t, signaling.Join{Room: "r"})
		time.Sleep(24 * time.Hour)
		a.wantNothing()
		require.Empty(t, s.Stats().Dropped)
	})
}

func TestMemberThatAnswersNothingIsDead(t *testing.T) {
	within(t, signalserver.Config{Grace: -1}, func(t *testing.T, s *server) {
		host := s.member(t, signaling.Join{Room: "r"})
		a := s.client(t)
		a.conn.SetPingHandler(func(string) error { return nil })
		a.send(signaling.Join{Room: "r"})
		a.wantWelcome()
		host.wantJoined(a)
		silent := time.Now()
		host.wantLeft(a, signaling.LeftLost)
		require.InDelta(t, 37.5, time.Since(silent).Seconds(), 1)
		require.EqualValues(t, 1, s.Stats().Dropped["dead"])
	})
}

func TestMemberThatSendsIsAliveWithoutPongs(t *testing.T) {
	within(t, signalserver.Config{}, func(t *testing.T, s *server) {
		a := s.client(t)
		a.conn.SetPingHandler(func(string) error { return nil })
		a.send(signaling.Join{Room: "r"})
		a.wantWelcome()
		for range 60 {
			time.Sleep(30 * time.Second)
			a.wantNothing()
		}
	})
}

func TestMemberThatReadsNothingIsGivenUp(t *testing.T) {
	within(t, signalserver.Config{Grace: -1}, func(t *testing.T, s *server) {
		host := s.member(t, signaling.Join{Room: "r"})
		conn := s.connect(t)
		defer conn.Close()
		require.NoError(t, conn.WriteJSON(map[string]string{"kind": "join", "room": "r"}))
		began := time.Now()
		require.Equal(t, signaling.KindJoined, host.receive().Kind())
		require.Equal(t, signaling.KindLeft, host.receive().Kind())
		require.LessOrEqual(t, time.Since(began), 10*time.Second, "one frame may take so long")
	})
}

func TestFloodIsReadLaterAndNothingIsLost(t *testing.T) {
	within(t, signalserver.Config{MessageRate: 100, MessageBurst: 50}, func(t *testing.T, s *server) {
		host, a := pair(t, s, signaling.Mesh)
		began := time.Now()
		for range 1000 {
			a.signal(1, `1`)
		}
		for range 1000 {
			host.wantSignal(a, `1`)
		}
		require.InDelta(t, 9.5, time.Since(began).Seconds(), 0.1)
		require.InDelta(t, 950, s.Stats().Throttled, 5)
		require.EqualValues(t, 1000, s.Stats().Signals)
	})
}

func TestSlowReaderIsEnded(t *testing.T) {
	within(t, signalserver.Config{OutboxFrames: 8, MessageRate: -1}, func(t *testing.T, s *server) {
		host := s.member(t, signaling.Join{Room: "r"})
		conn := s.connect(t)
		defer conn.Close()
		require.NoError(t, conn.WriteJSON(map[string]string{"kind": "join", "room": "r"}))
		require.Equal(t, signaling.KindJoined, host.receive().Kind())
		var w signaling.Welcome
		require.NoError(t, conn.ReadJSON(&w))
		host.signal(w.ID, `"too much"`)
		synctest.Wait() // this one is being written
		for range 20 {
			host.signal(w.ID, `"too much"`)
		}
		host.wantNothing()
		require.Equal(t, map[signalserver.DropReason]uint64{"slow": 1}, s.Stats().Dropped)

		// The frame that was being written, and then nothing but the reason.
		_, frame, err := conn.ReadMessage()
		require.NoError(t, err)
		require.Contains(t, string(frame), "too much")
		_, _, err = conn.ReadMessage()
		require.EqualError(t, err, "websocket: close 4013: slow")
		host.wantNothing()
		require.Equal(t, 2, s.Stats().Members, "its place is kept for its grace time")
	})
}

// After a restart the members of a room and somebody new race for its name: the members win.
func TestNewcomerWaitsForTheRoomToComeBack(t *testing.T) {
	within(t, signalserver.Config{ResumeKey: key}, func(t *testing.T, before *server) {
		host := before.member(t, signaling.Join{}) // a name of its own: nobody waits for that
		_ = before.Shutdown(t.Context())

		after := serveInMemory(t, signalserver.Config{ResumeKey: key})
		early := after.client(t)
		early.send(signaling.Join{Room: host.welcome.Room})
		time.Sleep(time.Second)
		back := after.resume(t, host)
		early.welcome = early.wantWelcome()
		require.NotEqual(t, signaling.Host, early.id())
		if !slices.ContainsFunc(back.welcome.Members, func(m signaling.Member) bool { return m.ID == early.id() }) {
			back.wantJoined(early) // else it was let in before the welcome went out
		}
	})
}

func TestNewcomerDoesNotWaitForEver(t *testing.T) {
	tests := []struct {
		name   string
		config signalserver.Config
		want   time.Duration
	}{
		{"five seconds", signalserver.Config{ResumeKey: key}, 5 * time.Second},
		{"as configured", signalserver.Config{ResumeKey: key, Recovery: 8 * time.Second}, 8 * time.Second},
		{"not without a key", signalserver.Config{}, 0},
		{"not if not wanted", signalserver.Config{ResumeKey: key, Recovery: -1}, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			within(t, tt.config, func(t *testing.T, s *server) {
				start := time.Now()
				c := s.member(t, signaling.Join{Room: "r"})
				require.Equal(t, signaling.Host, c.id())
				require.Equal(t, tt.want, time.Since(start))
			})
		})
	}
}
