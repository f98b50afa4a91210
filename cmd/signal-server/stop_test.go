package main

import (
	"net/http"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer"
	"example.org/rtcpeer/signaling"
)

// On SIGTERM sessions are told to come back, newcomers to wait, and links between peers do not notice.
func TestLinksOutliveShutdown(t *testing.T) {
	t.Parallel()
	p := start(t, nil)
	a, err := rtcpeer.Join(t.Context(), p.url+"/lobby", rtcpeer.Config{})
	require.NoError(t, err)
	defer a.Close()
	b, err := rtcpeer.Join(t.Context(), p.url+"/lobby", rtcpeer.Config{})
	require.NoError(t, err)
	defer b.Close()
	for _, node := range []*rtcpeer.Node{a, b} {
		ev, err := node.Receive(t.Context())
		require.NoError(t, err)
		require.Equal(t, rtcpeer.PeerConnected, ev.Kind)
	}
	stubborn := call(t, p.url, nil) // does not answer the close frame, so that the server takes its time
	stubborn.join(signaling.Join{Room: "other"})

	code := make(chan int, 1)
	go func() { code <- p.stop() }()
	told := stubborn.receive().(*signaling.Error)
	require.Equal(t, signaling.CodeShuttingDown, told.Code)
	require.True(t, told.Code.Retry())

	status, _ := fetch(t, pageOf(p)+"readyz")
	require.Equal(t, http.StatusServiceUnavailable, status)
	_, res, err := websocket.DefaultDialer.DialContext(t.Context(), p.url, nil)
	require.ErrorIs(t, err, websocket.ErrBadHandshake)
	res.Body.Close()
	require.Equal(t, http.StatusServiceUnavailable, res.StatusCode)
	require.NotEmpty(t, res.Header.Get("Retry-After"))
	require.Equal(t, exitOK, <-code)

	for range 3 {
		require.NoError(t, a.Send(t.Context(), rtcpeer.Packet{Peer: b.ID(), Mode: rtcpeer.Reliable, Data: []byte(time.Now().String())}))
		wantEvent(t, b, rtcpeer.PacketReceived)
	}
}
