package signalserver_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/signaling"
	membus "example.org/rtcpeer/signaling/cluster/memory"
	"example.org/rtcpeer/signaling/signalserver"
	"example.org/rtcpeer/testdata/bubble"
)

// These tests have the owner of a room killed in the midst of something.

// killed cuts a server off for good. Its clients lose their connections.
func (s *sharing) killed(clients ...*client) {
	s.bus.Cut(true)
	for _, c := range clients {
		c.vanish()
	}
}

// The owner of a room is killed in the moment when the host, or an administrator, learns that the room is closed. It is closed
// on the next server, too, although the record of the room had been written just before.
func TestWhatWasToldHoldsWhenTheOwnerIsKilled(t *testing.T) {
	byHost := func(request, answer signaling.Message) func(*testing.T, []*sharing, *client) {
		return func(_ *testing.T, _ []*sharing, host *client) {
			host.send(request)
			host.want(answer)
		}
	}
	byAdmin := func(at int) func(*testing.T, []*sharing, *client) {
		return func(t *testing.T, servers []*sharing, host *client) {
			require.True(t, servers[at].SetLocked("r", true))
			host.want(signaling.Lock{})
		}
	}
	for name, tt := range map[string]struct {
		at   int // the host's server
		do   func(*testing.T, []*sharing, *client)
		code signaling.Code // what a newcomer is refused with
	}{
		"locked by a host at the owner":         {0, byHost(signaling.Lock{}, signaling.Lock{}), signaling.CodeLocked},
		"locked by a host at another server":    {1, byHost(signaling.Lock{}, signaling.Lock{}), signaling.CodeLocked},
		"sealed by a host at the owner":         {0, byHost(signaling.Seal{}, signaling.Sealed{}), signaling.CodeSealed},
		"sealed by a host at another server":    {1, byHost(signaling.Seal{}, signaling.Sealed{}), signaling.CodeSealed},
		"locked by an administrator of it":      {0, byAdmin(0), signaling.CodeLocked},
		"locked by an administrator of another": {0, byAdmin(2), signaling.CodeLocked},
	} {
		t.Run(name, func(t *testing.T) {
			bubble.Test(t, func(t *testing.T) {
				servers := share(t, new(membus.Hub), 3, signalserver.Config{Grace: time.Minute})
				host := servers[0].member(t, signaling.Join{Room: "r"})
				if tt.at != 0 {
					host.vanish()
					host = servers[tt.at].resume(t, host)
				}
				time.Sleep(time.Second) // of fake time: the record is written
				guest := servers[0].member(t, signaling.Join{Room: "r"})
				host.wantJoined(guest)
				synctest.Wait() // that is written, and the next record is a while later
				tt.do(t, servers, host)
				servers[0].killed(guest)
				if tt.at == 0 {
					host.vanish()
				}
				time.Sleep(10 * time.Second)
				if tt.at == 0 {
					host = servers[1].resume(t, host)
					require.Equal(t, tt.code == signaling.CodeLocked, host.welcome.Locked)
					require.Equal(t, tt.code == signaling.CodeSealed, host.welcome.Sealed)
				}
				late := servers[2].client(t)
				late.send(signaling.Join{Room: "r"})
				late.wantRefused(tt.code)
			})
		})
	}
}

// The guests of a star have lost their host, and the room moves before that counts.
func TestHostIsLostAndTheRoomMoves(t *testing.T) {
	for name, goes := range map[string]func(owner *sharing){
		"the owner is stopped": func(owner *sharing) { go func() { _ = owner.Shutdown(context.Background()) }() },
		"the owner is killed":  func(owner *sharing) { owner.killed() },
	} {
		t.Run(name, func(t *testing.T) {
			bubble.Test(t, func(t *testing.T) {
				servers := share(t, new(membus.Hub), 3, signalserver.Config{Grace: time.Hour})
				host := servers[0].member(t, migrating(ableToHost))
				host.vanish()
				join := migrating(ableToHost)
				join.Resume = host.welcome.Resume
				servers[1].member(t, join)
				guests := []*client{servers[1].member(t, migrating(ableToHost)), servers[2].member(t, migrating(ableToHost)), servers[2].member(t, migrating(ableToHost))}
				time.Sleep(time.Second) // of fake time
				for _, g := range guests {
					g.send(signaling.HostLost{Term: 1})
				}
				time.Sleep(200 * time.Millisecond)
				goes(servers[0])
				time.Sleep(20 * time.Second)
				synctest.Wait()
				for _, g := range guests {
					g.wantHost(guests[0], 2)
				}
			})
		})
	}
}
