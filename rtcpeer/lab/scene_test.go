//go:build linux

package lab

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer"
)

// A scene is a room of recorders, one at each seat of a world, and a fault that happens to one of them.
type scene struct {
	*world
	fault    *fault
	cast     cast
	topology rtcpeer.Topology

	server    *process
	stun      *process   // nil: the server has TURN
	recorders []*process // at seat 1, 2, ...
	files     []string   // their records
	ids       []rtcpeer.PeerID

	hit, other  int // seats: of the member that the fault is at, and of another one
	begun, over time.Time
	stood       func() time.Duration // ends the watch of standstill
}

const (
	// settling is how long packets go to and fro before a fault begins, and after it.
	settling = 2 * time.Second
	// hope is how long after a fault the members may need until packets come from everybody again.
	hope = 12 * time.Second
)

// homeRouter is what each seat of a scene is behind.
var homeRouter = kinds[1]

func newScene(t *testing.T, kit kit, f *fault, c cast, p place) *scene {
	t.Helper()
	n := c.seats(max(f.seats, 3))
	return &scene{
		world: newWorld(t, kit, plan{routers: slices.Repeat([]kind{homeRouter}, n)}),
		fault: f, cast: c, topology: p.topology,
		recorders: make([]*process, n), files: make([]string, n), ids: make([]rtcpeer.PeerID, n),
	}
}

// id returns that of the recorder at a seat.
func (s *scene) id(seat int) rtcpeer.PeerID { return s.ids[seat-1] }

// startSignaling runs the server that the members join. One that will be started again needs a key to know its
// members by; for a while after each start, a server with a key lets nobody else in.
func (s *scene) startSignaling(ctx context.Context) *process {
	var more []string
	if s.fault.signaling == everybody {
		more = append(more, "--resume-key=the laboratory's own")
	}
	if s.cast.browsers() {
		return s.startOpenServer(ctx, s.fault.turn, more...)
	}
	if s.fault.turn {
		return s.startServer(ctx, more...)
	}
	return s.startPlainServer(ctx, append(more, "--ice-server="+stunURL)...)
}

// play has the fault happen to the member at that position, and returns the records.
func (s *scene) play(ctx context.Context, p position) []record {
	if !s.fault.turn {
		s.stun = s.startSTUN(ctx)
	}
	s.server = s.startSignaling(ctx)
	s.enter(ctx, p)
	if s.fault.prepare != nil {
		s.fault.prepare(s)
	}
	time.Sleep(settling)
	s.stood = sync.OnceValue(standstill())
	s.t.Cleanup(func() { s.stood() })
	s.begun = time.Now()
	if s.fault.begin != nil {
		s.fault.begin(s)
	}
	time.Sleep(time.Until(s.begun.Add(s.fault.lasts)))
	if s.fault.end != nil {
		s.fault.end(s)
	}
	s.over = time.Now()
	s.awaitWhole(ctx)
	time.Sleep(settling)
	return s.collect(ctx)
}

// standstill begins to watch for how long this process stands still, as all of a machine does that stops. The function that
// it returns ends that, and returns the longest time.
func standstill() (end func() time.Duration) {
	const each = 20 * time.Millisecond
	stop, longest := make(chan struct{}), make(chan time.Duration)
	go func() {
		ticker := time.NewTicker(each)
		defer ticker.Stop()
		var most time.Duration
		for last := time.Now(); ; {
			select {
			case <-ticker.C:
				now := time.Now()
				most = max(most, now.Sub(last)-each)
				last = now
			case <-stop:
				longest <- most
				return
			}
		}
	}()
	return func() time.Duration {
		close(stop)
		return <-longest
	}
}

// enter has all join, and finds the member that the fault will be at. A fault that begins before that has a
// link reaches everybody until it is known who that is.
func (s *scene) enter(ctx context.Context, p position) {
	if s.fault.joining {
		for h := range s.recorders {
			s.dropAt(h+1, "meta l4proto udp drop")
		}
	}
	n := len(s.recorders)
	at := map[position]int{smallest: 0, middle: n / 2, largest: n - 1}[p]
	if s.cast.mixed() {
		s.joinAround(ctx, at)
	} else {
		s.join(ctx)
	}
	seats := make([]int, n)
	for i := range seats {
		seats[i] = i + 1
	}
	slices.SortFunc(seats, func(a, b int) int { return int(s.id(a)) - int(s.id(b)) })
	s.hit, s.other = seats[at], seats[(at+1)%n]
	s.t.Logf("ids %v; the fault is at %d", s.ids, s.id(s.hit))
	if s.fault.joining {
		for _, h := range seats {
			if h != s.hit {
				s.allowAt(h)
			}
		}
		return
	}
	for _, r := range s.recorders {
		_, err := r.await(ctx, &r.out, "^linked$")
		require.NoError(s.t, err)
	}
}

// join has all join, who are alike. The creator has the smallest id, and the other ids are in no order.
func (s *scene) join(ctx context.Context) {
	for i := range s.recorders {
		s.startRecorder(i+1, s.cast.hit)
		if i == 0 {
			s.awaitID(ctx, 1)
		}
	}
	for i := range s.recorders {
		s.awaitID(ctx, i+1)
	}
}

// joinAround has one join that is unlike all others, and they join again until its id is at that place in the order.
func (s *scene) joinAround(ctx context.Context, at int) {
	hit := 1
	if at > 0 {
		s.startRecorder(1, s.cast.others)
		s.awaitID(ctx, 1)
		hit = 2
	}
	s.startRecorder(hit, s.cast.hit)
	s.awaitID(ctx, hit)
	for i := hit + 1; i <= len(s.recorders); i++ {
		bound := "-above="
		if i <= at+1 {
			bound = "-below="
		}
		s.startRecorder(i, s.cast.others, bound+fmt.Sprint(s.id(hit)))
		s.awaitID(ctx, i)
	}
}

// putAway has the tab of the member be frozen or hidden, or no more.
func (s *scene) putAway() { s.recorders[s.hit-1].tell(syscall.SIGUSR2) }

func (s *scene) startRecorder(i int, on stack, more ...string) {
	s.files[i-1] = fmt.Sprintf("%s/record%d", s.t.TempDir(), i)
	args := append(more,
		"-topology="+string(s.topology), "-record="+s.files[i-1],
		"-members="+strconv.Itoa(len(s.recorders)), "-relay-only="+strconv.FormatBool(s.fault.relayOnly),
		"-url="+s.url(),
	)
	role := "recorder"
	if on != goStack {
		role = "driver"
		args = append(args, "-browser="+string(on), "-away="+s.fault.away)
	}
	s.recorders[i-1] = s.startSelfAt(seatName(i), []string{"SSL_CERT_FILE=" + s.kit.cert}, role, args...)
}

// url is that of the room.
func (s *scene) url() string {
	if s.cast.browsers() {
		return openURL
	}
	return serverURL
}

func (s *scene) awaitID(ctx context.Context, i int) {
	r := s.recorders[i-1]
	text, err := r.await(ctx, &r.out, `^joined (\d+)$`)
	require.NoError(s.t, err)
	id, err := strconv.Atoi(text)
	require.NoError(s.t, err)
	s.ids[i-1] = rtcpeer.PeerID(id)
}

// awaitWhole waits until all have heard from everybody since the fault. That they have not will be seen in
// the records.
func (s *scene) awaitWhole(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, hope)
	defer cancel()
	for _, r := range s.recorders {
		r.tell(syscall.SIGUSR1)
	}
	for i, r := range s.recorders {
		if _, err := r.await(ctx, &r.out, "^whole$"); err != nil {
			s.t.Logf("member %d has not heard from all others %v after the fault", s.ids[i], hope)
		}
	}
}

// collect has all stop, and returns what they have written down.
func (s *scene) collect(ctx context.Context) []record {
	for _, r := range s.recorders {
		r.interrupt()
	}
	records := make([]record, len(s.recorders))
	for i, r := range s.recorders {
		_, err := r.await(ctx, &r.out, "^recorded$")
		require.NoError(s.t, err)
		records[i], err = readRecord(s.files[i])
		require.NoError(s.t, err)
	}
	for _, p := range s.processes() {
		p.interrupt()
	}
	for _, p := range s.processes() {
		require.NoError(s.t, p.gone(ctx))
	}
	return records
}

func (s *scene) processes() []*process {
	all := append(slices.Clone(s.recorders), s.server)
	if s.stun != nil {
		all = append(all, s.stun)
	}
	return all
}
