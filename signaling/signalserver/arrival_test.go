package signalserver_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/signaling/signalserver"
)

// Newcomers who wait for a room that does not come back are let in in the order in which they came.
func TestNewcomersAreLetInInOrder(t *testing.T) {
	var asked atomic.Int64
	slowFirst := func(context.Context, signalserver.Request) (signalserver.Grant, error) {
		if asked.Add(1) == 1 {
			time.Sleep(3 * time.Second)
		}
		return signalserver.Grant{MayCreate: true, MayHost: true}, nil
	}
	for name, config := range map[string]signalserver.Config{
		"everybody":          {ResumeKey: key},
		"a slow answer":      {ResumeKey: key, Admit: slowFirst},
		"after a grace time": {ResumeKey: key, Recovery: 20 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			within(t, config, func(t *testing.T, s *server) {
				asked.Store(0)
				var all []*client
				for range 30 {
					c := s.client(t)
					c.send(signaling.Join{Room: "r"})
					synctest.Wait()
					all = append(all, c)
				}
				for i, c := range all {
					require.Len(t, c.wantWelcome().Members, i)
				}
				require.Equal(t, signaling.Host, all[0].id())
			})
		})
	}
}

// One that hangs up meanwhile is passed over, and lets nobody past who came later.
func TestNewcomerThatGivesUpIsSkipped(t *testing.T) {
	admit := func(_ context.Context, r signalserver.Request) (signalserver.Grant, error) {
		if r.Join.Token == "slow" {
			time.Sleep(10 * time.Second)
		}
		return signalserver.Grant{MayCreate: true, MayHost: true}, nil
	}
	within(t, signalserver.Config{ResumeKey: key, Admit: admit}, func(t *testing.T, s *server) {
		var all []*client
		for _, token := range []string{"slow", "", "", ""} {
			c := s.client(t)
			c.send(signaling.Join{Room: "r", Token: token})
			synctest.Wait()
			all = append(all, c)
		}
		time.Sleep(8 * time.Second)
		all[2].vanish()
		for i, c := range []*client{all[0], all[1]} {
			require.Len(t, c.wantWelcome().Members, i)
		}
		require.Equal(t, signaling.Host, all[0].id())
		all[3].wantWelcome()
	})
}

// The host of a star came first, so it is not told that the room is a mesh by then.
func TestHostThatWaitedFoundsItsStar(t *testing.T) {
	within(t, signalserver.Config{ResumeKey: key}, func(t *testing.T, s *server) {
		for round := range 20 {
			room := signaling.RoomName(fmt.Sprint("r", round))
			host, guest := s.client(t), s.client(t)
			host.send(signaling.Join{Room: room, Topology: signaling.Star})
			synctest.Wait()
			guest.send(signaling.Join{Room: room})
			defer func() {
				require.Equal(t, signaling.Star, host.wantWelcome().Topology)
				require.Equal(t, signaling.Host, host.id())
				require.Equal(t, []signaling.Member{{ID: 1}}, guest.wantWelcome().Members)
			}()
		}
	})
}

// When a room comes back after a restart, only newcomers that wait for that room are woken.
func TestOnlyNewcomersOfTheRoomAreWoken(t *testing.T) {
	within(t, signalserver.Config{ResumeKey: key}, func(t *testing.T, before *server) {
		var members []*client
		for range 3 {
			members = append(members, before.member(t, signaling.Join{}))
		}
		shutDown(t, before.Server)
		after := serveInMemory(t, signalserver.Config{ResumeKey: key})
		var waiting []*client
		for _, c := range members {
			for range 2 {
				w := after.client(t)
				w.send(signaling.Join{Room: c.welcome.Room})
				synctest.Wait()
				waiting = append(waiting, w)
			}
		}
		after.resume(t, members[1])
		for i, w := range waiting[2:4] {
			require.Len(t, w.wantWelcome().Members, 1+i)
		}
		synctest.Wait()
		for _, i := range []int{0, 1, 4, 5} {
			require.Empty(t, waiting[i].received)
		}
		late := after.client(t) // of a room that is back
		late.send(signaling.Join{Room: members[1].welcome.Room})
		require.Len(t, late.wantWelcome().Members, 3)
	})
}
