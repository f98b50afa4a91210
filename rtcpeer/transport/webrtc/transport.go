//go:build !js

package webrtc

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"sync/atomic"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/interceptor"
	"github.com/pion/stun/v4"
	pion "github.com/pion/webrtc/v4"

	"example.org/rtcpeer/rtcpeer/transport"
)

// Transport makes paths over WebRTC.
type Transport struct {
	engine  pion.SettingEngine // the same for all paths, except LoggerFactory and the binding request handler
	config  pion.Configuration
	servers []transport.ICEServer
	own     string        // fingerprint of the certificate, in the form of Path.Binding
	doubt   time.Duration // Config.DisconnectedAfter
	silence time.Duration // after which a path is lost, unless PathConfig.LostAfter is set
	network *bufferedNet
	sockets []io.Closer // the muxes, and the listener of ICE-TCP
	closed  atomic.Bool

	watch   addresses // runs while changes has functions
	changes listeners
	crowd   *crowd
}

// New returns a transport. It binds UDPPort and TCPPort, and returns an error if it cannot. The caller must
// Close the transport after its paths.
func New(config Config) (*Transport, error) {
	c, err := config.withDefaults()
	if err != nil {
		return nil, err
	}
	cert, err := newCertificate()
	if err != nil {
		return nil, fmt.Errorf("webrtc: certificate: %w", err)
	}
	own, err := cert.GetFingerprints()
	if err != nil {
		return nil, fmt.Errorf("webrtc: certificate: %w", err)
	}
	t := &Transport{
		config:  pion.Configuration{Certificates: []pion.Certificate{*cert}},
		servers: c.ICEServers,
		own:     strings.ToLower(own[0].Algorithm + " " + own[0].Value),

		crowd:   processCrowd,
		doubt:   c.DisconnectedAfter,
		silence: c.DisconnectedAfter + c.FailedAfter,
	}
	if c.RelayOnly {
		t.config.ICETransportPolicy = pion.ICETransportPolicyRelay
	}
	if !c.Loopback {
		c.Loopback = onlyLoopback()
	}
	network, err := newBufferedNet(c.ReceiveBuffer)
	if err != nil {
		return nil, fmt.Errorf("webrtc: network interfaces: %w", err)
	}
	t.network = network
	t.watch = addresses{look: c.usable, changed: func() { t.network.forget(); t.changes.call() }}
	t.changes.start = t.watch.start
	var engine pion.SettingEngine
	engine.SetNet(network)
	if err := errors.Join(c.apply(&engine), t.listen(c, network, &engine)); err != nil {
		t.Close()
		return nil, fmt.Errorf("webrtc: %w", err)
	}
	if c.SettingEngine != nil {
		c.SettingEngine(&engine)
	}
	t.engine = engine
	return t, nil
}

// A bindingHandler takes a request of ICE. If it returns true, Pion selects the pair.
type bindingHandler = func(*stun.Message, ice.Candidate, ice.Candidate, *ice.CandidatePair) bool

// connection returns the PeerConnection of a path. r collects remarks from its log. A sparing one does not check the
// route in use.
func (t *Transport) connection(settings pion.Configuration, r *remarks, asked bindingHandler, sparing bool) (*pion.PeerConnection, error) {
	engine := t.engine
	if sparing {
		engine.SetICETimeouts(sparingPart*t.doubt, 0, 0)
	}
	engine.SetICEBindingRequestHandler(asked)
	engine.LoggerFactory = listeningFactory{engine.LoggerFactory, r}
	api := pion.NewAPI(
		pion.WithSettingEngine(engine),
		// Both must be given empty: left out, Pion installs its default codecs and interceptors.
		pion.WithMediaEngine(&pion.MediaEngine{}),
		pion.WithInterceptorRegistry(&interceptor.Registry{}),
	)
	return api.NewPeerConnection(settings)
}

// NewPath returns this end of a new path, as transport.Transport says. The caller must Close it. After Close of the
// Transport the error is transport.ErrClosed.
func (t *Transport) NewPath(config transport.PathConfig) (transport.Path, error) {
	if t.closed.Load() {
		return nil, fmt.Errorf("webrtc: new path: %w", transport.ErrClosed)
	}
	if config.Direct && t.config.ICETransportPolicy == pion.ICETransportPolicyRelay {
		return nil, errNoRoute
	}
	return newPath(t, config)
}

// slots limits the paths that are being made in this process. Making one takes about 2 ms of CPU at each end:
// if thousands are made at once, none is open before its time limit. 64 for each CPU take 150 ms, and are
// enough to keep the CPUs busy while paths wait for the network. A path that takes more than two seconds is
// slow because of its network.
var slots = transport.NewSlots(64*runtime.GOMAXPROCS(0), 2*time.Second)

// Slots returns the limit for all Transports of this process.
func (t *Transport) Slots() *transport.Slots { return slots }

// Crowded reports whether this process has more than 1250 paths for each CPU.
func (t *Transport) Crowded() bool { return t.crowd.crowded() }

// OnChange calls f when the addresses of this machine have changed, until stop is called or the Transport is closed,
// as transport.Transport says. f must not block.
func (t *Transport) OnChange(f func()) (stop func()) { return t.changes.add(f) }

// Close frees the shared ports, and waits until no function given to OnChange is running any more.
func (t *Transport) Close() error {
	if t.closed.Swap(true) {
		return nil
	}
	t.changes.close()
	t.watch.wait()
	var errs []error
	for _, s := range t.sockets {
		errs = append(errs, s.Close())
	}
	return errors.Join(errs...)
}

// newCertificate makes the certificate that all paths of a Transport share. A certificate for each path would
// cost 0.2 ms to make, and sharing one reveals no more to peers than their ids do. Two Transports never share a
// certificate, not even in one process, because Path.Binding must distinguish them.
func newCertificate() (*pion.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	return pion.GenerateCertificate(key)
}

// relayWait is how long a path looks for a direct route before it takes a route through a TURN server, which it
// then keeps for life. Two peers behind ordinary NATs may need a second round of Pion's checks, 200 ms after
// the first, which only opens the NATs, while a relay works at once. Without the wait, 9 of 30 such paths were
// relayed needlessly; with 300 ms none was (rtcpeer/lab). Half a second allows for the round trips of a long
// route. Peers that do need the relay pay this time.
const relayWait = 500 * time.Millisecond

// checks is how many times Pion tries a pair of candidates before it gives the pair up. It tries all pairs
// every 200 ms, and once more for each candidate that is added. A pair may work only after some seconds: when a
// firewall lets packets in because the other end's have gone out, when an answer came late, or when a network
// is just coming back. So this allows for ten seconds and fifty candidates. (Pion's default, 7, is one second
// or less.)
const checks = 10*5 + 50

// apply makes the settings that need no socket. If Pion's default costs round trips or memory that a data
// channel does not need, the reason stands beside the call.
func (c Config) apply(e *pion.SettingEngine) error {
	e.LoggerFactory = logger{c.Log}
	e.DetachDataChannels() // saves a 64 KiB buffer and a callback for each channel
	e.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	e.SetIncludeLoopbackCandidate(c.Loopback)

	// Round trips: 7.3 to first data with Pion's defaults, 3.6 with these.
	e.EnableSctpSnap(true)
	e.SetDTLSInsecureSkipHelloVerify(true)
	e.SetDTLSRetransmissionInterval(250 * time.Millisecond)
	e.SetHostAcceptanceMinWait(0)
	e.SetSrflxAcceptanceMinWait(0)
	e.SetPrflxAcceptanceMinWait(0)
	if c.RelayOnly {
		e.SetRelayAcceptanceMinWait(0)
	} else {
		e.SetRelayAcceptanceMinWait(relayWait)
	}

	// 0 keeps Pion from giving up by itself: the path itself limits its silence (patience.go), and its owner
	// limits the search for a route.
	// The check once a second shows on an idle link that the other end is there (checks.go), and measures the round trip.
	e.SetICETimeouts(c.DisconnectedAfter, 0, keepalive)
	e.SetICEMaxBindingRequests(checks)
	e.SetSTUNGatherTimeout(askFor)
	// A handshake that hangs ends before the node's own deadline does.
	e.SetDTLSConnectContextMaker(func() (context.Context, func()) {
		return context.WithTimeout(context.Background(), 15*time.Second)
	})
	// Packets that the network reorders by more than the default 64 would be dropped as replays.
	e.SetDTLSReplayProtectionWindow(1024)

	e.EnableSCTPZeroChecksum(true)
	// If a packet is lost twice, Pion sends it again only after its retransmission timeout: at least a second
	// (RFC 9260), doubled each time up to 60 s. If a quarter of the packets are lost, everything stops for that
	// long, again and again. The price of a lower limit: on a path with a longer round trip, the first packets
	// after a pause are sent twice. Pion's RACK would find the second loss within a round trip, but it skips packets
	// that were sent before (pion/sctp 1.12.1, onRackAfterSACK).
	e.SetSCTPRTOMax(400 * time.Millisecond)
	// This package has its own window (window.go).
	e.SetSCTPMinCwnd(sctpFloor)
	e.SetSCTPFastRtxWnd(sctpFloor / 16)
	e.SetSCTPMaxReceiveBufferSize(uint32(c.ReceiveBuffer))
	e.SetSCTPMaxMessageSize(uint32(c.MaxMessage))

	e.SetNetworkTypes(c.networkTypes())
	if c.InterfaceFilter != nil {
		e.SetInterfaceFilter(c.InterfaceFilter)
	}
	if c.IPFilter != nil {
		e.SetIPFilter(c.IPFilter)
	}
	if c.RemoteIPFilter != nil {
		e.SetRemoteIPFilter(c.RemoteIPFilter)
	}
	if c.UDPPortMax != 0 {
		if err := e.SetEphemeralUDPPortRange(c.UDPPortMin, c.UDPPortMax); err != nil {
			return fmt.Errorf("ports %d to %d: %w", c.UDPPortMin, c.UDPPortMax, err)
		}
	}
	if rules := c.addressRules(); len(rules) > 0 {
		return e.SetICEAddressRewriteRules(rules...)
	}
	return nil
}

// keepalive is how often ICE checks the route in use.
const keepalive = time.Second

func (c Config) networkTypes() []pion.NetworkType {
	types := []pion.NetworkType{pion.NetworkTypeUDP4}
	if !c.IPv4Only {
		types = append(types, pion.NetworkTypeUDP6)
	}
	if c.TCPPort != 0 {
		types = append(types, pion.NetworkTypeTCP4)
		if !c.IPv4Only {
			types = append(types, pion.NetworkTypeTCP6)
		}
	}
	return types
}

func (c Config) addressRules() []pion.ICEAddressRewriteRule {
	rules := c.AddressRules
	if len(c.PublicAddresses) > 0 {
		rules = append(rules[:len(rules):len(rules)], pion.ICEAddressRewriteRule{
			External:        c.PublicAddresses,
			AsCandidateType: pion.ICECandidateTypeHost,
			Mode:            pion.ICEAddressRewriteReplace,
		})
	}
	return rules
}

// listen binds the shared ports.
func (t *Transport) listen(c Config, network *bufferedNet, e *pion.SettingEngine) error {
	if c.UDPPort != 0 {
		options := []ice.UDPMuxFromPortOption{
			ice.UDPMuxFromPortWithNet(network),
			ice.UDPMuxFromPortWithLogger(logger{c.Log}.NewLogger("udpmux")),
		}
		if c.IPv4Only {
			options = append(options, ice.UDPMuxFromPortWithNetworks(ice.NetworkTypeUDP4))
		}
		if c.Loopback {
			options = append(options, ice.UDPMuxFromPortWithLoopback())
		}
		if c.InterfaceFilter != nil {
			options = append(options, ice.UDPMuxFromPortWithInterfaceFilter(c.InterfaceFilter))
		}
		mux, err := newPortMux(max(c.UDPPort, 0), c.IPFilter, logger{c.Log}.Warnf, options...)
		if err != nil {
			return fmt.Errorf("UDP port %d: %w", c.UDPPort, err)
		}
		t.sockets = append(t.sockets, mux)
		e.SetICEUDPMux(mux)
	}
	if c.TCPPort != 0 {
		listener, err := net.ListenTCP("tcp", &net.TCPAddr{Port: max(c.TCPPort, 0)})
		if err != nil {
			return fmt.Errorf("TCP port %d: %w", c.TCPPort, err)
		}
		const packets = 64 // unread packets that a connection may hold
		mux := pion.NewICETCPMux(logger{c.Log}.NewLogger("tcpmux"), listener, packets)
		t.sockets = append(t.sockets, mux)
		e.SetICETCPMux(mux)
	}
	return nil
}

// onlyLoopback reports whether this machine has only loopback and link-local addresses, as in a container
// without a network. Then paths are possible only within the machine.
func onlyLoopback() bool {
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		return false
	}
	for _, a := range addresses {
		if n, ok := a.(*net.IPNet); ok && !n.IP.IsLoopback() && !n.IP.IsLinkLocalUnicast() {
			return false
		}
	}
	return true
}

func toPion(servers []transport.ICEServer) []pion.ICEServer {
	var list []pion.ICEServer
	for _, s := range servers {
		server := pion.ICEServer{URLs: s.URLs, Username: s.Username}
		if s.Credential != "" {
			server.Credential = s.Credential
		}
		list = append(list, server)
	}
	return list
}
