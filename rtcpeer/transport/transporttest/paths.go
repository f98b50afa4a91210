package transporttest

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer/transport"
)

// A NewSeverablePair is a NewPair that also returns a function sever. After sever the existing paths between
// the two transports carry nothing any more, while new paths work, as when a host gets another address.
type NewSeverablePair func(t *testing.T) (a, b transport.Transport, sever func())

// RunMoving tests that a link can move from a dead path to a new one before the dead path has noticed.
func RunMoving(t *testing.T, newPair NewSeverablePair) {
	for _, c := range []struct {
		name  string
		again func(a, b transport.Transport) (_, _ transport.Transport)
	}{
		{"the same end offers", func(a, b transport.Transport) (_, _ transport.Transport) { return a, b }},
		{"the other end offers", func(a, b transport.Transport) (_, _ transport.Transport) { return b, a }},
	} {
		t.Run(c.name, func(t *testing.T) {
			a, b, sever := newPair(t)
			oldA, oldB := Connect(t, a, b, Config())
			wantApart(t, [2]transport.Path{oldA, oldB})
			sever()
			for i := range Config().Lanes {
				write(t, oldA, i, []byte("into the void"))
			}
			from, to := c.again(a, b)
			newA, newB := Connect(t, from, to, Config())
			wantApart(t, [2]transport.Path{newA, newB})
			closePath(t, oldA, "Close of the severed path")
			wantApart(t, [2]transport.Path{newA, newB})
			closePath(t, oldB, "Close of the severed path's other end")
			wantApart(t, [2]transport.Path{newA, newB})
		})
	}
}

// wantApart checks that each path carries its own packets, in both directions, when all of them are written to
// at once.
func wantApart(t *testing.T, paths ...[2]transport.Path) {
	t.Helper()
	const packets = 5
	own := func(path, end, lane, n int) []byte {
		return []byte(fmt.Sprintf("path %d, from end %d, lane %d, packet %d", path, end, lane, n))
	}
	for n := range packets {
		for p, ends := range paths {
			for lane := range Config().Lanes {
				write(t, ends[0], lane, own(p, 0, lane, n))
				write(t, ends[1], lane, own(p, 1, lane, n))
			}
		}
	}
	for p, ends := range paths {
		for from, to := range []transport.Path{ends[1], ends[0]} {
			for lane, c := range Config().Lanes {
				var want, got []string
				for n := range packets {
					want = append(want, string(own(p, from, lane, n)))
					got = append(got, string(read(t, to, lane, "a packet of path and lane")))
				}
				if c.Mode == transport.Unreliable {
					slices.Sort(got)
				}
				require.Equal(t, want, got)
			}
		}
	}
}

func testTwoPaths(t *testing.T, a, b transport.Transport) {
	for _, c := range []struct {
		name        string
		first, then transport.Transport // the transports that offer and answer the second path
	}{
		{"the same end offers both", a, b},
		{"each end offers one", b, a},
	} {
		t.Run(c.name, func(t *testing.T) {
			firstA, firstB := Connect(t, a, b, Config())
			secondA, secondB := Connect(t, c.first, c.then, Config())
			wantApart(t, [2]transport.Path{firstA, firstB}, [2]transport.Path{secondA, secondB})

			closePath(t, firstA, "Close of one path")
			e := waitEvent(t, firstB, transport.EventClosed, "the other end of the closed path")
			require.ErrorIs(t, e.Err, transport.ErrRemoteClosed)
			wantApart(t, [2]transport.Path{secondA, secondB})
			closePath(t, firstB, "Close of its other end")
			wantApart(t, [2]transport.Path{secondA, secondB})
		})
	}
}

// testLaneZero tests that lane 0 works: stream 0 is an SCTP stream like the others.
func testLaneZero(t *testing.T, a, b transport.Transport) {
	config := Config()
	config.Lanes = append([]transport.LaneConfig{{ID: 0, Label: "control", Mode: transport.Reliable}}, config.Lanes...)
	offerer, answerer := Connect(t, a, b, config)
	const packets = 100
	for _, ends := range [][2]transport.Path{{offerer, answerer}, {answerer, offerer}} {
		for n := range uint32(packets) {
			write(t, ends[0], 0, packet(n, numbered))
		}
		for i, c := range config.Lanes[1:] {
			write(t, ends[0], i+1, []byte(c.Label))
		}
		for n := range uint32(packets) {
			wantPacket(t, ends[1], 0, packet(n, numbered), fmt.Sprintf("packet %d of %d", n, packets))
		}
		for i, c := range config.Lanes[1:] {
			wantPacket(t, ends[1], i+1, []byte(c.Label), "the packet of a lane beside lane 0")
		}
	}
	closePath(t, offerer, "Close")
	waitEvent(t, answerer, transport.EventClosed, "the other end's Close")
	wantReadError(t, answerer, 0, transport.ErrRemoteClosed, "Read after everything was read")
}

// testStrayLane sends on a lane that the other end does not have. The other end must either report a
// StrayError, or, if its transport cannot notice this (as in a browser), keep its other lanes working.
func testStrayLane(t *testing.T, a, b transport.Transport) {
	fewer := Config()
	fewer.Lanes = fewer.Lanes[:2]
	offerer, answerer := newPath(t, a, Config()), newPath(t, b, fewer)
	offer, err := offerer.Offer()
	require.NoError(t, err, "Offer")
	answer, err := answerer.Answer(offer)
	require.NoError(t, err, "Answer")
	require.NoError(t, offerer.Accept(answer), "Accept")
	trickle(t, offerer, answerer, func(transport.Path) {})
	require.NoError(t, offerer.Lane(0).Write([]byte("fine")))
	require.Equal(t, "fine", string(read(t, answerer, 0, "a packet on a lane that both have")))
	require.NoError(t, offerer.Lane(2).Write([]byte("stray")))
	require.NoError(t, offerer.Lane(0).Write([]byte("still fine")))
	packet := make([]byte, 64)
	if n, err := answerer.Lane(0).Read(packet); err == nil {
		require.Equal(t, "still fine", string(packet[:n]))
		return
	}
	closed := waitEvent(t, answerer, transport.EventClosed, "the end of a path with a stray lane")
	stray, ok := errors.AsType[*transport.StrayError](closed.Err)
	require.True(t, ok, "%v", closed.Err)
	require.Equal(t, transport.StrayError{ID: 3}, *stray)
}
