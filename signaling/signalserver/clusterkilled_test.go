package signalserver_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/signaling/cluster"
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

// The owner of a room is killed at the moment when the host, or an administrator, learns that the room is locked or sealed. It
// is so on the next server, too, although the record of the room had been written just before.
func TestConfirmedChangesOutliveTheOwner(t *testing.T) {
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
		for when, before := range map[string]time.Duration{"then": 200 * time.Millisecond, "just before": -time.Millisecond, "a while before": -2 * time.Second} {
			t.Run(name+" "+when, func(t *testing.T) {
				bubble.Test(t, func(t *testing.T) {
					servers := share(t, new(membus.Hub), 3, signalserver.Config{Grace: time.Hour})
					host := servers[0].member(t, migrating(ableToHost))
					host.vanish()
					join := migrating(ableToHost)
					join.Resume = host.welcome.Resume
					servers[1].member(t, join)
					guests := []*client{servers[1].member(t, migrating(ableToHost)), servers[2].member(t, migrating(ableToHost)), servers[2].member(t, migrating(ableToHost))}
					time.Sleep(time.Second) // of fake time
					if before < 0 {
						goes(servers[0])
						time.Sleep(-before)
					}
					for _, g := range guests {
						g.send(signaling.HostLost{Term: 1})
					}
					if before > 0 {
						time.Sleep(before)
						goes(servers[0])
					}
					time.Sleep(20 * time.Second)
					synctest.Wait()
					for _, g := range guests {
						g.wantHost(guests[0], 2)
					}
				})
			})
		}
	}
}

// The owner of a room is killed together with its host, as when both run on one machine. The next owner names the next host, and
// the room is as it was: locked, or with its password, or with the successor that the host has named.
func TestHostAndOwnerAreKilled(t *testing.T) {
	for name, tt := range map[string]struct {
		features  []string // of the first guest
		say       bool     // the guests tell that they have lost the host
		successor int
		next      int // which guest hosts the room then
	}{
		"and the guests say nothing":         {ableToHost, false, 0, 1},
		"and the guests have lost the host":  {ableToHost, true, 0, 1},
		"and the first cannot be host":       {following, true, 0, 2},
		"and the host has named a successor": {ableToHost, true, 3, 3},
	} {
		t.Run(name, func(t *testing.T) {
			bubble.Test(t, func(t *testing.T) {
				servers := share(t, new(membus.Hub), 3, signalserver.Config{})
				join := migrating(ableToHost)
				join.Password, join.Incarnation = "sesame", "first"
				all := []*client{servers[0].member(t, join)} // of the owner
				for i, at := range []int{1, 2, 2} {
					j := join
					if i == 0 {
						j.Features = tt.features
					}
					all = append(all, servers[at].member(t, j))
					require.IsType(t, signaling.Joined{}, all[0].next())
				}
				all[0].send(signaling.Lock{})
				for _, m := range all {
					require.IsType(t, signaling.Lock{}, m.next())
				}
				if tt.successor > 0 {
					all[0].send(signaling.Successor{ID: all[tt.successor].id()})
				}
				time.Sleep(time.Second) // of fake time: the record is written
				began := time.Now()
				servers[0].killed(all[0])
				if tt.say {
					time.Sleep(2 * time.Second)
					for _, m := range all[1:] {
						m.send(signaling.HostLost{Term: 1})
					}
				}
				host := all[tt.next]
				for _, m := range all[1:] {
					m.wantHost(host, 2)
				}
				require.Less(t, time.Since(began), 30*time.Second)
				t.Log("another host after", time.Since(began))
				wantSignals(t, []*client{host, all[1+tt.next%3]})

				late := servers[2].client(t)
				late.send(join)
				late.wantRefused(signaling.CodeLocked)
				host.send(signaling.Lock{Open: true})
				require.Equal(t, signaling.Lock{Open: true}, host.next())
				wrong := servers[1].client(t)
				wrong.send(migrating(ableToHost))
				wrong.wantRefused(signaling.CodeWrongPassword)
				newcomer := servers[1].member(t, join)
				require.Equal(t, host.id(), newcomer.welcome.Host)
				require.Equal(t, 2, newcomer.welcome.Term)

				back := servers[1].client(t)
				back.send(signaling.Join{Resume: all[0].welcome.Resume, Incarnation: "restarted", Features: ableToHost})
				require.NotEqual(t, signaling.Host, back.wantWelcome().ID)
				require.Equal(t, host.id(), back.welcome.Host)
			})
		})
	}
}

// A server claims a room of a killed server, and loses its lease before the bus answers. It does not keep the room, which
// another server owns by then: it would list it, and end it for all servers when the members do not come.
func TestLeaseIsLostDuringAClaim(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		hub := new(membus.Hub)
		config := signalserver.Config{Grace: 20 * time.Second}
		pause := new(pausedBus)
		servers := []*sharing{
			shareOne(t, hub, "killed", config),
			shareOver(t, hub.Bus(), func(b cluster.Bus) cluster.Bus { pause.Bus = b; return pause }, "paused", config),
			shareOne(t, hub, "next", config),
		}
		for _, s := range servers {
			s.wantReady(t)
		}
		host := servers[0].member(t, signaling.Join{Room: "r", Topology: signaling.Star})
		guest := servers[0].member(t, signaling.Join{Room: "r"})
		host.wantJoined(guest)
		other := servers[0].member(t, signaling.Join{Room: "other"})
		time.Sleep(time.Second) // of fake time: the records are written
		servers[0].killed(host, guest, other)
		time.Sleep(8 * time.Second)
		servers[2].resume(t, other) // finds that the lease of the killed server is over
		time.Sleep(time.Second)

		pause.set(true)
		servers[1].client(t).send(signaling.Join{Room: "r"})
		time.Sleep(3900 * time.Millisecond)
		pause.set(false)
		time.Sleep(time.Second)
		host, guest = servers[2].resume(t, host), servers[2].resume(t, guest)
		require.Zero(t, servers[1].Stats().Rooms)
		time.Sleep(40 * time.Second)

		go host.vanish()
		go guest.vanish()
		require.NoError(t, servers[2].Shutdown(context.Background()))
		host, guest = servers[1].resume(t, host), servers[1].resume(t, guest)
		wantSignals(t, []*client{host, guest})
	})
}

// rest returns what has come and was not received yet.
func (c *client) rest() (all []signaling.Message) {
	for {
		select {
		case m, more := <-c.received:
			if !more {
				return all
			}
			all = append(all, m)
		default:
			return all
		}
	}
}

// The owner of a room is dead, and no server knows that yet. What members send meanwhile takes effect on the next owner.
func TestMessagesToADeadOwner(t *testing.T) {
	for name, when := range map[string]time.Duration{"at once": 0, "a second later": time.Second, "three seconds later": 3 * time.Second} {
		t.Run(name, func(t *testing.T) {
			bubble.Test(t, func(t *testing.T) {
				servers := share(t, new(membus.Hub), 3, signalserver.Config{})
				join := migrating(ableToHost)
				first := servers[0].member(t, join)
				first.vanish()
				join.Resume = first.welcome.Resume
				host := servers[1].member(t, join)
				var guests []*client
				for _, at := range []int{1, 2, 1, 2} {
					guests = append(guests, servers[at].member(t, migrating(ableToHost)))
					require.IsType(t, signaling.Joined{}, host.next())
				}
				time.Sleep(time.Second) // of fake time: the record is written
				servers[0].killed()
				time.Sleep(when)
				for _, out := range guests[:2] {
					host.send(signaling.Kick{ID: out.id(), Text: "enough"})
				}
				host.send(signaling.Successor{ID: guests[3].id()})
				host.send(signaling.Lock{})
				guests[2].send(signaling.Metadata{Metadata: []byte(`{"name":"Ann"}`)})
				time.Sleep(20 * time.Second)

				synctest.Wait()
				for _, out := range guests[:2] {
					all := out.rest()
					require.NotEmpty(t, all)
					require.IsType(t, new(signaling.Error), all[len(all)-1])
					require.ErrorIs(t, all[len(all)-1].(*signaling.Error), &signaling.Error{Code: signaling.CodeKicked})
				}
				told := host.rest()
				require.Contains(t, told, signaling.Message(signaling.Metadata{ID: guests[2].id(), Metadata: []byte(`{"name":"Ann"}`)}))
				for _, all := range [][]signaling.Message{told, guests[2].rest(), guests[3].rest()} {
					require.Contains(t, all, signaling.Message(signaling.Lock{}))
				}
				host.send(signaling.Leave{})
				guests[2].wantHost(guests[3], 2)
			})
		})
	}
}
