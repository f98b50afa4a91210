package rtcpeer

import (
	"strconv"
	"strings"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/require"
)

// One line a case: what happens to a path, each with the second at which it does, and what is done about it.
// A tick comes each half second. Nothing else is needed: this is how link.keep drives a repair.
//
//	quiet, heard       nothing comes over the present path any more; it comes again
//	closed             the present path has ended
//	changed            something has changed at this end; changed+ the same, with a delay of half a second
//	answered           the other end has answered an ask
//	requested          the other end wants a path; requested! the same, though it knows of the present try
//	made               the other end's offer has come (an answering end)
//	reached            the two ends reach each other over the path that is being made
//	failed             that path has failed
//	moved, relayed     it has taken over, and is direct or relayed
//	asleep, awake      no ticks come between the two
//	relaxed, strict    a silence may be longer between the two
//
// Asks are left out where a case is not about them.
func TestRepair(t *testing.T) {
	const offers, answers = true, false
	tests := []struct {
		name      string
		offers    bool
		lostAfter time.Duration
		in        string
		want      string
	}{
		{"a link that is heard needs nothing", offers, 30 * time.Second, "60 end", ""},
		{"silence: ask, then try", offers, 30 * time.Second, "2 quiet 5 end", "2.65 ask, 3 interrupt try, 4 ask"},
		{"so does the answering end", answers, 30 * time.Second, "2 quiet 5 end", "2.65 ask, 3 interrupt try, 4 ask"},
		{"a moment of silence is nothing", offers, 30 * time.Second, "2 quiet 2.4 heard 9 end", ""},
		{"a beat that comes with the next tick is late, and no reason to ask", offers, 30 * time.Second, "2 quiet 2.6 heard 9 end", ""},
		{"one that is later is worth a question", offers, 30 * time.Second, "2 quiet 2.9 heard 9 end", "2.65 ask"},
		{"a silence that may be longer", offers, 30 * time.Second, "1 relaxed 2 quiet 10 end", "7.25 ask, 8.5 interrupt ask try, 9.5 ask"},
		{"so may that of an answering end", answers, 30 * time.Second, "1 relaxed 2 quiet 10 end", "7.25 ask, 8.5 interrupt ask try, 9.5 ask"},
		{"until it may not", offers, 30 * time.Second, "1 relaxed 2 quiet 5.2 strict 6 end", "5.5 interrupt ask try"},
		{"a sign in five seconds is enough then", offers, 30 * time.Second, "1 relaxed 2 quiet 7 heard 7.1 quiet 12 heard 12.1 quiet 17 heard 18 end", ""},
		{"another path takes over, which may be silent for as long", offers, 30 * time.Second, "1 relaxed 2 quiet 8.6 moved 8.7 quiet 17 end", "7.25 ask, 8.5 interrupt ask try, 8.6 resume, 14.35 ask, 15.5 ask, 16 interrupt try, 16.5 ask"},
		{"heard again", offers, 30 * time.Second, "2 quiet 5.2 heard 20 end", "3 interrupt try, 5.5 resume drop"},
		{"heard again: the answering end leaves the path to the other", answers, 30 * time.Second, "2 quiet 4 made 5.2 heard 20 end", "3 interrupt try, 5.5 resume drop"},
		{"heard again, and silent again", offers, 30 * time.Second, "2 quiet 4 heard 5 quiet 9 end", "3 interrupt try, 4 resume drop, 6 interrupt try"},
		{"another path takes over", offers, 30 * time.Second, "2 quiet 4.2 moved 20 end", "3 interrupt try, 4.2 resume"},
		{"and falls silent itself", offers, 30 * time.Second, "2 quiet 4.2 moved 4.3 quiet 9 end", "3 interrupt try, 4.2 resume, 6 interrupt try"},
		{"a failing attempt has its full time", offers, 30 * time.Second, "2 quiet 18 end", "3 interrupt try, 10 try, 17 try"},
		{"twice as much once the ends reach each other", offers, 30 * time.Second, "2 quiet 4 reached 18 end", "3 interrupt try, 17 try"},
		{"an attempt that fails fast is not repeated at once", offers, 30 * time.Second, "2 quiet 3.1 failed 12 end", "3 interrupt try, 10 try"},
		{"an answering end asks for an offer that does not come", answers, 30 * time.Second, "2 quiet 10 end", "3 interrupt try, 6 try, 9 try"},
		{"and waits for a path once it has come", answers, 30 * time.Second, "2 quiet 3.2 made 12 end", "3 interrupt try, 10 try"},
		{"and asks again when that has failed", answers, 30 * time.Second, "2 quiet 3.2 made 5 failed 8 end", "3 interrupt try, 6 try"},

		{"an answer is no reason to ask for an offer that has come", answers, 30 * time.Second, "2 quiet 3.2 made 8 answered 9 end", "3 interrupt try"},
		{"an answer is no reason to give up what advances", offers, 30 * time.Second, "2 quiet 4 reached 12.1 answered 12.2 closed 15 end", "3 interrupt try"},

		{"the path closes", offers, 30 * time.Second, "2.2 closed 5 end", "2.2 try, 2.5 interrupt"},
		{"the path closes: the answering end", answers, 30 * time.Second, "2.2 closed 5 end", "2.2 try, 2.5 interrupt"},
		{"the path closes, and another takes over within a tick", offers, 30 * time.Second, "2.2 closed 2.4 moved 9 end", "2.2 try"},
		{"nobody is asked over a path that has closed", offers, 30 * time.Second, "2.2 closed 5 end", "2.2 try, 2.5 interrupt"},
		{"the path closes in an interruption", offers, 30 * time.Second, "2 quiet 4 closed 9 end", "3 interrupt try"},
		{"packets of a path that has closed mean nothing", offers, 30 * time.Second, "2.2 closed 2.3 heard 5 end", "2.2 try, 2.5 interrupt"},

		{"lost", offers, 10 * time.Second, "2 quiet 20 end", "3 interrupt try, 10 try, 11.5 give-up"},
		{"lost: the answering end", answers, 10 * time.Second, "2 quiet 20 end", "3 interrupt try, 6 try, 9 try, 11.5 give-up"},
		{"lost over no path at all", offers, 10 * time.Second, "2.2 closed 20 end", "2.2 try, 2.5 interrupt, 9.5 try, 12 give-up"},
		{"heard in time", offers, 10 * time.Second, "2 quiet 11.4 heard 14 end", "3 interrupt try, 10 try, 11.5 resume drop"},
		{"never lost", offers, -1, "2 quiet 40 end", "3 interrupt try, 10 try, 17 try, 24 try, 31 try, 38 try"},
		{"lost after no time: a link that is idle is not lost", offers, time.Millisecond, "60 idle", ""},
		{"lost after no time: one that is silent is, at once", offers, time.Millisecond, "2 quiet 9 end", "2.65 ask, 3 give-up"},
		{"lost after a second", offers, time.Second, "60 idle", ""},
		{"lost after two", offers, 2 * time.Second, "2 quiet 9 end", "3 interrupt try, 3.5 give-up"},

		{"a change, and the path answers", offers, 30 * time.Second, "2.2 changed 2.3 answered 9 end", "2.2 ask"},
		{"a change, and the path does not answer", offers, 30 * time.Second, "2.2 quiet 2.2 changed 4 end", "2.2 ask, 2.4 try, 3.5 interrupt ask"},
		{"a change: the answering end", answers, 30 * time.Second, "2.2 quiet 2.2 changed 4 end", "2.2 ask, 2.4 try, 3.5 interrupt ask"},
		{"a packet sent before the change is no answer", offers, 30 * time.Second, "2.2 changed 4 end", "2.2 ask, 2.4 try"},
		{"an answer that comes late", offers, 30 * time.Second, "2.2 changed 2.9 answered 9 end", "2.4 try, 2.9 drop"},
		{"changes are spread", offers, 30 * time.Second, "2.2 changed+ 4 end", "2.9 try"},
		{"a change after which another path has taken over", offers, 30 * time.Second, "2.2 quiet 2.2 changed 2.6 moved 9 end", "2.4 try"},
		{"a change during an attempt starts it again", offers, 30 * time.Second, "2 quiet 5.1 changed+ 9 end", "3 interrupt try, 5.6 try"},
		{"a change in an interruption asks at once", offers, 30 * time.Second, "2 quiet 3.6 changed+ 5 end", "2.65 ask, 3 interrupt try, 3.6 ask, 4.1 try"},
		{"changes, one after the other, do not delay for ever", offers, 30 * time.Second, "2.2 changed 2.3 changed 2.4 changed 4 end", "2.6 try"},

		{"the other end wants a path", offers, 30 * time.Second, "2.2 requested 3 moved 9 end", "2.2 try"},
		{"it asks again before it knows of the try", offers, 30 * time.Second, "2.2 requested 2.3 requested 3 moved 9 end", "2.2 try"},
		{"it asks again when the try is old", offers, 30 * time.Second, "2.2 requested 3.3 requested 4 moved 9 end", "2.2 try, 3.3 try"},
		{"it asks again, and knows of the try", offers, 30 * time.Second, "2.2 requested 2.3 requested! 4 moved 9 end", "2.2 try, 2.4 try"},
		{"it asks again and again", offers, 30 * time.Second, "2.2 requested 2.3 requested! 2.31 requested! 2.45 requested! 2.46 requested! 2.47 requested! 4 moved 9 end", "2.2 try, 2.4 try, 2.6 try"},
		{"without success: it has to ask again", offers, 30 * time.Second, "2.2 requested 30 end", "2.2 try, 9.5 drop"},
		{"both ends want one", offers, 30 * time.Second, "2 quiet 3.2 requested 3.6 moved 9 end", "3 interrupt try, 3.6 resume"},
		{"a request, though this end hears the other", offers, 30 * time.Second, "2.2 requested 5 failed 9 end", "2.2 try"},

		{"a relayed path looks for a direct one", offers, 30 * time.Second, "1.1 relayed 8 moved 60 end", "6.5 try"},
		{"the other end does", answers, 30 * time.Second, "1.1 relayed 60 end", ""},
		{"without success, and less and less often", offers, 30 * time.Second, "1.1 relayed 800 end",
			"6.5 try, 13.5 drop, 18.5 try, 25.5 drop, 45.5 try, 52.5 drop, 132.5 try, 139.5 drop, 439.5 try, 446.5 drop, 746.5 try, 753.5 drop"},
		{"a search that fails", offers, 30 * time.Second, "1.1 relayed 7.2 failed 20 end", "6.5 try, 7.2 drop, 12.5 try, 19.5 drop"},
		{"a change makes it look soon", offers, 30 * time.Second, "1.1 relayed 30.1 changed 30.2 answered 39 end", "6.5 try, 13.5 drop, 18.5 try, 25.5 drop, 31.5 try, 38.5 drop"},
		{"the relayed path falls silent in a search", offers, 30 * time.Second, "1.1 relayed 7 quiet 20 end", "6.5 try, 8 interrupt try, 15 try"},
		{"the relayed path closes in a search", offers, 30 * time.Second, "1.1 relayed 7.2 closed 14 end", "6.5 try, 7.2 try, 7.5 interrupt"},
		{"the relayed path falls silent between two searches", offers, 30 * time.Second, "1.1 relayed 14 quiet 17 relayed 23 end", "6.5 try, 13.5 drop, 15 interrupt try, 17 resume, 22 try"},
		{"the other end wants a path in a search", offers, 30 * time.Second, "1.1 relayed 7.2 requested! 12 relayed 16 end", "6.5 try, 7.2 try"},

		{"asleep, and the path is there", offers, 30 * time.Second, "2.2 asleep 60.2 awake 60.3 answered 70 end", "60.2 ask"},
		{"asleep, and the path is gone", offers, 30 * time.Second, "2.2 quiet 2.2 asleep 60.2 awake 64 end", "60.2 ask, 61 interrupt try, 61.5 ask, 62.5 ask, 63.5 ask"},
		{"asleep, and the path was closed", offers, 30 * time.Second, "2.2 asleep 60.2 awake 60.3 closed 64 end", "60.3 try, 60.5 interrupt"},
		{"asleep: the answering end", answers, 30 * time.Second, "2.2 quiet 2.2 asleep 60.2 awake 62 end", "60.2 ask, 61 interrupt try, 61.5 ask"},
		{"a process that is late has not heard for as long as it was late", offers, 30 * time.Second, "2.2 quiet 2.2 asleep 3.9 awake 9 end", "5 interrupt try"},
		{"a process that is slow was not asleep", offers, 30 * time.Second, "2.2 asleep 3.9 awake 9 end", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := simulate(t, tt.offers, tt.lostAfter, tt.in, strings.Contains(tt.want, "ask"))
			require.Equal(t, tt.want, got, tt.in)
		})
	}
}

// A simulated drives one repair.
type simulated struct {
	repair
	now    time.Time
	start  time.Time
	asks   bool // are told
	heard  bool
	idle   bool // heard with each second tick alone
	ticks  int  // there were, or would have been
	asleep bool
	relax  bool
	sight  sight
	over   bool
	steps  []string // with their times
}

func simulate(t *testing.T, offers bool, lostAfter time.Duration, script string, asks bool) string {
	t.Helper()
	start := time.Now()
	s := &simulated{repair: newRepair(offers, lostAfter, start), start: start, now: start, asks: asks, heard: true}
	words := strings.Fields(script)
	for len(words) > 0 && !s.over {
		at, err := strconv.ParseFloat(words[0], 64)
		require.NoError(t, err)
		s.idle = words[1] == "idle"
		s.passUntil(start.Add(time.Duration(at * float64(time.Second))))
		if words[1] == "end" || s.idle {
			break
		}
		require.True(t, s.take(words[1]), words[1])
		words = words[2:]
	}
	return strings.Join(s.steps, ", ")
}

// passUntil lets time pass, with its ticks and the tries that come between them.
func (s *simulated) passUntil(end time.Time) {
	for !s.over {
		at, tick := s.start.Add(time.Duration(s.ticks+1)*tickEach), true
		if due := s.due(); due.After(s.now) && due.Before(at) && !s.asleep {
			at, tick = due, false
		}
		if !at.Before(end) {
			s.now = end
			return
		}
		s.now = at
		if tick {
			s.ticks++
		}
		if !s.asleep {
			s.tick()
		}
	}
}

func (s *simulated) tick() {
	seen := s.sight
	seen.heard = s.heard && (!s.idle || s.ticks%2 == 0)
	seen.relaxed = s.relax
	s.do(s.repair.tick(s.now, seen))
}

// take takes what happens at this moment.
func (s *simulated) take(what string) bool {
	switch what {
	case "quiet", "heard":
		s.heard = what == "heard"
	case "closed":
		s.heard = false
		s.do(s.pathClosed(s.now, s.sight))
	case "changed":
		s.do(s.repair.changed(s.now, 0))
	case "changed+":
		s.do(s.repair.changed(s.now, tickEach))
	case "answered":
		s.do(s.answered(s.now, s.sight))
	case "requested", "requested!":
		s.do(s.requested(s.now, s.sight, what == "requested!"))
	case "made":
		s.sight.making = true
	case "reached":
		s.sight.advanced = true
	case "failed":
		s.sight = sight{}
		s.do(s.failed(s.now, s.sight))
	case "moved", "relayed":
		s.sight, s.heard = sight{}, true
		s.do(s.moved(s.now, what == "relayed"))
	case "relaxed", "strict":
		s.relax = what == "relaxed"
	case "asleep":
		s.asleep = true
	case "awake": // with the tick that was due
		s.asleep = false
		s.tick()
	default:
		return false
	}
	return true
}

// do notes the steps, and what follows from them.
func (s *simulated) do(r repair, steps []repairStep) {
	s.repair = r
	var words []string
	for _, step := range steps {
		switch step {
		case stepTry:
			s.sight = sight{making: r.offers}
		case stepDrop:
			s.sight = sight{}
		case stepGiveUp:
			s.over = true
		}
		if step != stepAsk || s.asks {
			words = append(words, []string{"", "ask", "interrupt", "resume", "try", "drop", "give-up"}[step])
		}
	}
	if words != nil {
		at := strconv.FormatFloat(s.now.Sub(s.start).Round(time.Millisecond).Seconds(), 'f', -1, 64)
		s.steps = append(s.steps, at+" "+strings.Join(words, " "))
	}
}

// A repair is a value: what was decided of one does not change another.
func TestRepairIsPure(t *testing.T) {
	now := time.Now()
	r := newRepair(true, time.Minute, now)
	before := r
	later := now.Add(5 * time.Second)
	r.tick(later, sight{})
	r.changed(later, time.Second)
	r.requested(later, sight{}, true)
	r.pathClosed(later, sight{})
	r.failed(later, sight{})
	r.moved(later, true)
	r.plan(later, sight{}, nil)
	require.Equal(t, before, r)
}

// A stopped process is recognized by its monotonic clock, a suspended machine only by its wall clock. A wall clock that was
// set back counts as neither.
func TestSleepIsDetected(t *testing.T) {
	now := time.Now()
	tests := []struct {
		name            string
		monotonic, wall time.Duration
		want            bool
	}{
		{"a tick", tickEach, tickEach, false},
		{"a late tick", sleptAfter, sleptAfter, false},
		{"the process was stopped", 14 * time.Second, 14 * time.Second, true},
		{"the machine was suspended", tickEach, tickEach + time.Hour, true},
		{"the wall clock was set back", tickEach, tickEach - time.Hour, false},
		{"the wall clock was set back while the process was stopped", 14 * time.Second, -time.Hour, true},
		{"the wall clock was corrected", tickEach, tickEach + time.Second, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			later := clocks(t, now, tt.monotonic, tt.wall)
			require.Equal(t, tt.want, slept(now, later))
			before := newRepair(true, time.Minute, now)
			require.Equal(t, tt.want, before.isStale(later))
			woken, steps := before.tick(later, sight{heard: true})
			require.Equal(t, tt.want, woken.isStale(later.Add(tickEach)))
			require.False(t, woken.isStale(later.Add(sleptAfter)))
			require.Equal(t, tt.want, len(steps) == 1 && steps[0] == stepAsk)
		})
	}
}

// clocks returns a time at which the monotonic clock and the wall clock have advanced differently, as after a
// suspend. Package time has no way to make one.
func clocks(t *testing.T, now time.Time, monotonic, wall time.Duration) time.Time {
	t.Helper()
	require.Zero(t, (wall-monotonic)%time.Second)
	later := now.Add(monotonic)
	*(*uint64)(unsafe.Pointer(&later)) += uint64((wall-monotonic)/time.Second) << 30 // Time.wall: seconds above nanoseconds
	require.Equal(t, monotonic, later.Sub(now))
	require.Equal(t, wall, later.Round(0).Sub(now.Round(0)))
	return later
}

// What a machine that was suspended has missed does not count as silence: the other end may have been silent
// for no longer than this end.
func TestSuspendedIsNotLost(t *testing.T) {
	now := time.Now()
	for _, wall := range []time.Duration{10 * time.Second, time.Hour} {
		for _, monotonic := range []time.Duration{time.Second, wall} {
			later := clocks(t, now, monotonic, wall)
			_, steps := newRepair(true, 5*time.Second, now).tick(later, sight{})
			require.Equal(t, []repairStep{stepAsk}, steps, "%v by the wall clock, %v by the other", wall, monotonic)
		}
	}
}

// The other end requests another path: it may not have got the last offer, because its connection to the signaling server was
// lost. If it usually answers fast, this end soon makes another offer. If it takes long, the request and the offer may just
// have crossed, so this end waits longer.
func TestRequestOfAnEndThatAnswersFast(t *testing.T) {
	for _, tt := range []struct{ answer, want time.Duration }{
		{0, time.Second},
		{20 * time.Millisecond, 250 * time.Millisecond},
		{400 * time.Millisecond, 600 * time.Millisecond},
		{4 * time.Second, 6 * time.Second},
	} {
		now := time.Now()
		s := sight{making: true, answer: tt.answer}
		r, steps := newRepair(true, time.Minute, now).requested(now, sight{answer: tt.answer}, false)
		require.Equal(t, []repairStep{stepTry}, steps)
		r, steps = r.requested(now.Add(10*time.Millisecond), s, false)
		require.Empty(t, steps, "the two may have crossed")
		_, steps = r.plan(now.Add(tt.want-time.Millisecond), s, nil)
		require.Empty(t, steps)
		_, steps = r.plan(now.Add(tt.want), s, nil)
		require.Equal(t, []repairStep{stepTry}, steps)
	}
}
