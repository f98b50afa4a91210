package rtcpeer_test

import (
	"encoding/hex"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer"
	"example.org/rtcpeer/rtcpeer/transport"
	"example.org/rtcpeer/rtcpeer/transport/memory"
	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/testdata/bubble"
)

// bare is one end of a star without our relay: it shows the bytes, and can send any.
type bare struct {
	t    *testing.T
	id   rtcpeer.PeerID
	link transport.Path
}

var godotLanes = transport.PathConfig{Lanes: []transport.LaneConfig{
	{ID: 1, Label: "reliable", Mode: transport.Reliable},
	{ID: 2, Label: "ordered", Mode: transport.UnreliableOrdered},
	{ID: 3, Label: "unreliable", Mode: transport.Unreliable},
}}

// sitBare joins without a node, and negotiates with the other one by hand.
func sitBare(t *testing.T, r *room, id, other rtcpeer.PeerID, tr transport.Transport) *bare {
	return sitBareWith(t, r, id, other, tr, godotLanes)
}

func sitBareWith(t *testing.T, r *room, id, other rtcpeer.PeerID, tr transport.Transport, lanes transport.PathConfig) *bare {
	session := r.enter(id, nil)
	t.Cleanup(func() { session.Close() })
	link, err := tr.NewPath(lanes)
	require.NoError(t, err)
	t.Cleanup(func() { link.Close() })
	negotiateBare(t, session, link, other, 1)
	return &bare{t: t, id: id, link: link}
}

// negotiateBare makes one attempt and returns when the link is open.
func negotiateBare(t *testing.T, session *session, link transport.Path, other rtcpeer.PeerID, attempt int) {
	say := func(d signaling.SignalData) {
		d.Attempt = attempt
		data, err := d.Encode()
		require.NoError(t, err)
		require.NoError(t, session.Send(t.Context(), signaling.Signal{To: other, Data: data}))
	}
	if session.member.ID > other {
		sdp, err := link.Offer()
		require.NoError(t, err)
		say(signaling.SignalData{Type: signaling.Offer, SDP: sdp})
	}
	for {
		select {
		case m := <-session.inbox:
			signal, ok := m.(signaling.Signal)
			if !ok {
				continue
			}
			d, err := signaling.DecodeSignalData(signal.Data)
			require.NoError(t, err)
			switch {
			case d.Attempt != attempt:
			case d.Type == signaling.Offer:
				sdp, err := link.Answer(d.SDP)
				require.NoError(t, err)
				say(signaling.SignalData{Type: signaling.Answer, SDP: sdp})
			case d.Type == signaling.Answer:
				require.NoError(t, link.Accept(d.SDP))
			case d.Type == signaling.Candidate:
				require.NoError(t, link.AddCandidate(transport.Candidate{Line: d.Candidate, Mid: d.SDPMid}))
			}
		case e := <-link.Events():
			switch e.Kind {
			case transport.EventCandidate:
				say(signaling.SignalData{Type: signaling.Candidate, Candidate: e.Candidate.Line, SDPMid: e.Candidate.Mid})
			case transport.EventOpened:
				return
			}
		}
	}
}

func (b *bare) send(lane int, frame string) {
	b.t.Helper()
	raw, err := hex.DecodeString(frame)
	require.NoError(b.t, err)
	require.NoError(b.t, b.link.Lane(lane).Write(raw))
}

func (b *bare) want(lane int, frame string) {
	b.t.Helper()
	require.Equal(b.t, frame, b.skip(lane))
}

// skip takes the next frame, whatever it is.
func (b *bare) skip(lane int) string {
	b.t.Helper()
	buf := make([]byte, 1200)
	n, err := b.link.Lane(lane).Read(buf)
	require.NoError(b.t, err)
	return hex.EncodeToString(buf[:n])
}

// The bytes of a star as a Godot guest sees and sends them (GODOT's SceneMultiplayer).
func TestHostSpeaksGodot(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		network := memory.NewNetwork(memory.Options{})
		r := newRoom(rtcpeer.Star)
		host := r.join(t, 1, network.Transport(), rtcpeer.Config{})
		five := sitBare(t, r, 5, 1, network.Transport())
		require.Equal(t, rtcpeer.PeerConnected, next(t, host).Kind)
		seven := sitBare(t, r, 7, 1, network.Transport())
		require.Equal(t, rtcpeer.PeerConnected, next(t, host).Kind)
		five.want(0, "070107000000")
		seven.want(0, "070105000000")
		nine := sitBare(t, r, 9, 1, network.Transport())
		require.Equal(t, rtcpeer.PeerConnected, next(t, host).Kind)
		nine.want(0, "070105000000")
		nine.want(0, "070107000000")
		five.want(0, "070109000000")
		seven.want(0, "070109000000")

		require.NoError(t, host.TrySend(rtcpeer.Packet{Peer: -7, Data: []byte("hi")}))
		five.want(0, "036869")
		nine.want(0, "036869")

		five.send(1, "0703000000000368690a") // everybody, on the ordered lane
		wantPacket(t, host, 5, 0, rtcpeer.UnreliableOrdered, "hi\n")
		seven.want(1, "0703050000000368690a")
		nine.want(1, "0703050000000368690a")

		five.send(2, "0703f9ffffff03aa") // all but 7
		wantPacket(t, host, 5, 0, rtcpeer.Unreliable, "\xaa")
		nine.want(2, "07030500000003aa")

		five.send(0, "0703ffffffff03bb") // all but the host
		seven.want(0, "07030500000003bb")
		nine.want(0, "07030500000003bb")

		five.send(0, "07030700000003cc") // one
		seven.want(0, "07030500000003cc")

		five.send(0, "0703070000002001020304") // an RPC passes untouched
		seven.want(0, "0703050000002001020304")

		five.send(0, "2001020304") // an RPC to the host reaches its program
		ev := next(t, host)
		require.Equal(t, rtcpeer.Packet{Peer: 5, Command: rtcpeer.CommandRemoteCall, Data: []byte{0x20, 1, 2, 3, 4}}, ev.Packet)
		require.NoError(t, host.TrySend(rtcpeer.Packet{Peer: 7, Command: rtcpeer.CommandRemoteCall, Data: []byte{0x20, 9}}))
		seven.want(0, "2009")

		for _, bad := range []string{"07", "0701090000", "070107000000", "070300000000", "03", "07030700000007030900000003aa"} {
			five.send(0, bad)
		}
		five.send(0, "07030500000003aa") // to itself: Godot's host sends it back as well
		five.want(0, "07030500000003aa")
		five.send(0, "07036300000003aa") // to nobody
		five.send(0, "0303")             // and after all that, a packet
		wantPacket(t, host, 5, 0, rtcpeer.Reliable, "\x03")
		require.EqualValues(t, 6, host.Stats().Dropped["malformed"])
		require.EqualValues(t, 1, host.Stats().Dropped["no_target"])

		require.NoError(t, five.link.Close())
		wantDisconnected(t, host, 5, rtcpeer.ByPeer)
		seven.want(0, "070205000000")
		nine.want(0, "070205000000")
	})
}

// A guest of a Godot host.
func TestGuestSpeaksGodot(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		network := memory.NewNetwork(memory.Options{})
		r := newRoom(rtcpeer.Star)
		opened := make(chan *bare)
		go func() { opened <- sitBare(t, r, 1, 5, network.Transport()) }()
		synctest.Wait()
		guest := r.join(t, 5, network.Transport(), rtcpeer.Config{})
		host := <-opened
		require.Equal(t, rtcpeer.Event{Kind: rtcpeer.PeerConnected, Peer: 1}, next(t, guest))

		require.NoError(t, guest.TrySend(rtcpeer.Packet{Peer: 1, Data: []byte("hi")}))
		host.want(0, "036869")
		require.NoError(t, guest.TrySend(rtcpeer.Packet{Data: []byte("all")}))
		host.want(0, "07030000000003616c6c")
		require.ErrorIs(t, guest.TrySend(rtcpeer.Packet{Peer: 7, Data: []byte("x")}), rtcpeer.ErrUnknownPeer)

		host.send(0, "070107000000")
		require.Equal(t, rtcpeer.Event{Kind: rtcpeer.PeerConnected, Peer: 7}, next(t, guest))
		host.send(0, "070107000000") // twice is once
		require.Equal(t, []rtcpeer.PeerID{1, 7}, guest.Peers())
		require.NoError(t, guest.TrySend(rtcpeer.Packet{Peer: 7, Mode: rtcpeer.Unreliable, Data: []byte("x")}))
		host.want(2, "0703070000000378")
		require.NoError(t, guest.TrySend(rtcpeer.Packet{Peer: -7, Data: []byte("x")}))
		host.want(0, "0703f9ffffff0378")

		host.send(2, "07030900000003aa") // a packet that overtook its source's announcement
		require.Equal(t, rtcpeer.Event{Kind: rtcpeer.PeerConnected, Peer: 9}, next(t, guest))
		wantPacket(t, guest, 9, 0, rtcpeer.Unreliable, "\xaa")
		host.send(0, "070109000000")
		host.send(0, "070209000000")
		wantDisconnected(t, guest, 9, rtcpeer.ByPeer)
		host.send(0, "07030900000003bb") // and one that came after its end
		host.send(0, "070109000000")     // who comes back is announced
		require.Equal(t, rtcpeer.Event{Kind: rtcpeer.PeerConnected, Peer: 9}, next(t, guest))
		require.EqualValues(t, 1, guest.Stats().Dropped["peer_gone"])

		for _, bad := range []string{"070105000000", "070201000000", "07030500000003aa", "07030100000003aa", "0703fbffffff03aa"} {
			host.send(0, bad) // about the guest itself, the host, or no id
		}
		host.send(0, "0301")
		wantPacket(t, guest, 1, 0, rtcpeer.Reliable, "\x01")
		require.EqualValues(t, 5, guest.Stats().Dropped["malformed"])

		require.NoError(t, host.link.Close())
		gone := map[rtcpeer.PeerID]rtcpeer.DisconnectReason{}
		for range 3 {
			ev := next(t, guest)
			require.Equal(t, rtcpeer.PeerDisconnected, ev.Kind)
			gone[ev.Peer] = ev.Reason
		}
		require.Equal(t, map[rtcpeer.PeerID]rtcpeer.DisconnectReason{1: rtcpeer.ByPeer, 7: rtcpeer.HostGone, 9: rtcpeer.HostGone}, gone)
		_, err := guest.Receive(t.Context())
		require.ErrorIs(t, err, rtcpeer.ErrHostGone)
	})
}

// A guest that leaves in the middle of a broadcast: those who stay have everything, and whoever saw
// it come sees it go.
func TestGuestLeavesInTheMiddle(t *testing.T) {
	overBoth(t, func(t *testing.T, newTransport func() transport.Transport) {
		nodes := group(t, rtcpeer.Star, newTransport, rtcpeer.Config{}, 1, 5, 7, 9)
		const packets = 500
		go func() {
			for i := range packets {
				if i == packets/2 {
					go nodes[9].Close()
				}
				if err := nodes[5].Send(t.Context(), rtcpeer.Packet{Data: []byte{byte(i), byte(i >> 8)}}); err != nil {
					t.Errorf("packet %d: %v", i, err)
				}
			}
		}()
		for _, id := range []rtcpeer.PeerID{1, 7} {
			gone := false
			for i := 0; i < packets || !gone; {
				switch ev := next(t, nodes[id]); ev.Kind {
				case rtcpeer.PacketReceived:
					require.Equal(t, []byte{byte(i), byte(i >> 8)}, ev.Packet.Data)
					i++
				case rtcpeer.PeerDisconnected:
					require.Equal(t, rtcpeer.PeerID(9), ev.Peer)
					require.False(t, gone, "one disconnected for each connected")
					gone = true
				}
			}
		}
	})
}

// A packet that is larger than was announced ends the link that brought it, and nothing else.
func TestOversizedPacketEndsItsLink(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		network := memory.NewNetwork(memory.Options{})
		r := newRoom(rtcpeer.Star)
		host := r.join(t, 1, network.Transport(), rtcpeer.Config{})
		good := r.join(t, 7, network.Transport(), rtcpeer.Config{})
		next(t, host)
		next(t, good)
		five := sitBare(t, r, 5, 1, network.Transport())
		require.Equal(t, rtcpeer.PeerConnected, next(t, host).Kind)
		require.Equal(t, rtcpeer.PeerConnected, next(t, good).Kind)
		require.NoError(t, five.link.Lane(0).Write(make([]byte, 64<<10)))
		wantDisconnected(t, host, 5, rtcpeer.Misbehaved)
		wantDisconnected(t, good, 5, rtcpeer.Misbehaved)
		require.Equal(t, []rtcpeer.PeerID{7}, host.Peers())
	})
}

// Signals that make no sense fail a link with a reason, or are passed over; nothing panics.
func TestBadSignals(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		network := memory.NewNetwork(memory.Options{})
		r := newRoom(rtcpeer.Mesh)
		n := r.join(t, 5, network.Transport(), rtcpeer.Config{})
		session := r.enter(7, nil) // the larger id: n waits for its offer
		defer session.Close()
		say := func(data string) {
			r.members[5].inbox <- signaling.Signal{From: 7, Data: []byte(data)}
			synctest.Wait()
		}
		for _, nonsense := range []string{`{}`, `[]`, `{"type":"dance"}`, `{"type":"answer","sdp":"x"}`, `{"type":"candidate","candidate":"x"}`, `{"type":"candidate"}`} {
			say(nonsense)
		}
		_, err := n.TryReceive()
		require.ErrorIs(t, err, rtcpeer.ErrNoEvent)
		say(`{"type":"offer","sdp":"garbage"}`)
		ev := next(t, n)
		require.Equal(t, rtcpeer.PeerFailed, ev.Kind)
		failure, ok := errors.AsType[*rtcpeer.PeerError](ev.Err)
		require.True(t, ok)
		require.Equal(t, "answer", failure.Op)
	})
}

// The announcement of a guest and its packet come on different channels. If the packet is faster, it tells that the guest
// is there, also if the same guest was there over an earlier link with the host, or with the host before.
func TestPacketBeforeTheAnnouncementOverTheNextLink(t *testing.T) {
	const add9, del9 = "070109000000", "070209000000"
	again := func(_ *world, host, _ *rogue) *rogue {
		host.path.Close()
		after(100 * time.Millisecond)
		host.open()
		return host
	}
	tests := []struct {
		name string
		term int
		next func(w *world, host, heir *rogue) *rogue
		want string
	}{
		{"the same host", 0, again, "connected disconnected(host gone) connected"},
		{"the same host of a room that migrates", 1, again, "connected disconnected(host gone) connected"},
		{"another host", 1, func(w *world, host, heir *rogue) *rogue {
			host.write(0, del9)
			after(100 * time.Millisecond)
			w.room.depose()
			heir.open()
			return heir
		}, "connected disconnected(by peer) connected"},
		{"another host, which does not know it at first", 1, func(w *world, _, heir *rogue) *rogue {
			w.room.depose()
			heir.open()
			return heir
		}, "connected disconnected(host gone) connected"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			bubble.Test(t, func(t *testing.T) {
				w := newWorld(t, rtcpeer.Star, memory.Options{Delay: 10 * time.Millisecond})
				w.room.term = tt.term
				host, heir := enterRogue(t, w, 1, 5), enterRogue(t, w, 3, 5)
				guest := w.enter(5, rtcpeer.Config{})
				host.open()
				host.write(0, add9)
				after(100 * time.Millisecond)
				host.write(1, relayFrame(9, "0361"))
				after(100 * time.Millisecond)
				host = tt.next(w, host, heir)
				after(time.Second) // the guest has parted from the old host
				host.write(1, relayFrame(9, "0362"))
				after(100 * time.Millisecond)
				host.write(0, add9)
				after(100 * time.Millisecond)
				require.Equal(t, tt.want, w.diaries[5].story(9))
				require.Equal(t, []string{"a", "b"}, w.diaries[5].packets(9, 0, rtcpeer.UnreliableOrdered))
				require.Zero(t, guest.Stats().Dropped["peer_gone"])
			})
		})
	}
}

// A guest loses the host for a while, again and again. Another one greets it each time that it is back, on a channel of
// their own, and each greeting arrives.
func TestGreetingsOfAGuestThatComesBack(t *testing.T) {
	const times = 30
	bubble.Test(t, func(t *testing.T) {
		w := newWorld(t, rtcpeer.Star, memory.Options{Delay: 20 * time.Millisecond, Loss: 0.2})
		config := rtcpeer.Config{LostAfter: 4 * time.Second, Channels: []rtcpeer.Mode{rtcpeer.Reliable}}
		w.enter(1, config)
		w.hosts[5] = w.network.Transport()
		greeter := w.room.join(t, 5, w.hosts[5], config)
		greetings, done := 0, make(chan struct{})
		go func() {
			defer close(done)
			for {
				ev, err := greeter.Receive(t.Context())
				if err != nil {
					return
				}
				if ev.Kind == rtcpeer.PeerConnected && ev.Peer == 9 {
					greetings++
					assert.NoError(t, greeter.Send(t.Context(), rtcpeer.Packet{Peer: 9, Channel: 1, Data: fmt.Append(nil, greetings)}))
				}
			}
		}()
		w.enter(9, config)
		after(5 * time.Second)
		for range times {
			w.partition(1, 9)
			after(8 * time.Second)
			w.heal(1, 9)
			after(8 * time.Second)
		}
		require.NoError(t, greeter.Close())
		<-done
		require.Equal(t, times+1, greetings)
		var want []string
		for i := range greetings {
			want = append(want, fmt.Sprint(i+1))
		}
		require.Equal(t, want, w.diaries[9].packets(5, 1, rtcpeer.Reliable))
		require.Zero(t, w.nodes[9].Stats().Dropped["peer_gone"])
		w.diaries[9].check(t)
	})
}
