package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"text/tabwriter"
	"time"

	"example.org/rtcpeer/rtcpeer"
)

// A survey is a ping that is in its room. One goroutine does all: it receives until the next pings
// are due.
type survey struct {
	// Fixed at construction.
	node     *rtcpeer.Node
	console  *console
	count    int
	interval time.Duration

	peers  []*surveyed
	sent   []sentProbe // by number
	barred bool        // the host demands authentication
}

// surveyed is what is known of a peer.
type surveyed struct {
	id    rtcpeer.PeerID
	path  path
	gone  bool
	modes [len(modes)]roundTrips // by mode
}

type sentProbe struct {
	to   *surveyed
	mode rtcpeer.Mode
	at   time.Time
	back bool
}

// straggling is how long the answer to a ping may take when no more follow.
const straggling = time.Second

// meet waits for the peers to ping: the wanted one or, if that is 0, the first to come and those who
// come with it.
func (s *survey) meet(ctx context.Context, wanted rtcpeer.PeerID, wait time.Duration) error {
	there := func() bool {
		peers := s.node.Peers()
		return slices.Contains(peers, wanted) || wanted == 0 && len(peers) > 0
	}
	end := time.Now().Add(wait)
	err := receiveUntil(ctx, s.node, end, func(ev rtcpeer.Event) bool { s.take(ev); return there() })
	for more := wanted == 0; more && err == nil; {
		more = false
		err = receiveUntil(ctx, s.node, time.Now().Add(settle), func(ev rtcpeer.Event) bool {
			s.take(ev)
			more = ev.Kind == rtcpeer.PeerConnected
			return more
		})
	}
	switch {
	case err != nil:
		return err
	case wanted != 0 && !there():
		return fmt.Errorf("peer %d did not come within %v; --wait is how long to wait", wanted, wait)
	case !there():
		return fmt.Errorf("nobody came within %v; --wait is how long to wait", wait)
	}
	links := s.node.Stats().Links
	for _, id := range s.node.Peers() {
		if wanted == 0 || id == wanted {
			s.peers = append(s.peers, &surveyed{id: id, path: pathOf(links[id])})
		}
	}
	return nil
}

// run sends the pings, until all are sent or nobody is left, and waits for the last answers.
func (s *survey) run(ctx context.Context) error {
	for _, p := range s.peers {
		s.console.say("%s", p.path.says(p.id))
	}
	for due := time.Now(); s.count > 0 && !s.deserted(); s.count-- {
		s.ask()
		due = due.Add(s.interval)
		end := due
		if s.count == 1 {
			end = time.Now().Add(straggling)
		}
		err := receiveUntil(ctx, s.node, end, func(ev rtcpeer.Event) bool {
			s.take(ev)
			return s.deserted() || s.count == 1 && s.complete()
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// ask sends a ping to each peer in each mode.
func (s *survey) ask() {
	for _, to := range s.peers {
		for _, mode := range modes {
			if to.gone {
				continue
			}
			p := sentProbe{to: to, mode: mode, at: time.Now()}
			if s.node.TrySend(rtcpeer.Packet{Peer: to.id, Mode: mode, Data: newProbe(uint64(len(s.sent)))}) != nil {
				s.part(to)
				continue
			}
			s.sent = append(s.sent, p)
			to.modes[mode].sent++
		}
	}
}

func (s *survey) take(ev rtcpeer.Event) {
	at := time.Now()
	if ev.Kind != rtcpeer.PacketReceived {
		s.console.tell(ev)
		s.barred = s.barred || ev.Reason == rtcpeer.Unauthorized
		for _, p := range s.peers { // a connected may still be to come of a peer that is being pinged
			if p.id == ev.Peer && !p.gone && ev.Kind != rtcpeer.PeerConnected {
				s.part(p)
			}
		}
		return
	}
	number, ok := answered(ev.Packet)
	if !ok {
		answer(s.node, ev.Packet)
		return
	}
	if number >= uint64(len(s.sent)) {
		return
	}
	p := &s.sent[number]
	if !p.back && p.to.id == ev.Packet.Peer && p.mode == ev.Packet.Mode {
		p.back = true
		p.to.modes[p.mode].add(at.Sub(p.at))
	}
}

// part ends the pings of a peer that has left. Those that it had no time to answer say nothing about
// the path, and do not count.
func (s *survey) part(p *surveyed) {
	p.gone = true
	for i := len(s.sent) - 1; i >= 0 && time.Since(s.sent[i].at) < straggling; i-- {
		if probe := &s.sent[i]; probe.to == p && !probe.back {
			p.modes[probe.mode].sent--
		}
	}
}

func (s *survey) deserted() bool {
	return !slices.ContainsFunc(s.peers, func(p *surveyed) bool { return !p.gone })
}

func (s *survey) complete() bool {
	return !slices.ContainsFunc(s.sent, func(p sentProbe) bool { return !p.back && !p.to.gone })
}

// verdict is an error if nothing came back.
func (s *survey) verdict() error {
	if slices.ContainsFunc(s.sent, func(p sentProbe) bool { return p.back }) {
		return nil
	}
	if s.barred {
		return rtcpeer.ErrAuthRequired
	}
	return errors.New("nothing came back: do the others run rtc-client?")
}

// print writes the table, or the object.
func (s *survey) print(asJSON bool) error {
	if asJSON {
		return json.NewEncoder(s.console.out).Encode(s.report())
	}
	w := tabwriter.NewWriter(s.console.out, 0, 0, 3, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "peer\tmode\tsent\tlost\tmin\tp50\tavg\tmax\t")
	for _, p := range s.peers {
		for _, mode := range modes {
			t := &p.modes[mode]
			s := t.spread()
			fmt.Fprintf(w, "%d\t%v\t%d\t%.0f %%\t%s\t%s\t%s\t%s\t\n", p.id, mode, t.sent, t.lost(),
				short(s.least), short(s.median), short(s.mean), short(s.most))
		}
	}
	return w.Flush()
}

// surveyReport is the object of ping --json.
type surveyReport struct {
	Room  string           `json:"room"`
	Peers []surveyedReport `json:"peers"`
}

type surveyedReport struct {
	ID   rtcpeer.PeerID `json:"id"`
	Path *path          `json:"path,omitempty"` // not there behind a star's host
	perMode[roundTripsReport]
}

func (s *survey) report() surveyReport {
	r := surveyReport{Room: s.node.Room()}
	for _, p := range s.peers {
		figures := eachMode(func(m rtcpeer.Mode) roundTripsReport { return p.modes[m].report() })
		r.Peers = append(r.Peers, surveyedReport{p.id, p.path.report(), figures})
	}
	return r
}
