package linklog

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/cmd/rtc-client/internal/console"
	"example.org/rtcpeer/rtcpeer"
	"example.org/rtcpeer/testdata/bubble"
)

// here is a room with these members.
type here struct {
	members   []rtcpeer.PeerID
	signaling bool
}

func (h here) Members() []rtcpeer.PeerID { return h.members }
func (h here) Stats() rtcpeer.Stats      { return rtcpeer.Stats{Signaling: h.signaling} }

func TestLinkLogLines(t *testing.T) {
	refused := &rtcpeer.PeerError{Peer: 7, Op: "connect", Err: fmt.Errorf("%w: no", rtcpeer.ErrRefused)}
	late := &rtcpeer.PeerError{Peer: 7, Op: "connect", Err: errors.New("not connected after 20s")}
	after := func(d time.Duration, ev rtcpeer.Event) func() rtcpeer.Event {
		return func() rtcpeer.Event { time.Sleep(d); return ev }
	}
	now := func(ev rtcpeer.Event) func() rtcpeer.Event { return after(0, ev) }
	interrupted := now(rtcpeer.Event{Kind: rtcpeer.PeerInterrupted, Peer: 7})
	lost := rtcpeer.Event{Kind: rtcpeer.PeerDisconnected, Peer: 7, Reason: rtcpeer.Lost}
	inRoom := here{[]rtcpeer.PeerID{7}, true}
	tests := []struct {
		name   string
		room   here
		events []func() rtcpeer.Event
		want   string // the last line
		outage time.Duration
	}{
		{"come", inRoom, []func() rtcpeer.Event{now(rtcpeer.Event{Kind: rtcpeer.PeerConnected, Peer: 7})}, "peer 7 joined", 0},
		{"gone", inRoom, []func() rtcpeer.Event{now(rtcpeer.Event{Kind: rtcpeer.PeerDisconnected, Peer: 7, Reason: rtcpeer.ByPeer})}, "peer 7 left: by peer", 0},
		{"gone, and it says why", inRoom, []func() rtcpeer.Event{now(rtcpeer.Event{Kind: rtcpeer.PeerDisconnected, Peer: 7, Reason: rtcpeer.ByPeer, Code: 3, Text: "idle\x1b[2J"})}, `peer 7 left: by peer: code 3: "idle\x1b[2J"`, 0},
		{"gone while it was interrupted", inRoom, []func() rtcpeer.Event{interrupted, after(time.Second, rtcpeer.Event{Kind: rtcpeer.PeerDisconnected, Peer: 7, Reason: rtcpeer.ByPeer})}, "peer 7 left: by peer", 2700 * time.Millisecond},
		{"interrupted", inRoom, []func() rtcpeer.Event{interrupted}, "peer 7 interrupted: nothing heard for 2 s; it waits", 0},
		{"back", inRoom, []func() rtcpeer.Event{interrupted, after(10*time.Second, rtcpeer.Event{Kind: rtcpeer.PeerResumed, Peer: 7})}, "peer 7 is back after 12 s", 11700 * time.Millisecond},
		{"lost", inRoom, []func() rtcpeer.Event{interrupted, after(28*time.Second, lost)}, "peer 7 lost: nothing heard for 30 s, unsent packets are dropped; still trying while both are in the room", 0},
		{"lost, and not in the room", here{nil, true}, []func() rtcpeer.Event{interrupted, after(28*time.Second, lost)}, "peer 7 lost: nothing heard for 30 s, unsent packets are dropped", 0},
		{"lost, and no server", here{inRoom.members, false}, []func() rtcpeer.Event{interrupted, after(28*time.Second, lost)}, "peer 7 lost: nothing heard for 30 s, unsent packets are dropped", 0},
		{"lost without repairs", inRoom, []func() rtcpeer.Event{now(lost)}, "peer 7 lost", 0},
		{"connected again", inRoom, []func() rtcpeer.Event{interrupted, after(28*time.Second, lost), after(170*time.Second, rtcpeer.Event{Kind: rtcpeer.PeerConnected, Peer: 7})}, "peer 7 is connected again after 3 min", 199700 * time.Millisecond},
		{"failed", inRoom, []func() rtcpeer.Event{now(rtcpeer.Event{Kind: rtcpeer.PeerFailed, Peer: 7, Err: late})}, "no link with peer 7: not connected after 20s; retrying while both are in the room, if the other end can", 0},
		{"failed for good", inRoom, []func() rtcpeer.Event{now(rtcpeer.Event{Kind: rtcpeer.PeerFailed, Peer: 7, Err: refused})}, "no link with peer 7: refused by the other end: no", 0},
		{"another host", inRoom, []func() rtcpeer.Event{now(rtcpeer.Event{Kind: rtcpeer.HostChanged, Peer: 7, Host: &rtcpeer.HostChange{Old: 1, New: 7, Term: 2}})}, "peer 7 hosts the room now, after peer 1", 0},
		{"another host, and packets that were missed", inRoom, []func() rtcpeer.Event{now(rtcpeer.Event{Kind: rtcpeer.HostChanged, Peer: 7, Host: &rtcpeer.HostChange{Old: 1, New: 7, Term: 2, Missed: []rtcpeer.PeerID{5, 9}}})}, "peer 7 hosts the room now, after peer 1; peer 5, 9 may have missed the last packets", 0},
		{"host itself", inRoom, []func() rtcpeer.Event{now(rtcpeer.Event{Kind: rtcpeer.HostChanged, Host: &rtcpeer.HostChange{Old: 1, Term: 2}})}, "this program hosts the room now, after peer 1", 0},
		{"server lost", inRoom, []func() rtcpeer.Event{now(rtcpeer.Event{Kind: rtcpeer.SignalingLost, Err: io.EOF})}, "signaling server lost: EOF; links stay open, reconnecting", 0},
		{"server back", inRoom, []func() rtcpeer.Event{now(rtcpeer.Event{Kind: rtcpeer.SignalingLost, Err: io.EOF}), after(3*time.Second, rtcpeer.Event{Kind: rtcpeer.SignalingResumed})}, "signaling server is back after 3 s", 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			bubble.Test(t, func(t *testing.T) {
				var stderr bytes.Buffer
				links := New(&console.Console{Err: &stderr}, tt.room, "it waits")
				var outage time.Duration
				for _, event := range tt.events {
					outage = links.Take(event())
				}
				lines := strings.Split(strings.TrimSuffix(stderr.String(), "\n"), "\n")
				require.Equal(t, "rtc-client: "+tt.want, lines[len(lines)-1])
				require.Equal(t, tt.outage, outage)
			})
		})
	}
}

// Who was lost and left the room is not remembered for ever.
func TestLinkLogForgets(t *testing.T) {
	room := &here{[]rtcpeer.PeerID{7, 8}, true}
	links := New(&console.Console{Err: io.Discard}, room, "")
	links.Take(rtcpeer.Event{Kind: rtcpeer.PeerDisconnected, Peer: 7, Reason: rtcpeer.Lost})
	require.Positive(t, links.Interruption(7))
	room.members = room.members[1:]
	links.Take(rtcpeer.Event{Kind: rtcpeer.PeerDisconnected, Peer: 8, Reason: rtcpeer.Lost})
	require.Zero(t, links.Interruption(7))
	require.Positive(t, links.Interruption(8))
}
