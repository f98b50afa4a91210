package signalclient

import (
	"context"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/testdata/bubble"

	"github.com/stretchr/testify/require"
)

// A movedConn was made from an address that, once it has moved, this machine does not have (RFC 5737).
type movedConn struct {
	net.Conn
	moved *atomic.Bool
}

func (c movedConn) LocalAddr() net.Addr {
	if c.moved.Load() {
		return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 1}
	}
	return c.Conn.LocalAddr()
}

// A machine that has moved to another network does not wait for the answer to a ping that cannot come.
func TestCheckOfAStrandedConnection(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		p := newPipeNet()
		srv := serve(t, p, welcome)
		cfg := slow
		moved := new(atomic.Bool)
		cfg.dial = func(ctx context.Context, network, addr string) (net.Conn, error) {
			conn, err := p.dial(ctx, network, addr)
			return movedConn{conn, moved}, err
		}
		c := dial(t, "ws://localhost/lobby", cfg)
		receive(t, c)
		srv.accept(t).deaf()
		c.Check() // is under way
		time.Sleep(time.Second)
		moved.Store(true)
		start := time.Now()
		c.Check()
		c.Check()
		require.ErrorIs(t, receive(t, c).(signaling.Disconnected).Err, errStranded)
		receive(t, c) // the welcome of the next connection
		require.Less(t, time.Since(start), 100*time.Millisecond)
	})
}
