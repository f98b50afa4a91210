package forwarded

import (
	"testing"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer/transport"
)

// rogue returns an open path, and the keys of its other end, which does what it likes.
func rogue(t *testing.T) (*path, *keys) {
	t.Helper()
	m := NewMux(func() {})
	raw, err := m.To(7).NewPath(transport.PathConfig{Lanes: []transport.LaneConfig{{ID: 1}, {ID: 2, Mode: transport.Unreliable}}})
	require.NoError(t, err)
	p := raw.(*path)
	t.Cleanup(func() { p.Close() })
	own := privateKey(t, "0000000000000000000000000000000000000000000000000000000000000001")
	_, err = p.Answer(describe(own.PublicKey()))
	require.NoError(t, err)
	k, err := newKeys(own, p.own.PublicKey(), true)
	require.NoError(t, err)
	m.Receive(7, must(k.encrypt(nil, []byte{frameHello})))
	require.Equal(t, transport.EventOpened, (<-p.events).Kind)
	return p, k
}

// An end that breaks the rules ends its path, and takes no more memory than the windows.
func TestRules(t *testing.T) {
	part := func(lane uint16, size int) []byte { return appendPart(nil, framePart, lane, make([]byte, size)) }
	repeat := func(n int, frame []byte) (frames [][]byte) {
		for range n {
			frames = append(frames, frame)
		}
		return frames
	}
	for name, c := range map[string]struct {
		frames [][]byte
		want   error
	}{
		"nothing":                                       {[][]byte{{}}, errRules},
		"a type of the future":                          {[][]byte{{9}}, errRules},
		"a lane that is not here":                       {[][]byte{part(3, 1)}, &transport.StrayError{ID: 3}},
		"an ack of what was never sent":                 {[][]byte{appendAck(nil, 1<<31)}, errRules},
		"an ack of more that was read than was sent":    {[][]byte{appendRead(appendAck(nil, 0), 1, 1)}, errRules},
		"an ack of a lane that is not here":             {[][]byte{appendRead(appendAck(nil, 0), 9, 0)}, errRules},
		"more packets than a lane's window, and unread": {repeat(laneWindow/partCost+1, appendPart(nil, frameLast, 1, nil)), errRules},
		"more bytes than a lane's window, and unread":   {repeat(laneWindow/maxPart+1, appendPart(nil, frameLast, 2, make([]byte, maxPart))), errRules},
		"a packet without end":                          {repeat(maxPacket/maxPart+1, part(1, maxPart)), errRules},
		"close":                                         {[][]byte{{frameClose}}, transport.ErrRemoteClosed},
	} {
		t.Run(name, func(t *testing.T) {
			p, k := rogue(t)
			for _, f := range c.frames {
				p.mux.Receive(7, must(k.encrypt(nil, f)))
				for p.mux.Next() != nil { // the carrier takes all
				}
			}
			e := <-p.events
			require.Equal(t, transport.EventClosed, e.Kind)
			require.Equal(t, c.want, e.Err)
			p.mux.Receive(7, must(k.encrypt(nil, []byte{frameHello})))
			require.NotZero(t, p.mux.Dropped()[droppedUnknown], "nothing is taken any more")
		})
	}
}
