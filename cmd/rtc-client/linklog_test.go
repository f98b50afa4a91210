package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer"
	"example.org/rtcpeer/rtcpeer/transport/memory"
	signalmemory "example.org/rtcpeer/signaling/memory"
	"example.org/rtcpeer/testdata/bubble"
)

// here is a room with these members.
type here struct {
	members   []rtcpeer.PeerID
	signaling bool
}

func (h here) Members() []rtcpeer.PeerID { return h.members }
func (h here) Stats() rtcpeer.Stats      { return rtcpeer.Stats{Signaling: h.signaling} }

func TestLinkLogInWords(t *testing.T) {
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
		{"gone while it was interrupted", inRoom, []func() rtcpeer.Event{interrupted, after(time.Second, rtcpeer.Event{Kind: rtcpeer.PeerDisconnected, Peer: 7, Reason: rtcpeer.ByPeer})}, "peer 7 left: by peer", 2700 * time.Millisecond},
		{"interrupted", inRoom, []func() rtcpeer.Event{interrupted}, "peer 7 interrupted: nothing heard for 2 s; it waits", 0},
		{"back", inRoom, []func() rtcpeer.Event{interrupted, after(10*time.Second, rtcpeer.Event{Kind: rtcpeer.PeerResumed, Peer: 7})}, "peer 7 is back after 12 s", 11700 * time.Millisecond},
		{"lost", inRoom, []func() rtcpeer.Event{interrupted, after(28*time.Second, lost)}, "peer 7 lost: nothing heard for 30 s, and what waited for it is dropped; still trying while both are in the room", 0},
		{"lost, and not in the room", here{nil, true}, []func() rtcpeer.Event{interrupted, after(28*time.Second, lost)}, "peer 7 lost: nothing heard for 30 s, and what waited for it is dropped", 0},
		{"lost, and no server", here{inRoom.members, false}, []func() rtcpeer.Event{interrupted, after(28*time.Second, lost)}, "peer 7 lost: nothing heard for 30 s, and what waited for it is dropped", 0},
		{"lost without repairs", inRoom, []func() rtcpeer.Event{now(lost)}, "peer 7 lost", 0},
		{"connected again", inRoom, []func() rtcpeer.Event{interrupted, after(28*time.Second, lost), after(170*time.Second, rtcpeer.Event{Kind: rtcpeer.PeerConnected, Peer: 7})}, "peer 7 is connected again after 3 min", 199700 * time.Millisecond},
		{"failed", inRoom, []func() rtcpeer.Event{now(rtcpeer.Event{Kind: rtcpeer.PeerFailed, Peer: 7, Err: late})}, "no link with peer 7: not connected after 20s; tried again while both are in the room, if the other end can", 0},
		{"failed for good", inRoom, []func() rtcpeer.Event{now(rtcpeer.Event{Kind: rtcpeer.PeerFailed, Peer: 7, Err: refused})}, "no link with peer 7: refused by the other end: no", 0},
		{"another host", inRoom, []func() rtcpeer.Event{now(rtcpeer.Event{Kind: rtcpeer.HostChanged, Peer: 7, Host: &rtcpeer.HostChange{Old: 1, New: 7, Term: 2}})}, "peer 7 hosts the room now, after peer 1", 0},
		{"another host, and packets that were missed", inRoom, []func() rtcpeer.Event{now(rtcpeer.Event{Kind: rtcpeer.HostChanged, Peer: 7, Host: &rtcpeer.HostChange{Old: 1, New: 7, Term: 2, Missed: []rtcpeer.PeerID{5, 9}}})}, "peer 7 hosts the room now, after peer 1; peer 5, 9 may have missed what was said just before", 0},
		{"host itself", inRoom, []func() rtcpeer.Event{now(rtcpeer.Event{Kind: rtcpeer.HostChanged, Host: &rtcpeer.HostChange{Old: 1, Term: 2}})}, "this program hosts the room now, after peer 1", 0},
		{"server lost", inRoom, []func() rtcpeer.Event{now(rtcpeer.Event{Kind: rtcpeer.SignalingLost, Err: io.EOF})}, "signaling server lost: EOF; links go on, trying to come back", 0},
		{"server back", inRoom, []func() rtcpeer.Event{now(rtcpeer.Event{Kind: rtcpeer.SignalingLost, Err: io.EOF}), after(3*time.Second, rtcpeer.Event{Kind: rtcpeer.SignalingResumed})}, "signaling server is back after 3 s", 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			bubble.Test(t, func(t *testing.T) {
				var stderr bytes.Buffer
				links := newLinkLog(&console{err: &stderr}, tt.room, "it waits")
				var outage time.Duration
				for _, event := range tt.events {
					outage = links.take(event())
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
	links := newLinkLog(&console{err: io.Discard}, room, "")
	links.take(rtcpeer.Event{Kind: rtcpeer.PeerDisconnected, Peer: 7, Reason: rtcpeer.Lost})
	require.Positive(t, links.interruption(7))
	room.members = room.members[1:]
	links.take(rtcpeer.Event{Kind: rtcpeer.PeerDisconnected, Peer: 8, Reason: rtcpeer.Lost})
	require.Zero(t, links.interruption(7))
	require.Positive(t, links.interruption(8))
}

func TestAlone(t *testing.T) {
	require.Equal(t, "nobody else is in the room yet; others join with: rtc-client chat ws://x/y", alone(here{}, "rtc-client chat ws://x/y"))
	require.Equal(t, "in the room, and not connected yet: peer 7, 9", alone(here{members: []rtcpeer.PeerID{7, 9}}, ""))
}

// A pair is two nodes, a host and another, whose network can be cut. Nothing of it is real: it is for synctest.
type pair struct {
	network    *memory.Network
	transports [2]*memory.Transport
	nodes      [2]*rtcpeer.Node
}

func newPair(t *testing.T, topology rtcpeer.Topology, config rtcpeer.Config) *pair {
	t.Helper()
	p := &pair{network: memory.NewNetwork(memory.Options{Delay: 10 * time.Millisecond})}
	server := signalmemory.NewServer()
	t.Cleanup(server.Close)
	config.Topology = topology
	for i := range p.nodes {
		join := rtcpeer.JoinMessage(config)
		join.Room = "test"
		signaler, err := server.Join(t.Context(), join)
		require.NoError(t, err)
		p.transports[i] = p.network.Transport()
		config.Transport = p.transports[i]
		p.nodes[i], err = rtcpeer.New(t.Context(), signaler, config)
		require.NoError(t, err)
		t.Cleanup(func() { p.nodes[i].Close() })
	}
	return p
}

func (p *pair) cut()  { p.network.Partition(p.transports[0], p.transports[1]) }
func (p *pair) heal() { p.network.Heal(p.transports[0], p.transports[1]) }

// A chat outlives its links, in a mesh and as the guest of a star.
func TestChatOutlivesItsLink(t *testing.T) {
	for _, topology := range []rtcpeer.Topology{rtcpeer.Mesh, rtcpeer.Star} {
		t.Run(string(topology), func(t *testing.T) {
			bubble.Test(t, func(t *testing.T) {
				const sendBuffer = 4 * maxLine
				p := newPair(t, topology, rtcpeer.Config{SendBuffer: sendBuffer})
				stdin, typed := io.Pipe()
				var stderr, stdout bytes.Buffer
				chat := talk{node: p.nodes[1], console: &console{in: stdin, out: &stdout, err: &stderr}, wait: time.Minute, changed: make(chan struct{}, 1)}
				ended := make(chan error, 1)
				go func() { ended <- chat.run(t.Context()) }()
				var heard []string
				go func() {
					for {
						ev, err := p.nodes[0].Receive(t.Context())
						if err != nil {
							return
						}
						if ev.Kind == rtcpeer.PacketReceived {
							heard = append(heard, string(ev.Packet.Data[:min(len(ev.Packet.Data), 9)]))
						}
					}
				}()
				say := func(line string) {
					_, err := io.WriteString(typed, line+"\n")
					require.NoError(t, err)
				}
				say("first")
				wait := func(d time.Duration) { time.Sleep(d); synctest.Wait() }
				wait(time.Second)

				// An interruption: what is said waits.
				p.cut()
				wait(3 * time.Second)
				say("second")
				wait(time.Second)
				require.Equal(t, []string{"first"}, heard)
				p.heal()
				wait(5 * time.Second)
				require.Equal(t, []string{"first", "second"}, heard)

				// A loss: what was taken is dropped, and what found no room or nobody waits.
				p.cut()
				wait(3 * time.Second)
				for i := range 8 {
					say(fmt.Sprintf("long line %d", i)[5:] + strings.Repeat(" ", maxLine-100))
				}
				wait(time.Minute)
				say("last")
				wait(time.Second)
				p.heal()
				wait(time.Minute)
				require.NoError(t, typed.Close())
				require.NoError(t, <-ended)
				require.Equal(t, []string{"first", "second", "line 4   ", "line 5   ", "line 6   ", "line 7   ", "last"}, heard)
				require.Regexp(t, `(?s)^rtc-client: peer 1 joined
rtc-client: peer 1 interrupted: nothing heard for 2 s; what is said now waits
rtc-client: peer 1 is back after \d s
rtc-client: peer 1 interrupted: nothing heard for 2 s; what is said now waits
rtc-client: peer 1 lost: nothing heard for 30 s, and what waited for it is dropped; still trying while both are in the room
rtc-client: peer 1 is connected again after \d+ s
$`, stderr.String())
			})
		})
	}
}

// A ping goes on over a loss, and tells all of a peer in one row.
func TestPingOutlivesTheLink(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		p := newPair(t, rtcpeer.Mesh, rtcpeer.Config{LostAfter: 10 * time.Second})
		go func() {
			for {
				ev, err := p.nodes[0].Receive(t.Context())
				if err != nil {
					return
				}
				answer(p.nodes[0], ev.Packet)
			}
		}()
		var stderr bytes.Buffer
		c := &console{err: &stderr}
		s := survey{node: p.nodes[1], console: c, links: newLinkLog(c, p.nodes[1], ""), count: 600, interval: 100 * time.Millisecond, wait: 10 * time.Second}
		require.NoError(t, s.meet(t.Context(), 1))
		go func() {
			time.Sleep(10 * time.Second)
			p.cut()
			time.Sleep(5 * time.Second)
			p.heal()
			time.Sleep(10 * time.Second)
			p.cut()
			time.Sleep(20 * time.Second)
			p.heal()
		}()
		require.NoError(t, s.run(t.Context()))
		s.sample()
		require.Len(t, s.peers, 1)
		got := s.report().Peers[0]
		require.Equal(t, 2, got.Interruptions)
		require.InDelta(t, 20_000, got.LongestMS, 1500, stderr.String())
		require.GreaterOrEqual(t, got.Paths, 2)
		require.Equal(t, 600, got.Unreliable.Sent)
		require.Equal(t, 600, got.Reliable.Sent)
		require.InDelta(t, 600-250, got.Unreliable.Received, 30)
		require.InDelta(t, 600-200, got.Reliable.Received, 30)
		require.Greater(t, got.Reliable.RTT.Max, int64(3_000_000))
		require.Less(t, got.Unreliable.RTT.Max, int64(1_000_000))
	})
}
