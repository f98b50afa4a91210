package rtcpeer

import (
	"testing"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/signaling"
)

// What a host asks for is bounded, although nobody ever says that a member is gone. What it asked for first goes first.
func TestAsksAreBounded(t *testing.T) {
	r := new(room)
	r.keep(signaling.Seal{})
	for id := range PeerID(maxAsking + 10) {
		r.keep(signaling.Kick{ID: id + 1})
	}
	require.Len(t, r.asking, maxAsking)
	require.NotNil(t, r.asked(signaling.Seal{}))
	require.Nil(t, r.asked(signaling.Kick{ID: 11}))
	require.NotNil(t, r.asked(signaling.Kick{ID: 12}))
}
