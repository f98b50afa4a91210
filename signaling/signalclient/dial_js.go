package signalclient

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"

	"example.org/rtcpeer/signaling"
)

// A dialer makes the connections of one client.
type dialer struct {
	cfg   Config
	url   string
	shown string // the URL for errors and logs
	named bool   // the URL has a user name, which a browser does not send
}

func newDialer(u *url.URL, cfg Config) dialer {
	return dialer{cfg: cfg, url: u.String(), shown: bare(u).String(), named: u.User != nil}
}

// hurry does nothing: a page cannot influence how a browser connects.
func (d *dialer) hurry(func() bool) {}

// openOnce is one attempt of open. It offers the subprotocols in more in addition to that of the dialect.
func (d *dialer) openOnce(ctx context.Context, patient bool, more []string, talk func(*conn) error) (*conn, error) {
	if d.named {
		return nil, &DialError{URL: d.shown, Err: errors.New("a browser cannot send a user name and password: remove them from the URL")}
	}
	late := fmt.Errorf("no answer within %v: %w", d.cfg.DialTimeout, os.ErrDeadlineExceeded)
	timed, cancel := context.WithTimeoutCause(ctx, d.cfg.DialTimeout, late)
	defer cancel()

	c := newConn(d.shown, d.cfg.Dialect)
	if err := c.open(d.url, d.offered(more), d.cfg.DeadAfter); err != nil {
		return nil, &DialError{URL: d.shown, Err: err}
	}
	release := context.AfterFunc(timed, c.abort)
	err := c.opened()
	if err == nil {
		err = c.chose(c.ws.Get("protocol").String(), more)
	}
	if err == nil && patient && release() {
		timed, release = ctx, context.AfterFunc(ctx, c.abort)
	}
	if err == nil {
		err = talk(c)
	}
	if !release() && err == nil { // the context has closed the socket after the welcome
		err = timed.Err()
	}
	if err != nil {
		c.abort()
		return nil, d.failure(timed, err)
	}
	return c, nil
}

// failure wraps the error of an attempt in a DialError, unless it already has a type of its own. A browser tells a
// page neither status nor reason, so that pages cannot scan a network; its console shows them.
func (d *dialer) failure(ctx context.Context, err error) error {
	_, refused := errors.AsType[*signaling.Error](err)
	_, malformed := errors.AsType[*ProtocolError](err)
	switch {
	case refused || malformed:
		return err
	case ctx.Err() != nil:
		cause := context.Cause(ctx)
		return &DialError{URL: d.shown, Err: cause, Retry: !errors.Is(cause, context.Canceled)}
	}
	return &DialError{URL: d.shown, Err: err, Retry: true}
}
