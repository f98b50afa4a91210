package rtcpeer_test

import (
	"encoding/hex"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer"
	"example.org/rtcpeer/rtcpeer/transport"
	"example.org/rtcpeer/rtcpeer/transport/memory"
	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/testdata/bubble"
	"example.org/rtcpeer/testdata/skip"
)

// A rogue is a member of the room that takes part in repairs, and whose frames a test writes by hand.
type rogue struct {
	t       *testing.T
	session *session
	other   rtcpeer.PeerID
	host    *memory.Transport
	link    string // the id of the link
	secret  rtcpeer.Secret
	path    transport.Path // the present one

	attempt int // of the path that was negotiated last
}

const rogueControl = 3 // the control lane's place among the lanes of a rogue

var rogueLanes = transport.PathConfig{
	Lanes:     append(slices.Clone(godotLanes.Lanes), transport.LaneConfig{ID: 0, Label: "control", Mode: transport.Reliable}),
	LostAfter: -1,
}

// newRogue sits down and opens a link with a node.
func newRogue(t *testing.T, w *world, id, other rtcpeer.PeerID) *rogue {
	t.Helper()
	r := enterRogue(t, w, id, other)
	r.open()
	return r
}

// enterRogue sits down, and makes no link.
func enterRogue(t *testing.T, w *world, id, other rtcpeer.PeerID) *rogue {
	t.Helper()
	r := &rogue{t: t, other: other, host: w.network.Transport()}
	r.session = w.room.enterAs(id, signaling.Member{Features: []string{signaling.FeatureRepair}, Incarnation: fmt.Sprint("rogue ", id)})
	t.Cleanup(func() { r.session.Close() })
	return r
}

// open opens a link, the first one or another.
func (r *rogue) open() {
	r.t.Helper()
	r.path = r.negotiate(r.attempt+1, false)
	random := [32]byte{byte(r.session.member.ID)}
	r.say(r.path, rtcpeer.Hello(random, 1<<20))
	for range 3 { // which it need not wait with
		r.say(r.path, rtcpeer.Beat(0, 0))
	}
	hello := r.hear(r.path)
	require.Equal(r.t, "hello", hello.Kind)
	offering, answering := random, hello.Random
	if !r.offers() {
		offering, answering = answering, offering
	}
	r.secret = rtcpeer.NewSecret(r.link, offering, answering)
}

func (r *rogue) offers() bool { return r.session.member.ID > r.other }

// negotiate makes a path, and returns when it is open. Where the node offers, attempt counts for nothing.
func (r *rogue) negotiate(attempt int, repair bool) transport.Path {
	r.t.Helper()
	p, err := r.host.NewPath(rogueLanes)
	require.NoError(r.t, err)
	r.t.Cleanup(func() { p.Close() })
	if r.offers() {
		if r.link == "" {
			r.link = "the link of a rogue"
		}
		sdp, err := p.Offer()
		require.NoError(r.t, err)
		r.signal(signaling.SignalData{Type: signaling.Offer, Attempt: attempt, SDP: sdp, Link: r.link, Repair: repair})
	}
	described := r.offers()
	for {
		select {
		case m := <-r.session.inbox:
			s, ok := m.(signaling.Signal)
			if !ok || s.From != r.other {
				continue
			}
			d, err := signaling.DecodeSignalData(s.Data)
			require.NoError(r.t, err)
			switch {
			case d.Type == signaling.Offer && d.Repair != repair: // of the link before
			case d.Type == signaling.Offer:
				attempt, r.link = d.Attempt, d.Link
				sdp, err := p.Answer(d.SDP)
				require.NoError(r.t, err)
				r.signal(signaling.SignalData{Type: signaling.Answer, Attempt: attempt, SDP: sdp, Link: r.link})
				described = true
			case d.Attempt != attempt || !described:
			case d.Type == signaling.Answer:
				require.NoError(r.t, p.Accept(d.SDP))
			case d.Type == signaling.Candidate:
				require.NoError(r.t, p.AddCandidate(transport.Candidate{Line: d.Candidate, Mid: d.SDPMid}))
			}
		case e := <-p.Events():
			switch e.Kind {
			case transport.EventCandidate:
				r.signal(signaling.SignalData{Type: signaling.Candidate, Attempt: attempt, Candidate: e.Candidate.Line, SDPMid: e.Candidate.Mid})
			case transport.EventOpened:
				r.attempt = attempt
				return p
			case transport.EventClosed:
				require.Fail(r.t, "path closed", "%v", e.Err)
			}
		}
	}
}

// another makes another path for the link, and returns when it is open.
func (r *rogue) another() transport.Path {
	r.t.Helper()
	if !r.offers() {
		r.signal(signaling.SignalData{Type: signaling.Repair, Attempt: r.attempt, Link: r.link})
	}
	return r.negotiate(r.attempt+1, true)
}

// proof is the right one for a path that was just negotiated.
func (r *rogue) proof(p transport.Path) [32]byte {
	return r.secret.Proof(r.offers(), r.attempt, p.Binding())
}

func (r *rogue) signal(d signaling.SignalData) {
	r.t.Helper()
	data, err := d.Encode()
	require.NoError(r.t, err)
	require.NoError(r.t, r.session.Send(r.t.Context(), signaling.Signal{To: r.other, Data: data}))
}

// say writes a control frame; the node may have closed the path.
func (r *rogue) say(p transport.Path, frame []byte) { _ = p.Lane(rogueControl).Write(frame) }

// write writes a frame, in hex, to another lane than that of the control frames.
func (r *rogue) write(lane int, frame string) {
	r.t.Helper()
	raw, err := hex.DecodeString(frame)
	require.NoError(r.t, err)
	require.NoError(r.t, r.path.Lane(lane).Write(raw))
}

// hear returns the next control frame of the node.
func (r *rogue) hear(p transport.Path) rtcpeer.Frame {
	r.t.Helper()
	b := make([]byte, rtcpeer.MaxControlFrame)
	n, err := p.Lane(rogueControl).Read(b)
	require.NoError(r.t, err)
	f, err := rtcpeer.DecodeFrame(b[:n])
	require.NoError(r.t, err)
	return f
}

// hearOf returns the next control frame of a kind.
func (r *rogue) hearOf(p transport.Path, kind string) rtcpeer.Frame {
	r.t.Helper()
	for {
		if f := r.hear(p); f.Kind == kind {
			return f
		}
	}
}

// read takes n packets of the reliable lane.
func (r *rogue) read(p transport.Path, n int) (data []string) {
	r.t.Helper()
	b := make([]byte, 1200)
	for range n {
		size, err := p.Lane(0).Read(b)
		require.NoError(r.t, err)
		data = append(data, string(b[:size]))
	}
	return data
}

// beatAlways keeps the link alive, until the test ends.
func (r *rogue) beatAlways(p transport.Path, counts func() uint64) {
	ticker := time.NewTicker(500 * time.Millisecond)
	done := r.t.Context().Done()
	go func() {
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				r.say(p, rtcpeer.Beat(0, counts()))
			case <-done:
				return
			}
		}
	}()
}

func none() uint64 { return 0 }

// withRogue runs a test of a rogue, as the offering end and as the answering one, with a node that has an honest peer too:
// that one must not notice.
func withRogue(t *testing.T, test func(t *testing.T, w *world, r *rogue, node rtcpeer.PeerID)) {
	for _, ids := range [][2]rtcpeer.PeerID{{5, 1}, {1, 5}} {
		rogueID, node := ids[0], ids[1]
		t.Run(fmt.Sprintf("rogue offers=%v", rogueID > node), func(t *testing.T) {
			bubble.Test(t, func(t *testing.T) {
				w := newWorld(t, rtcpeer.Mesh, memory.Options{Delay: 10 * time.Millisecond})
				w.enter(node, rtcpeer.Config{ConnectTimeout: 3 * time.Second})
				r := newRogue(t, w, rogueID, node)
				w.enter(7, rtcpeer.Config{ConnectTimeout: 3 * time.Second, LostAfter: -1})
				after(time.Second)
				require.Equal(t, "connected", w.diaries[node].story(rogueID))
				s := w.stream(7, node, 0, rtcpeer.Reliable, 100*time.Millisecond, 1)
				test(t, w, r, node)
				s.end()
				after(time.Second)
				s.want()
				w.diaries[node].check(t)
				require.Equal(t, "connected", w.diaries[7].story(node))
				require.Equal(t, "connected", w.diaries[node].story(7))
				start := time.Now()
				require.NoError(t, w.nodes[node].Close())
				require.Less(t, time.Since(start), 2*time.Second, "Close hangs")
			})
		})
	}
}

// What no peer may say over the path of an open link. The node has sent it three packets, of which it has told to
// have taken two.
func TestForbiddenFramesEndTheLink(t *testing.T) {
	tests := []struct {
		name   string
		frames [][]byte
	}{
		{"counts of packets that were never sent", [][]byte{rtcpeer.Beat(0, 4)}},
		{"counts beyond all", [][]byte{rtcpeer.Beat(0, 1<<64-1)}},
		{"counts that fall", [][]byte{rtcpeer.Beat(0, 3), rtcpeer.Beat(0, 2)}},
		{"counts of before", [][]byte{rtcpeer.Beat(0, 1)}},
		{"nothing at all", [][]byte{{}}},
		{"a frame of no type", [][]byte{{99, 1, 2, 3}}},
		{"a beat cut short", [][]byte{{4}}},
		{"counts of more lanes than there are", [][]byte{rtcpeer.Beat(0, 2, 2)}},
		{"the longest frame, of zeros", [][]byte{make([]byte, rtcpeer.MaxControlFrame)}},
		{"a frame that is too long", [][]byte{make([]byte, rtcpeer.MaxControlFrame+1)}},
		{"a frame that is much too long", [][]byte{make([]byte, 64<<10)}},
		{"a second hello", [][]byte{rtcpeer.Hello([32]byte{1}, 1)}},
		{"a proof over the path that it is on", [][]byte{append([]byte{2}, make([]byte, 32)...)}},
		{"a take of the path that it is on", [][]byte{rtcpeer.Take(2)}},
		{"a bye with a text that is not UTF-8", [][]byte{rtcpeer.Bye(1, 7, 0xff)}},
		{"a bye with a text that is too long", [][]byte{rtcpeer.Bye(1, append([]byte{7}, make([]byte, rtcpeer.MaxDisconnectText+1)...)...)}},
		{"a bye with a code that is too large", [][]byte{rtcpeer.Bye(1, 0x80, 0x80, 0x04)}},
		{"a bye that says nothing, in a byte of its own", [][]byte{rtcpeer.Bye(1, 0)}},
		{"a flood of beats", slices.Repeat([][]byte{rtcpeer.Beat(0, 2)}, rtcpeer.MaxBeats+10)},
		{"a flood of asks", slices.Repeat([][]byte{rtcpeer.Beat(rtcpeer.BeatAsks, 2)}, rtcpeer.MaxBeats+10)},
		{"a flood of answers", slices.Repeat([][]byte{rtcpeer.Beat(rtcpeer.BeatAnswers, 2)}, rtcpeer.MaxBeats+10)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			withRogue(t, func(t *testing.T, w *world, r *rogue, node rtcpeer.PeerID) {
				for i := range 3 {
					require.NoError(t, w.nodes[node].Send(t.Context(), rtcpeer.Packet{Peer: r.session.member.ID, Data: fmt.Append(nil, i)}))
				}
				r.read(r.path, 3)
				r.say(r.path, rtcpeer.Beat(0, 2))
				after(time.Second)
				require.Equal(t, "connected", w.diaries[node].story(r.session.member.ID), "so far it behaved")
				for _, frame := range tt.frames {
					r.say(r.path, frame)
				}
				after(time.Second)
				require.Equal(t, "connected disconnected(misbehaved)", w.diaries[node].story(r.session.member.ID))
				require.Equal(t, byte(3), r.hearOf(r.path, "bye").Reason, "it is told so")
				after(time.Minute)
				require.Equal(t, "connected disconnected(misbehaved)", w.diaries[node].story(r.session.member.ID), "and that is final")
			})
		})
	}
}

// What is odd, and does no harm.
func TestOddFramesAreHarmless(t *testing.T) {
	tests := []struct {
		name   string
		frames [][]byte
	}{
		{"the same counts again and again", slices.Repeat([][]byte{rtcpeer.Beat(0, 0)}, 1000)},
		{"flags of the future", [][]byte{rtcpeer.Beat(0xfc, 0)}},
		{"unexpected answers", slices.Repeat([][]byte{rtcpeer.Beat(rtcpeer.BeatAnswers, 0)}, 1000)},
		{"asks, without reading the answers", slices.Repeat([][]byte{rtcpeer.Beat(rtcpeer.BeatAsks, 0)}, 4000)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			withRogue(t, func(t *testing.T, w *world, r *rogue, node rtcpeer.PeerID) {
				for _, frame := range tt.frames {
					r.say(r.path, frame)
				}
				after(time.Second)
				require.Equal(t, "connected", w.diaries[node].story(r.session.member.ID))
				r.say(r.path, rtcpeer.Bye(200))
				after(2 * time.Second)
				require.Equal(t, "connected disconnected(by peer)", w.diaries[node].story(r.session.member.ID), "a reason of the future")
			})
		})
	}
}

// An end that keeps little is told of each few packets: at any speed that is no flood.
func TestManyAcknowledgementsAreNoFlood(t *testing.T) {
	for _, size := range skip.Shorter([]int{64}, []int{1, 64, 16 << 10}) {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			bubble.Test(t, func(t *testing.T) {
				w := newWorld(t, rtcpeer.Mesh, memory.Options{})
				w.join(rtcpeer.Config{MaxPacket: size, SendBuffer: 4 * size}, 1, 5)
				const packets = 5000 // between two ticks, as no time passes here
				for _, to := range []rtcpeer.PeerID{1, 5} {
					for range packets {
						require.NoError(t, w.nodes[6-to].Send(t.Context(), rtcpeer.Packet{Peer: to, Data: make([]byte, size)}))
					}
				}
				after(10 * time.Second)
				for id, d := range w.diaries {
					require.Equal(t, "connected", d.story(6-id))
					require.Len(t, d.packets(6-id, 0, rtcpeer.Reliable), packets)
				}
			})
		})
	}
}

// What somebody may say over a path that is to take over. Refused, it is as if there had been no such path, and the
// link goes on; only whoever has proven to be the peer can misbehave.
func TestRogueOnTheNextPath(t *testing.T) {
	const (
		refused    = "refused"
		misbehaved = "misbehaved"
		moved      = "moved"
		nothing    = "nothing"
	)
	wrong := func(mac [32]byte) []byte {
		mac[31] ^= 1
		return rtcpeer.Prove(mac)
	}
	tests := []struct {
		name string
		say  func(r *rogue, p transport.Path) [][]byte
		want string
	}{
		{"nothing", func(*rogue, transport.Path) [][]byte { return nil }, nothing},
		{"beats alone", func(*rogue, transport.Path) [][]byte { return slices.Repeat([][]byte{rtcpeer.Beat(0, 0)}, 10) }, nothing},
		{"a take without a proof", func(*rogue, transport.Path) [][]byte { return [][]byte{rtcpeer.Take(3)} }, refused},
		{"a proof of zeros", func(*rogue, transport.Path) [][]byte { return [][]byte{rtcpeer.Prove([32]byte{})} }, refused},
		{"a proof with a wrong bit", func(r *rogue, p transport.Path) [][]byte { return [][]byte{wrong(r.proof(p))} }, refused},
		{"the proof of the other end", func(r *rogue, p transport.Path) [][]byte {
			return [][]byte{rtcpeer.Prove(r.secret.Proof(!r.offers(), r.attempt, p.Binding()))}
		}, refused},
		{"a proof for another attempt", func(r *rogue, p transport.Path) [][]byte {
			return [][]byte{rtcpeer.Prove(r.secret.Proof(r.offers(), r.attempt-1, p.Binding()))}
		}, refused},
		{"a proof for a path with somebody else", func(r *rogue, p transport.Path) [][]byte {
			return [][]byte{rtcpeer.Prove(r.secret.Proof(r.offers(), r.attempt, p.Binding()+"9"))}
		}, refused},
		{"a proof of another link", func(r *rogue, p transport.Path) [][]byte {
			other := rtcpeer.NewSecret(r.link, [32]byte{1}, [32]byte{2})
			return [][]byte{rtcpeer.Prove(other.Proof(r.offers(), r.attempt, p.Binding()))}
		}, refused},
		{"a hello", func(*rogue, transport.Path) [][]byte { return [][]byte{rtcpeer.Hello([32]byte{1}, 1)} }, refused},
		{"a bye", func(*rogue, transport.Path) [][]byte { return [][]byte{rtcpeer.Bye(1)} }, refused},
		{"nonsense", func(*rogue, transport.Path) [][]byte { return [][]byte{{77}} }, refused},
		{"a frame that is too long", func(*rogue, transport.Path) [][]byte { return [][]byte{make([]byte, 64<<10)} }, refused},
		{"a wrong proof and then the right one", func(r *rogue, p transport.Path) [][]byte {
			return [][]byte{wrong(r.proof(p)), rtcpeer.Prove(r.proof(p)), rtcpeer.Take(3)}
		}, refused},
		{"the right ones", func(r *rogue, p transport.Path) [][]byte {
			return [][]byte{rtcpeer.Prove(r.proof(p)), rtcpeer.Take(3)}
		}, moved},
		{"a take of packets that were never sent", func(r *rogue, p transport.Path) [][]byte {
			return [][]byte{rtcpeer.Prove(r.proof(p)), rtcpeer.Take(4)}
		}, misbehaved},
		{"a take of less than it had", func(r *rogue, p transport.Path) [][]byte {
			return [][]byte{rtcpeer.Prove(r.proof(p)), rtcpeer.Take(1)}
		}, misbehaved},
		{"a take of too many lanes", func(r *rogue, p transport.Path) [][]byte {
			return [][]byte{rtcpeer.Prove(r.proof(p)), rtcpeer.Take(3, 3)}
		}, misbehaved},
		{"two takes", func(r *rogue, p transport.Path) [][]byte {
			return [][]byte{rtcpeer.Prove(r.proof(p)), rtcpeer.Take(3), rtcpeer.Take(3)}
		}, misbehaved},
		{"two proofs", func(r *rogue, p transport.Path) [][]byte {
			return [][]byte{rtcpeer.Prove(r.proof(p)), rtcpeer.Prove(r.proof(p))}
		}, misbehaved},
		{"a hello after the proof", func(r *rogue, p transport.Path) [][]byte {
			return [][]byte{rtcpeer.Prove(r.proof(p)), rtcpeer.Hello([32]byte{1}, 1)}
		}, misbehaved},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			withRogue(t, func(t *testing.T, w *world, r *rogue, node rtcpeer.PeerID) {
				id := r.session.member.ID
				for i := range 3 {
					require.NoError(t, w.nodes[node].Send(t.Context(), rtcpeer.Packet{Peer: id, Data: fmt.Append(nil, i)}))
				}
				r.read(r.path, 3)
				r.say(r.path, rtcpeer.Beat(0, 2))
				r.beatAlways(r.path, func() uint64 { return 2 })
				p := r.another()
				for _, frame := range tt.say(r, p) {
					r.say(p, frame)
				}
				if tt.want == moved {
					r.beatAlways(p, func() uint64 { return 3 })
					r.path = p
				}
				after(20 * time.Second)
				switch tt.want {
				case misbehaved:
					require.Equal(t, "connected disconnected(misbehaved)", w.diaries[node].story(id))
					return
				case moved:
					require.Equal(t, 2, w.link(node, id).Paths)
				default:
					require.Equal(t, 1, w.link(node, id).Paths)
				}
				require.Equal(t, tt.want == refused, w.link(node, id).PathsRefused == 1, "%d refused", w.link(node, id).PathsRefused)
				after(20 * time.Second)
				require.Equal(t, "connected", w.diaries[node].story(id))
				require.NoError(t, w.nodes[node].Send(t.Context(), rtcpeer.Packet{Peer: id, Data: []byte("still here")}))
				require.Equal(t, []string{"still here"}, r.read(r.path, 1))
			})
		})
	}
}

// Requests cost the one that is asked a path each: however many come, it makes a few a second.
func TestRogueFloodsRequests(t *testing.T) {
	for _, attempt := range []int{0, 1, 1 << 30} {
		t.Run(fmt.Sprint(attempt), func(t *testing.T) {
			bubble.Test(t, func(t *testing.T) {
				w := newWorld(t, rtcpeer.Mesh, memory.Options{Delay: 10 * time.Millisecond})
				w.enter(5, rtcpeer.Config{})
				r := newRogue(t, w, 1, 5)
				r.beatAlways(r.path, none)
				var offers, known atomic.Int64
				known.Store(int64(attempt))
				w.intercept(func(from, _ rtcpeer.PeerID, s signaling.SignalData) bool {
					if from == 5 && s.Type == signaling.Offer {
						offers.Add(1)
						known.Store(max(known.Load(), int64(s.Attempt))) // it knows of each
					}
					return from == 5 // for nobody
				})
				for range 1000 {
					r.signal(signaling.SignalData{Type: signaling.Repair, Attempt: int(known.Load()), Link: r.link})
					after(10 * time.Millisecond)
				}
				require.LessOrEqual(t, offers.Load(), int64(55), "in ten seconds")
				require.Positive(t, offers.Load())
				require.Equal(t, "connected", w.diaries[5].story(1))
			})
		})
	}
}

// Nonsense over the control lane while the two authenticate each other: the program is told what was wrong.
func TestRogueInAuthentication(t *testing.T) {
	for _, id := range []rtcpeer.PeerID{1, 5} {
		t.Run(fmt.Sprint(id), func(t *testing.T) {
			bubble.Test(t, func(t *testing.T) {
				w := newWorld(t, rtcpeer.Mesh, memory.Options{Delay: 10 * time.Millisecond})
				w.enter(6-id, rtcpeer.Config{Framed: true, Auth: slowAuth("sesame", 0)})
				r := newRogue(t, w, id, 6-id)
				after(time.Second)
				r.say(r.path, []byte{77})
				after(time.Minute)
				events, _ := w.diaries[6-id].all()
				require.Len(t, events, 1, "and it is not tried again")
				require.Equal(t, rtcpeer.PeerFailed, events[0].Kind)
				require.ErrorContains(t, events[0].Err, "authenticate: not a control frame: 1 bytes of type 77")
			})
		})
	}
}
