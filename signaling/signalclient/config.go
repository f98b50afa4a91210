//go:build !js

package signalclient

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"time"

	"example.org/rtcpeer/signaling"
)

// A Config says how a Client connects. The zero value works.
type Config struct {
	// DialTimeout bounds each attempt to connect, from the name lookup to the welcome. Zero means
	// 10s.
	DialTimeout time.Duration
	// DeadAfter is how long a connection may be silent, or a write may take, before the connection counts as lost.
	// The client pings after a third of it. Zero means 45s, which is three ping intervals of the server.
	DeadAfter time.Duration
	// CheckTimeout is how long the server may be silent after Client.Check before the connection counts as lost. Zero
	// means 2s.
	CheckTimeout time.Duration
	// RedialFor is how long to redial after a connection was lost. Zero means forever; negative means not at all.
	RedialFor time.Duration
	// BackoffMin bounds the wait before the first redial, which is random, from 0 to BackoffMin. The bound doubles
	// with each further redial, up to BackoffMax. Zero means 200ms and 15s.
	BackoffMin, BackoffMax time.Duration
	// Dialect is the protocol of the server. Nil means signaling.V1Client. With a dialect without resumption, the
	// client ends with its first connection.
	Dialect *signaling.ClientDialect
	// TLS is for wss. Nil means the defaults of crypto/tls. It is cloned.
	TLS *tls.Config
	// Header is sent with each attempt, for instance for a reverse proxy that authenticates. It
	// is cloned.
	Header http.Header
	// Log gets a line for each lost connection and each return, and at debug level for each attempt. Nil means no
	// log.
	Log *slog.Logger

	// Set by tests, for a network in memory.
	dial  func(ctx context.Context, network, addr string) (net.Conn, error)
	proxy func(*http.Request) (*url.URL, error)
}

// own fills in the defaults that do not exist in browsers.
func (c Config) own() Config {
	c.TLS = c.TLS.Clone()
	c.Header = c.Header.Clone()
	if c.dial == nil {
		c.dial = new(net.Dialer).DialContext
		c.proxy = http.ProxyFromEnvironment
	}
	return c
}
