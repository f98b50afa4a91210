package main

import (
	"crypto/tls"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer"
	"example.org/rtcpeer/rtcpeer/transport/webrtc"
	"example.org/rtcpeer/signaling/signalclient"
	"example.org/rtcpeer/testdata/skip"
)

// onLoopback has real WebRTC within this machine, and no more sockets than that takes.
var onLoopback = webrtc.Config{Loopback: true, IPv4Only: true, InterfaceFilter: func(name string) bool { return name == "lo" }}

// A party is the nodes of one room.
type party struct {
	room  string
	nodes []*rtcpeer.Node
	met   map[*rtcpeer.Node]int // how many others each has a link to
}

func newParty(room string) *party { return &party{room: room, met: make(map[*rtcpeer.Node]int)} }

// enter adds a node. Its links are made while other nodes enter.
func (p *party) enter(t *testing.T, url string) *rtcpeer.Node {
	t.Helper()
	return p.enterBy(t, url, nil)
}

// enterBy is enter over TLS, with what is trusted.
func (p *party) enterBy(t *testing.T, url string, trust *tls.Config) *rtcpeer.Node {
	t.Helper()
	node, err := rtcpeer.Join(t.Context(), url+"/"+p.room, rtcpeer.Config{
		WebRTC:    onLoopback,
		Signaling: signalclient.Config{BackoffMax: 500 * time.Millisecond, TLS: trust},
	})
	require.NoError(t, err)
	p.nodes = append(p.nodes, node)
	return node
}

// meet returns when each has a link to each.
func (p *party) meet(t *testing.T) {
	t.Helper()
	for _, node := range p.nodes {
		for ; p.met[node] < len(p.nodes)-1; p.met[node]++ {
			wantEvent(t, node, rtcpeer.PeerConnected)
		}
	}
}

// talk sends a packet over each link in both directions. None of them may have ended, nor another been made.
func (p *party) talk(t *testing.T, text string) {
	t.Helper()
	for _, from := range p.nodes {
		for _, to := range p.nodes {
			if to == from {
				continue
			}
			require.NoError(t, from.Send(t.Context(), rtcpeer.Packet{Peer: to.ID(), Data: []byte(text)}))
			ev := wantEvent(t, to, rtcpeer.PacketReceived)
			require.Equal(t, from.ID(), ev.Packet.Peer, p.room)
			require.Equal(t, text, string(ev.Packet.Data), p.room)
		}
	}
}

// closeAll closes all at the same time, since each waits for its links to end.
func closeAll(parties []*party) {
	var wg sync.WaitGroup
	for _, p := range parties {
		for _, node := range p.nodes {
			wg.Go(func() { node.Close() })
		}
	}
	wg.Wait()
}

// passing are the events that say nothing about the link: the signaling server comes and goes, and on a machine that is
// short of CPU the other end is late.
var passing = []rtcpeer.EventKind{rtcpeer.SignalingLost, rtcpeer.SignalingResumed, rtcpeer.PeerInterrupted, rtcpeer.PeerResumed}

// wantEvent takes the next event that is not passing, which must be of a kind.
func wantEvent(t *testing.T, node *rtcpeer.Node, kind rtcpeer.EventKind) rtcpeer.Event {
	t.Helper()
	ev, err := node.Receive(t.Context())
	for err == nil && slices.Contains(passing, ev.Kind) {
		ev, err = node.Receive(t.Context())
	}
	require.NoError(t, err)
	require.Equal(t, kind, ev.Kind, "%s, %d: %+v", node.Room(), node.ID(), ev)
	return ev
}

// A server that is killed says nothing to anybody. The links of fifty rooms do not notice, and when there is
// a server again each member is who it was, in its room, where newcomers find it.
func TestKilledUnderFiftyRooms(t *testing.T) {
	skip.Long(t)
	const key = "--resume-key=sixteen-bytes-at-least"
	d := launchDaemon(t, key)
	var parties []*party
	t.Cleanup(func() { closeAll(parties) })
	ids := make(map[*rtcpeer.Node]rtcpeer.PeerID)
	for i := range 50 {
		p := newParty(fmt.Sprintf("room-%d", i))
		parties = append(parties, p)
		for range 2 + i%2 {
			node := p.enter(t, d.url)
			ids[node] = node.ID()
		}
	}
	for _, p := range parties {
		p.meet(t)
	}
	before := scrape(t, pageOf(&d.program)+"metrics")
	require.EqualValues(t, 50, before["rooms"])
	require.EqualValues(t, len(ids), before["members"])

	d.kill()
	for _, p := range parties {
		p.talk(t, "while the server is down")
	}
	for node := range ids {
		require.Zero(t, node.Stats().Resumed)
	}

	d = launchDaemon(t, key, "--listen="+d.address())
	for node := range ids {
		require.True(t, eventually(t.Context(), func() bool { return node.Stats().Resumed == 1 }), "%+v", node.Stats())
	}
	after := scrape(t, pageOf(&d.program)+"metrics")
	for name, want := range map[string]int{"rooms": 50, "members": len(ids), "sessions": len(ids), "resumes_total": len(ids), "joins_total": 0} {
		require.EqualValues(t, want, after[name], name)
	}
	for _, p := range parties {
		p.talk(t, "after the restart")
	}
	for i := 0; i < len(parties); i += 7 {
		var known []rtcpeer.PeerID
		for _, node := range parties[i].nodes {
			known = append(known, ids[node])
		}
		newcomer := parties[i].enter(t, d.url)
		parties[i].meet(t)
		require.ElementsMatch(t, known, newcomer.Peers(), "who was there is there, by the same id")
		parties[i].talk(t, "with the newcomer")
	}
	for node, id := range ids {
		require.Equal(t, id, node.ID())
		st := node.Stats()
		require.True(t, st.Signaling, "%v", st.SignalingErr)
		require.Equal(t, 1, st.Resumed)
		require.Equal(t, len(st.Links), st.Total.Links, "no link was made anew")
	}
}
