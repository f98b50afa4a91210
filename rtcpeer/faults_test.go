package rtcpeer_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer"
	"example.org/rtcpeer/rtcpeer/transport/memory"
	"example.org/rtcpeer/testdata/bubble"
	"example.org/rtcpeer/testdata/skip"
)

// Every fault of the laboratory (rtcpeer/lab) as a rule, over the memory transport and in fake time. There the
// programs, the kernel and the NATs are real, and times have slack; here nothing but our own part is, and
// every time is exact.
//
// What is not modelled: ICE, DTLS and SCTP, whose own times come on top; TCP to the signaling server, whose
// loss the fake server tells at once; and a process that is stopped. A member that sleeps goes on here, with nothing
// coming or going, and all that waits for it comes at once when it wakes.

// A fault is something that happens to a member while packets go to and fro.
type fault struct {
	name       string
	lasts      time.Duration
	begin, end func(*stage) // nil: nothing
	members    int          // 0: three
	prepare    func(*stage) // before anybody joins; nil: nothing
	joining    bool         // it begins before the member that it is at joins, with prepare
	bothWays   bool         // false: the member that it is at hears the others all the time

	reaches reach // whose links
	becomes fate  // what becomes of them
	alone   reach // who loses the signaling server

	back  time.Duration // from its end to the first packet of each stream that was sent after it; 0: any
	pause time.Duration // between two packets of a stream, at most; 0: any
}

// A reach says who notices a fault.
type reach uint8

const (
	nobody    reach = iota
	theHit          // the member that it is at
	thePair         // its link with one other
	everybody       // all
)

// A fate says what the two ends of a link are told.
type fate uint8

const (
	unnoticed fate = iota // nothing
	moves                 // nothing, or that it is interrupted and resumed
	resumes               // that it is interrupted and resumed
	returns               // that it is interrupted, lost and there again
	starts                // that it failed, and then that it is there
)

var faults = []fault{
	udpBlocked(5 * time.Second),
	udpBlocked(15 * time.Second),
	udpBlocked(40 * time.Second),
	noNetwork(12 * time.Second),
	noNetwork(60 * time.Second),
	asleep(14 * time.Second),
	asleep(25 * time.Second),
	asleep(50 * time.Second),
	{
		name: "another address", begin: (*stage).move,
		reaches: theHit, alone: theHit, becomes: moves, pause: 2 * time.Second,
	},
	{
		name: "another address, 1s between", lasts: time.Second,
		begin: func(s *stage) { s.part(); s.lose() }, end: func(s *stage) { s.heal(); s.network.Move(s.hosts[s.hit]); s.redial() },
		reaches: theHit, alone: theHit, becomes: moves, pause: 3 * time.Second,
	},
	{
		name: "the NAT forgets", begin: (*stage).forget,
		reaches: theHit, becomes: moves, pause: 3 * time.Second,
	},
	{
		name:    "the NAT forgets, of signaling too",
		begin:   func(s *stage) { s.forget(); s.room.cut(s.sessions[s.hit]); time.AfterFunc(2*time.Second, s.redial) },
		reaches: theHit, alone: theHit, becomes: moves, pause: 3 * time.Second,
	},
	{
		name: "UDP blocked 15s, and the paths are gone", lasts: 15 * time.Second, bothWays: true,
		begin: func(s *stage) { s.forget(); s.part() }, end: (*stage).heal,
		reaches: theHit, becomes: resumes, back: time.Second,
	},
	{
		name: "TURN and signaling server restarted", lasts: time.Second,
		prepare: func(s *stage) { s.relayAll(true) },
		begin:   func(s *stage) { s.network.BreakRelays(); s.room.restart() }, end: (*stage).restoreAll,
		reaches: everybody, alone: everybody, becomes: moves, pause: 3 * time.Second,
	},
	{
		name: "packets from the member dropped 40s", lasts: 40 * time.Second,
		begin: (*stage).mute, end: (*stage).heal,
		reaches: theHit, becomes: returns, back: time.Second,
	},
	{
		name: "two of five parted 20s", lasts: 20 * time.Second, members: 5, bothWays: true,
		begin: func(s *stage) { s.network.Partition(s.hosts[s.hit], s.hosts[s.other]) }, end: (*stage).heal,
		reaches: thePair, becomes: resumes, back: time.Second,
	},
	{
		name: "signaling server killed 5s", lasts: 5 * time.Second,
		begin: func(s *stage) { s.room.restart() }, end: (*stage).restoreAll,
		alone: everybody, pause: time.Second,
	},
	{
		name: "blocked when joining 25s", lasts: 25 * time.Second, joining: true, bothWays: true,
		prepare: (*stage).part, end: (*stage).heal,
		reaches: theHit, becomes: starts, back: time.Second,
	},
	{
		name: "relayed links find direct paths", prepare: func(s *stage) { s.relayAll(true) },
		begin: func(s *stage) { s.relayAll(false) }, end: (*stage).wantDirect, lasts: 10 * time.Second,
		pause: time.Second,
	},
}

func udpBlocked(lasts time.Duration) fault {
	return fault{
		name: fmt.Sprintf("UDP blocked %v", lasts), lasts: lasts, bothWays: true,
		begin: (*stage).part, end: (*stage).heal,
		reaches: theHit, becomes: outageOf(lasts), back: time.Second,
	}
}

func noNetwork(lasts time.Duration) fault {
	return fault{
		name: fmt.Sprintf("no network %v", lasts), lasts: lasts, bothWays: true,
		begin:   func(s *stage) { s.part(); s.lose() },
		end:     func(s *stage) { s.heal(); s.room.restore(s.sessions[s.hit]) },
		reaches: theHit, alone: theHit, becomes: outageOf(lasts), back: time.Second,
	}
}

func asleep(lasts time.Duration) fault {
	return fault{
		name: fmt.Sprintf("asleep %v", lasts), lasts: lasts, bothWays: true,
		begin:   func(s *stage) { s.part(); s.room.stall(s.sessions[s.hit]) },
		end:     func(s *stage) { s.heal(); s.room.wake(s.sessions[s.hit]) },
		reaches: theHit, becomes: outageOf(lasts), back: time.Second,
	}
}

func outageOf(lasts time.Duration) fate {
	if lasts >= 30*time.Second { // Config.LostAfter
		return returns
	}
	return resumes
}

const (
	faultDelay = 10 * time.Millisecond // from member to member, and of signals
	sendEach   = 50 * time.Millisecond // packets in each mode, and
	sparsely   = 250 * time.Millisecond
	dense      = 4 * time.Second // from the beginning of a time and to its end
	settling   = 2 * time.Second // before a fault
	hope       = 8 * time.Second // after it: all must be well again
)

func TestFaults(t *testing.T) {
	for _, f := range faults {
		for _, p := range f.places() {
			t.Run(fmt.Sprintf("%s/%s/%s", f.name, p.topology, p.position), func(t *testing.T) {
				bubble.Test(t, func(t *testing.T) { playFault(t, f, p) })
			})
		}
	}
}

// A place is a room, and a position in the order of the ids of its members.
type place struct {
	topology rtcpeer.Topology
	position position
}

type position int

const (
	smallest position = iota // in a star, the host
	middle
	largest
)

func (p position) String() string { return [...]string{"smallest", "middle", "largest"}[p] }

func (f fault) places() (all []place) {
	for _, topology := range []rtcpeer.Topology{rtcpeer.Mesh, rtcpeer.Star} {
		step := skip.Shorter(2, 1)
		if topology == rtcpeer.Mesh {
			step = skip.Shorter(3, 1) // all positions of a mesh are alike but for who offers
		}
		for p := smallest; p <= largest; p += position(step) {
			everyone := f.reaches == everybody || f.reaches == nobody
			if (p == smallest || !everyone) && (topology == rtcpeer.Mesh || f.reaches != thePair) {
				all = append(all, place{topology, p})
			}
		}
	}
	return all
}

// A stage is a room of recorders, and a fault that happens to one of them.
type stage struct {
	t        *testing.T
	fault    fault
	topology rtcpeer.Topology
	network  *memory.Network
	room     *room
	ids      []rtcpeer.PeerID
	hosts    map[rtcpeer.PeerID]*memory.Transport
	sessions map[rtcpeer.PeerID]*session
	programs map[rtcpeer.PeerID]*recorder

	hit, other rtcpeer.PeerID // the member that the fault is at, and another one
	turn       int            // counts the rounds of packets

	mu          sync.Mutex // guards the fields below
	begun, over time.Time
	flows       map[flowKey]*flow
}

// A flowKey names what comes to one member from another in one mode.
type flowKey struct {
	from, to rtcpeer.PeerID
	mode     rtcpeer.Mode
}

// A flow is the times of its packets.
type flow struct {
	last  time.Time
	pause time.Duration // the longest since the fault began
	back  time.Duration // from its end to the first packet that was sent after it; 0: there was none
}

func playFault(t *testing.T, f fault, p place) {
	s := &stage{
		t: t, fault: f, topology: p.topology,
		network: memory.NewNetwork(memory.Options{Delay: faultDelay}), room: newRoom(p.topology),
		ids:   []rtcpeer.PeerID{1, 5, 7, 11, 13}[:max(f.members, 3)],
		hosts: make(map[rtcpeer.PeerID]*memory.Transport), sessions: make(map[rtcpeer.PeerID]*session),
		programs: make(map[rtcpeer.PeerID]*recorder), flows: make(map[flowKey]*flow),
	}
	s.room.lag = faultDelay
	at := []int{0, len(s.ids) / 2, len(s.ids) - 1}[p.position]
	s.hit, s.other = s.ids[at], s.ids[(at+1)%len(s.ids)]
	for _, id := range s.ids {
		s.hosts[id] = s.network.Transport()
	}
	s.mark(&s.begun)
	if f.prepare != nil {
		f.prepare(s)
	}
	for i, id := range s.ids {
		s.enter(i+1, id)
	}
	if !f.joining {
		s.run(settling)
		s.mark(&s.begun)
		f.begin(s)
	}
	s.run(f.lasts)
	s.mark(&s.over)
	if f.end != nil {
		f.end(s)
	}
	s.run(hope)
	after(4 * faultDelay) // the last packets arrive, over the host too
	s.judge()
}

func (s *stage) enter(life int, id rtcpeer.PeerID) {
	r := newRecorder(life, s.room.join(s.t, id, s.hosts[id], rtcpeer.Config{}), s.begun)
	r.arrivals = func(k streamKey, a arrival) { s.arrived(flowKey{s.ids[k.life-1], id, k.mode}, a) }
	s.programs[id], s.sessions[id] = r, s.room.sessionOf(id)
}

func (s *stage) mark(at *time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	*at = time.Now()
}

func (s *stage) arrived(k flowKey, a arrival) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.flows[k]
	if f == nil {
		f = &flow{last: a.at}
		s.flows[k] = f
	}
	if a.at.After(s.begun) {
		f.pause = max(f.pause, a.at.Sub(f.last))
	}
	f.last = a.at
	if !s.over.IsZero() && a.sent.After(s.over) && f.back == 0 {
		f.back = a.at.Sub(s.over)
	}
}

// run has all send for a while: in each mode, to all and to each by turns.
func (s *stage) run(d time.Duration) {
	for passed := time.Duration(0); passed < d; {
		each := sendEach
		if passed > dense && d-passed > dense/4 {
			each = sparsely
		}
		synctest.Wait()
		s.turn++
		for _, id := range s.ids {
			for mode := rtcpeer.Reliable; mode <= rtcpeer.Unreliable; mode++ {
				s.send(s.programs[id], laneKey{mode: mode})
			}
		}
		after(each)
		passed += each
	}
}

func (s *stage) send(r *recorder, lane laneKey) {
	if s.turn%2 == 0 {
		r.send(rtcpeer.Broadcast, lane)
		return
	}
	for _, id := range s.ids {
		r.send(id, lane)
	}
}

// What can happen.

func (s *stage) others() []rtcpeer.PeerID {
	return slices.DeleteFunc(slices.Clone(s.ids), func(id rtcpeer.PeerID) bool { return id == s.hit })
}

// part has nothing pass between the member that the fault is at and all others.
func (s *stage) part() {
	for _, id := range s.others() {
		s.network.Partition(s.hosts[s.hit], s.hosts[id])
	}
}

// mute has nothing pass from it.
func (s *stage) mute() {
	for _, id := range s.others() {
		s.network.PartitionOneWay(s.hosts[s.hit], s.hosts[id])
	}
}

func (s *stage) heal() {
	for _, id := range s.others() {
		s.network.Heal(s.hosts[s.hit], s.hosts[id])
	}
}

// move gives it another address: what it has with the others and with the server is gone.
func (s *stage) move() {
	s.network.Move(s.hosts[s.hit])
	s.redial()
}

// lose takes its connection to the server away.
func (s *stage) lose() {
	s.room.cut(s.sessions[s.hit])
	s.room.notice(s.sessions[s.hit])
}

// redial has its client notice that the connection is lost, if it has not, and dial again.
func (s *stage) redial() {
	if s.sessions[s.hit].line.state != lineDown {
		s.lose()
	}
	time.AfterFunc(100*time.Millisecond, func() { s.room.restore(s.sessions[s.hit]) })
}

func (s *stage) forget() {
	for _, id := range s.others() {
		s.network.Forget(s.hosts[s.hit], s.hosts[id])
	}
}

// relayAll says whether there is no other route between any two than a relay's.
func (s *stage) relayAll(only bool) {
	for i, a := range s.ids {
		for _, b := range s.ids[:i] {
			s.network.RelayOnly(s.hosts[a], s.hosts[b], only)
		}
	}
}

func (s *stage) restoreAll() {
	for _, id := range s.ids {
		s.room.restore(s.sessions[id])
	}
}

func (s *stage) wantDirect() {
	for _, id := range s.ids {
		for peer, l := range s.programs[id].node.Stats().Links {
			require.Equal(s.t, "host", l.Local, "%d to %d", id, peer)
			require.Equal(s.t, 2, l.Paths, "%d to %d", id, peer)
		}
	}
}

// judge compares what has been seen with what should have been.
func (s *stage) judge() {
	for _, at := range s.ids {
		r := s.programs[at]
		require.Empty(s.t, r.broken)
		require.Empty(s.t, r.refused)
		require.Equal(s.t, rtcpeer.ConnectionConnected, r.node.Status())
		for _, about := range append([]rtcpeer.PeerID{0}, s.ids...) {
			require.Contains(s.t, s.expected(at, about), r.events(about, s.begun), "at %d about %d\n%s", at, about, stories(s.begun, r))
		}
		for _, from := range s.ids {
			if from != at {
				s.judgePair(s.programs[from], r)
			}
		}
	}
}

// judgePair looks at what came from one member to another.
func (s *stage) judgePair(from, to *recorder) {
	a, b := from.node.ID(), to.node.ID()
	for mode := rtcpeer.Reliable; mode <= rtcpeer.Unreliable; mode++ {
		f := s.flows[flowKey{a, b, mode}]
		require.NotNil(s.t, f, "%v from %d to %d: nothing came", mode, a, b)
		if limit := s.fault.back; limit > 0 {
			require.NotZero(s.t, f.back, "%v from %d to %d never came back", mode, a, b)
			require.LessOrEqual(s.t, f.back, limit, "%v from %d to %d: back", mode, a, b)
		}
		if limit := s.fault.pause; limit > 0 {
			require.LessOrEqual(s.t, max(f.pause, time.Since(f.last)), limit, "%v from %d to %d: pause", mode, a, b)
		}
	}
	sent := from.peers[b]
	got := to.streams[streamKey{from.life, sent.epoch, laneKey{}}]
	require.NotNil(s.t, got, "nothing of the present epoch came from %d to %d", a, b)
	require.Equal(s.t, sent.sent[laneKey{}], got.last, "reliable from %d to %d: all that was sent", a, b)
	require.Equal(s.t, to.peers[a].epoch, got.epoch)
}

// expected returns what a member may be told of another one, or of the signaling server (0).
func (s *stage) expected(at, about rtcpeer.PeerID) []string {
	direct := s.topology == rtcpeer.Mesh || at == rtcpeer.Server || about == rtcpeer.Server
	becomes := s.fault.becomes
	switch {
	case at == about:
		return []string{""}
	case about == 0 && (s.fault.alone == everybody || s.fault.alone == theHit && at == s.hit):
		return []string{"signaling lost, signaling resumed"}
	case about == 0:
		return []string{""}
	case !s.reached(at, about):
		becomes = unnoticed
	}
	switch {
	case s.fault.joining && (becomes == unnoticed || !direct):
		return []string{"connected"}
	case becomes == starts:
		return []string{"failed, connected"}
	case becomes == returns && (!direct || !s.fault.bothWays && at == s.hit):
		return []string{"disconnected, connected"}
	case becomes == returns:
		return []string{"interrupted, disconnected, connected"}
	case becomes == resumes && direct:
		return []string{"interrupted, resumed"}
	case becomes == moves && direct:
		return []string{"", "interrupted, resumed"}
	}
	return []string{""}
}

// reached reports whether packets between the two may be late or lost.
func (s *stage) reached(a, b rtcpeer.PeerID) bool {
	switch s.fault.reaches {
	case everybody:
		return true
	case theHit:
		return a == s.hit || b == s.hit || s.topology == rtcpeer.Star && s.hit == rtcpeer.Server
	case thePair:
		return min(a, b) == min(s.hit, s.other) && max(a, b) == max(s.hit, s.other)
	}
	return false
}
