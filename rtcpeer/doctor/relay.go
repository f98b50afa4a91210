//go:build !js

package doctor

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"time"

	"github.com/pion/logging"
	"github.com/pion/turn/v5"
)

// allocate asks a TURN server for a relay. If the server was reached over UDP, the socket then sends a packet
// to the relay.
func (e *examination) allocate(ctx context.Context, c *Check, t target) error {
	conn, err := e.connect(ctx, t)
	if err != nil {
		return fmt.Errorf("doctor: %w", err)
	}
	defer conn.Close()
	client, err := turn.NewClient(&turn.ClientConfig{
		Conn: conn, TURNServerAddr: t.address.String(), Username: t.username, Password: t.credential,
		LoggerFactory: &logging.DefaultLoggerFactory{Writer: io.Discard, DefaultLogLevel: logging.LogLevelDisabled},
	})
	if err != nil {
		return fmt.Errorf("doctor: %w", err)
	}
	defer client.Close()
	if err := client.Listen(); err != nil {
		return fmt.Errorf("doctor: %w", err)
	}
	relay, err := client.AllocateWithContext(ctx)
	if err != nil {
		return late(ctx, err)
	}
	defer relay.Close()
	c.Took = time.Since(t.began)
	c.Relay = relay.LocalAddr().(*net.UDPAddr).AddrPort()
	if t.over == overUDP {
		e.sendThrough(ctx, c, t, client, relay)
	}
	return nil
}

// connect opens the connection to a TURN server over the protocol in its URL.
func (e *examination) connect(ctx context.Context, t target) (net.PacketConn, error) {
	if t.over == overUDP {
		return net.ListenPacket(family(t.address.Addr()), ":0")
	}
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", t.address.String())
	if err != nil {
		return nil, late(ctx, err)
	}
	if t.over == overTLS {
		config := e.config.TLS.Clone()
		config.ServerName = t.host
		secure := tls.Client(conn, config)
		if err := secure.HandshakeContext(ctx); err != nil {
			conn.Close()
			return nil, late(ctx, err)
		}
		conn = secure
	}
	return turn.NewSTUNConn(conn), nil
}

// sendThrough finds out at which address the relay sees the socket. A server that refuses to relay to the
// socket's address is not a problem: the address may be private, and a careful server refuses those.
func (e *examination) sendThrough(ctx context.Context, c *Check, t target, client *turn.Client, relay net.PacketConn) {
	mapped, err := e.socket.ask(ctx, t.address)
	if err != nil {
		return
	}
	if client.CreatePermission(net.UDPAddrFromAddrPort(mapped)) != nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, e.config.Timeout/2)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { relay.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	ended := make(chan struct{})
	defer close(ended)
	e.wg.Go(func() { e.knock(ended, c.Relay) })
	buffer := make([]byte, len(hello))
	_, from, err := relay.ReadFrom(buffer)
	if err != nil {
		c.Remedy = remedyPorts
		return
	}
	if at, ok := from.(*net.UDPAddr); ok {
		e.socket.note(c.Relay, netip.AddrPortFrom(at.AddrPort().Addr().Unmap(), at.AddrPort().Port()))
	}
}

// hello is not a STUN message, since these begin with two zero bits, and no other message that a peer sends.
const hello = "\xffhello"

// knock sends to a relay until ended is closed.
func (e *examination) knock(ended <-chan struct{}, relay netip.AddrPort) {
	for {
		if _, err := e.socket.conn.WriteToUDPAddrPort([]byte(hello), relay); err != nil {
			return
		}
		select {
		case <-ended:
			return
		case <-time.After(resend):
		}
	}
}

// late returns err, or an error that says "no answer" if the time is over.
func late(ctx context.Context, err error) error {
	if ctx.Err() != nil || errors.Is(err, os.ErrDeadlineExceeded) {
		return fmt.Errorf("no answer: %w", os.ErrDeadlineExceeded)
	}
	return err
}

// family returns the network of a socket for reaching a. Pion also allocates the relay in that network.
func family(a netip.Addr) string {
	if a.Is4() {
		return "udp4"
	}
	return "udp6"
}
