//go:build !js

package signalclient

import (
	"context"
	"errors"
	"net"
	"slices"
	"sync"
	"syscall"
	"time"
)

// reachEach is the time between the starts of two connections, like the connection attempt delay of RFC 8305.
const reachEach = 400 * time.Millisecond

// reach makes the TCP connection for a WebSocket. While the program is in a hurry, it starts another one every
// reachEach until one succeeds, and returns that one: nothing announces that a network works again, and the system
// waits longer and longer before it tries again (RFC 6298). Every other connection goes to the address that answered
// last, because a name lookup needs a network, too, and takes time.
func (d *dialer) reach(ctx context.Context, network, addr string) (net.Conn, error) {
	type result struct {
		conn net.Conn
		err  error
	}
	var begun sync.WaitGroup
	defer begun.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	results := make(chan result)
	waiting := 0
	begin := func(addr string) {
		waiting++
		begun.Go(func() {
			conn, err := d.cfg.dial(ctx, network, addr)
			select {
			case results <- result{conn, err}:
			case <-ctx.Done():
				if err == nil {
					conn.Close()
				}
			}
		})
	}
	begin(addr)
	ticker := time.NewTicker(reachEach)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			switch {
			case !d.hurries():
			case waiting%2 == 1 && d.answered[addr] != "":
				begin(d.answered[addr])
			default:
				begin(addr)
			}
		case <-ctx.Done():
			return nil, ctx.Err()
		case r := <-results:
			waiting--
			switch {
			case r.err == nil:
				d.answered = map[string]string{addr: r.conn.RemoteAddr().String()}
				return r.conn, nil
			case errors.Is(r.err, syscall.ECONNREFUSED), waiting == 0 && !(isOffline(r.err) && d.hurries()):
				// A refusal is an answer of the server. Other errors count only when no connection is left.
				return nil, r.err
			}
		}
	}
}

// isOffline reports whether a connection failed because this machine has no network.
func isOffline(err error) bool {
	lookup, failed := errors.AsType[*net.DNSError](err)
	return failed && !lookup.IsNotFound || slices.ContainsFunc([]error{
		syscall.ENETUNREACH, syscall.EHOSTUNREACH, syscall.ENETDOWN, syscall.EADDRNOTAVAIL,
	}, func(no error) bool { return errors.Is(err, no) })
}
