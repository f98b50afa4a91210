//go:build !js

package webrtc_test

import (
	"net"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/pion/stun/v4"
	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer/transport"
	"example.org/rtcpeer/rtcpeer/transport/webrtc"
)

// unheard is how many questions the network of TestPublicAddressOfANetworkThatComesBack loses. Pion alone asks
// four times, within 3.5 s, and gives up at 5 s.
const unheard = 8

// A path that is made while the network is away finds its public address when the network is back, and need not
// be made anew for it.
func TestPublicAddressOfANetworkThatComesBack(t *testing.T) {
	t.Parallel()
	server, asked := stunServer(t, unheard)
	tr, err := webrtc.New(webrtc.Config{Loopback: true, IPv4Only: true})
	require.NoError(t, err)
	defer tr.Close()
	p, err := tr.NewPath(transport.PathConfig{
		Lanes:      []transport.LaneConfig{{ID: 0, Label: "0"}},
		ICEServers: []transport.ICEServer{{URLs: []string{"stun:" + server}}},
	})
	require.NoError(t, err)
	_, err = p.Offer()
	require.NoError(t, err)
	for {
		select {
		case e := <-p.Events():
			require.Equal(t, transport.EventCandidate, e.Kind)
			if strings.Contains(e.Candidate.Line, publicIP) {
				require.Greater(t, asked.Load(), int64(unheard))
				require.NoError(t, p.Close())
				return
			}
		case <-t.Context().Done():
			return
		}
	}
}

// Closing a path whose STUN server never answers leaves nothing running.
func TestPathWithoutPublicAddressCloses(t *testing.T) {
	server, _ := stunServer(t, 1<<30)
	tr, err := webrtc.New(webrtc.Config{Loopback: true, IPv4Only: true})
	require.NoError(t, err)
	p, err := tr.NewPath(transport.PathConfig{
		Lanes:      []transport.LaneConfig{{ID: 0, Label: "0"}},
		ICEServers: []transport.ICEServer{{URLs: []string{"stun:" + server}}},
	})
	require.NoError(t, err)
	_, err = p.Offer()
	require.NoError(t, err)
	require.NoError(t, p.Close())
	require.NoError(t, tr.Close())
}

const publicIP = "203.0.113.7"

// stunServer is a STUN server that tells everybody the same address. The network loses the first questions.
func stunServer(t *testing.T, lost int64) (address string, asked *atomic.Int64) {
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	asked = new(atomic.Int64)
	go func() {
		b := make([]byte, 1500)
		for {
			n, from, err := conn.ReadFromUDP(b)
			if err != nil {
				return
			}
			question := &stun.Message{Raw: append([]byte(nil), b[:n]...)}
			if question.Decode() != nil || question.Type != stun.BindingRequest || asked.Add(1) <= lost {
				continue
			}
			answer := stun.MustBuild(question, stun.BindingSuccess, &stun.XORMappedAddress{IP: net.ParseIP(publicIP), Port: from.Port}, stun.Fingerprint)
			_, _ = conn.WriteToUDP(answer.Raw, from)
		}
	}()
	return conn.LocalAddr().String(), asked
}
