//go:build unix

package main

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/signaling"
)

// What rooms cost on the bus: three servers and three NATS nodes, and a room for each member. RTCPEER_MANY_ROOMS is how many
// rooms there are; 10000 take a minute. With -v it prints a table.
func TestManyRooms(t *testing.T) {
	rooms, err := strconv.Atoi(os.Getenv("RTCPEER_MANY_ROOMS"))
	if err != nil {
		t.Skip("counts and checks nothing else: set RTCPEER_MANY_ROOMS to a number of rooms")
	}
	f := newFleet(t)
	conn, err := nats.Connect("nats://" + f.addresses[0])
	require.NoError(t, err)
	t.Cleanup(conn.Close)
	js, err := jetstream.New(conn)
	require.NoError(t, err)
	b := &bill{t: t, fleet: f, js: js}

	b.begin()
	var members []*guest
	each(rooms, func(i int) {
		g := &guest{fleet: f, join: signaling.Join{Room: signaling.RoomName(fmt.Sprintf("room-%d", i))}, at: i % 3}
		if err := g.enter(); err != nil {
			t.Errorf("%s: %v", g.join.Room, err)
			return
		}
		g.wg.Go(func() { g.live(func(signaling.PeerID) bool { return false }) })
		t.Cleanup(g.leave)
		b.mu.Lock()
		defer b.mu.Unlock()
		members = append(members, g)
	})
	require.Len(t, members, rooms)
	b.settle(rooms + 3) // and the leases
	b.end("found a room", rooms)

	b.begin()
	each(rooms, func(i int) {
		g := &guest{fleet: f, join: members[i].join, at: (members[i].at + 1) % 3}
		if err := g.enter(); err != nil {
			t.Errorf("%s: %v", g.join.Room, err)
			return
		}
		g.leaveNow()
	})
	b.settle(rooms + 3)
	b.end("join and leave at another server", rooms)

	b.begin()
	const seconds = 3
	time.Sleep(seconds * time.Second) // what is measured is a time
	writes := b.end("a second without joins", seconds)
	require.LessOrEqual(t, writes, 6.0, "each server renews its lease once a second, whatever rooms it has")

	b.begin()
	f.wires[0].setCut(true) // its rooms are lost for it, and come back
	f.wires[0].setCut(false)
	f.ready()
	b.settle(rooms + 3)
	b.end("a connection to NATS is lost", 1)
}

// each calls do for all numbers below n, some at a time.
func each(n int, do func(i int)) {
	var wg sync.WaitGroup
	places := make(chan struct{}, 24)
	for i := range n {
		places <- struct{}{}
		wg.Go(func() {
			defer func() { <-places }()
			do(i)
		})
	}
	wg.Wait()
}

// A bill is what the bus and the processes have had to do.
type bill struct {
	t     *testing.T
	fleet *fleet
	js    jetstream.JetStream
	mu    sync.Mutex

	began    time.Time
	revision uint64
	cpu      [2]time.Duration
}

func (b *bill) state() jetstream.StreamState {
	b.t.Helper()
	stream, err := b.js.Stream(b.t.Context(), "KV_rtcpeer_default")
	require.NoError(b.t, err)
	return stream.CachedInfo().State
}

func (b *bill) begin() {
	b.t.Helper()
	b.began, b.revision = time.Now(), b.state().LastSeq
	b.cpu = [2]time.Duration{cpuOf(b.t, b.fleet.servers[:]), cpuOf(b.t, b.fleet.nodes[:])}
}

// settle waits until the bucket has so many keys, and all that was to be written is.
func (b *bill) settle(keys int) {
	b.t.Helper()
	var last uint64
	require.True(b.t, eventually(b.t.Context(), func() bool {
		s := b.state()
		quiet := s.LastSeq-last <= 2 // leases
		last = s.LastSeq
		time.Sleep(200 * time.Millisecond)
		return quiet && int(s.NumSubjects) >= keys
	}))
}

// end prints what was needed since begin for each of n, and returns how many keys were written.
func (b *bill) end(what string, n int) (writes float64) {
	b.t.Helper()
	s, took := b.state(), time.Since(b.began)
	writes = float64(s.LastSeq-b.revision) / float64(n)
	servers := cpuOf(b.t, b.fleet.servers[:]) - b.cpu[0]
	nodes := cpuOf(b.t, b.fleet.nodes[:]) - b.cpu[1]
	b.t.Logf("%-32s %8.0f a second, each %5.1f keys written, CPU of servers %v, of NATS %v; bucket %d keys, %d KiB; memory of a server %d MiB, of a NATS node %d MiB",
		what, float64(n)/took.Seconds(), writes, (servers / time.Duration(n)).Round(time.Microsecond), (nodes / time.Duration(n)).Round(time.Microsecond),
		s.NumSubjects, s.Bytes>>10, residentOf(b.t, b.fleet.servers[:])>>20, residentOf(b.t, b.fleet.nodes[:])>>20)
	return writes
}

// residentOf returns the memory of the largest of some processes, in bytes: as the system has it, or zero where it does not
// tell.
func residentOf(t *testing.T, daemons []*daemon) (largest int) {
	t.Helper()
	if runtime.GOOS != "linux" {
		return 0
	}
	for _, d := range daemons {
		statm, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", d.cmd.Process.Pid))
		require.NoError(t, err)
		pages, err := strconv.Atoi(strings.Fields(string(statm))[1])
		require.NoError(t, err)
		largest = max(largest, pages*os.Getpagesize())
	}
	return largest
}
