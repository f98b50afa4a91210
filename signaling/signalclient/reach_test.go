//go:build !js

package signalclient

import (
	"context"
	"net"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// After a check, which is how a program says that it misses its peers too, a network that works again is noticed within
// half a second: whatever the client was doing, and without a storm of connections until then.
func TestNetworkThatComesBack(t *testing.T) {
	for _, tt := range []struct {
		name    string
		away    time.Duration
		checked bool
		within  time.Duration // 0: not told
	}{
		{"3 s", 3 * time.Second, true, reachEach},
		{"12 s", 12 * time.Second, true, reachEach},
		{"a time-out ends just then", 10*time.Second + 5*time.Millisecond, true, reachEach},
		{"60 s", 60 * time.Second, true, reachEach},
		{"without a check", 60 * time.Second, false, 0},
		{"an hour", time.Hour, true, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inFakeTime(t, slow, func(t *testing.T, c *Client, srv *testServer, p *pipeNet, l *dialLog) {
				first := srv.accept(t)
				p.hang()
				start := time.Now()
				if tt.checked {
					c.Check()
				}
				first.Close()
				time.Sleep(tt.away)
				synctest.Wait()
				dials := l.after(start)
				require.LessOrEqual(t, len(dials), int(hurryFor/reachEach)+10)
				p.hung.Store(false)
				if tt.within == 0 {
					time.Sleep(5 * time.Second)
					require.False(t, c.Status().Connected)
					return
				}
				time.Sleep(tt.within)
				synctest.Wait()
				require.True(t, c.Status().Connected)
				require.LessOrEqual(t, c.Status().Since.Sub(start.Add(tt.away)), tt.within)
			})
		})
	}
}

// The same where the system says at once that there is no network, as with an interface that is down.
func TestInterfaceThatComesBack(t *testing.T) {
	for away := 50500 * time.Millisecond; away < 59500*time.Millisecond; away += 130 * time.Millisecond {
		inFakeTime(t, slow, func(t *testing.T, c *Client, srv *testServer, p *pipeNet, l *dialLog) {
			var down atomic.Bool
			down.Store(true)
			c.dialer.cfg.dial = func(ctx context.Context, network, addr string) (net.Conn, error) {
				if down.Load() {
					return nil, &net.OpError{Op: "dial", Err: syscall.ENETUNREACH}
				}
				return p.dial(ctx, network, addr)
			}
			first := srv.accept(t)
			c.Check()
			first.Close()
			time.Sleep(away)
			down.Store(false)
			time.Sleep(reachEach)
			synctest.Wait()
			require.True(t, c.Status().Connected, "%v", away)
		})
	}
}

// A server that refuses connections is there: its members come back at random times, whatever their programs miss.
func TestServerThatRefusesIsNotHurried(t *testing.T) {
	inFakeTime(t, Config{BackoffMin: 20 * time.Second, BackoffMax: 20 * time.Second}, func(t *testing.T, c *Client, srv *testServer, p *pipeNet, l *dialLog) {
		c.dialer.cfg.dial = func(context.Context, string, string) (net.Conn, error) {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.times = append(l.times, time.Now())
			return nil, &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}
		}
		start := time.Now()
		c.Check()
		srv.accept(t).Close()
		time.Sleep(time.Minute)
		require.Less(t, len(l.after(start)), 20)
	})
}

// A name cannot be looked up without a network, and its lookup takes its time afterwards. The address that it had last
// is tried as well.
func TestNameThatCannotBeLookedUp(t *testing.T) {
	inFakeTime(t, slow, func(t *testing.T, c *Client, srv *testServer, p *pipeNet, l *dialLog) {
		first := srv.accept(t)
		c.dialer.answered = map[string]string{"localhost:80": "192.0.2.7:80"}
		var reached atomic.Value
		c.dialer.cfg.dial = func(ctx context.Context, network, addr string) (net.Conn, error) {
			if addr == "localhost:80" {
				<-ctx.Done()
				return nil, ctx.Err()
			}
			reached.Store(addr)
			return p.dial(ctx, network, addr)
		}
		c.Check()
		first.Close()
		time.Sleep(time.Second)
		synctest.Wait()
		require.Equal(t, "192.0.2.7:80", reached.Load())
		require.True(t, c.Status().Connected)
	})
}
