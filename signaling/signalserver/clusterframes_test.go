package signalserver_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strconv"
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

// These tests have frames that are under way to the owner of a room when that server goes.

// A farBus needs a while for each message and each write, and keeps their order, as NATS does.
type farBus struct {
	cluster.Bus
	far  time.Duration
	sent chan func()
}

// newFarBus returns a bus whose goroutine ends with the test.
func newFarBus(t *testing.T, b cluster.Bus, far time.Duration) *farBus {
	f := &farBus{b, far, make(chan func(), 1<<16)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for deliver := range f.sent {
			deliver()
		}
	}()
	t.Cleanup(func() {
		close(f.sent)
		<-done
	})
	return f
}

func (b *farBus) Publish(subject string, data []byte) error {
	data = bytes.Clone(data)
	at := time.Now().Add(b.far)
	b.sent <- func() {
		time.Sleep(time.Until(at)) // of fake time
		_ = b.Bus.Publish(subject, data)
	}
	return nil
}

func (b *farBus) Update(ctx context.Context, key string, value []byte, revision uint64, ttl time.Duration) (uint64, error) {
	time.Sleep(b.far)
	defer time.Sleep(b.far)
	return b.Bus.Update(ctx, key, value, revision, ttl)
}

func (b *farBus) Watch(ctx context.Context, prefix string, changed func(key string, value []byte)) error {
	return b.Bus.Watch(ctx, prefix, func(key string, value []byte) {
		time.Sleep(b.far)
		changed(key, value)
	})
}

// shareFar starts servers whose messages take a while.
func shareFar(t *testing.T, n int, far time.Duration, config signalserver.Config) (servers []*sharing) {
	t.Helper()
	hub := new(membus.Hub)
	for i := range n {
		through := func(b cluster.Bus) cluster.Bus { return newFarBus(t, b, far) }
		servers = append(servers, shareOver(t, hub.Bus(), through, "s"+strconv.Itoa(i), config))
	}
	for _, s := range servers {
		s.wantReady(t)
	}
	return servers
}

// A member at another server leaves at the moment when the owner of its room goes: the next owner knows that it has left,
// and does not keep its place.
func TestLeaveWhenTheOwnerGoes(t *testing.T) {
	for name, goes := range map[string]func(owner *sharing){
		"it is killed":  func(owner *sharing) { owner.bus.Cut(true) },
		"it is stopped": func(owner *sharing) { go func() { _ = owner.Shutdown(context.Background()) }() },
	} {
		for _, after := range []time.Duration{0, time.Millisecond, time.Second, 5 * time.Second} {
			for _, waits := range []bool{true, false} {
				t.Run(fmt.Sprint(name, ", ", after, ", ", waits), func(t *testing.T) {
					bubble.Test(t, func(t *testing.T) {
						servers := shareFar(t, 3, 2*time.Millisecond, signalserver.Config{Grace: time.Hour})
						members := spread(t, servers, signaling.Join{Room: "r"})
						time.Sleep(time.Second) // of fake time: the record is written
						goes(servers[0])
						members[0].vanish()
						time.Sleep(after)
						members[1].send(signaling.Leave{})
						synctest.Wait()
						if waits {
							for range members[1].received { // a new ticket, perhaps
							}
							require.ErrorContains(t, <-members[1].closed, "close 1000")
						} else {
							members[1].vanish()
						}
						require.Equal(t, signaling.Left{ID: members[1].id(), Reason: signaling.LeftByItself}, members[2].skipMoved(members))
						list, ok := servers[2].Members("r")
						require.True(t, ok)
						require.Len(t, list, 2)
						servers[1].refuseResume(t, signaling.Join{Resume: members[1].welcome.Resume})
					})
				})
			}
		}
	}
}

// The owner of a room is stopped while members at other servers send. What they send is delivered once and in order.
func TestFramesDuringAHandOver(t *testing.T) {
	for _, far := range []time.Duration{time.Millisecond, 2 * time.Millisecond, 20 * time.Millisecond} {
		t.Run(far.String(), func(t *testing.T) {
			bubble.Test(t, func(t *testing.T) {
				servers := shareFar(t, 4, far, signalserver.Config{MessageRate: -1})
				owner := servers[0].member(t, signaling.Join{Room: "r"})
				var members []*client
				for _, s := range servers[1:] {
					members = append(members, s.member(t, signaling.Join{Room: "r"}))
					time.Sleep(time.Second) // of fake time
				}
				go func() {
					time.Sleep(50 * time.Millisecond)
					owner.vanish()
					_ = servers[0].Shutdown(context.Background())
				}()
				wantNumbers(t, members[:2], members[2])
			})
		})
	}
}

// A lateBus is a farBus whose keys are near: others learn of what its server writes before they get what it has sent.
type lateBus struct{ *farBus }

func (b lateBus) Update(ctx context.Context, key string, value []byte, revision uint64, ttl time.Duration) (uint64, error) {
	return b.Bus.Update(ctx, key, value, revision, ttl)
}

func (b lateBus) Watch(ctx context.Context, prefix string, changed func(key string, value []byte)) error {
	return b.Bus.Watch(ctx, prefix, changed)
}

// The owner of a room is stopped, and what it returns is late: there is another owner before. Nothing is lost and nothing
// overtakes another, because the next owner gets newer frames only when the earlier one has returned all.
func TestFramesThatAreReturnedLate(t *testing.T) {
	for _, late := range []time.Duration{30 * time.Millisecond, 100 * time.Millisecond} {
		t.Run(late.String(), func(t *testing.T) {
			bubble.Test(t, func(t *testing.T) {
				hub := new(membus.Hub)
				config := signalserver.Config{MessageRate: -1}
				servers := []*sharing{shareOver(t, hub.Bus(), func(b cluster.Bus) cluster.Bus { return lateBus{newFarBus(t, b, late)} }, "owner", config)}
				for _, name := range []string{"s1", "s2", "s3"} {
					servers = append(servers, shareOne(t, hub, name, config))
				}
				var members []*client
				for _, s := range servers {
					s.wantReady(t)
					members = append(members, s.member(t, signaling.Join{Room: "r"}))
					time.Sleep(time.Second) // of fake time
				}
				go func() {
					time.Sleep(50 * time.Millisecond)
					members[0].vanish()
					_ = servers[0].Shutdown(context.Background())
				}()
				wantNumbers(t, members[1:3], members[3])
				for _, s := range servers[1:] {
					stats, _ := s.ClusterStats()
					require.Zero(t, stats.Dropped["late"])
				}
			})
		})
	}
}

// wantNumbers has members send numbers to another one, each a thousand times a second, which must get all of them in order.
func wantNumbers(t *testing.T, members []*client, to *client) {
	t.Helper()
	const count = 500
	for i := range count {
		for _, from := range members {
			from.signal(to.id(), strconv.Itoa(i))
		}
		time.Sleep(time.Millisecond) // of fake time
	}
	next := make(map[signaling.PeerID]int)
	for total := 0; total < len(members)*count; {
		s, ok := to.receive().(signaling.Signal)
		if !ok {
			continue
		}
		var i int
		require.NoError(t, json.Unmarshal(s.Data, &i))
		require.Equal(t, next[s.From], i)
		next[s.From]++
		total++
	}
}

// A server that stops ends as soon as the others have what it has returned. If one of them does not answer, it does not wait
// for long.
func TestServerThatStopsWaitsForTheOthers(t *testing.T) {
	for name, c := range map[string]struct {
		deaf        bool
		least, most time.Duration
	}{
		"they answer":  {most: 200 * time.Millisecond},
		"one does not": {deaf: true, least: 400 * time.Millisecond, most: time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			bubble.Test(t, func(t *testing.T) {
				servers := shareFar(t, 3, 2*time.Millisecond, signalserver.Config{})
				members := spread(t, servers, signaling.Join{Room: "r"})
				time.Sleep(time.Second) // of fake time
				servers[2].bus.Deaf(c.deaf)
				members[0].vanish()
				began := time.Now()
				require.NoError(t, servers[0].Shutdown(context.Background()))
				require.Less(t, time.Since(began), c.most)
				require.GreaterOrEqual(t, time.Since(began), c.least)
			})
		})
	}
}

// A Leave that cannot be delivered is given up after a while.
func TestLeaveWithoutABus(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		servers := share(t, new(membus.Hub), 2, signalserver.Config{})
		members := spread(t, servers, signaling.Join{Room: "r"})
		for _, s := range servers {
			s.bus.Cut(true)
		}
		members[1].send(signaling.Leave{})
		synctest.Wait()
		members[1].vanish()
		time.Sleep(20 * time.Second) // of fake time
		stats, _ := servers[1].ClusterStats()
		require.Equal(t, 1, stats.Loose)
		time.Sleep(20 * time.Second)
		stats, _ = servers[1].ClusterStats()
		require.Zero(t, stats.Loose)
	})
}

// The host of a star is connected to another server than the owner of the room, and leaves. The room ends for everybody, also
// when its owner goes at that moment, and its name is free.
func TestHostAtAnotherServerLeaves(t *testing.T) {
	for name, goes := range map[string]func(owner *sharing){
		"the owner stays":      func(*sharing) {},
		"the owner is killed":  func(owner *sharing) { owner.bus.Cut(true) },
		"the owner is stopped": func(owner *sharing) { go func() { _ = owner.Shutdown(context.Background()) }() },
	} {
		t.Run(name, func(t *testing.T) {
			bubble.Test(t, func(t *testing.T) {
				servers := shareFar(t, 3, 2*time.Millisecond, signalserver.Config{Grace: time.Hour})
				members := starOver(t, servers)
				members[0].vanish()
				host := servers[1].resume(t, members[0])
				time.Sleep(time.Second) // of fake time: the record is written
				goes(servers[0])
				time.Sleep(time.Millisecond)
				host.send(signaling.Leave{})
				synctest.Wait()
				host.vanish()
				for _, guest := range members[1:] {
					guest.wantRefusedLater(signaling.CodeHostLeft)
				}
				for _, s := range servers[1:] {
					s.refuseResume(t, signaling.Join{Resume: host.welcome.Resume})
				}
				require.Equal(t, signaling.Host, servers[2].member(t, signaling.Join{Room: "r"}).id())
			})
		})
	}
}

// wantRefusedLater is wantRefused after messages that do not matter.
func (c *client) wantRefusedLater(code signaling.Code) {
	c.t.Helper()
	for {
		if e, ok := c.receive().(*signaling.Error); ok {
			require.Equal(c.t, code, e.Code, e.Text)
			return
		}
	}
}

// The same in a room that migrates: a guest becomes the host, although it is attached to the next owner later than the host,
// which leaves.
func TestHostAtAnotherServerLeavesARoomThatMigrates(t *testing.T) {
	for name, goes := range map[string]func(owner *sharing){
		"the owner is killed":  func(owner *sharing) { owner.bus.Cut(true) },
		"the owner is stopped": func(owner *sharing) { go func() { _ = owner.Shutdown(context.Background()) }() },
	} {
		t.Run(name, func(t *testing.T) {
			bubble.Test(t, func(t *testing.T) {
				servers := shareFar(t, 4, 2*time.Millisecond, signalserver.Config{Grace: time.Hour})
				owner := servers[0].member(t, migrating(ableToHost))
				var guests []*client
				for _, s := range servers[2:] {
					guests = append(guests, s.member(t, migrating(ableToHost)))
				}
				owner.vanish()
				back := servers[1].client(t)
				back.send(signaling.Join{Resume: owner.welcome.Resume, Features: ableToHost})
				back.wantWelcome()
				time.Sleep(time.Second) // of fake time: the record is written
				goes(servers[0])
				time.Sleep(time.Millisecond)
				back.send(signaling.Leave{})
				synctest.Wait()
				back.vanish()
				for _, guest := range guests {
					require.Equal(t, guests[0].id(), guest.wantHostLater())
				}
				require.Equal(t, guests[0].id(), servers[2].member(t, migrating(following)).welcome.Host)
			})
		})
	}
}

// wantHostLater returns the next host that is told, after messages that do not matter.
func (c *client) wantHostLater() signaling.PeerID {
	c.t.Helper()
	for {
		switch m := c.receive().(type) {
		case signaling.HostChanged:
			return m.Host
		case *signaling.Error:
			c.t.Fatal(m)
		}
	}
}

// A server is cut off from the bus for a while, which its clients do not notice. When it is back, they get all that they have
// missed, once and in order, and what they have sent meanwhile is delivered.
func TestServerIsCutOffForAWhile(t *testing.T) {
	for _, cut := range []time.Duration{time.Second, 3 * time.Second, 5 * time.Second, 10 * time.Second, time.Minute} {
		t.Run(cut.String(), func(t *testing.T) {
			bubble.Test(t, func(t *testing.T) {
				servers := share(t, new(membus.Hub), 3, signalserver.Config{Grace: 10 * time.Minute})
				members := spread(t, servers, signaling.Join{Room: "r"})
				host, leaver, away := members[0], members[1], members[2]
				time.Sleep(time.Second) // of fake time
				servers[2].bus.Cut(true)
				early := servers[0].member(t, signaling.Join{Room: "r"})
				host.signal(away.id(), `"early"`)
				away.signal(host.id(), `"mine"`)
				time.Sleep(cut)
				leaver.send(signaling.Leave{})
				synctest.Wait()
				host.send(signaling.Lock{})
				host.signal(away.id(), `"late"`)
				time.Sleep(time.Second)
				servers[2].bus.Cut(false)

				for _, want := range []signaling.Message{
					signaling.Joined{Member: signaling.Member{ID: early.id()}},
					signaling.Signal{From: host.id(), Data: []byte(`"early"`)},
					signaling.Left{ID: leaver.id(), Reason: signaling.LeftByItself},
					signaling.Lock{},
					signaling.Signal{From: host.id(), Data: []byte(`"late"`)},
				} {
					away.want(want)
				}
				host.wantJoined(early)
				host.wantLeft(leaver, signaling.LeftByItself)
				host.want(signaling.Lock{})
				host.wantSignal(away, `"mine"`)
				time.Sleep(time.Minute)
				away.send(signaling.Signal{To: away.id(), Data: []byte("0")})
				require.IsType(t, new(signaling.Error), away.next(), "nothing else has come, but tickets")
			})
		})
	}
}
