package multiplayer_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer"
	"example.org/rtcpeer/rtcpeer/multiplayer"
	"example.org/rtcpeer/rtcpeer/variant"
)

// What PutVar sends is what Godot's put_var sends, and get_var of either side takes it.
func TestPutVarAndGetVar(t *testing.T) {
	inBoth(t, func(t *testing.T, host, a, _ *game) {
		a.SetTargetPeer(rtcpeer.Server)
		require.NoError(t, a.PutVar(map[string]any{"hp": 10, "at": variant.Vector2{X: 1, Y: 2}}))
		require.NoError(t, a.PutVar(true))
		require.NoError(t, a.PutPacket([]byte{1, 2, 3}))

		host.frame(t)
		got, err := host.GetVar()
		require.NoError(t, err)
		require.Equal(t, variant.Dictionary{{Key: "at", Value: variant.Vector2{X: 1, Y: 2}}, {Key: "hp", Value: int64(10)}}, got)
		require.Equal(t, "from a channel 0 mode 2: \x01\x00\x00\x00\x01\x00\x00\x00", host.get(t), "a bool is 8 bytes")

		_, err = host.GetVar()
		require.ErrorIs(t, err, variant.ErrTruncated)
		require.ErrorIs(t, host.GetPacketError(), variant.ErrTruncated)
		_, err = host.GetVar()
		require.ErrorIs(t, err, multiplayer.ErrUnavailable, "a packet that was no value is taken all the same")
	})
}

func TestPutVarAndGetVarLimits(t *testing.T) {
	peer := multiplayer.New(new(rtcpeer.Offline))
	require.Equal(t, 8<<20, peer.GetEncodeBufferMaxSize())
	for _, row := range []struct {
		set, want int
		refused   bool
	}{
		{set: 1024, want: 1024},
		{set: 1025, want: 2048},
		{set: 256 << 20, want: 256 << 20},
		{set: 1023, want: 256 << 20, refused: true},
		{set: 256<<20 + 1, want: 256 << 20, refused: true},
		{set: 1024, want: 1024},
	} {
		err := peer.SetEncodeBufferMaxSize(row.set)
		require.Equal(t, row.refused, err != nil, "%d: %v", row.set, err)
		require.Equal(t, row.want, peer.GetEncodeBufferMaxSize())
	}
	require.ErrorIs(t, peer.PutVar(strings.Repeat("x", 1024)), variant.ErrTooLarge)
	require.ErrorIs(t, peer.PutVar(struct{}{}), variant.ErrType)
	require.NoError(t, peer.PutVar("fits"))
}
