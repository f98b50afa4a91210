package turnserver

import (
	"cmp"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"example.org/rtcpeer/signaling/loglimit"
)

// Off, given as an address, disables the listener.
const Off = "off"

// A Config configures a Server. Its zero value works on a host with one public address.
type Config struct {
	// PublicAddresses are the addresses at which clients reach this host and at which relays are announced: at most
	// one of each family. Behind a NAT, give its outer address. If there are none, New uses the public address of the
	// interfaces, if there is exactly one.
	PublicAddresses []netip.Addr
	// Host replaces the public addresses in the URLs; turns: needs a host that the certificate names. With Host a
	// client gets at most four URLs; browsers complain about five.
	Host string

	// UDP, TCP and TLS are the addresses to listen on, as "ip:port", or ":port" for all interfaces. Empty means
	// ":3478" for UDP and TCP. For TLS, empty means ":5349" if there is a TLSConfig, and otherwise no listener. On a
	// host with several addresses of one family, give the address that clients use, because answers over UDP leave
	// from the address that the system chooses.
	UDP, TCP, TLS string
	// TLSConfig has the certificate of the TLS listener. New copies it.
	TLSConfig *tls.Config
	// Listen opens the TCP listeners, and with secure the TLS listeners. Connections of a secure listener must
	// already be decrypted, and their Close must not wait for the client. Network is tcp4 or tcp6. The Server closes
	// the listeners. Nil means net.Listen, and TLS with TLSConfig.
	Listen func(network, address string, secure bool) (net.Listener, error)
	// MinPort and MaxPort bound the UDP ports of relays. Zero means 49152 and 65535, the range of RFC 8656. A
	// firewall must admit packets to these ports.
	MinPort, MaxPort uint16

	// Realm is the realm of the credentials. Empty means "rtcpeer".
	Realm string
	// Credentials make the credentials that ICEServers returns. A Secret must have at least 16 bytes; empty means a
	// random one, which is enough if no other server shares it.
	Credentials Credentials
	// Outlive is how long an allocation may still be refreshed after its credential has expired. Zero means 12h;
	// negative means not at all, which ends relayed links soon after TTL.
	Outlive time.Duration

	// MaxAllocations is the largest number of allocations at a time; each has a socket. Zero means 2048.
	MaxAllocations int
	// MaxStreams is the largest number of TCP and TLS connections at a time. Zero means 2048.
	MaxStreams int
	// PerUser is the largest number of allocations of a user at a time. Zero means 64: a browser makes one for each
	// link, TURN URL and network. Negative means no limit.
	PerUser int
	// PerAddress is the largest number of allocations, and of TCP and TLS connections, of a client address. An IPv6
	// address counts as its /64; a /56 may have twice as many, and a /48 four times. Zero means 256; negative means
	// no limit.
	PerAddress int
	// Bandwidth is how many bytes a second an allocation relays in each direction in the long run; packets beyond it
	// are dropped. A quarter of a second of it, but at least 64 KiB, may come at once. Zero means 1 MiB; negative
	// means no limit.
	Bandwidth int

	// AllowPeers lists peers that are allowed although they are loopback, private, link-local or otherwise not on the
	// public Internet. Addresses of this host, and the broadcast and anycast addresses of its networks, are allowed
	// only by a prefix of a single address (except loopback). DenyPeers lists peers that are always refused.
	AllowPeers, DenyPeers []netip.Prefix

	// Log gets a line for each allocation, for each failure to accept a connection and, at debug level, for errors of
	// clients. Of each message text, it gets a hundred lines at once and ten a second in the long run. Nil means no log.
	Log *slog.Logger
}

const minSecret = 16

// withDefaults returns a copy with the defaults filled in, or an error for an invalid field.
func (c Config) withDefaults() (Config, error) {
	c.UDP = cmp.Or(c.UDP, ":3478")
	c.TCP = cmp.Or(c.TCP, ":3478")
	if c.TLS == "" {
		c.TLS = Off
		if c.TLSConfig != nil {
			c.TLS = ":5349"
		}
	}
	c.MinPort = cmp.Or(c.MinPort, 49152)
	c.MaxPort = cmp.Or(c.MaxPort, 65535)
	c.Realm = cmp.Or(c.Realm, "rtcpeer")
	c.Credentials.TTL = cmp.Or(c.Credentials.TTL, defaultTTL)
	c.Credentials.Secret = cmp.Or(c.Credentials.Secret, rand.Text())
	c.Outlive = max(cmp.Or(c.Outlive, 12*time.Hour), 0)
	c.MaxAllocations = cmp.Or(c.MaxAllocations, 2048)
	c.MaxStreams = cmp.Or(c.MaxStreams, 2048)
	c.PerUser = cmp.Or(c.PerUser, 64)
	c.PerAddress = cmp.Or(c.PerAddress, 256)
	c.Bandwidth = cmp.Or(c.Bandwidth, 1<<20)
	c.Log = loglimit.Logger(c.Log)
	c.AllowPeers, c.DenyPeers = plainPrefixes(c.AllowPeers), plainPrefixes(c.DenyPeers)
	if err := c.check(); err != nil {
		return c, err
	}
	var err error
	c.PublicAddresses, err = publicAddresses(c.PublicAddresses)
	return c, err
}

func (c *Config) check() error {
	switch {
	case c.MinPort > c.MaxPort:
		return fmt.Errorf("turnserver: Config.MinPort %d is above MaxPort %d", c.MinPort, c.MaxPort)
	case !validHost(c.Host):
		return fmt.Errorf("turnserver: Config.Host %q: want a name or an IP address, without a port", c.Host)
	case slices.ContainsFunc(slices.Concat(c.AllowPeers, c.DenyPeers), func(p netip.Prefix) bool { return !p.IsValid() }):
		return errors.New("turnserver: Config.AllowPeers, DenyPeers: want networks, for example 10.0.0.0/8")
	case c.UDP == Off && c.TCP == Off && c.TLS == Off:
		return fmt.Errorf("turnserver: Config.UDP, TCP and TLS are all %q: set the address of one of them", Off)
	case c.TLS != Off && c.TLSConfig == nil:
		return fmt.Errorf("turnserver: Config.TLS %q: needs Config.TLSConfig", c.TLS)
	case len(c.Credentials.Secret) < minSecret:
		return fmt.Errorf("turnserver: Config.Credentials.Secret has %d bytes: want at least %d", len(c.Credentials.Secret), minSecret)
	case c.Credentials.TTL < 0:
		return fmt.Errorf("turnserver: Config.Credentials.TTL %v: want a positive time", c.Credentials.TTL)
	case c.MaxAllocations < 0 || c.MaxStreams < 0:
		return fmt.Errorf("turnserver: Config.MaxAllocations %d, MaxStreams %d: want positive numbers", c.MaxAllocations, c.MaxStreams)
	}
	return nil
}

func plainPrefixes(list []netip.Prefix) (plain []netip.Prefix) {
	for _, p := range list {
		plain = append(plain, plainPrefix(p))
	}
	return plain
}

func validHost(host string) bool {
	_, err := netip.ParseAddr(host)
	return err == nil || !strings.ContainsAny(host, ":/?@[] ")
}
