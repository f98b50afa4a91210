//go:build !js

package doctor

import (
	"cmp"
	"crypto/tls"
	"time"

	"example.org/rtcpeer/rtcpeer/transport"
)

// A Config says what to examine. The zero value examines nothing.
type Config struct {
	// Servers are those that links would use.
	Servers []transport.ICEServer
	// Timeout is for each URL. Zero means 5s.
	Timeout time.Duration
	// TLS is for turns. Nil means the defaults of crypto/tls. It is cloned.
	TLS *tls.Config
}

func (c Config) withDefaults() Config {
	c.Timeout = cmp.Or(c.Timeout, 5*time.Second)
	if c.TLS = c.TLS.Clone(); c.TLS == nil {
		c.TLS = new(tls.Config)
	}
	return c
}
