//go:build !js

package doctor

import (
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"os"
	"syscall"
	"time"

	"github.com/pion/stun/v4"
)

// A Check is the result of examining one URL.
type Check struct {
	URL  string
	Over string        // "udp", "tcp" or "tls"; empty if the URL cannot be read
	Took time.Duration // time until the answer, the relay or the failure

	// Mapped is the address of this end as a STUN server sees it. Relay is the address that a TURN server
	// allocated.
	Mapped, Relay netip.AddrPort
	// Err is nil if the server works. Remedy says what to do about Err; if Err is nil, it is empty or names a
	// lesser problem.
	Err    error
	Remedy string
}

// TURN reports whether the URL names a TURN server.
func (c Check) TURN() bool { return len(c.URL) > 4 && c.URL[:4] == "turn" }

const (
	remedyURL         = "write it as stun:host:port, turn:host:port?transport=udp or turns:host:port?transport=tcp"
	remedyName        = "check the host name, and the DNS of this machine"
	remedyRefused     = "nothing listens on this port: check that the TURN server runs, and on which port"
	remedySilentUDP   = "a firewall on this side or at the server drops UDP, or the server answers from another address: open its UDP port, and let it listen on the address that clients use"
	remedySilentTCP   = "a firewall drops the connection: open the TCP port at the server; for networks that allow only web traffic, let TURN listen with TLS on port 443"
	remedyCertificate = "use the host name in the certificate, and a certificate whose issuer this machine trusts"
	remedyNotTLS      = "the server does not use TLS on this port: check the port"
	remedyCredential  = "the server refused the credentials: the TURN server and the signaling server must share the secret, and their clocks must agree"
	remedyQuota       = "the server's quota is used up: wait, or raise its limits"
	remedyForbidden   = "the server refuses to relay for this client: check its rules"
	remedyPorts       = "packets to the relay do not arrive: open the UDP ports for relays (49152 to 65535) in the server's firewall"
	remedyIPv4        = "give the server an IPv4 address too"
	remedySTUNS       = "browsers and Pion use STUN over UDP: write stun: instead of stuns:"
)

// remedy returns what to do about err.
func remedy(over string, err error) string {
	if told, ok := errors.AsType[*stun.TurnError](err); ok {
		return remedyOf(told.ErrorCodeAttr.Code)
	}
	_, name := errors.AsType[*net.DNSError](err)
	_, certificate := errors.AsType[*tls.CertificateVerificationError](err)
	_, plain := errors.AsType[tls.RecordHeaderError](err)
	switch {
	case name:
		return remedyName
	case certificate:
		return remedyCertificate
	case plain:
		return remedyNotTLS
	case errors.Is(err, syscall.ECONNREFUSED):
		return remedyRefused
	case errors.Is(err, errIPv6):
		return remedyIPv4
	case errors.Is(err, os.ErrDeadlineExceeded) && over == "udp":
		return remedySilentUDP
	}
	return remedySilentTCP
}

func remedyOf(code stun.ErrorCode) string {
	switch code {
	case stun.CodeUnauthorized, stun.CodeStaleNonce:
		return remedyCredential
	case stun.CodeAllocQuotaReached, stun.CodeInsufficientCapacity:
		return remedyQuota
	}
	return remedyForbidden
}
