package signalserver_test

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
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

// A member server is one of several that share a bus.
type sharing struct {
	*server
	bus *membus.Bus
}

// share starts servers that share a hub, in the fake time of synctest, and waits until all are ready.
func share(t *testing.T, hub *membus.Hub, n int, config signalserver.Config) []*sharing {
	t.Helper()
	var list []*sharing
	for i := range n {
		list = append(list, shareOne(t, hub, fmt.Sprintf("s%d", i), config))
	}
	for _, s := range list {
		s.wantReady(t)
	}
	return list
}

func shareOne(t *testing.T, hub *membus.Hub, name string, config signalserver.Config) *sharing {
	t.Helper()
	return shareOver(t, hub.Bus(), func(b cluster.Bus) cluster.Bus { return b }, name, config)
}

// shareOver is shareOne for a server that sees the bus through something.
func shareOver(t *testing.T, bus *membus.Bus, through func(cluster.Bus) cluster.Bus, name string, config signalserver.Config) *sharing {
	t.Helper()
	config.Bus, config.ServerName, config.ResumeKey = through(bus), name, key
	config.Recovery, config.JoinRate, config.ConnectRate = cmp.Or(config.Recovery, -1), -1, -1
	if os.Getenv("RTCPEER_LOG") != "" {
		config.Log = slog.New(slog.NewTextHandler(os.Stderr, nil)).With("at", name)
	}
	return &sharing{serveInMemory(t, config), bus}
}

func (s *sharing) wantReady(t *testing.T) {
	t.Helper()
	for range 600 {
		if s.Ready() == nil {
			return
		}
		time.Sleep(100 * time.Millisecond) // of fake time
	}
	require.NoError(t, s.Ready())
}

// spread is a room with a host at the first server and a member at each other one.
func spread(t *testing.T, servers []*sharing, j signaling.Join) []*client {
	t.Helper()
	var members []*client
	for _, s := range servers {
		c := s.member(t, j)
		for _, other := range members {
			other.wantJoined(c)
		}
		members = append(members, c)
	}
	return members
}

// wantSignals has each member send to each other one.
func wantSignals(t *testing.T, members []*client) {
	t.Helper()
	for i, from := range members {
		for k, to := range members {
			if i == k {
				continue
			}
			data := fmt.Sprintf(`"%d to %d"`, i, k)
			from.signal(to.id(), data)
			require.Equal(t, signaling.Signal{From: from.id(), Data: []byte(data)}, to.skipMoved(members))
		}
	}
}

// skipMoved returns the next message that does not come of a move of the room: a new ticket, which it takes, or, for a member
// that came back meanwhile, that another one is there again.
func (c *client) skipMoved(members []*client) signaling.Message {
	c.t.Helper()
	for {
		switch m := c.receive().(type) {
		case signaling.Resume:
			c.welcome.Resume = m.Token
		case signaling.Joined:
			if !slices.ContainsFunc(members, func(c *client) bool { return c.id() == m.Member.ID }) {
				return m
			}
		default:
			return m
		}
	}
}

func TestMembersOfOneRoomOnThreeServers(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		servers := share(t, new(membus.Hub), 3, signalserver.Config{})
		members := spread(t, servers, signaling.Join{Room: "r", Password: "p"})
		require.Equal(t, signaling.Host, members[0].id())
		require.Len(t, members[2].welcome.Members, 2)
		wantSignals(t, members)

		wrong := servers[2].client(t)
		wrong.send(signaling.Join{Room: "r", Password: "wrong"})
		wrong.wantRefused(signaling.CodeWrongPassword)

		members[1].send(signaling.Lock{})
		members[1].wantError(signaling.CodeNotHost)
		members[0].send(signaling.Lock{})
		for _, c := range members {
			c.want(signaling.Lock{})
		}
		late := servers[1].client(t)
		late.send(signaling.Join{Room: "r", Password: "p"})
		late.wantRefused(signaling.CodeLocked)

		members[0].send(signaling.Kick{ID: members[2].id()})
		members[2].wantRefused(signaling.CodeKicked)
		members[0].want(signaling.Left{ID: members[2].id(), Reason: signaling.LeftKicked})
		members[1].want(signaling.Left{ID: members[2].id(), Reason: signaling.LeftKicked})
		again := servers[0].client(t)
		again.send(signaling.Join{Resume: members[2].welcome.Resume})
		again.wantRefused(signaling.CodeResumeRefused)

		members[1].send(signaling.Leave{})
		members[1].wantClosed(1000, "")
		members[0].want(signaling.Left{ID: members[1].id(), Reason: signaling.LeftByItself})
	})
}

// A member whose server stays comes back over another one.
func TestResumeOverAnotherServer(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		servers := share(t, new(membus.Hub), 3, signalserver.Config{})
		members := spread(t, servers, signaling.Join{Room: "r"})
		members[1].vanish()
		members[1] = servers[2].resume(t, members[1])
		wantSignals(t, members)
		members[0].vanish()
		members[0] = servers[1].resume(t, members[0])
		wantSignals(t, members)
	})
}

// The owner of the room loses the bus, as if it were dead: another server goes on, and nobody notices.
func TestOwnerDies(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		servers := share(t, new(membus.Hub), 3, signalserver.Config{Grace: time.Minute})
		members := spread(t, servers, signaling.Join{Room: "r", Password: "p"})
		members[0].send(signaling.Lock{})
		for _, c := range members {
			c.want(signaling.Lock{})
		}
		time.Sleep(time.Second) // of fake time: the record is written
		servers[0].bus.Cut(true)
		members[0].vanish()
		time.Sleep(7 * time.Second)
		late := servers[2].client(t)
		late.send(signaling.Join{Room: "r", Password: "p"})
		late.wantRefused(signaling.CodeLocked)
		wantSignals(t, members[1:])

		members[0] = servers[1].resume(t, members[0])
		require.True(t, members[0].welcome.Locked)
		wantSignals(t, members)
		members[0].send(signaling.Lock{Open: true})
		for _, c := range members {
			c.want(signaling.Lock{Open: true})
		}
		c := servers[2].member(t, signaling.Join{Room: "r", Password: "p"})
		require.Len(t, c.welcome.Members, 3)
	})
}

// The owner of the room dies, and somebody joins before the members are attached to the next one. Each of them is told, also
// where the next owner does not know the members, as the record of the room was not written in time or is lost.
func TestNewcomerBeforeTheMembersOfTheLastOwner(t *testing.T) {
	for name, lose := range map[string]func(hub *membus.Hub){
		"record":                      func(*membus.Hub) { time.Sleep(time.Second) }, // of fake time
		"record without the members":  func(*membus.Hub) {},
		"no record, bucket was lost":  func(hub *membus.Hub) { time.Sleep(time.Second); hub.Empty() },
		"no record, while it is slow": func(hub *membus.Hub) { hub.Empty(); time.Sleep(time.Millisecond) },
	} {
		for _, at := range []int{1, 2} {
			t.Run(fmt.Sprint(name, at), func(t *testing.T) {
				bubble.Test(t, func(t *testing.T) {
					hub := new(membus.Hub)
					servers := share(t, hub, 3, signalserver.Config{Grace: time.Minute, Recovery: 5 * time.Second})
					for _, s := range servers {
						s.bus.Slow(5*time.Millisecond, 0)
					}
					members := spread(t, servers, signaling.Join{Room: "r"})
					servers[0].bus.Cut(true)
					lose(hub)
					members[0].vanish()
					c := servers[at].member(t, signaling.Join{Room: "r"})
					time.Sleep(15 * time.Second)
					for _, m := range members[1:] {
						require.Equal(t, signaling.Joined{Member: signaling.Member{ID: c.id()}}, m.skipMoved(members))
					}
					wantSignals(t, append(members[1:], c))
				})
			})
		}
	}
}

// A server without the bus refuses joins with a hint, and is well again by itself.
func TestBusAwayForAMinute(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		servers := share(t, new(membus.Hub), 3, signalserver.Config{Grace: 2 * time.Minute})
		members := spread(t, servers, signaling.Join{Room: "r"})
		time.Sleep(time.Second) // of fake time: the record is written
		for _, s := range servers {
			s.bus.Cut(true)
		}
		time.Sleep(10 * time.Second)
		for _, s := range servers {
			require.Error(t, s.Ready())
			c := s.client(t)
			c.send(signaling.Join{Room: "r"})
			require.NotZero(t, c.wantError(signaling.CodeInternal).RetryMillis)
		}
		time.Sleep(50 * time.Second)
		for _, s := range servers {
			s.bus.Cut(false)
		}
		time.Sleep(10 * time.Second)
		for _, s := range servers {
			require.NoError(t, s.Ready())
		}
		wantSignals(t, members)
		require.Len(t, servers[1].member(t, signaling.Join{Room: "r"}).welcome.Members, 3)
	})
}

func TestShutdownHandsRoomsOver(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		servers := share(t, new(membus.Hub), 3, signalserver.Config{})
		members := spread(t, servers, signaling.Join{Room: "r"})
		began := time.Now()
		go members[0].vanish()
		require.NoError(t, servers[0].Shutdown(context.Background()))
		members[0] = servers[1].resume(t, members[0])
		c := servers[2].member(t, signaling.Join{Room: "r"})
		require.Less(t, time.Since(began), time.Second)
		for _, m := range members {
			require.Equal(t, signaling.Joined{Member: signaling.Member{ID: c.id()}}, m.skipMoved(members))
		}
		wantSignals(t, members)
	})
}

// Somebody empties the bucket. Who joins a room then finds the members of it, also over a server that does not know its
// owner, and whoever wants to found one can.
func TestEmptiedBucket(t *testing.T) {
	for i := range 20 {
		bubble.Test(t, func(t *testing.T) {
			hub := new(membus.Hub)
			servers := share(t, hub, 3, signalserver.Config{})
			members := spread(t, servers[:2], signaling.Join{Room: "r"})
			members[0].send(signaling.Lock{})
			members[0].send(signaling.Lock{Open: true})
			for _, c := range members {
				c.want(signaling.Lock{})
				c.want(signaling.Lock{Open: true})
			}
			time.Sleep(time.Second + time.Duration(i)*50*time.Millisecond) // of fake time: the record is written
			hub.Empty()
			time.Sleep(time.Duration(i%10) * 120 * time.Millisecond)
			c := servers[2].member(t, signaling.Join{Room: "r"})
			require.Len(t, c.welcome.Members, 2)
			members = append(members, c)
			wantSignals(t, members)
			began := time.Now()
			servers[1].member(t, signaling.Join{Room: "another"})
			require.Less(t, time.Since(began), 6*time.Second)
			time.Sleep(10 * time.Second)
			wantSignals(t, members)
			require.Len(t, servers[1].member(t, signaling.Join{Room: "r"}).welcome.Members, 3)
		})
	}
}

// A bus that loses a tenth and delays the rest loses nothing for the members.
func TestSlowAndLossyBus(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		servers := share(t, new(membus.Hub), 3, signalserver.Config{})
		for _, s := range servers {
			s.bus.Slow(100*time.Millisecond, 0.1)
		}
		members := spread(t, servers, signaling.Join{Room: "r"})
		for range 20 {
			wantSignals(t, members)
		}
	})
}

func TestMatchOverServers(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		servers := share(t, new(membus.Hub), 3, signalserver.Config{})
		topologies := []signaling.Topology{"", signaling.Mesh, ""} // a join without one asks for a mesh
		var members []*client
		for i, s := range servers {
			c := s.client(t)
			c.send(signaling.Join{Match: &signaling.Match{Key: "k", Size: 3}, Topology: topologies[i]})
			synctest.Wait()
			members = append(members, c)
		}
		for _, c := range members {
			require.Len(t, c.wantWelcome().Members, 2)
		}
		wantSignals(t, members)
	})
}

// A server loses its lease while somebody is admitted to a match there. The match is found all the same.
func TestLeaseIsLostDuringTheAdmissionToAMatch(t *testing.T) {
	for name, back := range map[string]bool{"and the server is back": true, "and the server is not back yet": false} {
		t.Run(name, func(t *testing.T) {
			bubble.Test(t, func(t *testing.T) {
				goOn := make(chan struct{})
				servers := share(t, new(membus.Hub), 2, signalserver.Config{Admit: func(ctx context.Context, r signalserver.Request) (signalserver.Grant, error) {
					if r.Join.Token == "slow" {
						select {
						case <-goOn:
						case <-ctx.Done():
						}
					}
					return allRights, nil
				}})
				match := signaling.Join{Token: "slow", Match: &signaling.Match{Key: "k", Size: 2}}
				first := servers[0].client(t)
				first.send(match)
				synctest.Wait()
				servers[0].bus.Cut(true)
				time.Sleep(8 * time.Second) // of fake time
				if back {
					servers[0].bus.Cut(false)
					servers[0].wantReady(t)
				}
				close(goOn)
				synctest.Wait()
				servers[0].bus.Cut(false)
				match.Token = ""
				second := servers[1].client(t)
				second.send(match)
				require.Len(t, first.wantWelcome().Members, 1)
				require.Len(t, second.wantWelcome().Members, 1)
				wantSignals(t, []*client{first, second})
			})
		})
	}
}

// Lists and administration are the same whichever server is asked.
func TestListAndAdministrationOfAllServers(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		hub := new(membus.Hub)
		servers := share(t, hub, 3, signalserver.Config{MaxPublicPerAddress: -1})
		var members []*client
		for i := range 30 {
			j := signaling.Join{Room: signaling.RoomName(fmt.Sprintf("r-%02d", i)), NewRoom: signaling.NewRoom{Public: true}}
			members = append(members, servers[i%3].member(t, j))
		}
		asking := servers[1].client(t)
		seen := make(map[signaling.RoomName]int)
		for l := (signaling.List{Limit: 7}); ; {
			asking.send(l)
			page := asking.receive().(signaling.Rooms)
			require.LessOrEqual(t, len(page.Rooms), 7)
			for _, r := range page.Rooms {
				seen[r.Room]++
			}
			if page.Next == "" {
				break
			}
			l.After = page.Next
		}
		require.Len(t, seen, 30)
		for name, times := range seen {
			require.Equal(t, 1, times, name)
		}

		require.Len(t, servers[2].Rooms(), 30)
		list, ok := servers[2].Members("r-00")
		require.True(t, ok)
		require.Len(t, list, 1)
		require.True(t, servers[2].SetLocked("r-00", true))
		members[0].want(signaling.Lock{})
		require.True(t, servers[1].Kick("r-00", signaling.Host, "out"))
		members[0].wantRefused(signaling.CodeKicked)
		require.False(t, servers[1].Kick("r-00", signaling.Host, "out"))
		require.True(t, servers[0].CloseRoom("r-01", ""))
		members[1].wantRefused(signaling.CodeRoomClosed)

		ban, err := servers[0].Ban(signalserver.Ban{Room: "r-02", ID: signaling.Host})
		require.NoError(t, err)
		members[2].wantRefused(signaling.CodeKicked)
		later := shareOne(t, hub, "later", signalserver.Config{})
		later.wantReady(t)
		time.Sleep(3 * time.Second) // of fake time
		for _, s := range append(servers, later) {
			require.Len(t, s.Bans(), 1)
			back := s.client(t)
			back.send(signaling.Join{Resume: members[2].welcome.Resume})
			back.wantRefused(signaling.CodeForbidden)
		}
		require.True(t, servers[1].Unban(ban.Number))
		require.Empty(t, later.Bans())
	})
}

// A countedBus counts what a server asks of the keys of rooms, and of leases other than its own.
type countedBus struct {
	cluster.Bus

	mu    sync.Mutex // guards the fields below
	mine  string     // the lease that it has created
	calls []string
}

func (b *countedBus) count(op, key string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.mine == "" && strings.HasPrefix(key, "lease.") {
		b.mine = key
	}
	if key != b.mine {
		b.calls = append(b.calls, op+" "+key)
	}
}

func (b *countedBus) take() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	calls := b.calls
	b.calls = nil
	return calls
}

func (b *countedBus) Create(ctx context.Context, key string, value []byte, ttl time.Duration) (uint64, error) {
	b.count("create", key)
	return b.Bus.Create(ctx, key, value, ttl)
}

func (b *countedBus) Update(ctx context.Context, key string, value []byte, revision uint64, ttl time.Duration) (uint64, error) {
	b.count("update", key)
	return b.Bus.Update(ctx, key, value, revision, ttl)
}

func (b *countedBus) Get(ctx context.Context, key string) ([]byte, uint64, error) {
	b.count("get", key)
	return b.Bus.Get(ctx, key)
}

// A join at a server that does not own the room asks the bus once who does, and the owner once. Where the server knows
// the owner already it does not ask the bus. Nothing is written.
func TestJoinAtAnotherServerAsksTheBusOnce(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		hub := new(membus.Hub)
		owner := shareOne(t, hub, "owner", signalserver.Config{})
		counted := new(countedBus)
		other := shareOver(t, hub.Bus(), func(b cluster.Bus) cluster.Bus { counted.Bus = b; return counted }, "other", signalserver.Config{})
		owner.wantReady(t)
		other.wantReady(t)
		owner.member(t, signaling.Join{Room: "r"})
		time.Sleep(time.Second) // of fake time
		counted.take()

		other.member(t, signaling.Join{Room: "r"})
		require.Equal(t, []string{"get room.r"}, counted.take())
		other.member(t, signaling.Join{Room: "r"})
		require.Empty(t, counted.take())
		time.Sleep(time.Second)
		require.Empty(t, counted.take())

		other.member(t, signaling.Join{Room: "new"})
		require.Equal(t, []string{"get room.new", "create room.new"}, counted.take()[:2]) // then its record
	})
}

// A server that believes a former owner of a room asks the bus again.
func TestFormerOwnerIsNotBelieved(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		servers := share(t, new(membus.Hub), 3, signalserver.Config{Grace: -1})
		first := servers[0].member(t, signaling.Join{Room: "r"})
		second := servers[2].member(t, signaling.Join{Room: "r"})
		first.wantJoined(second)
		second.send(signaling.Leave{})
		second.wantClosed(1000, "")
		first.want(signaling.Left{ID: second.id(), Reason: signaling.LeftByItself})
		first.send(signaling.Leave{})
		first.wantClosed(1000, "")
		time.Sleep(time.Second) // of fake time: the room is given up
		servers[1].member(t, signaling.Join{Room: "r"})
		require.Len(t, servers[2].member(t, signaling.Join{Room: "r"}).welcome.Members, 1)
	})
}

// A join whose answer comes too late is tried again. There is one member of it in the end.
func TestJoinWhoseAnswerIsLateIsOneMember(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		servers := share(t, new(membus.Hub), 2, signalserver.Config{})
		first := servers[0].member(t, signaling.Join{Room: "r"})
		first.wantJoined(servers[1].member(t, signaling.Join{Room: "r"})) // the owner is known
		late := servers[1].client(t)
		servers[1].bus.Deaf(true)
		late.send(signaling.Join{Room: "r"})
		time.Sleep(5 * time.Second) // of fake time: it joined, and nobody at its server knows
		servers[1].bus.Deaf(false)
		w := late.wantWelcome()
		time.Sleep(5 * time.Second)
		c := servers[0].member(t, signaling.Join{Room: "r"})
		require.Len(t, c.welcome.Members, 3, "%v, and %d has joined", c.welcome.Members, w.ID)
	})
}

// The messages of a room's owner do not reach another server for a while, although both renew their leases. The members
// there keep their places, even if none of them says anything meanwhile.
func TestServerThatHearsNothingFromTheOwner(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		servers := share(t, new(membus.Hub), 2, signalserver.Config{Grace: 30 * time.Second})
		members := spread(t, servers, signaling.Join{Room: "r"})
		servers[1].bus.Deaf(true)
		members[0].signal(members[1].id(), `"lost"`)
		time.Sleep(32 * time.Second) // of fake time: the pipe has broken
		servers[1].bus.Deaf(false)
		time.Sleep(time.Minute)
		members[0].wantNothing()
		wantSignals(t, members)
	})
}

// Links are relayed between members at the owner of their room. Others are told in their welcome that theirs are not.
func TestRelayedLinksAreNotOfferedBetweenServers(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		servers := share(t, new(membus.Hub), 2, signalserver.Config{RelayLinks: true})
		j := signaling.Join{Room: "r", Features: []string{signaling.FeatureRelayLinks}}
		here := servers[0].member(t, j).welcome
		require.True(t, here.RelayLinks)
		require.Positive(t, here.Limits.RelayRate)
		there := servers[1].member(t, j).welcome
		require.False(t, there.RelayLinks)
		require.Zero(t, there.Limits.RelayRate)
	})
}
