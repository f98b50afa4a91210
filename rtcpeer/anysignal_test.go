package rtcpeer_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer"
	"example.org/rtcpeer/rtcpeer/transport/memory"
	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/testdata/bubble"
)

// The end with the larger id offers. An offer of the other end does nothing, whether the two have a link or not.
func TestOfferToTheOfferingEnd(t *testing.T) {
	offer := signaling.SignalData{Type: signaling.Offer, Attempt: 100, SDP: "v=0"}
	tests := []struct {
		name string
		do   func(t *testing.T, w *world, r *rogue)
		want string // what node 5 is told of the rogue
	}{
		{"a link", func(_ *testing.T, _ *world, r *rogue) {
			offer.Link = r.link
			r.signal(offer)
		}, "connected"},
		{"between two links", func(_ *testing.T, _ *world, r *rogue) {
			r.path.Close()
			for i := range 10 {
				after(2 * time.Millisecond)
				offer.Link = fmt.Sprint("link ", i)
				r.signal(offer)
			}
		}, "connected disconnected(by peer)"},
		{"turned away before", func(_ *testing.T, w *world, r *rogue) {
			w.nodes[5].SetRefuse(true)
			r.path.Close()
			after(time.Second)
			w.nodes[5].SetRefuse(false)
			offer.Link = "another"
			r.signal(offer)
		}, "connected disconnected(by peer)"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			bubble.Test(t, func(t *testing.T) {
				w := newWorld(t, rtcpeer.Mesh, memory.Options{Delay: 10 * time.Millisecond})
				w.enter(5, rtcpeer.Config{})
				w.enter(7, rtcpeer.Config{})
				after(time.Second)
				w.nodes[7].SetRefuse(true)
				r := newRogue(t, w, 1, 5)
				r.beatAlways(r.path, none)
				after(time.Second)
				tt.do(t, w, r)
				after(30 * time.Second)
				require.Equal(t, tt.want, w.diaries[5].story(1))
				require.Equal(t, "connected", w.diaries[5].story(7))
				require.Equal(t, "connected", w.diaries[7].story(5))
			})
		})
	}
}

// anySignals are signals of each type, with fitting and with other numbers and links.
func anySignals(link string) (all []signaling.SignalData) {
	base := []signaling.SignalData{
		{Type: signaling.Offer, SDP: "v=0\r\ns=rtcpeer-memory\r\na=offer:12345\r\n"},
		{Type: signaling.Offer, SDP: "v=0\r\ns=rtcpeer-memory\r\na=offer:12345\r\n", Repair: true},
		{Type: signaling.Answer, SDP: "v=0\r\ns=rtcpeer-memory\r\na=answer:12345\r\n"},
		{Type: signaling.Candidate, Candidate: "candidate:1 1 udp 1 1000.rtcpeer-memory 9 typ host"},
		{Type: signaling.Refuse}, {Type: signaling.Fail}, {Type: signaling.Repair},
	}
	for _, s := range base {
		for _, s.Attempt = range []int{0, 1, 2, 100, math.MaxInt >> 11} {
			for _, s.Link = range []string{"", link, "another"} {
				all = append(all, s)
			}
		}
	}
	return all
}

// Whatever a member signals, in whatever state its link is and whichever of the two offers, the node lives, and its link
// with another member does not notice.
func TestAnySignalInAnyState(t *testing.T) {
	const node, honest = 500, 700
	open := func(t *testing.T, w *world, id rtcpeer.PeerID) *rogue {
		r := newRogue(t, w, id, node)
		r.beatAlways(r.path, none)
		go r.drain(false)
		return r
	}
	making := func(described bool) func(t *testing.T, w *world, id rtcpeer.PeerID) *rogue {
		return func(t *testing.T, w *world, id rtcpeer.PeerID) *rogue {
			r := enterRogue(t, w, id, node)
			r.link = "the link of a rogue"
			if described && r.offers() {
				r.signal(signaling.SignalData{Type: signaling.Offer, Attempt: 1, SDP: r.description(""), Link: r.link})
			}
			go r.drain(described)
			return r
		}
	}
	states := []struct {
		name   string
		config rtcpeer.Config
		enter  func(t *testing.T, w *world, id rtcpeer.PeerID) *rogue
		change func(t *testing.T, w *world, r *rogue) // nil: nothing
	}{
		{"being made", rtcpeer.Config{}, making(false), nil},
		{"described", rtcpeer.Config{}, making(true), nil},
		{"authenticating", rtcpeer.Config{Framed: true, Auth: slowAuth("sesame", 0)}, open, nil},
		{"open", rtcpeer.Config{}, open, nil},
		{"interrupted", rtcpeer.Config{}, open, func(_ *testing.T, w *world, r *rogue) { w.network.Partition(w.hosts[node], r.host) }},
		{"between two links", rtcpeer.Config{}, open, func(_ *testing.T, _ *world, r *rogue) { r.path.Close() }},
		{"ended here", rtcpeer.Config{}, open, func(t *testing.T, w *world, r *rogue) {
			require.NoError(t, w.nodes[node].Disconnect(r.session.member.ID))
		}},
		{"ended there", rtcpeer.Config{}, open, func(_ *testing.T, _ *world, r *rogue) { r.say(r.path, rtcpeer.Bye(200)) }},
		{"turned away", rtcpeer.Config{}, func(t *testing.T, w *world, id rtcpeer.PeerID) *rogue {
			w.nodes[node].SetRefuse(true)
			return making(false)(t, w, id)
		}, func(_ *testing.T, w *world, _ *rogue) { w.nodes[node].SetRefuse(false) }},
		{"ended without repairs", rtcpeer.Config{}, func(t *testing.T, w *world, id rtcpeer.PeerID) *rogue {
			r := &rogue{t: t, other: node, host: w.network.Transport(), session: w.room.enter(id, nil)}
			t.Cleanup(func() { r.session.Close() })
			p, err := r.host.NewPath(godotLanes)
			require.NoError(t, err)
			t.Cleanup(func() { p.Close() })
			negotiateBare(t, r.session, p, node, 1)
			r.path = p
			go r.drain(false)
			return r
		}, func(_ *testing.T, _ *world, r *rogue) { r.path.Close() }},
	}
	for _, state := range states {
		for _, first := range []rtcpeer.PeerID{1, 1001} {
			t.Run(fmt.Sprintf("%s, rogue offers=%v", state.name, first > node), func(t *testing.T) {
				bubble.Test(t, func(t *testing.T) {
					w := newWorld(t, rtcpeer.Mesh, memory.Options{Delay: 10 * time.Millisecond})
					w.enter(node, state.config)
					w.enter(honest, state.config)
					after(time.Second)
					w.nodes[honest].SetRefuse(true)
					var rogues []*rogue // each says something else
					for i := range anySignals("") {
						rogues = append(rogues, state.enter(t, w, first+rtcpeer.PeerID(i)))
					}
					after(time.Second)
					for _, r := range rogues {
						if state.change != nil {
							state.change(t, w, r)
						}
					}
					for range 3 {
						after(15 * time.Millisecond) // what has changed has arrived
						for i, r := range rogues {
							r.signal(anySignals(r.link)[i])
						}
						after(3 * time.Second)
					}
					after(15 * time.Second)
					require.Equal(t, "connected", w.diaries[node].story(honest))
					require.Equal(t, "connected", w.diaries[honest].story(node))
					require.NoError(t, w.nodes[honest].Send(t.Context(), rtcpeer.Packet{Peer: node, Data: []byte("hi")}))
					after(time.Second)
					require.Equal(t, []string{"hi"}, w.diaries[node].packets(honest, 0, rtcpeer.Reliable))
					w.diaries[node].check(t)
				})
			})
		}
	}
}

// description returns the description of a new path: an answer to an offer or, if that is empty, an offer. The path never
// opens, because it gets no candidates.
func (r *rogue) description(offer string) (sdp string) {
	p, err := r.host.NewPath(rogueLanes)
	require.NoError(r.t, err)
	r.t.Cleanup(func() { p.Close() })
	if offer == "" {
		sdp, err = p.Offer()
	} else {
		sdp, err = p.Answer(offer)
	}
	require.NoError(r.t, err)
	return sdp
}

// drain takes all that comes, and answers offers or not.
func (r *rogue) drain(answers bool) {
	for {
		m, err := r.session.Receive(r.t.Context())
		if err != nil {
			return
		}
		s, ok := m.(signaling.Signal)
		if !ok || s.From != r.other || !answers {
			continue
		}
		if d, err := signaling.DecodeSignalData(s.Data); err == nil && d.Type == signaling.Offer {
			r.signal(signaling.SignalData{Type: signaling.Answer, Attempt: d.Attempt, SDP: r.description(d.SDP), Link: d.Link})
		}
	}
}
