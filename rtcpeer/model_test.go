package rtcpeer_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer"
	"example.org/rtcpeer/rtcpeer/transport/memory"
	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/testdata/bubble"
	"example.org/rtcpeer/testdata/skip"
)

// Random schedules of faults over three members, or up to four in a star that outlives its host. The recorder checks the
// contract all the time. When the faults are over, all members must be connected, and what was sent must have arrived.
//
//	RTCPEER_MODEL=10000 go test -run TestModel ./rtcpeer             10,000 schedules, not 100 (or 500 with RTCPEER_LONG)
//	RTCPEER_MODEL_SEED=17 go test -v -run TestModel ./rtcpeer        the schedule of one seed, with all that happens
//
// A seed gives the schedule. The nodes choose pauses of some milliseconds by themselves, and the order of
// goroutines is not fixed, so a failure may take a few runs of its seed (-count) to come again. A panic names
// its synctest bubble, which is the seed or one of its neighbours.
func TestModel(t *testing.T) {
	if seed, one := fromEnvironment(t, "RTCPEER_MODEL_SEED"); one {
		s := newSchedule(seed)
		broken, story := runModel(t, s, slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug})))
		t.Logf("%v\n%s", s, story)
		require.Empty(t, broken)
		return
	}
	schedules := skip.Shorter(uint64(100), 500)
	if n, given := fromEnvironment(t, "RTCPEER_MODEL"); given {
		schedules = n
	}
	var seed atomic.Uint64
	for worker := range 2 {
		t.Run(fmt.Sprint("worker", worker), func(t *testing.T) {
			t.Parallel()
			for !t.Failed() {
				n := seed.Add(1)
				if n > schedules {
					return
				}
				s := newSchedule(n)
				if broken, story := runModel(t, s, nil); broken != nil {
					t.Errorf("%s\n%v\n%s", strings.Join(broken, "\n"), s, story)
				}
			}
		})
	}
}

func fromEnvironment(t *testing.T, name string) (n uint64, given bool) {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return 0, false
	}
	n, err := strconv.ParseUint(text, 10, 64)
	require.NoError(t, err, name)
	return n, true
}

// runModel runs a schedule, and returns what was not as it should be, and what has happened.
func runModel(t *testing.T, s schedule, log *slog.Logger) (broken []string, story string) {
	defer func() {
		if why := recover(); why != nil { // of synctest: a goroutine has not ended
			broken = append(broken, fmt.Sprint(why))
		}
	}()
	bubble.Test(t, func(*testing.T) {
		m := newModel(s, log)
		m.run()
		broken, story = m.broken, stories(m.start, m.lives...)
	})
	return broken, story
}

// A model is one run of a schedule.
type model struct {
	// Fixed at construction.
	schedule
	log     *slog.Logger // nil: none
	start   time.Time
	network *memory.Network
	room    *room
	players []*player

	// Owned by run.
	lives       []*recorder // all programs that there were
	disconnects []disconnect
	gone        map[rtcpeer.PeerID]bool // the programs with these ids have ended, perhaps without a word
	closing     sync.WaitGroup

	mu     sync.Mutex // guards the field below
	broken []string
}

// A player is a machine.
type player struct {
	plan    playerPlan
	host    *memory.Transport
	session *session
	program *recorder // nil: none
	paused  bool
}

// A disconnect is that program a has ended its link with b, or, unless it is sure, with the program before b.
type disconnect struct {
	a, b *recorder
	sure bool
}

func newModel(s schedule, log *slog.Logger) *model {
	options := memory.Options{Delay: s.delay, Jitter: s.jitter, Loss: s.loss, Seed: s.seed}
	m := &model{schedule: s, log: log, start: time.Now(), gone: make(map[rtcpeer.PeerID]bool), network: memory.NewNetwork(options), room: newRoom(s.topology)}
	m.room.lag, m.room.grace = s.signals, s.grace
	if s.migrates {
		m.room.term, m.room.hosts = 1, elections{timeout: s.timeout, vacant: true}
	}
	if log != nil {
		m.room.lose = func(from, to rtcpeer.PeerID, d signaling.SignalData) bool {
			log.Debug("signal", "from", from, "to", to, "type", d.Type, "attempt", d.Attempt, "link", d.Link, "repair", d.Repair)
			return false
		}
	}
	for _, plan := range s.players {
		m.players = append(m.players, &player{plan: plan, host: m.network.Transport()})
	}
	return m
}

func (m *model) fail(format string, args ...any) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.broken = append(m.broken, fmt.Sprintf("%v: ", time.Since(m.start))+fmt.Sprintf(format, args...))
}

func (m *model) run() {
	for _, a := range m.acts {
		time.Sleep(time.Until(m.start.Add(a.at)))
		m.settle()
		m.note(a)
		m.act(a)
	}
	m.healAll()
	if !m.isStranded() {
		m.converge()
		m.exchange()
		m.checkMild()
	}
	m.leaveAll()
	m.closing.Wait()
	for _, r := range m.lives {
		m.broken = append(m.broken, r.broken...)
	}
	m.checkHosts()
	m.checkMissed()
}

// isStranded reports whether the room has ended while programs were away from the server: they have their links still,
// and hear of nobody else.
func (m *model) isStranded() bool {
	return m.migrates && slices.ContainsFunc(m.present(), func(p *player) bool { return p.session.isOver() })
}

// host returns the player that the server takes for the host, or nil if that has no program.
func (m *model) host() *player {
	id := m.room.presentHost()
	for _, p := range m.present() {
		if p.program.node.ID() == id {
			return p
		}
	}
	return nil
}

func (m *model) note(a act) {
	if m.log != nil {
		m.log.Info("ACT" + a.String())
	}
}

// present are the players that have a program.
func (m *model) present() (all []*player) {
	for _, p := range m.players {
		if p.program != nil {
			all = append(all, p)
		}
	}
	return all
}

// settle waits until all that happens at this time has happened, and looks at what can be seen then.
func (m *model) settle() {
	synctest.Wait()
	for _, p := range m.present() {
		switch want, got := p.program.connected(), p.program.node.Peers(); {
		case p.program.end() != nil:
			m.over(p)
		case !p.paused && !slices.Equal(want, got):
			m.fail("member %d has the peers %v, and was told of %v", p.program.node.ID(), got, want)
		}
	}
}

// over takes a program that has ended by itself, as only one may that was kicked or replaced as the host, or a star's
// guest whose link was ended.
func (m *model) over(p *player) {
	r, why := p.program, p.program.end()
	parted := slices.ContainsFunc(m.disconnects, func(d disconnect) bool { return d.a == r || d.b == r })
	guest := m.topology == rtcpeer.Star && r.node.ID() != r.node.Host()
	replaced := errors.Is(why, rtcpeer.ErrHostReplaced) && m.room.presentHost() != r.node.ID()
	if !p.session.wasKicked() && !(guest && parted) && !replaced && !(m.migrates && p.session.isOver()) {
		m.fail("member %d, life %d ended: %v", r.node.ID(), r.life, why)
	}
	if r.node.Status() != rtcpeer.ConnectionDisconnected {
		m.fail("member %d, life %d ended: %v, and is %v", r.node.ID(), r.life, why, r.node.Status())
	}
	m.leave(p)
}

// act does one thing, if it can be done.
func (m *model) act(a act) {
	p, q := m.players[a.a], m.players[a.b]
	switch {
	case a.kind == actCut:
		m.network.Partition(p.host, q.host)
	case a.kind == actMute:
		m.network.PartitionOneWay(p.host, q.host)
	case a.kind == actHeal:
		m.network.Heal(p.host, q.host)
	case a.kind == actForget:
		m.network.Forget(p.host, q.host)
	case a.kind == actMove:
		m.network.Move(p.host)
	case a.kind == actRelay || a.kind == actUnrelay:
		m.network.RelayOnly(p.host, q.host, a.kind == actRelay)
	case a.kind == actBreakRelays:
		m.network.BreakRelays()
	case a.kind == actRestartServer:
		m.room.restart()
		m.forgetDisconnects(nil)
	case a.kind == actHostLeaves || a.kind == actHostCrashes || a.kind == actHeir:
		m.actOfHost(q, a)
	case a.kind == actRejoin:
		m.rejoin(a.id)
	case a.kind == actJoin && p.program == nil:
		m.join(p, a.id)
	case p.program != nil:
		m.actOf(p, q, a)
	}
}

// actOfHost does one thing to whoever is the host by now.
func (m *model) actOfHost(q *player, a act) {
	h := m.host()
	switch {
	case h == nil:
	case a.kind == actHostLeaves:
		m.leave(h)
	case a.kind == actHostCrashes:
		m.crash(h)
	case q.program != nil && !h.paused:
		_ = h.program.node.SetSuccessor(context.Background(), q.program.node.ID()) // who is no member is not named
	}
}

// rejoin has a program join on the first machine without one.
func (m *model) rejoin(id rtcpeer.PeerID) {
	for _, p := range m.players {
		if p.program == nil {
			m.join(p, id)
			return
		}
	}
}

// actOf does one thing that has to do with p's program.
func (m *model) actOf(p, q *player, a act) {
	line := p.session.lineState()
	switch {
	case a.kind == actCutLine && line == lineUp:
		m.room.cut(p.session)
	case a.kind == actNotice && line == lineCut:
		m.room.notice(p.session)
	case a.kind == actRestore && line == lineDown:
		m.room.restore(p.session)
	case a.kind == actRestore && line == lineEvicted:
		m.room.restore(p.session)
		m.forgetDisconnects(p.program)
	case a.kind == actSleep && line == lineUp:
		m.isolate(p, m.network.Partition)
		m.room.stall(p.session)
	case a.kind == actWake && line == lineStalled:
		m.isolate(p, m.network.Heal)
		m.room.wake(p.session)
	case a.kind == actLeave:
		m.leave(p)
	case a.kind == actCrash:
		m.crash(p)
	case a.kind == actRestart && !(m.migrates && p.session.isOver()): // else it would have to join anew
		id := p.program.node.ID()
		m.crash(p)
		m.join(p, id)
	case a.kind == actKick:
		m.kick(p)
	case a.kind == actPause && !p.paused:
		p.program.pause()
		p.paused = true
	case a.kind == actResume && p.paused:
		p.program.resume()
		p.paused = false
	case p.paused: // it does nothing
	case a.kind == actDisconnect && q.program != nil:
		m.disconnect(p.program, q.program)
	case a.kind == actSend && a.toAll:
		m.send(p, rtcpeer.Broadcast, a)
	case a.kind == actSend && q.program != nil:
		m.send(p, q.program.node.ID(), a)
	case a.kind == actSendWaiting && q.program != nil:
		p.program.sendWaiting(q.program.node.ID(), waitLane, a.n)
	}
}

func (m *model) send(p *player, to rtcpeer.PeerID, a act) {
	for range a.n {
		p.program.send(to, a.lane)
	}
}

// isolate does something between a player and all others.
func (m *model) isolate(p *player, how func(a, b *memory.Transport)) {
	for _, other := range m.players {
		if other != p {
			how(p.host, other.host)
		}
	}
}

// kick has the host take a member out of the room, if there is a host.
func (m *model) kick(p *player) {
	if h := m.host(); h != nil && h != p && !h.paused {
		_ = h.program.node.Kick(context.Background(), p.program.node.ID(), "") // who is no member at the moment is not kicked
	}
}

func (m *model) disconnect(p, q *recorder) {
	id := q.node.ID()
	sure := p.has(id) && p.peers[id].since.After(q.began)
	if p.node.Disconnect(id) == nil {
		m.disconnects = append(m.disconnects, disconnect{p, q, sure})
	}
}

func (m *model) join(p *player, id rtcpeer.PeerID) {
	config := rtcpeer.Config{
		Transport: p.host, LostAfter: p.plan.lostAfter, MaxPacket: 128, Log: m.log,
		Channels: []rtcpeer.Mode{rtcpeer.Reliable, rtcpeer.Reliable},
	}
	if m.small {
		config.SendBuffer, config.ReceiveBuffer = 512, 512
	}
	if m.secret {
		config.Auth = rtcpeer.SharedSecret([]byte("hush"))
	}
	if m.crowded {
		config.Transport = crowded{checkedTransport{p.host, &checkFaults{unchecked: true}}, func() bool { return true }}
	}
	p.session = m.room.enterAs(id, rtcpeer.Describe(config))
	n, err := rtcpeer.New(context.Background(), p.session, config)
	if err != nil {
		m.fail("join as %d: %v", id, err)
		return
	}
	p.program = newRecorder(len(m.lives)+1, n, m.start)
	m.lives = append(m.lives, p.program)
}

// leave has the program of a player end.
func (m *model) leave(p *player) {
	r := p.program
	if p.paused {
		r.resume()
	}
	p.program, p.paused = nil, false
	m.gone[r.node.ID()] = true
	m.closing.Go(func() { m.close(r) })
}

// close closes a node, as its program would in the end.
func (m *model) close(r *recorder) {
	const (
		linger = 500 * time.Millisecond // Config.Linger
		most   = linger + 700*time.Millisecond
	)
	start := time.Now()
	_ = r.node.Close() // never fails
	if took := time.Since(start); took > most {
		m.fail("member %d, life %d: Close took %v", r.node.ID(), r.life, took)
	}
	<-r.done
	if r.node.Status() != rtcpeer.ConnectionDisconnected || len(r.node.Peers()) > 0 {
		m.fail("member %d, life %d is closed, and is %v with the peers %v", r.node.ID(), r.life, r.node.Status(), r.node.Peers())
	}
}

// crash has the program of a player end without a word: its paths and its session are silent before it can say
// anything. The machine has other paths from then on.
func (m *model) crash(p *player) {
	p.host.Kill()
	p.host = m.network.Transport()
	m.room.cut(p.session)
	m.room.notice(p.session)
	m.leave(p)
}

// healAll ends all faults.
func (m *model) healAll() {
	m.settle()
	for i, p := range m.players {
		for _, other := range m.players[:i] {
			m.network.Heal(p.host, other.host)
			m.network.RelayOnly(p.host, other.host, false)
		}
		for _, kind := range []actKind{actNotice, actRestore, actWake, actResume} {
			m.act(act{kind: kind, a: i})
		}
	}
}

const (
	// converged is how long it may take after that until all is well: a link that could not be
	// made for more than a minute is tried again after up to half a minute, and a peer that has crashed is given up
	// after LostAfter.
	converged = 45 * time.Second
	latent    = 3 * time.Second // in which every path that is dead is noticed, if the programs are not crowded
	lookEach  = 250 * time.Millisecond
)

// converge waits until all is as it should be.
func (m *model) converge() {
	healed := time.Now()
	wait := latent
	if m.crowded {
		wait *= 3
	}
	for time.Sleep(wait); ; time.Sleep(lookEach) {
		m.settle()
		missing := m.missing()
		if missing == nil {
			return
		}
		if time.Since(healed) > converged {
			for _, what := range missing {
				m.fail("%v after all is well: %s", converged, what)
			}
			return
		}
	}
}

// missing returns what is not as it should be when there are no faults.
func (m *model) missing() (all []string) {
	say := func(format string, args ...any) { all = append(all, fmt.Sprintf(format, args...)) }
	for _, p := range m.present() {
		id := p.program.node.ID()
		if got := p.program.node.Status(); got != rtcpeer.ConnectionConnected {
			say("member %d is %v", id, got)
		}
		if host, term := m.room.presentHost(), m.room.presentTerm(); m.migrates && (p.program.node.Host() != host || p.program.node.Term() != term) {
			say("member %d has the host %d of term %d, not %d of term %d", id, p.program.node.Host(), p.program.node.Term(), host, term)
		}
		if p.program.isSending() {
			say("member %d waits to send", id)
		}
		var there []rtcpeer.PeerID
		for _, q := range m.present() {
			if q == p {
				continue
			}
			other := q.program.node.ID()
			there = append(there, other)
			switch has := p.program.has(other); {
			case has != q.program.has(id):
				say("%d has %d: %v, and not the other way round", id, other, has)
			case !has && !m.mayBeParted(p.program, q.program):
				say("%d does not have %d", id, other)
			case has && m.areParted(p.program, q.program):
				say("%d has %d although one of the two has ended their link", id, other)
			case has && p.program.peers[other].interrupted:
				say("%d has %d as interrupted", id, other)
			}
		}
		for _, other := range p.program.connected() {
			if !slices.Contains(there, other) {
				say("%d has %d, which is gone", id, other)
			}
		}
	}
	return all
}

// forgetDisconnects is for a program that joins anew, or all (nil): others may link with it again.
func (m *model) forgetDisconnects(of *recorder) {
	for i, d := range m.disconnects {
		if of == nil || d.a == of || d.b == of {
			m.disconnects[i].sure = false
		}
	}
}

// mayBeParted reports whether one of the two may have ended their link, areParted that one has.
func (m *model) mayBeParted(p, q *recorder) bool {
	return slices.ContainsFunc(m.disconnects, func(d disconnect) bool { return d.isOf(p, q) })
}

func (m *model) areParted(p, q *recorder) bool {
	return slices.ContainsFunc(m.disconnects, func(d disconnect) bool { return d.sure && d.isOf(p, q) })
}

func (d disconnect) isOf(p, q *recorder) bool { return d.a == p && d.b == q || d.a == q && d.b == p }

// exchange has all send to all, and looks whether all that was sent on the present links has come.
func (m *model) exchange() {
	for _, lane := range freeLanes {
		for _, p := range m.present() {
			p.program.send(rtcpeer.Broadcast, lane)
		}
	}
	time.Sleep(3 * time.Second)
	m.settle()
	for _, what := range m.missing() {
		m.fail("at the end: %s", what)
	}
	for _, p := range m.present() {
		for _, q := range m.present() {
			if p != q && p.program.has(q.program.node.ID()) {
				m.whole(p.program, q.program)
			}
		}
	}
	if m.left() != nil { // a host may just have said that somebody is gone
		time.Sleep(3 * time.Second)
		for _, what := range m.left() {
			m.fail("%s", what)
		}
	}
}

// left returns what waits or is on its way.
func (m *model) left() (all []string) {
	for _, p := range m.present() {
		stats := p.program.node.Stats()
		if stats.Waiting > 0 {
			all = append(all, fmt.Sprintf("%d: %d events wait", stats.ID, stats.Waiting))
		}
		for id, l := range stats.Links {
			for i, lane := range l.Lanes {
				if lane.Buffered > 0 {
					all = append(all, fmt.Sprintf("%d to %d: lane %d: %d bytes are not acknowledged", stats.ID, id, i, lane.Buffered))
				}
			}
		}
	}
	return all
}

// whole looks whether all reliable packets have come from one program to another.
func (m *model) whole(from, to *recorder) {
	sent := from.peers[to.node.ID()]
	for _, lane := range []laneKey{{}, {channel: 1}, waitLane} {
		last := sent.sent[lane]
		got := to.streams[streamKey{from.life, sent.epoch, lane}]
		switch {
		case last == 0:
		case from.missed[missedKey{to.node.ID(), sent.epoch, lane}] == last: // it may not have come
		case got == nil:
			m.fail("%d to %d on channel %d: nothing of %d packets came", from.node.ID(), to.node.ID(), lane.channel, last)
		case got.last != last || got.epoch != to.peers[from.node.ID()].epoch:
			m.fail("%d to %d on channel %d: the last of %d packets is %d in epoch %d of %d",
				from.node.ID(), to.node.ID(), lane.channel, last, got.last, got.epoch, to.peers[from.node.ID()].epoch)
		}
	}
}

// checkHosts looks whether all programs were told of the same host of each term.
func (m *model) checkHosts() {
	hosts := make(map[int]rtcpeer.PeerID)
	for _, r := range m.lives {
		for term, host := range r.hosts {
			if other := cmp.Or(hosts[term], host); other != host {
				m.fail("member %d, life %d has the host %d of term %d, others have %d", r.node.ID(), r.life, host, term, other)
			}
			hosts[term] = host
		}
	}
}

// checkMissed looks whether each reliable packet that did not come, although both ends stayed connected, was among
// those that its sender was told may have been missed.
func (m *model) checkMissed() {
	for _, r := range m.lives {
		for _, g := range r.gaps {
			from := m.lives[g.life-1]
			if last := from.missed[missedKey{r.node.ID(), g.epoch, g.laneKey}]; last < g.last {
				m.fail("member %d, life %d has not got packets up to %d of %d on channel %d, which was told of those up to %d",
					r.node.ID(), r.life, g.last, from.node.ID(), g.channel, last)
			}
		}
	}
}

// checkMild looks for ends of links that there was no reason for.
func (m *model) checkMild() {
	if !m.mild {
		return
	}
	for _, r := range m.lives {
		for _, h := range r.log {
			if (h.Kind == rtcpeer.PeerDisconnected || h.Kind == rtcpeer.PeerFailed) && !m.gone[h.Peer] {
				m.fail("member %d: %v %d after mild faults", r.node.ID(), h.Kind, h.Peer)
			}
		}
	}
}

// leaveAll has one member leave, which the others must be told at once, and then all.
func (m *model) leaveAll() {
	if gone := m.players[m.seed%uint64(len(m.players))]; gone.program != nil {
		id := gone.program.node.ID()
		m.leave(gone)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		for _, p := range m.present() {
			if p.program.has(id) {
				m.fail("%d still has %d, which has left", p.program.node.ID(), id)
			}
		}
	}
	for _, p := range m.present() {
		m.leave(p)
	}
}
