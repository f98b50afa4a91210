package signalserver_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/signaling"
	membus "example.org/rtcpeer/signaling/cluster/memory"
	"example.org/rtcpeer/signaling/signalserver"
	"example.org/rtcpeer/testdata/bubble"
)

// An administrator acts on a room while its server hands it over. What is reported as done holds on the next server.
func TestAdministrationDuringHandOver(t *testing.T) {
	for i := range 12 {
		bubble.Test(t, func(t *testing.T) {
			servers := share(t, new(membus.Hub), 3, signalserver.Config{Grace: time.Minute})
			members := spread(t, servers, signaling.Join{Room: "r"})
			time.Sleep(time.Second) // of fake time: the record is written
			require.True(t, servers[0].SetLocked("r", true))
			time.Sleep(10 * time.Millisecond) // that is written, and the next record is a while later
			servers[0].bus.Slow(time.Second, 0)
			require.True(t, servers[0].SetLocked("r", false))
			go members[0].vanish()
			down := make(chan error, 1)
			go func() { down <- servers[0].Shutdown(context.Background()) }()
			time.Sleep(time.Duration(i) * 100 * time.Millisecond)
			locked := servers[0].SetLocked("r", true)
			kicked := servers[0].Kick("r", members[2].id(), "")
			<-down
			time.Sleep(20 * time.Second)
			c := servers[1].client(t)
			c.send(signaling.Join{Room: "r"})
			if locked {
				c.wantRefused(signaling.CodeLocked)
			}
			back := servers[1].client(t)
			back.send(signaling.Join{Resume: members[2].welcome.Resume})
			if kicked {
				back.wantRefused(signaling.CodeResumeRefused)
			}
		})
	}
}

// All members of a room are lost, and it sleeps. Another server wakes it, after the first one has lost its lease, and gives it
// back. What has happened to the room there holds: it does not wake as it fell asleep.
func TestSleepingRoomMoves(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		servers := share(t, new(membus.Hub), 2, signalserver.Config{Grace: time.Second})
		members := spread(t, servers, signaling.Join{Room: "r"})
		time.Sleep(time.Second) // of fake time: the record is written
		for _, m := range members {
			m.vanish()
			time.Sleep(500 * time.Millisecond)
		}
		time.Sleep(5 * time.Second) // both have lost their places
		servers[0].bus.Cut(true)
		time.Sleep(10 * time.Second)
		servers[0].bus.Cut(false)
		servers[0].wantReady(t)

		host := servers[1].resume(t, members[0])
		members[1] = servers[1].resume(t, members[1])
		host.wantJoined(members[1])
		host.send(signaling.Kick{ID: members[1].id()})
		host.want(signaling.Left{ID: members[1].id(), Reason: signaling.LeftKicked})
		host.send(signaling.Lock{})
		host.want(signaling.Lock{})
		time.Sleep(time.Second)
		servers[1].bus.Cut(true)
		time.Sleep(10 * time.Second)
		kicked := servers[0].client(t)
		kicked.send(signaling.Join{Resume: members[1].welcome.Resume})
		kicked.wantRefused(signaling.CodeResumeRefused)
		late := servers[0].client(t)
		late.send(signaling.Join{Room: "r"})
		late.wantRefused(signaling.CodeLocked)
	})
}

// While a room sleeps, somebody has its name for a moment, and its owner is stopped or killed. As on a single server, the name is
// free, and the members can come back as long as nobody has taken the name.
func TestRoomSleepsOnTheNextServer(t *testing.T) {
	for how, goes := range map[string]func(t *testing.T, owner *sharing){
		"the owner is stopped": func(t *testing.T, owner *sharing) { require.NoError(t, owner.Shutdown(context.Background())) },
		"the owner is killed":  func(_ *testing.T, owner *sharing) { owner.killed(); time.Sleep(10 * time.Second) }, // of fake time
	} {
		for who, comes := range map[string]func(t *testing.T, next *sharing, members []*client){
			"and a newcomer comes": func(t *testing.T, next *sharing, members []*client) {
				newcomer := next.member(t, signaling.Join{Room: "r", Topology: signaling.Star})
				require.Equal(t, signaling.Host, newcomer.id())
				require.Empty(t, newcomer.welcome.Members)
				next.refuseResume(t, signaling.Join{Resume: members[0].welcome.Resume})
			},
			"and the members come": func(t *testing.T, next *sharing, members []*client) {
				host := next.resume(t, members[0])
				require.True(t, host.welcome.Locked)
				require.Empty(t, host.welcome.Members)
				guest := next.resume(t, members[1])
				host.wantJoined(guest)
				wantSignals(t, []*client{host, guest})
				late := next.client(t)
				late.send(signaling.Join{Room: "r", Password: "p"})
				late.wantRefused(signaling.CodeLocked)
			},
		} {
			t.Run(how+" "+who, func(t *testing.T) {
				bubble.Test(t, func(t *testing.T) {
					servers := share(t, new(membus.Hub), 3, signalserver.Config{Grace: time.Second})
					members := spread(t, servers[:2], signaling.Join{Room: "r", Password: "p"})
					members[0].send(signaling.Lock{})
					for _, m := range members {
						m.want(signaling.Lock{})
					}
					time.Sleep(time.Second) // the record is written
					for _, m := range members {
						m.vanish()
						time.Sleep(500 * time.Millisecond)
					}
					time.Sleep(5 * time.Second) // both have lost their places
					servers[2].member(t, signaling.Join{Room: "r"}).send(signaling.Leave{})
					time.Sleep(time.Second)
					goes(t, servers[0])
					comes(t, servers[1], members)
				})
			})
		}
	}
}

// A server is cut off until all members of a room have lost their places. They are its clients, and are attached again when it
// is back, also if the room has another owner by then.
func TestServerIsCutOffUntilTheRoomSleeps(t *testing.T) {
	for name, meanwhile := range map[string]func(owner *sharing){
		"the owner stays":     func(*sharing) {},
		"the owner is killed": func(owner *sharing) { owner.killed(); time.Sleep(10 * time.Second) }, // of fake time
	} {
		t.Run(name, func(t *testing.T) {
			bubble.Test(t, func(t *testing.T) {
				servers := share(t, new(membus.Hub), 2, signalserver.Config{Grace: 5 * time.Second})
				members := spread(t, []*sharing{servers[0], servers[1], servers[1]}, signaling.Join{Room: "r"})
				members[0].vanish()
				members[0] = servers[1].resume(t, members[0])
				members[0].send(signaling.Lock{})
				for _, m := range members {
					m.want(signaling.Lock{})
				}
				time.Sleep(time.Second) // the record is written
				servers[1].bus.Cut(true)
				time.Sleep(20 * time.Second)
				require.Zero(t, servers[0].Stats().Rooms)
				meanwhile(servers[0])
				servers[1].bus.Cut(false)
				time.Sleep(20 * time.Second)
				wantSignals(t, members)
				late := servers[1].client(t)
				late.send(signaling.Join{Room: "r"})
				late.wantRefused(signaling.CodeLocked)
			})
		})
	}
}

// A ban that was made, or lifted, while a server was cut off from the others reaches it when it is back.
func TestBansOfAServerThatWasCutOff(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		servers := share(t, new(membus.Hub), 3, signalserver.Config{})
		old, err := servers[1].Ban(signalserver.Ban{Subject: "old"})
		require.NoError(t, err)
		time.Sleep(time.Second) // of fake time
		require.Len(t, servers[0].Bans(), 1)
		servers[0].bus.Cut(true)
		time.Sleep(time.Minute)
		made, err := servers[1].Ban(signalserver.Ban{Subject: "new"})
		require.NoError(t, err)
		own, err := servers[0].Ban(signalserver.Ban{Subject: "own"})
		require.NoError(t, err)
		require.True(t, servers[2].Unban(old.Number))
		time.Sleep(time.Minute)
		servers[0].bus.Cut(false)
		time.Sleep(10 * time.Second)
		for i, s := range servers {
			var numbers []uint64
			for _, b := range s.Bans() {
				numbers = append(numbers, b.Number)
			}
			require.ElementsMatch(t, []uint64{made.Number, own.Number}, numbers, fmt.Sprint("server ", i))
		}
	})
}

// What a server tells another may be larger than a message of the bus: an administrator asks for all rooms.
func TestAnswersLargerThanAMessageOfTheBus(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		servers := share(t, new(membus.Hub), 2, signalserver.Config{})
		members := spread(t, servers, signaling.Join{Room: "r"})
		metadata := json.RawMessage(`"` + strings.Repeat("x", signaling.MaxMetadata-2) + `"`)
		for size := 0; size < servers[0].bus.MaxMessage()+1<<16; size += len(metadata) {
			servers[0].member(t, signaling.Join{NewRoom: signaling.NewRoom{Public: true, Metadata: metadata}})
		}
		want := servers[0].Stats().Rooms
		for range 2 {
			require.Len(t, servers[1].Rooms(), want)
			began := time.Now()
			wantSignals(t, members)
			require.Less(t, time.Since(began), time.Second)
		}
	})
}

// A member is banned while its room is handed over, or moves with its server's lease: the next owner does not take it in.
func TestBanWhileTheRoomMoves(t *testing.T) {
	for i := range 12 {
		bubble.Test(t, func(t *testing.T) {
			servers := share(t, new(membus.Hub), 3, signalserver.Config{Grace: time.Minute})
			members := spread(t, servers, signaling.Join{Room: "r"})
			require.True(t, servers[0].SetLocked("r", true))
			time.Sleep(10 * time.Millisecond) // of fake time: that is written, and the next record is a while later
			servers[0].bus.Slow(time.Second, 0)
			require.True(t, servers[0].SetLocked("r", false))
			go members[0].vanish()
			down := make(chan error, 1)
			go func() { down <- servers[0].Shutdown(context.Background()) }()
			time.Sleep(time.Duration(i) * 100 * time.Millisecond)
			_, err := servers[1].Ban(signalserver.Ban{Room: "r", ID: members[2].id()})
			<-down
			time.Sleep(20 * time.Second)
			if err != nil {
				return // no server had the room at that moment, which is what the administrator is told
			}
			list, ok := servers[1].Members("r")
			require.True(t, ok)
			for _, m := range list {
				require.False(t, m.ID == members[2].id() && m.Connected)
			}
		})
	}
}

// Tickets of a room that has ended, and of kicked members, are refused by all servers, also by one that was started since.
func TestKicksAndEndsHoldOnAllServers(t *testing.T) {
	for name, end := range map[string]func(servers []*sharing, host, guest *client){
		"the host leaves": func(_ []*sharing, host, _ *client) { host.send(signaling.Leave{}) },
		"it is closed":    func(servers []*sharing, _, _ *client) { require.True(t, servers[1].CloseRoom("r", "")) },
		"one is taken out, and it ends": func(_ []*sharing, host, guest *client) {
			host.send(signaling.Kick{ID: guest.id()})
			synctest.Wait()
			host.vanish()
			time.Sleep(time.Minute) // of fake time
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble.Test(t, func(t *testing.T) {
				hub := new(membus.Hub)
				servers := share(t, hub, 3, signalserver.Config{Grace: 5 * time.Second, RebuildTime: time.Hour})
				members := starOver(t, servers)
				end(servers, members[0], members[1])
				time.Sleep(time.Second)
				servers = append(servers, shareOne(t, hub, "late", signalserver.Config{RebuildTime: time.Hour}))
				servers[3].wantReady(t)
				time.Sleep(5 * time.Second)
				for _, s := range servers {
					c := s.client(t)
					c.send(signaling.Join{Resume: members[1].welcome.Resume})
					c.wantRefused(signaling.CodeResumeRefused)
				}
			})
		})
	}
}

// starOver is a star with its host at the first server and a guest at each other one.
func starOver(t *testing.T, servers []*sharing) []*client {
	t.Helper()
	var members []*client
	for _, s := range servers {
		members = append(members, s.member(t, signaling.Join{Room: "r", Topology: signaling.Star}))
	}
	return members
}

// Signals that are kept for members of other servers are bounded for each address, as those for members of this one.
func TestBudgetOfMembersOfOtherServers(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		servers := share(t, new(membus.Hub), 2, signalserver.Config{RemoteAddr: from, MaxBuffered: budget, MessageRate: -1, Grace: time.Hour})
		host := servers[0].clientFrom(t, evil)
		host.send(signaling.Join{Room: "r"})
		host.wantWelcome()
		data := `"` + strings.Repeat("x", 60<<10) + `"`
		var away []*client
		for range 40 {
			c := servers[1].clientFrom(t, evil)
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
		time.Sleep(5 * time.Second) // of fake time
		require.LessOrEqual(t, servers[0].Stats().Buffered, budget/8, "one address has a sixteenth")
		for _, s := range servers {
			c := s.clientFrom(t, honest)
			c.send(signaling.Join{Room: "honest"})
			c.wantWelcome()
		}
	})
}

// A server with another resume key refuses the members of the others. All of them say so in their logs.
func TestServersWithDifferentResumeKeys(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		hub := new(membus.Hub)
		var logs [3]bytes.Buffer
		var servers []*sharing
		for i, resumeKey := range []string{"0123456789abcdef", "0123456789abcdef", "fedcba9876543210"} {
			bus := hub.Bus()
			s := serveInMemory(t, signalserver.Config{
				Bus: bus, ServerName: fmt.Sprint("s", i), ResumeKey: []byte(resumeKey), Recovery: -1,
				Log: slog.New(slog.NewTextHandler(&logs[i], nil)),
			})
			servers = append(servers, &sharing{s, bus})
			servers[i].wantReady(t)
		}
		members := spread(t, servers, signaling.Join{Room: "r"})
		wantSignals(t, members)
		members[2].vanish()
		servers[1].resume(t, members[2]) // its token is of the owner of the room
		members[0].vanish()
		servers[2].refuseResume(t, signaling.Join{Resume: members[0].welcome.Resume})
		for _, s := range servers {
			shutDown(t, s.Server)
		}
		const text = "different resume keys"
		require.Equal(t, 1, strings.Count(logs[0].String(), text))
		require.Equal(t, 1, strings.Count(logs[1].String(), text))
		require.Equal(t, 2, strings.Count(logs[2].String(), text))
		require.Contains(t, logs[0].String(), "other=s2")
	})
}

// The same for members whose server is cut off: everything is kept for them until it is back.
func TestBudgetOfMembersWhoseServerIsCutOff(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		servers := share(t, new(membus.Hub), 2, signalserver.Config{RemoteAddr: from, MaxBuffered: budget, MessageRate: -1, Grace: time.Hour})
		host := servers[0].clientFrom(t, evil)
		host.send(signaling.Join{Room: "r"})
		host.wantWelcome()
		var away []*client
		for range 40 {
			c := servers[1].clientFrom(t, evil)
			c.send(signaling.Join{Room: "r"})
			c.wantWelcome()
			away = append(away, c)
		}
		servers[1].bus.Cut(true)
		time.Sleep(20 * time.Second) // of fake time: its lease is over
		data := `"` + strings.Repeat("x", 60<<10) + `"`
		for _, c := range away {
			for range 10 {
				host.signal(c.id(), data)
			}
		}
		time.Sleep(5 * time.Second)
		require.LessOrEqual(t, servers[0].Stats().Buffered, budget/8, "one address has a sixteenth")
		require.NotZero(t, servers[0].Stats().Dropped["over_budget"])
		c := servers[0].clientFrom(t, honest)
		c.send(signaling.Join{Room: "honest"})
		c.wantWelcome()
	})
}

// Another server has taken a room whose owner does not know yet that its lease has ended. The owner finds that out when it
// records a change. It gives the room up, and the members go on at the new owner.
func TestRoomThatAnotherServerHasTaken(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		hub := new(membus.Hub)
		servers := share(t, hub, 2, signalserver.Config{Grace: time.Minute})
		members := spread(t, servers, signaling.Join{Room: "r"})
		servers[1].member(t, signaling.Join{Room: "other"})
		time.Sleep(time.Second) // of fake time: both rooms are recorded

		bus := hub.Bus()
		var taken, other struct {
			Lease   string          `json:"lease"`
			Process uint64          `json:"process"`
			Record  json.RawMessage `json:"record"`
		}
		value, revision, err := bus.Get(t.Context(), "room.r")
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(value, &taken))
		value, _, err = bus.Get(t.Context(), "room.other")
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(value, &other))
		taken.Lease, taken.Process = other.Lease, other.Process
		value, err = json.Marshal(taken)
		require.NoError(t, err)
		_, err = bus.Update(t.Context(), "room.r", value, revision, 0)
		require.NoError(t, err)

		members[0].send(signaling.Lock{})
		time.Sleep(10 * time.Second)
		stats, _ := servers[0].ClusterStats()
		require.EqualValues(t, 1, stats.ClaimsLost)
		for _, c := range members {
			c.drain()
		}
		wantSignals(t, members)
	})
}

// drain takes what has come until now.
func (c *client) drain() {
	for {
		select {
		case m, open := <-c.received:
			if !open {
				return
			}
			if r, ok := m.(signaling.Resume); ok {
				c.welcome.Resume = r.Token
			}
		default:
			return
		}
	}
}
