// Package turn provides the STUN and TURN servers that members get with their welcome: the TURN server of this process
// (package turnserver), and external ones with which this server shares a secret.
//
//	Options.Relays -> Relays.ICEServers -> signalserver's Config.ICEServersFor
//	                  Relays.Own        -> the figures; nil if this process has no TURN server
package turn

import (
	"cmp"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"example.org/rtcpeer/cmd/signal-server/internal/certs"
	"example.org/rtcpeer/cmd/signal-server/internal/settings"
	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/signaling/turnserver"
)

// Options are the flags for STUN and TURN.
type Options struct {
	On             bool            `name:"turn" help:"Run a STUN and TURN server too."`
	Address        []netip.Addr    `name:"turn-address" placeholder:"IP" help:"Public IP address of this host behind a NAT."`
	Host           string          `name:"turn-host" placeholder:"NAME" help:"Host name for TURN over TLS (--acme-domain)."`
	Listen         string          `name:"turn-listen" default:":3478" placeholder:"ADDR" help:"UDP and TCP address to listen on (${default})."`
	ListenTLS      string          `name:"turn-listen-tls" default:":5349" placeholder:"ADDR" help:"TLS address to listen on, or off (${default})."`
	Ports          PortRange       `name:"turn-ports" default:"49152-65535" placeholder:"A-B" help:"UDP ports for relays (${default})."`
	Secret         settings.Secret `name:"turn-secret" placeholder:"SECRET" help:"Secret shared with external TURN servers."`
	TTL            time.Duration   `name:"turn-ttl" default:"1h" placeholder:"TIME" help:"How long credentials are valid (${default})."`
	MaxAllocations int             `name:"turn-max-relays" default:"2048" placeholder:"N" help:"Maximum number of relays (${default})."`
	Bandwidth      int             `name:"turn-bandwidth" default:"1048576" placeholder:"BYTES" help:"Bytes/s per relay; 0: no limit (${default})."`
	AllowPeer      []netip.Prefix  `name:"turn-allow-peer" placeholder:"PREFIX" help:"Private network to which relays may send."`

	ICEServer []string `name:"ice-server" placeholder:"URL" help:"Another STUN or TURN server for members."`
}

// A PortRange is written as 49152-65535.
type PortRange struct{ Low, High uint16 }

func (r *PortRange) UnmarshalText(text []byte) error {
	low, high, _ := strings.Cut(string(text), "-")
	a, err1 := strconv.ParseUint(low, 10, 16)
	b, err2 := strconv.ParseUint(high, 10, 16)
	if err1 != nil || err2 != nil || a == 0 || a > b {
		return fmt.Errorf("%q: want two ports, for example 49152-65535", text)
	}
	*r = PortRange{uint16(a), uint16(b)}
	return nil
}

// Check adds what is wrong with the options.
func (o *Options) Check(p *settings.Problems) {
	for _, url := range o.ICEServer {
		scheme, host, _ := strings.Cut(url, ":")
		switch scheme {
		case "stun", "stuns":
		case "turn", "turns":
			if o.Secret == "" {
				p.Add("--ice-server %q: needs --turn-secret, the secret that the TURN server shares", url)
			}
		default:
			host = ""
		}
		if host == "" || strings.HasPrefix(host, "//") {
			p.Add("--ice-server %q: want stun:host:port, turn:host:port or turns:host:port", url)
		}
	}
	p.AtLeast("--turn-secret", o.Secret, 16)
	if o.TTL < time.Minute {
		p.Add("--turn-ttl %v: want at least 1m", o.TTL)
	}
	p.Within("--turn-max-relays", o.MaxAllocations, 1, 1<<16)
	p.Within("--turn-bandwidth", o.Bandwidth, 0, 1<<30)
	for _, a := range o.Address {
		if a.IsUnspecified() || a.IsMulticast() {
			p.Add("--turn-address %v: want the address at which clients reach this host", a)
		}
	}
	if !o.On && (len(o.Address) > 0 || o.Host != "") {
		p.Add("--turn-address and --turn-host: need --turn")
	}
}

// Plan says which servers members can use. t has the certificates.
func (o *Options) Plan(t certs.Options, say settings.Say) {
	if !o.On {
		say("no TURN server in this process")
	} else {
		say("STUN and TURN: UDP and TCP on %s, relays on UDP %d-%d of %s", o.Listen, o.Ports.Low, o.Ports.High, strings.Trim(fmt.Sprint(o.Address), "[]"))
		name := cmp.Or(o.Host, t.Host())
		switch {
		case o.ListenTLS == settings.Off:
		case !t.On():
			say("no TURN over TLS: it needs --tls-cert or --acme-domain")
		case name == "":
			say("no TURN over TLS: it needs --turn-host, the name in the certificate")
		default:
			say("TURN over TLS on %s, as %s", o.ListenTLS, name)
		}
	}
	if len(o.ICEServer) > 0 {
		say("other STUN and TURN servers for members: %s", strings.Join(o.ICEServer, ", "))
	}
}

// CheckHost runs the TURN server for a moment, on free ports. It sets Address to the public addresses that the server
// has found.
func (o *Options) CheckHost(t *certs.Options, p *settings.Problems) {
	certificates, err := t.Certificates(nil)
	if err != nil {
		return // Check of certs.Options reports this
	}
	c := o.config(certificates.Config, cmp.Or(o.Host, t.Host()), nil)
	for _, address := range []*string{&c.UDP, &c.TCP, &c.TLS} {
		if host, _, err := net.SplitHostPort(*address); err == nil {
			*address = net.JoinHostPort(host, "0")
		}
	}
	server, err := turnserver.New(c)
	if err != nil {
		p.Add("--turn: %w", inFlags(err))
		return
	}
	o.Address = server.PublicAddresses()
	server.Close()
}

// Files returns how many open files the TURN server needs for its limits.
func (o *Options) Files() int {
	if !o.On {
		return 0
	}
	return o.MaxAllocations + Streams
}

// These are the values of turnserver's Config.MaxStreams and PerAddress. No flag changes them.
const (
	Streams    = 2048
	PerAddress = 256
)

// Relays are the TURN servers that members can use: the server in this process, if there is one, and others.
type Relays struct {
	// Fixed at construction.
	own         *turnserver.Server // nil: none
	credentials turnserver.Credentials
	turn        []string // URLs of other servers that share the secret
	salt        []byte
}

// Listen is the type of turnserver's Config.Listen.
type Listen func(network, address string, secure bool) (net.Listener, error)

// Relays starts the TURN server if --turn is set.
func (o *Options) Relays(certificates *tls.Config, name string, listen Listen, log *slog.Logger) (*Relays, error) {
	r := &Relays{credentials: o.credentials(), salt: []byte(rand.Text())}
	_, r.turn = o.Others()
	if !o.On {
		return r, nil
	}
	var err error
	c := o.config(certificates, cmp.Or(o.Host, name), log)
	c.Listen = listen
	r.own, err = turnserver.New(c)
	if err != nil {
		return nil, fmt.Errorf("--turn: %w", inFlags(err))
	}
	return r, nil
}

func (o *Options) config(certificates *tls.Config, name string, log *slog.Logger) turnserver.Config {
	c := turnserver.Config{
		PublicAddresses: o.Address,
		Host:            name,
		UDP:             o.Listen,
		TCP:             o.Listen,
		TLS:             turnserver.Off,
		MinPort:         o.Ports.Low,
		MaxPort:         o.Ports.High,
		Credentials:     o.credentials(),
		MaxAllocations:  o.MaxAllocations,
		Bandwidth:       settings.NoneIfZero(o.Bandwidth),
		AllowPeers:      o.AllowPeer,
		Log:             log,
	}
	if certificates != nil && name != "" {
		c.TLS, c.TLSConfig = o.ListenTLS, certificates
	}
	return c
}

func (o *Options) credentials() turnserver.Credentials {
	return turnserver.Credentials{Secret: string(o.Secret), TTL: o.TTL}
}

// Others returns the URLs of the servers outside this process: those of STUN, and those of TURN, which need
// credentials.
func (o *Options) Others() (stun, turn []string) {
	for _, url := range o.ICEServer {
		if strings.HasPrefix(url, "stun") {
			stun = append(stun, url)
		} else {
			turn = append(turn, url)
		}
	}
	return stun, turn
}

// inFlags replaces the names of turnserver's Config fields by the names of the flags.
func inFlags(err error) error {
	return errors.New(strings.NewReplacer("turnserver: ", "", "Config.PublicAddresses", "--turn-address",
		"Config.UDP", "--turn-listen", "Config.TCP", "--turn-listen", "Config.TLS", "--turn-listen-tls",
		"Config.Host", "--turn-host").Replace(err.Error()))
}

// ICEServers returns the servers for one member, in addition to the STUN servers of the Config, and how long
// their credentials are valid.
func (r *Relays) ICEServers(room signaling.RoomName, id signaling.PeerID) ([]signaling.ICEServer, time.Duration) {
	if len(r.turn) == 0 && r.own == nil {
		return nil, 0
	}
	var list []signaling.ICEServer
	user := r.user(room, id)
	if len(r.turn) > 0 {
		list = append(list, r.credentials.ICEServer(user, r.turn...))
	}
	if r.own != nil {
		list = append(list, r.own.ICEServers(user)...)
	}
	return list, r.credentials.TTL
}

// user returns a TURN user name for a member. The name is sent unencrypted, so it must not reveal the room's
// name, with which a listener might be able to join the room.
func (r *Relays) user(room signaling.RoomName, id signaling.PeerID) string {
	mac := hmac.New(sha256.New, r.salt)
	mac.Write([]byte(room))
	return fmt.Sprintf("%x-%d", mac.Sum(nil)[:6], id)
}

// Of returns how many relays of this process a member has.
func (r *Relays) Of(room signaling.RoomName, id signaling.PeerID) int {
	if r.own == nil {
		return 0
	}
	return r.own.AllocationsOf(r.user(room, id))
}

// Close ends the TURN server of this process, and with it the links that use its relays.
func (r *Relays) Close() {
	if r != nil && r.own != nil {
		r.own.Close()
	}
}

// Own returns the TURN server of this process, or nil if there is none.
func (r *Relays) Own() *turnserver.Server { return r.own }
