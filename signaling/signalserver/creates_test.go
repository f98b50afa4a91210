package signalserver_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/signaling"
	membus "example.org/rtcpeer/signaling/cluster/memory"
	"example.org/rtcpeer/signaling/signalserver"
	"example.org/rtcpeer/testdata/bubble"
)

// A doorman lets only an admin create rooms. Joins with the token "slow" wait until it is told to let them go on.
type doorman struct {
	goOn chan struct{}

	mu    sync.Mutex // guards the fields below
	asked []bool     // Creates of each join
}

func newDoorman() *doorman { return &doorman{goOn: make(chan struct{})} }

func (d *doorman) admit(ctx context.Context, r signalserver.Request) (signalserver.Grant, error) {
	d.mu.Lock()
	d.asked = append(d.asked, r.Creates)
	d.mu.Unlock()
	if r.Join.Token == "slow" {
		select {
		case <-d.goOn:
		case <-ctx.Done():
		}
	}
	if r.Creates && r.Join.Token != "admin" {
		return signalserver.Grant{}, &signaling.Error{Code: signaling.CodeForbidden, Text: "only an admin creates rooms"}
	}
	return allRights, nil
}

// take returns what it was asked since the last call.
func (d *doorman) take() []bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	asked := d.asked
	d.asked = nil
	return asked
}

// Who is not admitted to create a room creates none through a server that does not own its name.
func TestWhoMayCreateARoomOfAnotherServer(t *testing.T) {
	admin := signaling.Join{Room: "vip", Token: "admin"}
	match := signaling.Join{Match: &signaling.Match{Key: "k", Size: 2}}
	for name, tt := range map[string]struct {
		before func(t *testing.T, owner *sharing)
		join   signaling.Join
		asked  []bool // Creates, when a stranger joins
	}{
		"a join of that name is in progress": {func(t *testing.T, owner *sharing) {
			owner.client(t).send(signaling.Join{Room: "vip", Token: "slow"})
			synctest.Wait()
		}, signaling.Join{Room: "vip"}, []bool{false, true}},
		"the room is asleep": {func(t *testing.T, owner *sharing) {
			owner.member(t, admin).vanish()
			time.Sleep(10 * time.Second) // of fake time
		}, signaling.Join{Room: "vip"}, []bool{false, true}},
		"a match": {func(t *testing.T, owner *sharing) {
			j := match
			j.Token = "admin"
			owner.client(t).send(j)
			synctest.Wait()
		}, match, []bool{true}},
	} {
		t.Run(name, func(t *testing.T) {
			bubble.Test(t, func(t *testing.T) {
				d := newDoorman()
				servers := share(t, new(membus.Hub), 2, signalserver.Config{Grace: time.Second, Admit: d.admit})
				time.Sleep(10 * time.Second) // of fake time: now a missing key proves that nobody owns the room
				tt.before(t, servers[0])
				d.take()
				stranger := servers[1].client(t)
				stranger.send(tt.join)
				stranger.wantRefused(signaling.CodeForbidden)
				require.Equal(t, tt.asked, d.take())

				// An admin may, and is asked only once more.
				tt.join.Token = "admin"
				c := servers[1].member(t, tt.join)
				require.Equal(t, tt.asked, d.take())
				if tt.join.Match == nil {
					c.wantJoined(servers[0].member(t, signaling.Join{Room: "vip"}))
					require.Equal(t, []bool{false}, d.take())
				}
				close(d.goOn)
			})
		})
	}
}

// A room ends while a stranger is admitted to it. The stranger does not create it anew.
func TestRoomEndsDuringAnAdmission(t *testing.T) {
	for name, at := range map[string]int{"here": 0, "at another server": 1} {
		t.Run(name, func(t *testing.T) {
			bubble.Test(t, func(t *testing.T) {
				d := newDoorman()
				servers := share(t, new(membus.Hub), 2, signalserver.Config{Admit: d.admit})
				admin := servers[0].member(t, signaling.Join{Room: "vip", Token: "admin"})
				d.take()
				stranger := servers[at].client(t)
				stranger.send(signaling.Join{Room: "vip", Token: "slow"})
				synctest.Wait()
				admin.send(signaling.Leave{})
				admin.wantClosed(1000, "")
				time.Sleep(time.Second) // of fake time: the owner has given up the name
				close(d.goOn)
				stranger.wantRefused(signaling.CodeForbidden)
				require.Equal(t, []bool{false, true}, d.take())
				require.Zero(t, servers[0].Stats().Rooms+servers[1].Stats().Rooms)
			})
		})
	}
}

// An admission takes almost as long as it may. The client is then one member, at once.
func TestSlowAdmissionAtAnotherServer(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		d := newDoorman()
		servers := share(t, new(membus.Hub), 2, signalserver.Config{Admit: d.admit})
		host := servers[0].member(t, signaling.Join{Room: "r", Token: "admin"})
		c := servers[1].client(t)
		c.send(signaling.Join{Room: "r", Token: "slow"})
		time.Sleep(4900 * time.Millisecond) // of fake time
		close(d.goOn)
		began := time.Now()
		c.wantWelcome()
		require.Less(t, time.Since(began), 100*time.Millisecond)
		host.wantJoined(c)
		host.wantNothing()
	})
}
