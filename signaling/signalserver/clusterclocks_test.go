package signalserver_test

import (
	"context"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/signaling/cluster"
	membus "example.org/rtcpeer/signaling/cluster/memory"
	"example.org/rtcpeer/signaling/signalserver"
	"example.org/rtcpeer/testdata/bubble"
)

// A skewedBus is that of a server whose wall clock is ahead of those of the others: all dates in what it sends and writes are
// later, and all dates in what it gets are earlier.
type skewedBus struct {
	cluster.Bus
	ahead time.Duration
}

var dates = regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d`)

// shift keeps the length of the data.
func shift(data []byte, by time.Duration) []byte {
	return dates.ReplaceAllFunc(data, func(date []byte) []byte {
		const layout = "2006-01-02T15:04:05"
		t, err := time.Parse(layout, string(date))
		if err != nil {
			return date
		}
		return []byte(t.Add(by).Format(layout))
	})
}

func (b skewedBus) Publish(subject string, data []byte) error {
	return b.Bus.Publish(subject, shift(data, b.ahead))
}

func (b skewedBus) Subscribe(subject string, receive func(data []byte)) (func(), error) {
	return b.Bus.Subscribe(subject, func(data []byte) { receive(shift(data, -b.ahead)) })
}

func (b skewedBus) Create(ctx context.Context, key string, value []byte, ttl time.Duration) (uint64, error) {
	return b.Bus.Create(ctx, key, shift(value, b.ahead), ttl)
}

func (b skewedBus) Update(ctx context.Context, key string, value []byte, revision uint64, ttl time.Duration) (uint64, error) {
	return b.Bus.Update(ctx, key, shift(value, b.ahead), revision, ttl)
}

func (b skewedBus) Get(ctx context.Context, key string) ([]byte, uint64, error) {
	value, revision, err := b.Bus.Get(ctx, key)
	return shift(value, -b.ahead), revision, err
}

// withSkew runs a test with three servers, of which the second has a wall clock that is wrong by an hour.
func withSkew(t *testing.T, test func(t *testing.T, servers []*sharing)) {
	t.Helper()
	for name, ahead := range map[string]time.Duration{"ahead": time.Hour, "behind": -time.Hour} {
		t.Run(name, func(t *testing.T) {
			bubble.Test(t, func(t *testing.T) {
				hub := new(membus.Hub)
				config := signalserver.Config{Grace: time.Hour, Admit: func(_ context.Context, r signalserver.Request) (signalserver.Grant, error) {
					g := allRights
					if after, ok := strings.CutPrefix(r.Join.Token, "for "); ok {
						d, err := time.ParseDuration(after)
						require.NoError(t, err)
						g.Expires = time.Now().Add(d)
					}
					return g, nil
				}}
				servers := []*sharing{shareOne(t, hub, "owner", config)}
				servers = append(servers, shareOver(t, hub.Bus(), func(b cluster.Bus) cluster.Bus { return skewedBus{b, ahead} }, "skewed", config),
					shareOne(t, hub, "other", config))
				for _, s := range servers {
					s.wantReady(t)
				}
				test(t, servers)
			})
		})
	}
}

// A membership that ends lasts as long as it was granted, whatever the wall clocks of the servers say, and also when the room
// moves to another server.
func TestGrantsOfServersWhoseClocksDiffer(t *testing.T) {
	for name, goes := range map[string]func(owner *sharing){
		"the owner stays":      func(*sharing) {},
		"the owner is stopped": func(owner *sharing) { go func() { _ = owner.Shutdown(context.Background()) }() },
	} {
		t.Run(name, func(t *testing.T) {
			withSkew(t, func(t *testing.T, servers []*sharing) {
				servers[0].member(t, signaling.Join{Room: "r"})
				watching := servers[2].member(t, signaling.Join{Room: "r"})
				began := time.Now()
				guest := servers[1].member(t, signaling.Join{Room: "r", Token: "for 2m"})
				watching.wantJoined(guest)
				time.Sleep(time.Second) // of fake time
				goes(servers[0])
				time.Sleep(time.Minute)
				guest.signal(watching.id(), `"still there"`)
				require.Equal(t, signaling.Signal{From: guest.id(), Data: []byte(`"still there"`)}, watching.skipMoved([]*client{guest}))
				guest.wantRefusedLater(signaling.CodeExpired)
				require.InDelta(t, 2*time.Minute, time.Since(began), float64(5*time.Second))
			})
		})
	}
}

// A ban lasts as long as the administrator said, on all servers.
func TestBansOfServersWhoseClocksDiffer(t *testing.T) {
	withSkew(t, func(t *testing.T, servers []*sharing) {
		_, err := servers[1].Ban(signalserver.Ban{Subject: "s", For: 10 * time.Minute})
		require.NoError(t, err)
		_, err = servers[0].Ban(signalserver.Ban{Subject: "t", For: 10 * time.Minute})
		require.NoError(t, err)
		time.Sleep(9 * time.Minute) // of fake time
		for _, s := range servers {
			require.Len(t, s.Bans(), 2)
		}
		time.Sleep(2 * time.Minute)
		for _, s := range servers {
			require.Empty(t, s.Bans())
		}
	})
}

// A member whose membership ends comes back with its ticket after its room has moved, and the token of its admission is not
// shown again: its membership ends all the same.
func TestGrantEndsAlthoughTheRoomMoved(t *testing.T) {
	withSkew(t, func(t *testing.T, servers []*sharing) {
		servers[0].member(t, signaling.Join{Room: "r"})
		watching := servers[2].member(t, signaling.Join{Room: "r"})
		began := time.Now()
		guest := servers[0].member(t, signaling.Join{Room: "r", Token: "for 2m"})
		watching.wantJoined(guest)
		time.Sleep(time.Second) // of fake time: the record is written
		guest.vanish()
		servers[0].bus.Cut(true)
		time.Sleep(10 * time.Second)
		guest = servers[2].resume(t, guest)
		guest.wantRefusedLater(signaling.CodeExpired)
		require.InDelta(t, 2*time.Minute, time.Since(began), float64(5*time.Second))
	})
}

// The wall clock of the owner of a room is set. Its members at other servers get new credentials, too, because it has made
// theirs.
func TestWallClockOfTheOwnerIsSet(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		servers := share(t, new(membus.Hub), 2, signalserver.Config{ICEServersFor: dated})
		members := spread(t, servers, signaling.Join{Room: "r"})
		servers[0].SetClock(time.Hour)
		set := time.Now()
		for _, c := range members {
			require.Equal(t, signaling.KindICEServers, c.receive().Kind())
		}
		require.LessOrEqual(t, time.Since(set), time.Minute+2*time.Second)
		time.Sleep(10 * time.Minute) // of fake time
		for _, c := range members {
			c.wantNothing()
		}
	})
}
