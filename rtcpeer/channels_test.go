package rtcpeer_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer"
	"example.org/rtcpeer/rtcpeer/transport/memory"
	"example.org/rtcpeer/signaling"
)

// Two programs whose channels differ each learn it, with both lists, and neither waits.
func TestChannelListsThatDisagree(t *testing.T) {
	tests := []struct {
		name string
		a, b []rtcpeer.Mode
	}{
		{"another mode", []rtcpeer.Mode{rtcpeer.Reliable}, []rtcpeer.Mode{rtcpeer.Unreliable}},
		{"one more", []rtcpeer.Mode{rtcpeer.Reliable, rtcpeer.Reliable}, []rtcpeer.Mode{rtcpeer.Reliable}},
		{"none and one", nil, []rtcpeer.Mode{rtcpeer.UnreliableOrdered}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			network := memory.NewNetwork(memory.Options{})
			r := newRoom(rtcpeer.Mesh)
			a := r.join(t, 1, network.Transport(), rtcpeer.Config{Channels: tt.a})
			b := r.join(t, 5, network.Transport(), rtcpeer.Config{Channels: tt.b})
			wantMismatch(t, a, 5, tt.a, tt.b)
			wantMismatch(t, b, 1, tt.b, tt.a)
		})
	}
}

func wantMismatch(t *testing.T, n *rtcpeer.Node, peer rtcpeer.PeerID, ours, theirs []rtcpeer.Mode) {
	t.Helper()
	ev := next(t, n)
	require.Equal(t, rtcpeer.PeerFailed, ev.Kind)
	require.Equal(t, peer, ev.Peer)
	var mismatch *rtcpeer.ChannelMismatchError
	require.ErrorAs(t, ev.Err, &mismatch)
	require.ElementsMatch(t, ours, mismatch.Ours)
	require.ElementsMatch(t, theirs, mismatch.Theirs)
	require.ErrorContains(t, ev.Err, "Config.Channels")
}

func TestConfigIsChecked(t *testing.T) {
	tests := []struct {
		name   string
		config rtcpeer.Config
		want   string
	}{
		{"topology", rtcpeer.Config{Topology: "ring"}, `Config.Topology "ring"`},
		{"channel mode", rtcpeer.Config{Channels: []rtcpeer.Mode{rtcpeer.Reliable, 9}}, "Config.Channels[1] is mode(9)"},
		{"too many channels", rtcpeer.Config{Channels: make([]rtcpeer.Mode, 256)}, "at most 255"},
		{"packet", rtcpeer.Config{MaxPacket: 1 << 20}, "Config.MaxPacket 1048576"},
		{"negative packet", rtcpeer.Config{MaxPacket: -1}, "Config.MaxPacket -1"},
		{"send buffer", rtcpeer.Config{SendBuffer: 100}, "Config.SendBuffer 100"},
		{"receive buffer", rtcpeer.Config{ReceiveBuffer: 100}, "Config.ReceiveBuffer 100"},
		{"lag", rtcpeer.Config{MaxLag: -1}, "Config.MaxLag"},
		{"slow", rtcpeer.Config{SlowAfter: -1}, "Config.SlowAfter"},
		{"metadata", rtcpeer.Config{Metadata: []byte("{")}, "Config.Metadata is not JSON: unexpected end"},
		{"large metadata", rtcpeer.Config{Metadata: fmt.Appendf(nil, "%q", make([]byte, 2000))}, "Config.Metadata has 8002 bytes: want at most 1024"},
		{"a room's metadata", rtcpeer.Config{NewRoom: signaling.NewRoom{Metadata: []byte("no")}}, "Config.NewRoom.Metadata is not JSON"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := rtcpeer.New(t.Context(), newRoom(rtcpeer.Mesh).enter(1, nil), tt.config)
			require.ErrorContains(t, err, tt.want)
			_, err = rtcpeer.Join(t.Context(), "ws://127.0.0.1:1/room", tt.config)
			require.ErrorContains(t, err, tt.want, "before anything is dialed")
		})
	}
}

// The other end accepts less than this one may send: an error that says so, not silence.
func TestOtherEndAcceptsLess(t *testing.T) {
	r := newRoom(rtcpeer.Mesh)
	a := r.join(t, 1, nil, rtcpeer.Config{})
	b := r.join(t, 5, nil, rtcpeer.Config{MaxPacket: 4 << 10})
	require.Equal(t, rtcpeer.PeerConnected, next(t, a).Kind)
	require.Equal(t, rtcpeer.PeerConnected, next(t, b).Kind)
	err := a.Send(t.Context(), rtcpeer.Packet{Peer: 5, Data: make([]byte, 8<<10)})
	require.ErrorIs(t, err, rtcpeer.ErrPacketTooLarge)
	require.ErrorContains(t, err, "peer 5")
	require.ErrorIs(t, a.Send(t.Context(), rtcpeer.Packet{Data: make([]byte, 8<<10)}), rtcpeer.ErrPacketTooLarge)
	wantNothingElse(t, a, b, 0, rtcpeer.Reliable)
}
