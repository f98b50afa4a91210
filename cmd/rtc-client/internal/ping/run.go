package ping

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

// A pingRun is a ping command that has joined its room. One goroutine does everything: it receives until the
// next pings are due.
type pingRun struct {
	// Fixed at construction.
	node     *rtcpeer.Node
	console  *console.Console
	links    *linklog.Log
	url      string // the room's URL, which others can join
	count    int
	interval time.Duration
	wait     time.Duration

	peers  []*pingedPeer
	sent   []sentProbe // the index is the probe's number
	barred bool        // the host demands authentication

	sampled time.Time // when sample was last called
}

type sentProbe struct {
	to   *pingedPeer
	mode rtcpeer.Mode
	at   time.Time
	back bool
	lost bool // the answer cannot arrive any more
}

// straggling is how long to wait for the answers to the last pings.
const straggling = time.Second

// meet waits for the peers to ping. If wanted is 0, these are the first peer to connect and those that connect
// soon after it; otherwise it is the wanted peer.
func (r *pingRun) meet(ctx context.Context, wanted rtcpeer.PeerID) error {
	there := func() bool {
		peers := r.node.Peers()
		return slices.Contains(peers, wanted) || wanted == 0 && len(peers) > 0
	}
	come := func(ev rtcpeer.Event) bool { r.take(ev); return there() }
	end := time.Now().Add(r.wait)
	err := entry.ReceiveUntil(ctx, r.node, earlier(end, time.Now().Add(linklog.AloneAfter)), come)
	if err == nil && !there() && time.Now().Before(end) {
		r.console.Say("%s", r.misses(wanted))
		err = entry.ReceiveUntil(ctx, r.node, end, come)
	}
	for more := wanted == 0; more && err == nil; {
		more = false
		err = entry.ReceiveUntil(ctx, r.node, time.Now().Add(linklog.Settle), func(ev rtcpeer.Event) bool {
			r.take(ev)
			more = ev.Kind == rtcpeer.PeerConnected
			return more
		})
	}
	switch {
	case err != nil:
		return err
	case wanted != 0 && !there():
		return fmt.Errorf("peer %d did not connect within %v: give it more time with --wait", wanted, r.wait)
	case !there():
		return fmt.Errorf("no peer connected within %v: give them more time with --wait", r.wait)
	}
	stats := r.node.Stats()
	for _, id := range r.node.Peers() {
		if wanted == 0 || id == wanted {
			r.peers = append(r.peers, newPingedPeer(id, stats))
		}
	}
	return nil
}

// misses returns a message for when nobody, or not the wanted peer, has come yet.
func (r *pingRun) misses(wanted rtcpeer.PeerID) string {
	if len(r.node.Peers()) > 0 {
		return fmt.Sprintf("peer %d has not joined yet", wanted)
	}
	return linklog.Alone(r.node, "rtc-client chat "+r.url)
}

// run sends the pings until all are sent or no peer is left. Then it waits for the last answers.
func (r *pingRun) run(ctx context.Context) error {
	for _, p := range r.peers {
		r.console.Say("%s", p.path().says(p.id))
	}
	for due := time.Now(); !r.deserted(); {
		r.ask()
		if r.count--; r.count == 0 {
			return r.awaitLast(ctx)
		}
		due = due.Add(r.interval)
		if now := time.Now(); now.Sub(due) > straggling { // the process was suspended: skip the pings that it missed
			due = now
		}
		err := entry.ReceiveUntil(ctx, r.node, due, func(ev rtcpeer.Event) bool {
			r.take(ev)
			return r.deserted()
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// ask sends a ping to each peer in each mode.
func (r *pingRun) ask() {
	if time.Since(r.sampled) > time.Second {
		r.sample()
	}
	for _, to := range r.peers {
		if to.away && !r.links.IsMember(to.link) {
			r.console.Say("peer %d is no longer in the room", to.id)
			to.leave(r.links.Interruption(to.link))
		}
		for _, mode := range modes.All {
			if !to.gone {
				r.probe(to, mode)
			}
		}
	}
}

// probe sends a ping. If the peer has been lost, the ping cannot be sent and counts as lost; the event of the
// disconnection updates the peer.
func (r *pingRun) probe(to *pingedPeer, mode rtcpeer.Mode) {
	p := sentProbe{to: to, mode: mode, at: time.Now(), lost: to.away}
	err := r.node.TrySend(rtcpeer.Packet{Peer: to.id, Mode: mode, Data: probe.New(uint64(len(r.sent)))})
	if err == rtcpeer.ErrBufferFull {
		return // it counts neither as sent nor as lost
	}
	r.sent = append(r.sent, p)
	to.modes[mode].Sent++
}

// awaitLast waits for the answers to the last pings: one second, or up to r.wait while a peer is interrupted
// that may still answer the reliable ones.
func (r *pingRun) awaitLast(ctx context.Context) error {
	last := time.Now().Add(r.wait)
	for more := true; more && !r.complete(); {
		more = false
		end := time.Now().Add(straggling)
		if r.interrupted() {
			end = later(end, last)
		}
		err := entry.ReceiveUntil(ctx, r.node, end, func(ev rtcpeer.Event) bool {
			r.take(ev)
			more = ev.Kind != rtcpeer.PacketReceived
			return more || r.complete()
		})
		if err != nil {
			return err
		}
		more = more && time.Now().Before(last)
	}
	return nil
}

func (r *pingRun) take(ev rtcpeer.Event) {
	at := time.Now()
	if ev.Kind == rtcpeer.PacketReceived {
		r.heard(ev.Packet, at)
		return
	}
	outage := r.links.Take(ev)
	r.barred = r.barred || ev.Reason == rtcpeer.Unauthorized
	for _, p := range r.peers {
		if p.link == ev.Peer {
			p.linkEvent(ev.Kind, outage)
		}
		switch {
		case p.id != ev.Peer:
		case ev.Kind == rtcpeer.PeerConnected:
			p.away, p.gone = false, false
		case ev.Kind != rtcpeer.PeerDisconnected:
		case ev.Reason == rtcpeer.Lost || ev.Reason == rtcpeer.HostGone:
			r.lose(p)
		default:
			r.part(p)
		}
	}
}

// heard handles a packet: it records the answer to a ping, and answers a ping of another peer.
func (r *pingRun) heard(packet rtcpeer.Packet, at time.Time) {
	number, ok := probe.Number(packet)
	if !ok {
		probe.Answer(r.node, packet)
		return
	}
	if number >= uint64(len(r.sent)) {
		return
	}
	p := &r.sent[number]
	if !p.back && p.to.id == packet.Peer && p.mode == packet.Mode {
		p.back = true
		p.to.modes[p.mode].Add(at.Sub(p.at))
	}
}

// lose records that a peer was lost. The peer may come back, but the pings in flight are lost.
func (r *pingRun) lose(p *pingedPeer) {
	p.away = true
	for i := range r.sent {
		if r.sent[i].to == p {
			r.sent[i].lost = true
		}
	}
}

// part ends the pings of a peer that has left. Pings that it had no time to answer say nothing about the path
// and do not count.
func (r *pingRun) part(p *pingedPeer) {
	p.leave(0)
	for i := len(r.sent) - 1; i >= 0 && time.Since(r.sent[i].at) < straggling; i-- {
		if sent := &r.sent[i]; sent.to == p && !sent.back && !sent.lost {
			p.modes[sent.mode].Sent--
		}
	}
}

// sample records the figures of the links.
func (r *pingRun) sample() {
	links := r.node.Stats().Links
	for _, p := range r.peers {
		p.sample(links)
		p.beats = cmp.Or(newBeatsReport(r.node, p.id), p.beats)
	}
	r.sampled = time.Now()
}

func (r *pingRun) deserted() bool {
	return !slices.ContainsFunc(r.peers, func(p *pingedPeer) bool { return !p.gone })
}

// interrupted reports whether a peer is interrupted but not lost, so that it may still answer.
func (r *pingRun) interrupted() bool {
	return slices.ContainsFunc(r.peers, func(p *pingedPeer) bool { return !p.away && !p.gone && r.links.Interruption(p.link) > 0 })
}

func (r *pingRun) complete() bool {
	return !slices.ContainsFunc(r.sent, func(p sentProbe) bool { return !p.back && !p.lost && !p.to.gone })
}

// verdict returns an error if no ping was answered.
func (r *pingRun) verdict() error {
	if slices.ContainsFunc(r.sent, func(p sentProbe) bool { return p.back }) {
		return nil
	}
	if r.barred {
		return rtcpeer.ErrAuthRequired
	}
	return errors.New("no ping was answered: check that the other peers run rtc-client")
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
