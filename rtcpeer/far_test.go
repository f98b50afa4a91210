//go:build !js

package rtcpeer_test

import (
	"net"
	"testing"
	"time"

	"github.com/pion/ice/v4"
	pion "github.com/pion/webrtc/v4"
	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer"
	"example.org/rtcpeer/rtcpeer/transport/webrtc"
)

// BenchmarkConnectFar counts round trips: two peers 25 ms apart, the signaling server next door. What a
// server further away adds is five of its own: TCP, WebSocket, join, and the way of offer and answer.
func BenchmarkConnectFar(b *testing.B) {
	const oneWay = 25 * time.Millisecond
	url := signalServer(b)
	first, err := rtcpeer.Join(b.Context(), url+"/far", rtcpeer.Config{Transport: farTransport(b, oneWay)})
	require.NoError(b, err)
	defer first.Close()
	second := farTransport(b, oneWay)
	var connected, received time.Duration
	for b.Loop() {
		start := time.Now()
		n, err := rtcpeer.Join(b.Context(), url+"/far", rtcpeer.Config{Transport: second})
		require.NoError(b, err)
		require.Equal(b, rtcpeer.PeerConnected, next(b, n).Kind)
		connected += time.Since(start)
		require.NoError(b, n.Send(b.Context(), rtcpeer.Packet{Data: []byte("x")}))
		require.Equal(b, rtcpeer.PeerConnected, next(b, first).Kind)
		require.Equal(b, rtcpeer.PacketReceived, next(b, first).Kind)
		received += time.Since(start)
		n.Close()
		require.Equal(b, rtcpeer.PeerDisconnected, next(b, first).Kind)
	}
	b.ReportMetric(float64(connected)/float64(b.N)/float64(2*oneWay), "connect-rtt")
	b.ReportMetric(float64(received)/float64(b.N)/float64(2*oneWay), "packet-rtt")
}

// farTransport has one socket, on loopback, whose packets arrive after a while, in order.
func farTransport(b *testing.B, oneWay time.Duration) *webrtc.Transport {
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	require.NoError(b, err)
	socket := &farSocket{UDPConn: conn, oneWay: oneWay, way: make(chan farPacket, 1<<12), done: make(chan struct{})}
	go socket.run()
	mux := ice.NewUDPMuxDefault(ice.UDPMuxParams{UDPConn: socket})
	tr, err := webrtc.New(webrtc.Config{Loopback: true, IPv4Only: true, SettingEngine: func(e *pion.SettingEngine) { e.SetICEUDPMux(mux) }})
	require.NoError(b, err)
	b.Cleanup(func() {
		tr.Close()
		mux.Close()
		close(socket.done)
	})
	return tr
}

type farSocket struct {
	*net.UDPConn
	oneWay time.Duration
	way    chan farPacket
	done   chan struct{}
}

type farPacket struct {
	data []byte
	to   net.Addr
	due  time.Time
}

func (s *farSocket) WriteTo(p []byte, to net.Addr) (int, error) {
	select {
	case s.way <- farPacket{append([]byte(nil), p...), to, time.Now().Add(s.oneWay)}:
	case <-s.done:
	}
	return len(p), nil
}

func (s *farSocket) run() {
	for {
		select {
		case p := <-s.way:
			<-time.After(time.Until(p.due))
			_, _ = s.UDPConn.WriteTo(p.data, p.to)
		case <-s.done:
			return
		}
	}
}
