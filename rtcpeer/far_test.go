//go:build !js

package rtcpeer_test

import (
	"context"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pion/ice/v4"
	pion "github.com/pion/webrtc/v4"
	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer"
	"example.org/rtcpeer/rtcpeer/transport/webrtc"
)

// BenchmarkConnectFar counts round trips from Join to PeerConnected, and to the first packet of the other member: two
// peers 25 ms apart, with the signaling server next to both, or next to the other one.
func BenchmarkConnectFar(b *testing.B) {
	const oneWay = 25 * time.Millisecond
	b.Run("server=near", func(b *testing.B) {
		url := signalServer(b)
		connectFar(b, url, url, oneWay)
	})
	b.Run("server=far", func(b *testing.B) {
		url := signalServer(b)
		connectFar(b, url, farServer(b, url, oneWay), oneWay)
	})
}

func connectFar(b *testing.B, near, far string, oneWay time.Duration) {
	first, err := rtcpeer.Join(b.Context(), near+"/far", rtcpeer.Config{Transport: farTransport(b, oneWay)})
	require.NoError(b, err)
	defer first.Close()
	second := farTransport(b, oneWay)
	took := map[string][]time.Duration{}
	for b.Loop() {
		start := time.Now()
		n, err := rtcpeer.Join(b.Context(), far+"/far", rtcpeer.Config{Transport: second})
		require.NoError(b, err)
		took["join-rtt"] = append(took["join-rtt"], time.Since(start))
		require.Equal(b, rtcpeer.PeerConnected, next(b, first).Kind)
		require.NoError(b, first.Send(b.Context(), rtcpeer.Packet{Data: []byte("x")}))
		require.Equal(b, rtcpeer.PeerConnected, next(b, n).Kind)
		took["connect-rtt"] = append(took["connect-rtt"], time.Since(start))
		require.Equal(b, rtcpeer.PacketReceived, next(b, n).Kind)
		took["packet-rtt"] = append(took["packet-rtt"], time.Since(start))
		n.Close()
		require.Equal(b, rtcpeer.PeerDisconnected, next(b, first).Kind)
	}
	for unit, all := range took { // medians: a busy machine pauses now and then
		slices.Sort(all)
		b.ReportMetric(float64(all[len(all)/2])/float64(2*oneWay), unit)
	}
}

// farServer returns the URL of a way to the server at url that takes oneWay, and a round trip to begin with, which is
// TCP's.
func farServer(b *testing.B, url string, oneWay time.Duration) string {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(b, err)
	var wg sync.WaitGroup
	ctx, cancel := context.WithCancel(context.Background())
	type chunk struct {
		data []byte
		due  time.Time
	}
	carry := func(from, to net.Conn, late time.Duration) {
		way := make(chan chunk, 1<<10)
		wg.Go(func() {
			for c := range way {
				<-time.After(time.Until(c.due))
				_, _ = to.Write(c.data)
			}
			to.Close()
		})
		defer close(way)
		for buf := make([]byte, 64<<10); ; late = oneWay {
			n, err := from.Read(buf)
			if err != nil {
				return
			}
			way <- chunk{append([]byte(nil), buf[:n]...), time.Now().Add(late)}
		}
	}
	wg.Go(func() {
		for {
			near, err := ln.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", strings.TrimPrefix(url, "ws://"))
			if err != nil {
				near.Close()
				return
			}
			context.AfterFunc(ctx, func() { near.Close(); server.Close() })
			wg.Go(func() { carry(near, server, 3*oneWay) })
			wg.Go(func() { carry(server, near, oneWay) })
		}
	})
	b.Cleanup(func() {
		cancel()
		ln.Close()
		wg.Wait()
	})
	return "ws://" + ln.Addr().String()
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
