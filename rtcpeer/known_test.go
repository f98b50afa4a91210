//go:build !js

package rtcpeer_test

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer"
	"example.org/rtcpeer/rtcpeer/transport"
	"example.org/rtcpeer/rtcpeer/transport/webrtc"
	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/signaling/turnserver"
)

// turnServer returns the URL of a TURN server of this module over UDP.
func turnServer(t *testing.T) string {
	t.Helper()
	s, err := turnserver.New(turnserver.Config{
		UDP: "127.0.0.1:0", TCP: "127.0.0.1:0", PublicAddresses: []netip.Addr{netip.MustParseAddr("127.0.0.1")},
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s.ICEServers("somebody")[1].URLs[0]
}

// What is known of a failure is told at once, with the stage, the server and its answer (fault L12). ConnectTimeout has no
// limit here, so that nothing else ends the wait.
func TestKnownFailures(t *testing.T) {
	wrong := []transport.ICEServer{{URLs: []string{turnServer(t)}, Username: "user", Credential: "wrong"}}
	tests := []struct {
		name   string
		config webrtc.Config
		want   []string
	}{
		{"TURN password", webrtc.Config{RelayOnly: true, ICEServers: wrong}, []string{"waiting for path", "TURN server 127.0.0.1:", "401"}},
		{"no TURN server", webrtc.Config{RelayOnly: true}, []string{"waiting for path", "there is no TURN server"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newRoom(rtcpeer.Mesh)
			join := func(id rtcpeer.PeerID, config webrtc.Config) *rtcpeer.Node {
				config.Loopback = true
				c := rtcpeer.Config{ConnectTimeout: -1, WebRTC: config}
				n, err := rtcpeer.New(t.Context(), r.enterAs(id, rtcpeer.Describe(c)), c)
				require.NoError(t, err)
				t.Cleanup(func() { closeNode(t, n) })
				return n
			}
			a, b := join(1, tt.config), join(5, webrtc.Config{})
			for _, n := range []*rtcpeer.Node{a, b} {
				failed := next(t, n)
				require.Equal(t, rtcpeer.PeerFailed, failed.Kind)
				for _, words := range tt.want {
					require.ErrorContains(t, failed.Err, words)
				}
			}
		})
	}
}

// The same where the link may still find another way: then it is told when its time is over.
func TestDeadlineNamesTheServer(t *testing.T) {
	t.Parallel()
	wrong := []transport.ICEServer{{URLs: []string{turnServer(t)}, Username: "user", Credential: "wrong"}}
	r := newRoom(rtcpeer.Mesh)
	r.lose = func(_, _ rtcpeer.PeerID, s signaling.SignalData) bool { return s.Type == signaling.Candidate }
	c := rtcpeer.Config{ConnectTimeout: 4 * time.Second, WebRTC: webrtc.Config{ICEServers: wrong, Loopback: true}}
	for _, id := range []rtcpeer.PeerID{1, 5} {
		n, err := rtcpeer.New(t.Context(), r.enterAs(id, rtcpeer.Describe(c)), c)
		require.NoError(t, err)
		defer closeNode(t, n)
		if id == 5 {
			failed := next(t, n)
			require.ErrorContains(t, failed.Err, "not connected after 4s: waiting for path")
			require.ErrorContains(t, failed.Err, "TURN server 127.0.0.1:")
			require.ErrorContains(t, failed.Err, "401")
			require.False(t, strings.Contains(failed.Err.Error(), "UDP may be blocked"))
		}
	}
}
