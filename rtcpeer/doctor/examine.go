//go:build !js

package doctor

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"github.com/pion/stun/v4"

	"example.org/rtcpeer/rtcpeer/transport"
)

// An examination is one call of Examine.
type examination struct {
	// Fixed at construction.
	config Config
	socket *socket
	wg     sync.WaitGroup // the checks of all URLs, and the goroutines that they start
}

// Examine checks every URL of config.Servers. It calls tell with each result as soon as it is there, from the
// caller's goroutine. It returns an error only if the system cannot open a UDP socket.
func Examine(ctx context.Context, config Config, tell func(Check)) (Report, error) {
	s, err := newSocket()
	if err != nil {
		return Report{}, err
	}
	defer s.close()
	e := &examination{config: config.withDefaults(), socket: s}
	defer e.wg.Wait()

	urls := 0
	type numbered struct {
		n int
		Check
	}
	done := make(chan numbered)
	for _, server := range e.config.Servers {
		for _, url := range server.URLs {
			n := urls
			urls++
			e.wg.Go(func() { done <- numbered{n, e.check(ctx, url, server)} })
		}
	}
	r := Report{Checks: make([]Check, urls)}
	for range urls {
		c := <-done
		r.Checks[c.n] = c.Check
		tell(c.Check)
	}
	r.Mapping = s.mapping()
	return r, nil
}

// check examines one URL.
func (e *examination) check(ctx context.Context, url string, server transport.ICEServer) Check {
	ctx, cancel := context.WithTimeout(ctx, e.config.Timeout)
	defer cancel()
	c := Check{URL: url}
	t, err := parse(url)
	if err != nil {
		c.Err, c.Remedy = err, remedyURL
		return c
	}
	c.Over, t.began, t.username, t.credential = t.over, time.Now(), server.Username, server.Credential
	switch {
	case t.over != overUDP && !c.TURN():
		c.Err, c.Remedy = errors.New("doctor: links do not use STUN over TLS"), remedySTUNS
		return c
	case c.TURN():
		err = e.turn(ctx, &c, t)
	default:
		err = e.stun(ctx, &c, t)
	}
	if err != nil {
		c.Took = time.Since(t.began)
		c.Err, c.Remedy = err, remedy(t.over, err)
	}
	return c
}

// stun examines a STUN server.
func (e *examination) stun(ctx context.Context, c *Check, t target) (err error) {
	if err := t.resolve(ctx); err != nil {
		return err
	}
	c.Mapped, err = e.socket.ask(ctx, t.address)
	c.Took = time.Since(t.began)
	return err
}

// turn examines a TURN server.
func (e *examination) turn(ctx context.Context, c *Check, t target) error {
	if err := t.resolve(ctx); err != nil {
		return err
	}
	return e.allocate(ctx, c, t)
}

const (
	overUDP = "udp"
	overTCP = "tcp"
	overTLS = "tls"
)

// A target is the server that a URL names.
type target struct {
	host                 string
	port                 int
	over                 string
	address              netip.AddrPort // once resolved
	username, credential string
	began                time.Time
}

func parse(url string) (target, error) {
	uri, err := stun.ParseURI(url)
	if err != nil {
		return target{}, fmt.Errorf("doctor: %q: %w", url, err)
	}
	t := target{host: uri.Host, port: uri.Port, over: uri.Proto.String()}
	if uri.IsSecure() {
		if uri.Proto == stun.ProtoTypeUDP {
			return target{}, fmt.Errorf("doctor: %q: browsers do not use TURN over DTLS", url)
		}
		t.over = overTLS
	}
	return t, nil
}

// resolve looks up the address. It prefers IPv4.
func (t *target) resolve(ctx context.Context) error {
	addresses, err := net.DefaultResolver.LookupNetIP(ctx, "ip", t.host)
	if err != nil {
		return fmt.Errorf("doctor: %w", err)
	}
	chosen := addresses[0].Unmap()
	for _, a := range addresses {
		if a.Unmap().Is4() {
			chosen = a.Unmap()
			break
		}
	}
	t.address, err = netip.ParseAddrPort(net.JoinHostPort(chosen.String(), strconv.Itoa(t.port)))
	if err != nil {
		return fmt.Errorf("doctor: %w", err)
	}
	return nil
}
