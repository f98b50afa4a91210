//go:build !js

package doctor

import (
	"cmp"
	"crypto/tls"
	"time"

	"example.org/rtcpeer/rtcpeer/transport"
)

// A Config lists the servers to examine. The zero value examines none.
type Config struct {
	// Servers are the STUN and TURN servers that links would use.
	Servers []transport.ICEServer
	// Timeout limits the examination of each URL. Zero means 5s.
	Timeout time.Duration
	// TLS is the configuration for turns URLs. Nil means the defaults of crypto/tls. It is cloned.
	TLS *tls.Config
}

func (c Config) withDefaults() Config {
	c.Timeout = cmp.Or(c.Timeout, 5*time.Second)
	if c.TLS = c.TLS.Clone(); c.TLS == nil {
		c.TLS = new(tls.Config)
	}
	return c
}
