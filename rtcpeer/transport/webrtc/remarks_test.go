//go:build !js

package webrtc_test

import (
	"context"
	"net"
	"net/netip"
	"strings"
	"testing"

	pion "github.com/pion/webrtc/v4"
	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer/transport"
	"example.org/rtcpeer/rtcpeer/transport/transporttest"
	"example.org/rtcpeer/rtcpeer/transport/webrtc"
	"example.org/rtcpeer/signaling/turnserver"
)

// closing waits for the end of a path.
func closing(t *testing.T, p transport.Path) error {
	t.Helper()
	for {
		select {
		case e := <-p.Events():
			if e.Kind == transport.EventClosed {
				return e.Err
			}
		case <-t.Context().Done():
			require.FailNow(t, "the path goes on", "%+v", p.Progress())
		}
	}
}

// relaying returns a path that may use TURN servers alone, and has begun to ask them.
func relaying(t *testing.T, servers ...transport.ICEServer) transport.Path {
	t.Helper()
	p, err := newTransport(t, webrtc.Config{RelayOnly: true, ICEServers: servers, Loopback: true}).NewPath(transporttest.Config())
	require.NoError(t, err)
	t.Cleanup(func() { p.Close() })
	_, err = p.Offer()
	require.NoError(t, err)
	return p
}

// turnServer returns the URL of a server of this module over UDP.
func turnServer(t *testing.T) (url string) {
	t.Helper()
	s, err := turnserver.New(turnserver.Config{
		UDP: "127.0.0.1:0", TCP: "127.0.0.1:0", PublicAddresses: []netip.Addr{netip.MustParseAddr("127.0.0.1")},
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	for _, url := range s.ICEServers("somebody")[1].URLs { // the first is for STUN
		if strings.HasPrefix(url, "turn:") && !strings.HasSuffix(url, "transport=tcp") {
			return url
		}
	}
	require.FailNow(t, "no TURN over UDP", "%v", s.ICEServers("somebody"))
	return ""
}

// The transport reads what Pion tells only in its log, and reports each remark as soon as it is known. The errors for
// faults L10 and L12 need that.
func TestRemarks(t *testing.T) {
	t.Parallel()
	silent, err := net.ListenPacket("udp4", "127.0.0.1:0") // takes what comes and never answers
	require.NoError(t, err)
	defer silent.Close()
	tests := []struct {
		name   string
		server transport.ICEServer
		want   string
	}{
		{"wrong password", transport.ICEServer{URLs: []string{turnServer(t)}, Username: "user", Credential: "wrong"}, "401"},
		{"dead", transport.ICEServer{URLs: []string{"turn:" + silent.LocalAddr().String()}, Username: "u", Credential: "p"}, silent.LocalAddr().String() + ": no answer"},
		{"nobody listens on TCP", transport.ICEServer{URLs: []string{"turn:127.0.0.1:1?transport=tcp"}, Username: "u", Credential: "p"}, "connection refused"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := relaying(t, tt.server)
			failure, ok := closing(t, p).(*transport.PathError)
			require.True(t, ok)
			require.Equal(t, transport.StagePath, failure.Stage)
			require.ErrorContains(t, failure, "there is no relay: TURN server")
			require.ErrorContains(t, failure, tt.want)
		})
	}
	t.Run("no server", func(t *testing.T) {
		require.ErrorContains(t, closing(t, relaying(t)), "there is no TURN server that can be asked")
	})
}

// A changed fingerprint in a description is reported as soon as the two ends meet (fault L12).
func TestChangedFingerprint(t *testing.T) {
	for _, offer := range []bool{true, false} { // which description is changed
		change := func(sdp string, it bool) string {
			const line = "a=fingerprint:sha-256 "
			if i := strings.Index(sdp, line) + len(line); it {
				other := "00:"
				if strings.HasPrefix(sdp[i:], other) {
					other = "01:"
				}
				return sdp[:i] + other + sdp[i+len(other):]
			}
			return sdp
		}
		a, b := newTransport(t, webrtc.Config{Loopback: true}), newTransport(t, webrtc.Config{Loopback: true})
		offerer, err := a.NewPath(transporttest.Config())
		require.NoError(t, err)
		defer offerer.Close()
		answerer, err := b.NewPath(transporttest.Config())
		require.NoError(t, err)
		defer answerer.Close()
		sdp, err := offerer.Offer()
		require.NoError(t, err)
		sdp, err = answerer.Answer(change(sdp, offer))
		require.NoError(t, err)
		require.NoError(t, offerer.Accept(change(sdp, !offer)))
		deceived, other := answerer, offerer
		if !offer {
			deceived, other = offerer, answerer
		}
		carried, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { // what the other end has to tell
			defer close(done)
			for {
				select {
				case e := <-other.Events():
					if e.Kind == transport.EventCandidate {
						_ = deceived.AddCandidate(e.Candidate)
					}
				case <-carried.Done():
					return
				}
			}
		}()
		for {
			e := <-deceived.Events()
			if e.Kind == transport.EventCandidate {
				require.NoError(t, other.AddCandidate(e.Candidate))
				continue
			}
			require.Equal(t, transport.EventClosed, e.Kind)
			failure, ok := e.Err.(*transport.PathError)
			require.True(t, ok, "offer %v: %v", offer, e.Err)
			require.Equal(t, transport.StageSecurity, failure.Stage)
			require.ErrorContains(t, failure, "the other end's certificate is not the one that its description names")
			break
		}
		stop()
		<-done
	}
}

// A channel that the other end opens in the way of DCEP is none of this end's either.
func TestStrayChannelOfDCEP(t *testing.T) {
	p, err := newTransport(t, webrtc.Config{Loopback: true}).NewPath(transporttest.Config())
	require.NoError(t, err)
	defer p.Close()
	var settings pion.SettingEngine
	settings.SetIncludeLoopbackCandidate(true)
	other, err := pion.NewAPI(pion.WithSettingEngine(settings)).NewPeerConnection(pion.Configuration{})
	require.NoError(t, err)
	defer other.GracefulClose()
	for range 5 { // the first may have the ids of lanes
		_, err := other.CreateDataChannel("stray", nil)
		require.NoError(t, err)
	}
	offer, err := other.CreateOffer(nil)
	require.NoError(t, err)
	gathered := pion.GatheringCompletePromise(other)
	require.NoError(t, other.SetLocalDescription(offer))
	<-gathered
	answer, err := p.Answer(other.LocalDescription().SDP)
	require.NoError(t, err)
	require.NoError(t, other.SetRemoteDescription(pion.SessionDescription{Type: pion.SDPTypeAnswer, SDP: answer}))
	for {
		e := <-p.Events()
		switch e.Kind {
		case transport.EventCandidate:
			require.NoError(t, other.AddICECandidate(pion.ICECandidateInit{Candidate: e.Candidate.Line, SDPMid: &e.Candidate.Mid}))
			continue
		case transport.EventClosed:
			require.IsType(t, &transport.StrayError{}, e.Err)
			require.NotContains(t, []uint16{1, 2, 3}, e.Err.(*transport.StrayError).ID)
			return
		}
	}
}
