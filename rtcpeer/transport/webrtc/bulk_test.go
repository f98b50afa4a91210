//go:build !js

package webrtc_test

import (
	"encoding/binary"
	"testing"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer/transport"
	"example.org/rtcpeer/rtcpeer/transport/transporttest"
	"example.org/rtcpeer/rtcpeer/transport/webrtc"
)

// A bulk lane carries all of it in order, goes on after a pause in which its window and its pace were not used, and
// shares its path with another reliable lane that is busy too.
func TestBulkLane(t *testing.T) {
	t.Parallel()
	const bulk, chat, size, packets = 0, 1, 16 << 10, 200
	config := transport.PathConfig{Lanes: []transport.LaneConfig{
		{ID: 1, Label: "bulk", Mode: transport.Reliable, Bulk: true},
		{ID: 2, Label: "chat", Mode: transport.Reliable},
	}}
	from, to := transporttest.Connect(t, newTransport(t, webrtc.Config{}), newTransport(t, webrtc.Config{}), config)
	write := func(lane int, packets int) error {
		for i := range packets {
			p := make([]byte, size)
			binary.BigEndian.PutUint32(p, uint32(i))
			if err := from.Lane(lane).Write(p); err != nil {
				return err
			}
		}
		return nil
	}
	read := func(lane int, packets int) {
		p := make([]byte, size)
		for i := range packets {
			n, err := to.Lane(lane).Read(p)
			require.NoError(t, err)
			require.Equal(t, size, n)
			require.EqualValues(t, i, binary.BigEndian.Uint32(p), "lane %d", lane)
		}
	}
	for range 3 { // nothing is in flight in between
		written := make(chan error, 2)
		go func() { written <- write(bulk, packets) }()
		go func() { written <- write(chat, packets/10) }()
		read(chat, packets/10)
		read(bulk, packets)
		require.NoError(t, <-written)
		require.NoError(t, <-written)
	}
}

// A path whose bulk waits for its pace is closed like any other.
func TestCloseWhileBulkWaits(t *testing.T) {
	t.Parallel()
	config := transport.PathConfig{Lanes: []transport.LaneConfig{{ID: 1, Label: "bulk", Mode: transport.Reliable, Bulk: true}}}
	from, to := transporttest.Connect(t, newTransport(t, webrtc.Config{}), newTransport(t, webrtc.Config{}), config)
	go discard(to.Lane(0))
	for range 1000 {
		require.NoError(t, from.Lane(0).Write(make([]byte, 16<<10)))
	}
	require.NoError(t, from.Close())
	require.ErrorIs(t, from.Lane(0).Write([]byte{1}), transport.ErrClosed)
}
