package main

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

	"example.org/rtcpeer/cmd/signal-server/internal/settings"
	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/signaling/turnserver"
)

type turnOptions struct {
	On             bool            `name:"turn" help:"Run a STUN and TURN server too."`
	Address        []netip.Addr    `name:"turn-address" placeholder:"IP" help:"Public address of this host, if behind a NAT."`
	Host           string          `name:"turn-host" placeholder:"NAME" help:"Its name in the certificate (--acme-domain)."`
	Listen         string          `name:"turn-listen" default:":3478" placeholder:"ADDR" help:"Address for UDP and TCP (${default})."`
	ListenTLS      string          `name:"turn-listen-tls" default:":5349" placeholder:"ADDR" help:"Address for TLS, or off (${default})."`
	Ports          portRange       `name:"turn-ports" default:"49152-65535" placeholder:"A-B" help:"UDP ports of relays (${default})."`
	Secret         settings.Secret `name:"turn-secret" placeholder:"SECRET" help:"Shared with other TURN servers, as coturn."`
	TTL            time.Duration   `name:"turn-ttl" default:"1h" placeholder:"TIME" help:"How long a member's credential is good (${default})."`
	MaxAllocations int             `name:"turn-max-relays" default:"2048" placeholder:"N" help:"Relays at a time (${default})."`
	Bandwidth      int             `name:"turn-bandwidth" default:"1048576" placeholder:"BYTES" help:"A second, each way; 0: no limit (${default})."`
	AllowPeer      []netip.Prefix  `name:"turn-allow-peer" placeholder:"PREFIX" help:"Private addresses to relay to all the same."`

	ICEServer []string `name:"ice-server" placeholder:"URL" help:"Another STUN or TURN server, told to members."`
}

// A portRange is written as 49152-65535.
type portRange struct{ low, high uint16 }

func (r *portRange) UnmarshalText(text []byte) error {
	low, high, _ := strings.Cut(string(text), "-")
	a, err1 := strconv.ParseUint(low, 10, 16)
	b, err2 := strconv.ParseUint(high, 10, 16)
	if err1 != nil || err2 != nil || a == 0 || a > b {
		return fmt.Errorf("%q: want two ports, as 49152-65535", text)
	}
	*r = portRange{uint16(a), uint16(b)}
	return nil
}

func (o *turnOptions) check(p *settings.Problems) {
	for _, url := range o.ICEServer {
		scheme, host, _ := strings.Cut(url, ":")
		switch scheme {
		case "stun", "stuns":
		case "turn", "turns":
			if o.Secret == "" {
				p.Add("--ice-server %q: needs --turn-secret, the secret that server shares", url)
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

// relays are the TURN servers that members can use: the server in this process, if there is one, and others.
type relays struct {
	// Fixed at construction.
	own         *turnserver.Server // nil: none
	credentials turnserver.Credentials
	turn        []string // URLs of other servers that share the secret
	salt        []byte
}

// listenTURN is the type of turnserver's Config.Listen.
type listenTURN func(network, address string, secure bool) (net.Listener, error)

// relays starts the TURN server if --turn is set.
func (o *turnOptions) relays(certificates *tls.Config, name string, listen listenTURN, log *slog.Logger) (*relays, error) {
	r := &relays{credentials: o.credentials(), salt: []byte(rand.Text())}
	_, r.turn = o.others()
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

func (o *turnOptions) config(certificates *tls.Config, name string, log *slog.Logger) turnserver.Config {
	c := turnserver.Config{
		PublicAddresses: o.Address,
		Host:            name,
		UDP:             o.Listen,
		TCP:             o.Listen,
		TLS:             turnserver.Off,
		MinPort:         o.Ports.low,
		MaxPort:         o.Ports.high,
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

func (o *turnOptions) credentials() turnserver.Credentials {
	return turnserver.Credentials{Secret: string(o.Secret), TTL: o.TTL}
}

// others returns the URLs of the servers outside this process: those of STUN, and those of TURN, which need
// credentials.
func (o *turnOptions) others() (stun, turn []string) {
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

// iceServers returns the servers for one member, in addition to the STUN servers of the Config, and how long
// their credentials are valid.
func (r *relays) iceServers(room signaling.RoomName, id signaling.PeerID) ([]signaling.ICEServer, time.Duration) {
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
func (r *relays) user(room signaling.RoomName, id signaling.PeerID) string {
	mac := hmac.New(sha256.New, r.salt)
	mac.Write([]byte(room))
	return fmt.Sprintf("%x-%d", mac.Sum(nil)[:6], id)
}

// of returns how many relays of this process a member has.
func (r *relays) of(room signaling.RoomName, id signaling.PeerID) int {
	if r.own == nil {
		return 0
	}
	return r.own.AllocationsOf(r.user(room, id))
}

// close ends the TURN server of this process, and with it the links that use its relays.
func (r *relays) close() {
	if r != nil && r.own != nil {
		r.own.Close()
	}
}
