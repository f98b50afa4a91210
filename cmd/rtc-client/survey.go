package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"example.org/rtcpeer/cmd/rtc-client/internal/console"
	"example.org/rtcpeer/cmd/rtc-client/internal/entry"
	"example.org/rtcpeer/cmd/rtc-client/internal/linklog"
	"example.org/rtcpeer/cmd/rtc-client/internal/modes"
	"example.org/rtcpeer/cmd/rtc-client/internal/probe"
	"example.org/rtcpeer/rtcpeer"
)

// A survey is a ping that is in its room. One goroutine does all: it receives until the next pings
// are due.
type survey struct {
	// Fixed at construction.
	node     *rtcpeer.Node
	console  *console.Console
	links    *linklog.Log
	url      string // at which others join
	count    int
	interval time.Duration
	wait     time.Duration

	peers  []*surveyed
	sent   []sentProbe // by number
	barred bool        // the host demands authentication

	sampled time.Time // when the links were last asked for their figures
}

type sentProbe struct {
	to   *surveyed
	mode rtcpeer.Mode
	at   time.Time
	back bool
	lost bool // for certain
}

// straggling is how long the answer to a ping may take when no more follow.
const straggling = time.Second

// meet waits for the peers to ping: the wanted one or, if that is 0, the first to come and those who
// come with it.
func (s *survey) meet(ctx context.Context, wanted rtcpeer.PeerID) error {
	there := func() bool {
		peers := s.node.Peers()
		return slices.Contains(peers, wanted) || wanted == 0 && len(peers) > 0
	}
	come := func(ev rtcpeer.Event) bool { s.take(ev); return there() }
	end := time.Now().Add(s.wait)
	err := entry.ReceiveUntil(ctx, s.node, earlier(end, time.Now().Add(linklog.AloneAfter)), come)
	if err == nil && !there() && time.Now().Before(end) {
		s.console.Say("%s", s.misses(wanted))
		err = entry.ReceiveUntil(ctx, s.node, end, come)
	}
	for more := wanted == 0; more && err == nil; {
		more = false
		err = entry.ReceiveUntil(ctx, s.node, time.Now().Add(linklog.Settle), func(ev rtcpeer.Event) bool {
			s.take(ev)
			more = ev.Kind == rtcpeer.PeerConnected
			return more
		})
	}
	switch {
	case err != nil:
		return err
	case wanted != 0 && !there():
		return fmt.Errorf("peer %d did not come within %v; --wait is how long to wait", wanted, s.wait)
	case !there():
		return fmt.Errorf("nobody came within %v; --wait is how long to wait", s.wait)
	}
	stats := s.node.Stats()
	for _, id := range s.node.Peers() {
		if wanted == 0 || id == wanted {
			s.peers = append(s.peers, newSurveyed(id, stats))
		}
	}
	return nil
}

// misses says how it stands when nobody has come yet, or not the wanted one.
func (s *survey) misses(wanted rtcpeer.PeerID) string {
	if len(s.node.Peers()) > 0 {
		return fmt.Sprintf("peer %d is not here yet", wanted)
	}
	return linklog.Alone(s.node, "rtc-client chat "+s.url)
}

// run sends the pings, until all are sent or nobody is left, and waits for the last answers.
func (s *survey) run(ctx context.Context) error {
	for _, p := range s.peers {
		s.console.Say("%s", p.path().says(p.id))
	}
	for due := time.Now(); !s.deserted(); {
		s.ask()
		if s.count--; s.count == 0 {
			return s.awaitLast(ctx)
		}
		due = due.Add(s.interval)
		if now := time.Now(); now.Sub(due) > straggling { // this process was stopped: what it missed is not made up for
			due = now
		}
		err := entry.ReceiveUntil(ctx, s.node, due, func(ev rtcpeer.Event) bool {
			s.take(ev)
			return s.deserted()
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// ask sends a ping to each peer in each mode.
func (s *survey) ask() {
	if time.Since(s.sampled) > time.Second {
		s.sample()
	}
	for _, to := range s.peers {
		if to.away && !s.links.IsMember(to.link) {
			s.console.Say("peer %d is not in the room any more", to.id)
			to.leave(s.links.Interruption(to.link))
		}
		for _, mode := range modes.All {
			if !to.gone {
				s.probe(to, mode)
			}
		}
	}
}

// probe sends a ping. One that cannot be sent because the peer was lost is lost as well, and that the peer
// was disconnected is told by its event.
func (s *survey) probe(to *surveyed, mode rtcpeer.Mode) {
	p := sentProbe{to: to, mode: mode, at: time.Now(), lost: to.away}
	err := s.node.TrySend(rtcpeer.Packet{Peer: to.id, Mode: mode, Data: probe.New(uint64(len(s.sent)))})
	if err == rtcpeer.ErrBufferFull {
		return // it is neither sent nor lost
	}
	s.sent = append(s.sent, p)
	to.modes[mode].Sent++
}

// awaitLast waits for the answers to the last pings: a second, and up to s.wait while somebody is
// interrupted who may still answer the reliable ones.
func (s *survey) awaitLast(ctx context.Context) error {
	last := time.Now().Add(s.wait)
	for more := true; more && !s.complete(); {
		more = false
		end := time.Now().Add(straggling)
		if s.interrupted() {
			end = later(end, last)
		}
		err := entry.ReceiveUntil(ctx, s.node, end, func(ev rtcpeer.Event) bool {
			s.take(ev)
			more = ev.Kind != rtcpeer.PacketReceived
			return more || s.complete()
		})
		if err != nil {
			return err
		}
		more = more && time.Now().Before(last)
	}
	return nil
}

func (s *survey) take(ev rtcpeer.Event) {
	at := time.Now()
	if ev.Kind == rtcpeer.PacketReceived {
		s.heard(ev.Packet, at)
		return
	}
	outage := s.links.Take(ev)
	s.barred = s.barred || ev.Reason == rtcpeer.Unauthorized
	for _, p := range s.peers {
		if p.link == ev.Peer {
			p.linkEvent(ev.Kind, outage)
		}
		switch {
		case p.id != ev.Peer:
		case ev.Kind == rtcpeer.PeerConnected:
			p.away, p.gone = false, false
		case ev.Kind != rtcpeer.PeerDisconnected:
		case ev.Reason == rtcpeer.Lost || ev.Reason == rtcpeer.HostGone:
			s.lose(p)
		default:
			s.part(p)
		}
	}
}

// heard takes a packet: the answer to a ping, or a ping that is to be answered.
func (s *survey) heard(packet rtcpeer.Packet, at time.Time) {
	number, ok := probe.Number(packet)
	if !ok {
		probe.Answer(s.node, packet)
		return
	}
	if number >= uint64(len(s.sent)) {
		return
	}
	p := &s.sent[number]
	if !p.back && p.to.id == packet.Peer && p.mode == packet.Mode {
		p.back = true
		p.to.modes[p.mode].Add(at.Sub(p.at))
	}
}

// lose notes that a peer was lost, which may come back: the pings that are under way do not.
func (s *survey) lose(p *surveyed) {
	p.away = true
	for i := range s.sent {
		if s.sent[i].to == p {
			s.sent[i].lost = true
		}
	}
}

// part ends the pings of a peer that has left. Those that it had no time to answer say nothing about
// the path, and do not count.
func (s *survey) part(p *surveyed) {
	p.leave(0)
	for i := len(s.sent) - 1; i >= 0 && time.Since(s.sent[i].at) < straggling; i-- {
		if probe := &s.sent[i]; probe.to == p && !probe.back && !probe.lost {
			p.modes[probe.mode].Sent--
		}
	}
}

// sample notes what the links tell of themselves.
func (s *survey) sample() {
	links := s.node.Stats().Links
	for _, p := range s.peers {
		p.sample(links)
		p.beats = cmp.Or(newBeatsReport(s.node, p.id), p.beats)
	}
	s.sampled = time.Now()
}

func (s *survey) deserted() bool {
	return !slices.ContainsFunc(s.peers, func(p *surveyed) bool { return !p.gone })
}

// interrupted reports whether a peer is that may come back before it is lost.
func (s *survey) interrupted() bool {
	return slices.ContainsFunc(s.peers, func(p *surveyed) bool { return !p.away && !p.gone && s.links.Interruption(p.link) > 0 })
}

func (s *survey) complete() bool {
	return !slices.ContainsFunc(s.sent, func(p sentProbe) bool { return !p.back && !p.lost && !p.to.gone })
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

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

func later(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}
