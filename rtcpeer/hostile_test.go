package rtcpeer_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"math"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer"
	"example.org/rtcpeer/rtcpeer/transport"
	"example.org/rtcpeer/rtcpeer/transport/memory"
	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/testdata/bubble"
)

// A signaling server that has turned hostile: it sees and forges all signals of two members, and has a host of its own.
// The first path of a link is in its hands, the link is not.

// An impostor is that host in the role of one member, towards another.
type impostor struct {
	w          *world
	as, victim rtcpeer.PeerID
	host       transport.Transport
	heard      chan signaling.SignalData // of the victim
	opened     func(p transport.Path)    // called, in run, when a path with the victim is open
}

// impostor has a host play a member. What the victim says to that member does not reach it.
func (w *world) impostor(as, victim rtcpeer.PeerID, opened func(p transport.Path)) *impostor {
	var host transport.Transport = w.network.Transport()
	if w.room.relays {
		host = w.hostileMux(as, victim).To(uint32(victim))
	}
	i := &impostor{w: w, as: as, victim: victim, host: host, heard: make(chan signaling.SignalData, 100), opened: opened}
	w.intercept(func(from, to rtcpeer.PeerID, s signaling.SignalData) bool {
		if from != victim || to != as {
			return false
		}
		select {
		case i.heard <- s:
		default:
		}
		return true
	})
	go i.run()
	return i
}

// intercept has the server lose the signals for which f is true, beside those that it loses already.
func (w *world) intercept(f func(from, to rtcpeer.PeerID, s signaling.SignalData) bool) {
	w.room.mu.Lock()
	defer w.room.mu.Unlock()
	before := w.room.lose
	w.room.lose = func(from, to rtcpeer.PeerID, s signaling.SignalData) bool {
		lost := before(from, to, s)
		return f(from, to, s) || lost
	}
}

// honest ends all that the server does to signals.
func (w *world) honest() {
	w.room.mu.Lock()
	defer w.room.mu.Unlock()
	w.room.lose = w.count
}

// say has the server bring a signal of the member to the victim.
func (i *impostor) say(s signaling.SignalData) {
	data, err := s.Encode()
	require.NoError(i.w.t, err)
	i.w.room.mu.Lock()
	defer i.w.room.mu.Unlock()
	if to := i.w.room.members[i.victim]; to != nil {
		to.inbox <- signaling.Signal{From: i.as, Data: data}
	}
}

// offer offers a path of the impostor.
func (i *impostor) offer(s signaling.SignalData) { i.heard <- s }

// run makes paths: for each offer of the victim, and for each of its own.
func (i *impostor) run() {
	var p transport.Path
	var attempt int
	var events <-chan transport.Event
	var done sync.WaitGroup
	defer done.Wait()
	begin := func(s signaling.SignalData) {
		var err error
		p, err = i.host.NewPath(rogueLanes)
		require.NoError(i.w.t, err)
		attempt, events = s.Attempt, p.Events()
		mine := p
		done.Go(func() {
			<-i.w.t.Context().Done()
			mine.Close()
		})
	}
	for {
		select {
		case s := <-i.heard:
			switch {
			case s.Type == signaling.Offer && s.SDP == "": // its own
				begin(s)
				s.SDP, _ = p.Offer()
				i.say(s)
			case s.Type == signaling.Offer:
				begin(s)
				sdp, _ := p.Answer(s.SDP)
				i.say(signaling.SignalData{Type: signaling.Answer, Attempt: attempt, SDP: sdp, Link: s.Link})
			case p == nil || s.Attempt != attempt:
			case s.Type == signaling.Answer:
				_ = p.Accept(s.SDP)
			case s.Type == signaling.Candidate:
				_ = p.AddCandidate(transport.Candidate{Line: s.Candidate, Mid: s.SDPMid})
			}
		case e := <-events:
			switch e.Kind {
			case transport.EventCandidate:
				i.say(signaling.SignalData{Type: signaling.Candidate, Attempt: attempt, Candidate: e.Candidate.Line, SDPMid: e.Candidate.Mid})
			case transport.EventOpened:
				i.opened(p)
			}
		case <-i.w.t.Context().Done():
			return
		}
	}
}

// logs collects what a node logs.
type logs struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logs) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(b)
}

func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// linkID listens for the id of the link of two members, which room.mu guards.
func (w *world) linkID() *string {
	id := new(string)
	w.intercept(func(_, _ rtcpeer.PeerID, s signaling.SignalData) bool {
		if s.Link != "" {
			*id = s.Link
		}
		return false
	})
	return id
}

// attack opens a link of 1 and 5 between which packets go both ways, has something done to it, and wants that all
// arrive.
func attack(t *testing.T, do func(t *testing.T, w *world, link string, log *logs)) {
	bubble.Test(t, func(t *testing.T) {
		w := newWorld(t, rtcpeer.Mesh, memory.Options{Delay: 10 * time.Millisecond})
		link, log := w.linkID(), new(logs)
		w.join(rtcpeer.Config{Log: slog.New(slog.NewTextHandler(log, nil))}, 1, 5)
		streams := []*stream{w.stream(1, 5, 0, rtcpeer.Reliable, 50*time.Millisecond, 1), w.stream(5, 1, 0, rtcpeer.Reliable, 50*time.Millisecond, 1)}
		after(time.Second)
		w.room.mu.Lock()
		id := *link
		w.room.mu.Unlock()
		do(t, w, id, log)
		after(time.Second)
		endAll(streams)
		for id, d := range w.diaries {
			d.check(t)
			require.NotContains(t, d.story(6-id), "disconnected")
		}
	})
}

// lies are what an impostor may say over its path. It may have heard the proofs of the real members.
var lies = []struct {
	name    string
	say     func(p transport.Path, heard []byte) [][]byte
	refused bool // at once
}{
	{"nothing", func(transport.Path, []byte) [][]byte { return nil }, false},
	{"nonsense", func(transport.Path, []byte) [][]byte { return [][]byte{{1, 2, 3}} }, true},
	{"a guess", func(transport.Path, []byte) [][]byte {
		return [][]byte{rtcpeer.Prove([32]byte{1, 2, 3}), rtcpeer.Take(0)}
	}, true},
	{"a hello", func(transport.Path, []byte) [][]byte {
		return [][]byte{rtcpeer.Hello([32]byte{1}, 1<<20), rtcpeer.Beat(0, 0)}
	}, true},
	{"a take", func(transport.Path, []byte) [][]byte { return [][]byte{rtcpeer.Take(0)} }, true},
	{"a bye", func(transport.Path, []byte) [][]byte { return [][]byte{rtcpeer.Bye(1)} }, true},
	{"what it has heard", func(_ transport.Path, heard []byte) [][]byte { return [][]byte{heard} }, true},
}

// An offering end whose path is lost is answered by somebody else.
func TestImpostorAnswers(t *testing.T) {
	for _, lie := range lies {
		for _, forgotten := range []bool{false, true} { // the old path does not come back
			t.Run(fmt.Sprintf("%s forgotten=%v", lie.name, forgotten), func(t *testing.T) {
				attack(t, func(t *testing.T, w *world, link string, log *logs) {
					w.impostor(1, 5, func(p transport.Path) {
						for _, frame := range lie.say(p, rtcpeer.Prove([32]byte{9})) {
							_ = p.Lane(rogueControl).Write(frame)
						}
					})
					w.partition(1, 5)
					if forgotten {
						w.network.Forget(w.hosts[1], w.hosts[5])
					}
					after(4 * time.Second)
					require.Equal(t, lie.refused, w.link(5, 1).PathsRefused > 0)
					if lie.refused {
						require.Contains(t, log.String(), "path refused")
						require.Contains(t, log.String(), "the signaling server may be hostile")
					}
					require.Equal(t, 1, w.link(5, 1).Paths)
					w.honest()
					w.heal(1, 5)
					after(11 * time.Second)
					require.Equal(t, "connected interrupted resumed", w.diaries[5].story(1))
					require.False(t, w.link(5, 1).Interrupted)
				})
			})
		}
	}
}

// An answering end whose path works is offered another one by somebody else, who knows the id of the link.
func TestImpostorOffers(t *testing.T) {
	for _, lie := range lies {
		for _, attempt := range []int{2, 3, 1 << 20, math.MaxInt32} {
			t.Run(fmt.Sprintf("%s attempt=%d", lie.name, attempt), func(t *testing.T) {
				attack(t, func(t *testing.T, w *world, link string, log *logs) {
					i := w.impostor(5, 1, func(p transport.Path) {
						b := make([]byte, 100)
						n, _ := p.Lane(rogueControl).Read(b) // the proof of 1
						for _, frame := range lie.say(p, b[:n]) {
							_ = p.Lane(rogueControl).Write(frame)
						}
					})
					i.offer(signaling.SignalData{Type: signaling.Offer, Attempt: attempt, Link: link, Repair: true})
					after(4 * time.Second)
					require.Equal(t, lie.refused, w.link(1, 5).PathsRefused == 1, "%d refused", w.link(1, 5).PathsRefused)
					if lie.refused {
						require.Contains(t, log.String(), "path refused")
					}
					require.Equal(t, 1, w.link(1, 5).Paths)
					require.Equal(t, "connected", w.diaries[1].story(5), "nobody notices")
					require.Equal(t, "connected", w.diaries[5].story(1))

					w.honest() // what is to be repaired then is
					w.network.Forget(w.hosts[1], w.hosts[5])
					after(10 * time.Second)
					require.Equal(t, "connected interrupted resumed", w.diaries[1].story(5))
					require.Equal(t, "connected interrupted resumed", w.diaries[5].story(1))
				})
			})
		}
	}
}

// Numbers without end are not believed, or the next one would be none.
func TestForgedAttempts(t *testing.T) {
	attack(t, func(t *testing.T, w *world, link string, _ *logs) {
		for _, victim := range []rtcpeer.PeerID{1, 5} {
			i := w.impostor(6-victim, victim, func(transport.Path) {})
			for _, kind := range []signaling.SignalType{signaling.Offer, signaling.Answer, signaling.Candidate, signaling.Repair} {
				for _, attempt := range []int{math.MaxInt >> 11, math.MaxInt>>11 + 1, math.MaxInt} {
					i.say(signaling.SignalData{Type: kind, Attempt: attempt, Link: link, SDP: "v=0", Repair: true})
				}
			}
		}
		after(5 * time.Second)
		w.honest()
		w.network.Forget(w.hosts[1], w.hosts[5])
		after(10 * time.Second)
		require.Equal(t, "connected interrupted resumed", w.diaries[1].story(5))
		require.Equal(t, 2, w.link(1, 5).Paths)
	})
}

// Nor are they while there is no link, which would keep the two from linking ever again.
func TestForgedAttemptsWithoutALink(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		w := newWorld(t, rtcpeer.Mesh, memory.Options{Delay: 10 * time.Millisecond})
		link := w.linkID()
		w.join(rtcpeer.Config{LostAfter: 3 * time.Second, ConnectTimeout: 3 * time.Second}, 1, 5)
		w.partition(1, 5)
		after(time.Minute)
		impostors := []*impostor{w.impostor(5, 1, func(transport.Path) {}), w.impostor(1, 5, func(transport.Path) {})}
		for range 120 { // the pauses between two tries are many seconds now
			w.room.mu.Lock()
			id := *link
			w.room.mu.Unlock()
			for _, i := range impostors {
				for _, kind := range []signaling.SignalType{signaling.Answer, signaling.Candidate, signaling.Repair, signaling.Offer} {
					i.say(signaling.SignalData{Type: kind, Attempt: math.MaxInt >> 11, Link: id, SDP: "v=0", Repair: true})
				}
			}
			after(time.Second)
		}
		w.honest()
		w.heal(1, 5)
		after(45 * time.Second)
		require.Equal(t, "connected interrupted disconnected(lost) connected", w.diaries[1].story(5))
		require.Equal(t, "connected interrupted disconnected(lost) connected", w.diaries[5].story(1))
	})
}

// Somebody stands between the two, on a path to each, and passes on whatever they say.
func TestManInTheMiddle(t *testing.T) {
	attack(t, func(t *testing.T, w *world, link string, log *logs) {
		towards1, towards5 := make(chan transport.Path, 10), make(chan transport.Path, 10)
		w.impostor(1, 5, func(p transport.Path) { towards5 <- p })
		second := w.impostor(5, 1, func(p transport.Path) { towards1 <- p })
		w.intercept(func(from, to rtcpeer.PeerID, s signaling.SignalData) bool {
			if from == 5 && s.Type == signaling.Offer {
				s.SDP = ""
				second.offer(s) // the same offer, of the path that leads here
			}
			return false
		})
		w.partition(1, 5)
		go func() {
			a, b := <-towards1, <-towards5
			for i := range rogueLanes.Lanes {
				go pass(a.Lane(i), b.Lane(i))
				go pass(b.Lane(i), a.Lane(i))
			}
		}()
		after(4 * time.Second)
		require.Equal(t, 1, w.link(5, 1).PathsRefused, "by the offering end, which has to be convinced first")
		require.Equal(t, 1, w.link(5, 1).Paths)
		require.Equal(t, 1, w.link(1, 5).Paths)
		w.honest()
		w.heal(1, 5)
		after(11 * time.Second)
		require.Equal(t, "connected interrupted resumed", w.diaries[5].story(1))
		require.Equal(t, "connected interrupted resumed", w.diaries[1].story(5))
	})
}

// pass passes on what comes over one lane to another, until one of them ends.
func pass(from, to transport.Lane) {
	b := make([]byte, 64<<10)
	for {
		n, err := from.Read(b)
		if err != nil || to.Write(b[:n]) != nil {
			return
		}
	}
}

// A refusal that the server has made up ends no link that works, and none that is interrupted if it is for another
// link or attempt.
func TestForgedRefusals(t *testing.T) {
	attack(t, func(t *testing.T, w *world, link string, _ *logs) {
		for _, victim := range []rtcpeer.PeerID{1, 5} {
			i := w.impostor(6-victim, victim, func(transport.Path) {})
			for _, s := range []signaling.SignalData{{}, {Attempt: 1}, {Attempt: 1, Link: link}, {Attempt: 7}, {Link: "another"}} {
				s.Type = signaling.Refuse
				i.say(s)
			}
		}
		after(5 * time.Second)
		w.honest()
		w.partition(1, 5)
		after(3 * time.Second)
		i := w.impostor(5, 1, func(transport.Path) {})
		for _, s := range []signaling.SignalData{{Attempt: 99}, {Link: "another"}, {Attempt: 1, Link: "another"}} {
			s.Type = signaling.Refuse
			i.say(s)
		}
		after(time.Second)
		w.honest()
		w.heal(1, 5)
		after(10 * time.Second)
		require.Equal(t, "connected interrupted resumed", w.diaries[1].story(5))
	})
}
