//go:build !js

package websocket_test

import (
	"context"
	"net"
	"net/http"
	"sync"
	"testing"

	gorilla "github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer/websocket"
	"example.org/rtcpeer/testdata/bubble"
)

// pipes is a listener whose connections are pipes in memory, which hold no byte: so time may be that of
// synctest, and a reader that stops is felt at once.
type pipes struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func newPipes() *pipes { return &pipes{conns: make(chan net.Conn), done: make(chan struct{})} }

func (p *pipes) DialContext(ctx context.Context, _, _ string) (net.Conn, error) {
	here, there := net.Pipe()
	select {
	case p.conns <- there:
		return here, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.done) })
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipes", Net: "unix"} }

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
