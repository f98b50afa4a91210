//go:build linux

package lab

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"example.org/rtcpeer/rtcpeer"
)

// A finding is what the records of a scene tell.
type finding struct {
	fault *fault
	cast  cast
	place place
	order int           // of its row in the table
	stood time.Duration // for how long the machine stood still at most

	// Of the streams between those that the fault reaches, or of all if it reaches nobody.
	pause   [2]time.Duration // the longest between two packets: reliable, unreliable
	back    time.Duration    // from the end of the fault to the first packet sent after it, of the slowest stream
	never   int              // streams without one
	slowest string           // that stream, for the log
	lost    int              // reliable packets, while the two were connected

	// Of all streams.
	repeated, swapped int // reliable packets
	backwards         int // unreliable ordered packets that came twice or late
	dropped           int // unreliable packets

	events, others map[string]int // how often, at those that it reaches and at the others
	strange        map[string]int // events that the fault is no reason for
	untold         map[string]int // events that there should have been
	refused        map[string]int // packets that could not be sent, by the error
}

func (s *scene) measure(p place, records []record) *finding {
	f := &finding{
		fault: s.fault, cast: s.cast, place: p,
		events: make(map[string]int), others: make(map[string]int), strange: make(map[string]int), untold: make(map[string]int),
		refused: make(map[string]int),
	}
	for i := range records {
		f.takeEvents(s, &records[i])
		f.takeInterruptions(s, &records[i])
		for text, n := range records[i].Refused {
			f.refused[text] += n
		}
	}
	f.stood = s.stood()
	s.t.Logf("packets not sent: %s; the machine stood still for %v at most", listed(f.refused), f.stood.Round(time.Millisecond))
	for i := range records {
		for j := range records {
			if i != j {
				f.takePair(s, &records[i], &records[j])
			}
		}
	}
	s.t.Logf("the slowest stream: %s, after %v", f.slowest, f.back)
	return f
}

// takeEvents counts what has happened at a member since the fault began.
func (f *finding) takeEvents(s *scene, r *record) {
	for _, h := range r.Events {
		if h.At.Before(s.begun) {
			continue
		}
		s.t.Logf("%6d ms: %d: %v %d %s", h.At.Sub(s.begun).Milliseconds(), r.ID, h, h.Peer, h.Error)
		concerned := h.Peer != 0 && s.fault.concerns.reachesPair(s, r.ID, h.Peer) || h.Peer == 0 && s.fault.signaling.reachesMember(s, r.ID)
		if concerned {
			f.events[h.String()]++
		} else {
			f.others[h.String()]++
		}
		if !s.fault.expected(s, r.ID, h) {
			f.strange[h.String()]++
		}
	}
}

func (h happening) String() string {
	switch {
	case h.Kind == 0:
		return "node ended"
	case h.Kind == rtcpeer.PeerDisconnected:
		return fmt.Sprintf("%v (%v)", h.Kind, h.Reason)
	}
	return h.Kind.String()
}

// takePair looks at all packets from one member to another.
func (f *finding) takePair(s *scene, from, to *record) {
	concerned := s.fault.concerns == nobody || s.fault.concerns.reachesPair(s, from.ID, to.ID)
	if from.givenUp(to.ID) && !to.givenUp(from.ID) {
		f.untold["disconnected at the other end"]++
	}
	for mode := range rtcpeer.Mode(modes) {
		stream := to.stream(from.ID, mode)
		c := countNumbers(stream)
		c.addTail(stream, from.sentTo(to.ID), to.sentTo(from.ID), mode)
		switch mode {
		case rtcpeer.Reliable:
			f.lost += c.lost
			f.repeated += c.repeated
			f.swapped += c.swapped
		case rtcpeer.UnreliableOrdered:
			f.backwards += c.repeated + c.swapped
			f.dropped += c.lost
		default:
			f.dropped += c.lost
		}
		if concerned {
			f.takeTimes(stream, mode, s.begun, s.over, to.Stopped)
		}
	}
}

// takeTimes looks at when the packets of a stream came.
func (f *finding) takeTimes(stream []arrival, mode rtcpeer.Mode, begun, over, stopped time.Time) {
	pause := &f.pause[0]
	if mode != rtcpeer.Reliable {
		pause = &f.pause[1]
	}
	for i, a := range stream {
		next := stopped
		if i+1 < len(stream) {
			next = stream[i+1].At
		}
		if next.After(begun) {
			*pause = max(*pause, next.Sub(a.At))
		}
	}
	first := slices.IndexFunc(stream, func(a arrival) bool { return a.SentAt.After(over) })
	if first < 0 {
		f.never++
		return
	}
	if back := stream[first].At.Sub(over); back > f.back {
		f.back = back
		f.slowest = fmt.Sprintf("from %d, %v", stream[first].From, mode)
	}
}

// givenUp reports whether the member was told of an end of its link with that peer.
func (r *record) givenUp(peer rtcpeer.PeerID) bool {
	return slices.ContainsFunc(r.Events, func(h happening) bool { return h.Kind == rtcpeer.PeerDisconnected && h.Peer == peer })
}

// takeInterruptions looks for those that a member was not told of, and for those that have no end.
func (f *finding) takeInterruptions(s *scene, r *record) {
	lasting := make(map[rtcpeer.PeerID]bool) // by peer; 0 is the signaling server
	for _, h := range r.Events {
		switch h.Kind {
		case rtcpeer.PeerInterrupted, rtcpeer.SignalingLost:
			lasting[h.Peer] = true
		case rtcpeer.PeerResumed, rtcpeer.PeerDisconnected, rtcpeer.SignalingResumed:
			if lasting[h.Peer] {
				lasting[h.Peer] = false
			}
		}
	}
	for peer, still := range lasting {
		if still {
			f.untold[fmt.Sprintf("end of the interruption of %d", peer)]++
		}
	}
	for _, peer := range s.ids {
		if _, told := lasting[peer]; !told && s.interrupts(r.ID, peer) {
			f.untold["interrupted"]++
		}
	}
	if _, told := lasting[0]; !told && s.fault.signaling == everybody {
		f.untold["signaling lost"]++
	}
}

func (r *record) sentTo(peer rtcpeer.PeerID) sent {
	for _, s := range r.Sent {
		if s.To == peer {
			return s
		}
	}
	return sent{To: peer}
}

// stream returns what came from one peer in one mode.
func (r *record) stream(from rtcpeer.PeerID, mode rtcpeer.Mode) (all []arrival) {
	for _, a := range r.Arrivals {
		if a.From == from && a.Mode == mode {
			all = append(all, a)
		}
	}
	return all
}

// listed writes counts in one line.
func listed(counts map[string]int) string {
	if len(counts) == 0 {
		return "-"
	}
	var all []string
	for _, what := range slices.Sorted(maps.Keys(counts)) {
		all = append(all, fmt.Sprintf("%d %s", counts[what], what))
	}
	return strings.Join(all, ", ")
}
