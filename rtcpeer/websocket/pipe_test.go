//go:build !js

package websocket_test

import (
	"net/http"
	"sync"
	"testing"

	gorilla "github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer/websocket"
	"example.org/rtcpeer/testdata/bubble"
)

// pipes is a network in memory, and what the tests do with it.
type pipes struct{ *bubble.Network }

func newPipes() *pipes { return &pipes{bubble.NewNetwork()} }

// handle serves a handler over pipes until the test ends.
func (p *pipes) handle(t *testing.T, h http.Handler) {
	var wg sync.WaitGroup
	server := &http.Server{Handler: h}
	wg.Go(func() { server.Serve(p) })
	t.Cleanup(func() {
		server.Close()
		wg.Wait()
	})
}

const pipeURL = "ws://pipes/"

// overPipes runs a test with a server in a bubble.
func overPipes(t *testing.T, config websocket.Config, test func(t *testing.T, p *pipes, server *websocket.Server)) {
	bubble.Test(t, func(t *testing.T) {
		server, err := websocket.NewServer(config)
		require.NoError(t, err)
		p := newPipes()
		p.handle(t, server)
		t.Cleanup(func() { server.Close() })
		test(t, p, server)
	})
}

func (p *pipes) config() websocket.Config { return websocket.Config{DialContext: p.DialContext} }

// bare connects a guest that does only what the test does, and has read its id.
func (p *pipes) bare(t *testing.T) *bare {
	t.Helper()
	d := gorilla.Dialer{NetDialContext: p.DialContext}
	conn, _, err := d.DialContext(t.Context(), pipeURL, nil)
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	return &bare{t: t, conn: conn}
}
