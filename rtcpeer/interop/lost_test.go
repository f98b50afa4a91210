//go:build unix

package interop

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/pion/ice/v4"
	pion "github.com/pion/webrtc/v4"
	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer"
	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/signaling/signalclient"
	"example.org/rtcpeer/testdata/skip"
)

// rtcpeer.js over libdatachannel tells a path that was cut from one that the other end has closed. libdatachannel closes its
// connection by itself when its ICE has failed, which is after 30 seconds of silence. The other end takes no part in
// repairs, so that the link ends with its path.
func TestLibdatachannelTellsHowItsPathEnded(t *testing.T) {
	t.Parallel()
	subject := kind{name: "libdatachannel", host: "libdatachannel"}
	skip.Long(t)
	need(t, subject)
	l, s := newLab(t), startServer(t)
	_, err := l.host(subject)
	require.NoError(t, err)
	for _, c := range []struct {
		name string
		end  func(*cable, *participant)
		want rtcpeer.DisconnectReason
	}{
		{"cut", func(c *cable, _ *participant) { c.cut() }, rtcpeer.Lost},
		{"closed", func(_ *cable, plain *participant) { plain.leave() }, rtcpeer.ByPeer},
	} {
		t.Run(c.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
			defer cancel()
			conn, err := net.ListenUDP("udp4", nil)
			require.NoError(t, err)
			cable := &cable{UDPConn: conn, seen: make(map[string]bool)}
			mux := ice.NewUDPMuxDefault(ice.UDPMuxParams{UDPConn: cable})
			defer mux.Close()
			config := config(rtcpeer.Mesh, "")
			config.WebRTC.IPv4Only = true
			config.WebRTC.SettingEngine = func(e *pion.SettingEngine) { e.SetICEUDPMux(mux) }
			join := signaling.Join{Channels: rtcpeer.Describe(config).Channels} // and no features
			signaler, err := signalclient.Dial(ctx, s.url(c.name), join, signalclient.Config{})
			require.NoError(t, err)
			node, err := rtcpeer.New(ctx, signaler, config)
			require.NoError(t, err)
			plain := participate(inGo.name, native{node})
			defer plain.leave()
			player, err := l.enter(ctx, subject, s.url(c.name), rtcpeer.Mesh, false)
			require.NoError(t, err)
			defer player.leave()
			require.NoError(t, party{plain, player}.meet(ctx))

			c.end(cable, plain)
			require.NoError(t, player.await(ctx, "the end of the link", has(rtcpeer.PeerDisconnected, plain.ID())))
			for _, ev := range player.seen() {
				if ev.Kind == rtcpeer.PeerDisconnected {
					require.Equal(t, c.want, ev.Reason)
				}
			}
		})
	}
}
