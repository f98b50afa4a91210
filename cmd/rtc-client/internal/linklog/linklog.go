// Package linklog reports to the user what happens to the links of a node, and which peers are there.
package linklog

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"example.org/rtcpeer/cmd/rtc-client/internal/console"
	"example.org/rtcpeer/cmd/rtc-client/internal/format"
	"example.org/rtcpeer/rtcpeer"
)

// A Log reports on the console what happens to the links of a node and to its signaling. It knows since when a
// peer has been interrupted. It belongs to the goroutine that receives the node's events.
//
//	joined -> left
//	joined -> interrupted -> back
//	joined -> interrupted -> lost, still trying -> connected again
type Log struct {
	// Fixed at construction.
	console   *console.Console
	node      Node
	meanwhile string // what happens to data sent to an interrupted peer

	silent         map[rtcpeer.PeerID]silence
	signalingSince time.Time // when it was lost
	signaling      bool      // Stats().Signaling at signalingSeen: false if it has ended for good
	signalingSeen  time.Time
}

// A Node is the part of rtcpeer.Node that a Log uses.
type Node interface {
	Members() []rtcpeer.PeerID
	Stats() rtcpeer.Stats
}

// A silence is an interruption that is not over.
type silence struct {
	since time.Time // when the peer was last heard, to half a second
	lost  bool      // the link was disconnected because of it
}

// noticed is how long a peer has been silent when PeerInterrupted arrives: 1.4 s to 2 s.
const noticed = 1700 * time.Millisecond

// New returns a Log that prints on c. meanwhile completes the message about an interrupted peer: it says what
// happens to data sent to that peer.
func New(c *console.Console, node Node, meanwhile string) *Log {
	return &Log{console: c, node: node, meanwhile: meanwhile, silent: make(map[rtcpeer.PeerID]silence)}
}

// Take reports an event. If the event ends an interruption, Take returns how long it lasted, otherwise 0. It
// prints nothing about packets.
func (l *Log) Take(ev rtcpeer.Event) (interrupted time.Duration) {
	now := time.Now()
	switch ev.Kind {
	case rtcpeer.PeerConnected:
		return l.connected(ev.Peer, now)
	case rtcpeer.PeerInterrupted:
		l.silent[ev.Peer] = silence{since: now.Add(-noticed)}
		l.console.Say("peer %d interrupted: nothing heard for 2 s; %s", ev.Peer, l.meanwhile)
	case rtcpeer.PeerResumed:
		interrupted = l.over(ev.Peer, now)
		l.console.Say("peer %d is back after %s", ev.Peer, format.Roughly(interrupted))
	case rtcpeer.PeerDisconnected:
		return l.disconnected(ev, now)
	case rtcpeer.PeerFailed:
		l.console.Say("%s%s", format.Error(ev.Err), l.prospect(ev))
	case rtcpeer.HostChanged:
		l.hostChanged(*ev.Host)
	case rtcpeer.PeerRefused:
		if failed, ok := errors.AsType[*rtcpeer.PeerError](ev.Err); ok {
			l.console.Say("peer %d refused: %v", ev.Peer, failed.Err)
		}
	case rtcpeer.SignalingLost:
		l.signalingSince = now
		l.console.Say("signaling server lost: %s; links stay open, reconnecting", format.Error(ev.Err))
	case rtcpeer.SignalingResumed:
		l.console.Say("signaling server is back after %s", format.Roughly(now.Sub(l.signalingSince)))
	}
	return interrupted
}

func (l *Log) hostChanged(c rtcpeer.HostChange) {
	who := fmt.Sprintf("peer %d hosts", c.New)
	if c.New == l.node.Stats().ID {
		who = "this program hosts"
	}
	missed := ""
	if len(c.Missed) > 0 {
		missed = fmt.Sprintf("; %s may have missed the last packets", peers(c.Missed))
	}
	delete(l.silent, c.Old)
	l.console.Say("%s the room now, after peer %d%s", who, c.Old, missed)
}

// peers lists the first few ids and the number of the others.
func peers(ids []rtcpeer.PeerID) string {
	const most = 8
	names := make([]string, 0, most)
	for _, id := range ids[:min(len(ids), most)] {
		names = append(names, fmt.Sprint(id))
	}
	if more := len(ids) - most; more > 0 {
		names = append(names, fmt.Sprintf("%d more", more))
	}
	return "peer " + strings.Join(names, ", ")
}

// Interruption returns how long a peer has been interrupted or lost. It returns 0 if the peer is neither.
func (l *Log) Interruption(id rtcpeer.PeerID) time.Duration {
	if s, ok := l.silent[id]; ok {
		return time.Since(s.since)
	}
	return 0
}

// IsMember reports whether a peer is in the room, as far as the node knows from the server.
func (l *Log) IsMember(id rtcpeer.PeerID) bool { return slices.Contains(l.node.Members(), id) }

func (l *Log) connected(id rtcpeer.PeerID, now time.Time) (interrupted time.Duration) {
	if !l.silent[id].lost {
		l.console.Say("peer %d joined", id)
		return 0
	}
	interrupted = l.over(id, now)
	l.console.Say("peer %d is connected again after %s", id, format.Roughly(interrupted))
	return interrupted
}

func (l *Log) disconnected(ev rtcpeer.Event, now time.Time) (interrupted time.Duration) {
	s, silent := l.silent[ev.Peer]
	switch {
	case ev.Reason != rtcpeer.Lost:
		why := ev.Reason.String()
		if failed, ok := errors.AsType[*rtcpeer.PeerError](ev.Err); ok {
			why += ": " + format.Error(failed.Err)
		}
		if ev.Code != 0 {
			why += fmt.Sprintf(": code %d", ev.Code)
		}
		if ev.Text != "" {
			why += fmt.Sprintf(": %q", ev.Text)
		}
		l.console.Say("peer %d left: %s", ev.Peer, why)
		return l.over(ev.Peer, now)
	case !silent: // the peer cannot repair links, or it has restarted
		s.since = now
		l.console.Say("peer %d lost", ev.Peer)
	default:
		l.console.Say("peer %d lost: nothing heard for %s, unsent packets are dropped%s", ev.Peer, format.Roughly(now.Sub(s.since)), l.prospect(ev))
	}
	l.forget()
	l.silent[ev.Peer] = silence{since: s.since, lost: true}
	return 0
}

// over ends an interruption, if there is one, and returns how long it lasted.
func (l *Log) over(id rtcpeer.PeerID, now time.Time) time.Duration {
	s, silent := l.silent[id]
	if !silent {
		return 0
	}
	delete(l.silent, id)
	return now.Sub(s.since)
}

// forget removes the peers that were lost and are no longer in the room.
func (l *Log) forget() {
	members := l.node.Members()
	for id, s := range l.silent {
		if s.lost && !slices.Contains(members, id) {
			delete(l.silent, id)
		}
	}
}

// prospect returns what the node will do about a link that was lost or could not be made, as far as this end
// can know: a failure does not say whether the other end takes part in another attempt.
func (l *Log) prospect(ev rtcpeer.Event) string {
	switch {
	case IsFinal(ev.Err) || !l.IsMember(ev.Peer) || l.signalingEnded():
		return ""
	case ev.Kind == rtcpeer.PeerFailed:
		return "; retrying while both are in the room, if the other end can"
	}
	return "; still trying while both are in the room"
}

// IsFinal reports whether failure means that the link is not tried again, whatever the other end is.
func IsFinal(failure error) bool {
	_, differ := errors.AsType[*rtcpeer.ChannelMismatchError](failure)
	return differ || errors.Is(failure, rtcpeer.ErrRefused) || errors.Is(failure, rtcpeer.ErrUnauthorized)
}

// signalingEnded reports whether the node can make no more links. It calls Stats at most once a second, because
// Stats asks each link of the node, and a relay may lose all of its links at the same time.
func (l *Log) signalingEnded() bool {
	if now := time.Now(); now.Sub(l.signalingSeen) > time.Second {
		l.signaling, l.signalingSeen = l.node.Stats().Signaling, now
	}
	return !l.signaling
}
