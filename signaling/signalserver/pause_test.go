package signalserver_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/signaling/signalserver"
)

// While the process was stopped, or the machine asleep, nobody could answer pings, come back or join: when it
// goes on all of them still have their time.
func TestNobodyIsLostWhileTheServerIsPaused(t *testing.T) {
	within(t, signalserver.Config{ResumeKey: key, Recovery: 5 * time.Second}, func(t *testing.T, s *server) {
		host := s.member(t, signaling.Join{})
		a := s.member(t, signaling.Join{Room: host.welcome.Room})
		host.wantJoined(a)
		late := s.client(t)
		a.vanish()
		synctest.Wait()
		s.Pause()
		time.Sleep(10 * time.Minute)
		s.Sweep()
		synctest.Wait()

		require.Empty(t, s.Stats().Dropped)
		host.wantNothing()
		late.send(signaling.Join{Room: host.welcome.Room})
		late.wantWelcome()
		host.wantJoined(late)
		a = s.resume(t, a)
		a.vanish()
		for range 60 { // more than the grace time, with a sweep each second
			time.Sleep(time.Second)
			s.Sweep()
		}
		host.wantLeft(a, signaling.LeftLost)
	})
}

// After a pause, members that answer no pings are given up all the same, once they have had the time to answer.
func TestSilentMembersEndAfterAPause(t *testing.T) {
	within(t, signalserver.Config{Grace: -1}, func(t *testing.T, s *server) {
		host := s.member(t, signaling.Join{Room: "r"})
		a := s.client(t)
		a.conn.SetPingHandler(func(string) error { return nil })
		a.send(signaling.Join{Room: "r"})
		a.wantWelcome()
		host.wantJoined(a)
		s.Pause()
		time.Sleep(time.Hour)
		for range 45 {
			s.Sweep()
			time.Sleep(time.Second)
		}
		host.wantLeft(a, signaling.LeftLost)
		require.EqualValues(t, 1, s.Stats().Dropped["dead"])
	})
}

// A session whose frame waits for Config.Admit is not read from meanwhile, so its answers to pings are not
// heard: it is not dead for that.
func TestSlowAdmissionIsNoDeath(t *testing.T) {
	admit := func(context.Context, signalserver.Request) (signalserver.Grant, error) {
		time.Sleep(5 * time.Minute)
		return signalserver.Grant{MayCreate: true, MayHost: true}, nil
	}
	within(t, signalserver.Config{Admit: admit}, func(t *testing.T, s *server) {
		c := s.client(t)
		c.send(signaling.Join{Room: "r"})
		time.Sleep(4 * time.Minute)
		require.Empty(t, s.Stats().Dropped)
		time.Sleep(2 * time.Minute)
		c.wantWelcome()
	})
}

// A grant until a date that no clock reaches, and one beyond what fits into nanoseconds, is one for long. Beyond the year
// 9999 it may be a mistake of the unit, and the log says so.
func TestFarGrants(t *testing.T) {
	for until, warned := range map[time.Time]bool{
		time.Date(2300, 1, 1, 0, 0, 0, 0, time.UTC):                                       false,
		time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC).In(time.FixedZone("", 14*60*60)): false,
		time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC):                                  false,
		time.Unix(1<<40, 0): true,
		time.Unix(time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC).UnixMilli(), 0): true,
	} {
		admit := func(context.Context, signalserver.Request) (signalserver.Grant, error) {
			return signalserver.Grant{MayCreate: true, MayHost: true, Expires: until}, nil
		}
		var log bytes.Buffer
		within(t, signalserver.Config{Admit: admit, Log: slog.New(slog.NewTextHandler(&log, nil))}, func(t *testing.T, s *server) {
			c := s.member(t, signaling.Join{Room: "r"})
			time.Sleep(time.Hour)
			c.wantNothing()
			back := s.resume(t, c)
			time.Sleep(time.Hour)
			back.wantNothing()
		})
		require.Equal(t, warned, strings.Contains(log.String(), "a membership ends after the year 9999"), until)
	}
}

// dated are ICE servers whose credentials have dates.
func dated(signaling.RoomName, signaling.PeerID) ([]signaling.ICEServer, time.Duration) {
	return []signaling.ICEServer{{URLs: []string{"turn:192.0.2.1"}, Username: time.Now().Format(time.RFC3339), Credential: "c"}}, 24 * time.Hour
}

// The wall clock is set, forwards or backwards: nobody is lost, and all get new credentials, as these have dates.
func TestWallClockIsSet(t *testing.T) {
	for _, step := range []time.Duration{time.Hour, -time.Hour, 10 * 365 * 24 * time.Hour, -10 * 365 * 24 * time.Hour} {
		config := signalserver.Config{ICEServersFor: dated}
		within(t, config, func(t *testing.T, s *server) {
			host, a := pair(t, s, signaling.Mesh)
			s.SetClock(step)
			set := time.Now()
			for _, c := range []*client{host, a} {
				require.Equal(t, signaling.KindICEServers, c.receive().Kind())
			}
			require.LessOrEqual(t, time.Since(set), time.Minute+time.Second)
			time.Sleep(10 * time.Minute)
			host.wantNothing()
			a.wantNothing()
			require.Empty(t, s.Stats().Dropped)
		})
	}
}
