package rtcpeer_test

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"example.org/rtcpeer/rtcpeer"
)

// A schedule is what happens in one run of the model: to three or four players, each of which is a machine with one
// program after the other on it.
type schedule struct {
	seed     uint64
	topology rtcpeer.Topology
	migrates bool          // the star outlives its host
	timeout  time.Duration // for which the server keeps the place of such a host
	delay    time.Duration // from member to member
	jitter   time.Duration
	loss     float64
	signals  time.Duration // from member to member, by way of the server
	grace    time.Duration // of the server
	small    bool          // buffers are
	secret   bool          // who knows it is let in: see Config.Auth
	mild     bool          // no fault is reason enough for the end of a link
	crowded  bool          // the programs are in processes with too many paths
	players  []playerPlan
	acts     []act
}

// A playerPlan is how a player begins.
type playerPlan struct {
	id        rtcpeer.PeerID
	lostAfter time.Duration
}

// An act is one thing that happens, if it can at that time.
type act struct {
	at    time.Duration
	kind  actKind
	a, b  int            // players
	id    rtcpeer.PeerID // of who joins
	lane  laneKey
	n     int  // packets
	toAll bool // else to b
}

type actKind uint8

const (
	actCut           actKind = iota // nothing passes between a and b
	actMute                         // nothing passes from a to b
	actHeal                         // all passes between them
	actForget                       // a NAT between them forgets their paths
	actMove                         // a has another address
	actRelay                        // a and b have no route but a relay's
	actUnrelay                      // they have a direct one again
	actBreakRelays                  // all relays are restarted
	actCutLine                      // a loses the signaling server; nobody notices
	actNotice                       // both notice
	actRestore                      // a has the server again
	actSleep                        // nothing comes to a or goes from it, nor signals
	actWake                         // all that waits for it comes at once
	actRestartServer                // the server has forgotten all; everybody notices
	actLeave                        // a's program closes its node
	actCrash                        // a's program is gone
	actJoin                         // a new program, with a new id
	actRestart                      // the program is gone, and another one has its place and its id
	actDisconnect                   // a ends its link with b
	actKick                         // the host takes a out of the room
	actPause                        // a's program receives and sends nothing
	actResume                       // it does again
	actHostLeaves                   // the program of the present host closes its node
	actHostCrashes                  // it is gone
	actHeir                         // the present host names b as its successor
	actRejoin                       // a new program, with a new id, for the first player that has none
	actSend                         // a sends what there is room for
	actSendWaiting                  // a sends to b, and waits for room for each packet
)

func (a act) String() string {
	name := func(player int) string { return string(rune('A' + player)) }
	from, to := name(a.a), name(a.b)
	text := [...]string{
		actCut: from + " and " + to + " are parted", actMute: "nothing passes from " + from + " to " + to,
		actHeal: from + " and " + to + " are joined", actForget: "the paths of " + from + " and " + to + " are dead",
		actMove: from + " has another address", actRelay: from + " and " + to + " have only relays",
		actUnrelay: from + " and " + to + " have direct routes", actBreakRelays: "relays are restarted",
		actCutLine: from + " loses signaling", actNotice: from + " and the server notice", actRestore: from + " has signaling again",
		actSleep: from + " sleeps", actWake: from + " wakes", actRestartServer: "the signaling server is restarted",
		actLeave: from + " leaves", actCrash: from + " crashes", actJoin: fmt.Sprintf("%s joins as %d", from, a.id),
		actRestart: from + " is restarted", actDisconnect: from + " disconnects " + to,
		actKick: from + " is kicked", actPause: from + " does nothing", actResume: from + " goes on",
		actHostLeaves: "the host leaves", actHostCrashes: "the host crashes", actHeir: "the host names " + to,
		actRejoin:      fmt.Sprintf("one joins as %d", a.id),
		actSend:        fmt.Sprintf("%s sends %d on channel %d %v to %s", from, a.n, a.lane.channel, a.lane.mode, to),
		actSendWaiting: fmt.Sprintf("%s sends %d, waiting for room, to %s", from, a.n, to),
	}[a.kind]
	if a.toAll {
		text = strings.TrimSuffix(text, to) + "all"
	}
	return fmt.Sprintf("%12v  %s", a.at, text)
}

func (s schedule) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "seed %d: %v, delay %v, jitter %v, loss %.2f, signals %v, grace %v, small buffers %v, secret %v, mild %v, crowded %v\n",
		s.seed, s.topology, s.delay, s.jitter, s.loss, s.signals, s.grace, s.small, s.secret, s.mild, s.crowded)
	if s.migrates {
		fmt.Fprintf(&b, "outlives its host, which is given up after %v\n", s.timeout)
	}
	for i, p := range s.players {
		fmt.Fprintf(&b, "%c is %d, lost after %v\n", 'A'+i, p.id, p.lostAfter)
	}
	for _, a := range s.acts {
		fmt.Fprintln(&b, a)
	}
	return b.String()
}

// A scheduler makes a schedule of a seed.
type scheduler struct {
	*rand.Rand
	schedule
	length time.Duration // of the acts
	last   time.Duration // when the last fault began or ended
	ids    []rtcpeer.PeerID
}

func newSchedule(seed uint64) schedule {
	s := &scheduler{Rand: rand.New(rand.NewPCG(seed, 0))}
	s.seed = seed
	s.topology = pick(s, rtcpeer.Mesh, rtcpeer.Mesh, rtcpeer.Star)
	s.delay = pick(s, 0, time.Millisecond, 10*time.Millisecond, 10*time.Millisecond, 80*time.Millisecond)
	s.signals = pick(s, 0, time.Millisecond, 20*time.Millisecond, 300*time.Millisecond)
	s.jitter = pick(s, 0, 0, 0, s.delay)
	s.loss = pick(s, 0, 0, 0, 0.05)
	s.grace = pick(s, 3*time.Second, 30*time.Second)
	s.small = s.IntN(4) == 0
	s.mild = s.IntN(4) == 0
	s.crowded = seed%5 == 4
	for _, n := range s.Perm(40) {
		s.ids = append(s.ids, rtcpeer.PeerID(n+2))
	}
	s.ids = append([]rtcpeer.PeerID{rtcpeer.Server}, s.ids...) // the room's creator
	if s.topology == rtcpeer.Star {
		s.grace = 30 * time.Second // else the room ends while the host is away
		s.secret = s.IntN(4) == 0
		s.migrates = seed%2 == 0
	}
	count := 3
	if s.migrates {
		count += s.IntN(2)
		s.timeout = pick(s, 2*time.Second, 10*time.Second)
	}
	s.players = make([]playerPlan, count)
	for i := range s.players {
		s.players[i] = playerPlan{s.newID(), pick(s, 4*time.Second, 10*time.Second, 30*time.Second)}
		join := act{at: s.upTo(time.Second), kind: actJoin, a: i, id: s.players[i].id}
		if s.migrates && i == 0 {
			join.at = 0 // who creates the room is its first host
		}
		s.add(join)
	}
	s.length = pick(s, 5*time.Second, 15*time.Second, 30*time.Second, 50*time.Second)
	switch {
	case s.migrates:
		s.hostFaults()
	case s.mild:
		s.mildFaults()
	default:
		for range 1 + s.IntN(7) {
			s.fault()
		}
	}
	for range 6 + s.IntN(20) {
		s.sends()
	}
	slices.SortStableFunc(s.acts, func(a, b act) int { return cmp.Compare(a.at, b.at) })
	return s.schedule
}

// hostFaults adds deaths of hosts to a room that outlives them, and other faults. In a mild schedule these are so short
// that whoever stays has no reason to lose anybody but the hosts.
func (s *scheduler) hostFaults() {
	if s.mild {
		for i := range s.players {
			s.players[i].lostAfter = 30 * time.Second
		}
	}
	for range 1 + s.IntN(4) {
		s.hostFault()
	}
	for range s.IntN(5) {
		if s.mild {
			s.mildFault(4*time.Second+s.upTo(s.length), s.some(2*time.Second))
		} else {
			s.fault()
		}
	}
}

// hostFault ends the present host, and often the next one as well: at once, while the links with it are made, or later.
func (s *scheduler) hostFault() {
	at := s.moment()
	if s.mild {
		at += 4 * time.Second // all are connected
	}
	if s.IntN(3) == 0 {
		s.add(act{at: at - s.upTo(2*time.Second), kind: actHeir, b: s.IntN(len(s.players))})
	}
	for range 1 + s.IntN(3)/2 {
		kind := pick(s, actHostLeaves, actHostCrashes)
		s.add(act{at: at, kind: kind})
		s.add(act{at: at + s.some(20*time.Second), kind: actRejoin, id: s.newID()})
		if kind == actHostCrashes {
			at += s.timeout
		}
		at += s.some(3 * time.Second)
	}
}

// mildFaults adds faults that together are shorter than LostAfter, when all are connected.
func (s *scheduler) mildFaults() {
	const connected = 4 * time.Second
	for i := range s.players {
		s.players[i].lostAfter = 30 * time.Second
	}
	faults := 1 + s.IntN(4)
	for range faults {
		s.mildFault(connected+s.upTo(s.length), s.some(16*time.Second/time.Duration(faults)))
	}
}

func pick[T any](s *scheduler, from ...T) T { return from[s.IntN(len(from))] }

func (s *scheduler) upTo(d time.Duration) time.Duration {
	return time.Duration(s.Int64N(int64(d))).Truncate(time.Millisecond)
}

// some returns a time as it passes between two events: mostly short, with all orders of magnitude up to most.
func (s *scheduler) some(most time.Duration) time.Duration {
	const least = 20 * time.Millisecond
	return time.Duration(float64(least) * math.Pow(float64(most)/float64(least), s.Float64())).Truncate(time.Millisecond)
}

func (s *scheduler) newID() rtcpeer.PeerID {
	id := s.ids[0]
	s.ids = s.ids[1:]
	return id
}

func (s *scheduler) add(a act) { s.acts = append(s.acts, a) }

// moment returns when the next fault begins: anywhere, or where links are being repaired because of the last
// one.
func (s *scheduler) moment() time.Duration {
	switch s.IntN(4) {
	case 0:
		s.last += s.some(8 * time.Second)
	case 1:
		s.last += 1400*time.Millisecond + s.upTo(700*time.Millisecond)
	default:
		s.last = s.upTo(s.length)
	}
	return s.last
}

// fault adds a fault, and mostly its end: what has none ends with the schedule.
func (s *scheduler) fault() {
	at, lasts := s.moment(), s.some(40*time.Second)
	if s.IntN(3) == 0 {
		s.last = at + lasts
	}
	order := s.Perm(len(s.players))
	a, b := order[0], order[1]
	begin := func(kind actKind) { s.add(act{at: at, kind: kind, a: a, b: b}) }
	switch s.IntN(18) {
	case 0:
		begin(actDisconnect)
	case 1:
		if !s.isHost(a) {
			begin(pick(s, actLeave, actCrash))
			s.add(act{at: at + lasts/4, kind: actJoin, a: a, id: s.newID()})
		}
	case 2:
		if !s.isHost(a) {
			begin(actKick)
			s.add(act{at: at + lasts/4, kind: actJoin, a: a, id: s.newID()})
		}
	case 3, 4:
		begin(actRestart)
	default:
		s.mildFault(at, lasts)
	}
}

// mildFault adds a fault that is no reason for the end of a link, unless it lasts.
func (s *scheduler) mildFault(at, lasts time.Duration) {
	order := s.Perm(len(s.players))
	a, b := order[0], order[1]
	begin := func(kind actKind) { s.add(act{at: at, kind: kind, a: a, b: b}) }
	then := func(kind actKind) { s.add(act{at: at + lasts, kind: kind, a: a, b: b}) }
	switch s.IntN(14) {
	case 0, 1, 2:
		begin(actCut)
		then(actHeal)
	case 3:
		begin(actMute)
		then(actHeal)
	case 4:
		begin(actForget)
	case 5:
		begin(actMove)
		if s.IntN(2) == 0 {
			s.awayLine(a, at, s.some(min(lasts, 2*time.Second)))
		}
	case 6:
		begin(actRelay)
		then(pick(s, actUnrelay, actBreakRelays))
	case 7, 8:
		s.awayLine(a, at, lasts)
	case 9, 10:
		begin(actSleep)
		then(actWake)
	case 11, 12:
		if s.topology == rtcpeer.Star {
			lasts = min(lasts, 3*time.Second) // else it may be Slow
		}
		begin(actPause)
		then(actResume)
	case 13:
		if s.migrates && s.mild {
			return // a host that dies before all are back leaves those behind
		}
		begin(actRestartServer)
		for i := range s.players {
			s.add(act{at: at + s.some(3*time.Second), kind: actRestore, a: i})
		}
	}
}

// isHost reports whether a player is the host for as long as the room is there.
func (s *scheduler) isHost(player int) bool {
	return s.topology == rtcpeer.Star && player == 0 && !s.migrates
}

// awayLine has a player lose signaling for a while. Nobody notices before some part of it.
func (s *scheduler) awayLine(a int, at, lasts time.Duration) {
	if s.isHost(a) {
		lasts = min(lasts, 20*time.Second) // within the grace time
	}
	s.add(act{at: at, kind: actCutLine, a: a})
	s.add(act{at: at + s.upTo(lasts+1), kind: actNotice, a: a})
	s.add(act{at: at + lasts, kind: actRestore, a: a})
}

// freeLanes are for actSend, waitLane for actSendWaiting.
var (
	freeLanes = []laneKey{{}, {mode: rtcpeer.UnreliableOrdered}, {mode: rtcpeer.Unreliable}, {channel: 1}}
	waitLane  = laneKey{channel: 2}
)

func (s *scheduler) sends() {
	order := s.Perm(len(s.players))
	a := act{at: s.upTo(s.length + 5*time.Second), kind: actSend, a: order[0], b: order[1], n: 1 + s.IntN(4)}
	switch {
	case s.IntN(8) == 0:
		a.kind, a.n = actSendWaiting, 1+s.IntN(40)
	default:
		a.toAll, a.lane = s.IntN(2) == 0, pick(s, append(freeLanes, laneKey{})...)
	}
	s.add(a)
}
