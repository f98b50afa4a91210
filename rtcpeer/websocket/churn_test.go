//go:build !js

package websocket_test

import (
	"crypto/tls"
	"crypto/x509"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer"
	"example.org/rtcpeer/rtcpeer/websocket"
)

// Guests come, talk and go while the server closes: nobody hangs, and nothing is left running.
func TestChurn(t *testing.T) {
	server, url := serve(t, websocket.Config{})
	var wg sync.WaitGroup
	enough := make(chan struct{})
	for range 8 {
		wg.Go(func() {
			for {
				guest, err := websocket.Dial(t.Context(), url, websocket.Config{})
				if err != nil {
					return // the server is closed
				}
				for range 20 {
					guest.TrySend(rtcpeer.Packet{Data: []byte("hi")})
					guest.TryReceive()
				}
				guest.Close()
			}
		})
	}
	wg.Go(func() {
		for seen := 0; ; {
			ev, err := server.Receive(t.Context())
			if err != nil {
				return
			}
			if ev.Kind == rtcpeer.PeerDisconnected {
				if seen++; seen == 50 {
					close(enough)
				}
			}
		}
	})
	<-enough
	require.NoError(t, server.Close())
	wg.Wait()
}

// Many ends that close at once, half of them first.
func TestCloseFromBothEnds(t *testing.T) {
	for range 20 {
		peers := star(t, websocket.Config{}, 3)
		var wg sync.WaitGroup
		for _, p := range peers {
			wg.Go(func() { p.Close() })
		}
		wg.Wait()
	}
}

func TestTLS(t *testing.T) {
	server, err := websocket.NewServer(websocket.Config{})
	require.NoError(t, err)
	defer server.Close()
	listener := httptest.NewTLSServer(server)
	defer listener.Close()
	url := "wss" + strings.TrimPrefix(listener.URL, "https")

	_, err = websocket.Dial(t.Context(), url, websocket.Config{})
	require.ErrorContains(t, err, "certificate")

	trusting := x509.NewCertPool()
	trusting.AddCert(listener.Certificate())
	guest := dial(t, url, websocket.Config{TLS: &tls.Config{RootCAs: trusting}})
	wantConnected(t, server, guest.ID())
	wantConnected(t, guest, 1)
	data := strings.Repeat("x", 60000)
	for range 20 {
		send(t, guest, 1, data)
		send(t, server, guest.ID(), "never read")
	}
	var wg sync.WaitGroup
	wg.Go(func() { guest.Close() })
	defer wg.Wait()
	for range 20 {
		wantPacket(t, server, guest.ID(), data)
	}
	wantDisconnected(t, server, guest.ID(), rtcpeer.ByPeer)
}
