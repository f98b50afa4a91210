//go:build !js

package webrtc

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/pion/datachannel"
	"github.com/pion/ice/v4"
	"github.com/pion/stun/v4"
	pion "github.com/pion/webrtc/v4"

	"example.org/rtcpeer/rtcpeer/transport"
)

// path is one PeerConnection. Pion calls back from its own goroutines; the callbacks become events for the
// path's owner.
type path struct {
	// Fixed at construction.
	pc        *pion.PeerConnection
	own       string // fingerprint of this end's certificate
	relayOnly bool
	lanes     []*lane
	crowd     *crowd

	// Safe for concurrent use.
	pathState
	remarks  *remarks
	first    *firstRoute
	checks   routeChecks
	sparing  sparing
	cached   cachedStats
	offered  atomic.Bool // this end made the offer
	patience patience
	outlet   outlet
}

// eventBacklog is how many events may wait for the owner before Pion's gatherer must wait. A host has a few
// candidates for each interface and server.
const eventBacklog = 8

func newPath(t *Transport, config transport.PathConfig) (*path, error) {
	settings := t.config
	settings.ICEServers = toPion(serversFor(t.servers, config))
	doubt, crowded := t.doubt, t.crowd.enter()
	spares := crowded && config.Unchecked
	if spares {
		doubt *= sparingPart
	}
	p := &path{
		crowd: t.crowd, sparing: sparing{here: spares},
		first: &firstRoute{}, own: t.own, pathState: newPathState(eventBacklog, len(config.Lanes)), remarks: &remarks{},
		relayOnly: settings.ICETransportPolicy == pion.ICETransportPolicyRelay,
		patience:  newPatience(cmp.Or(config.LostAfter, t.silence), doubt),
	}
	pc, err := t.connection(settings, p.remarks, p.asked, spares)
	if err != nil {
		t.crowd.leave()
		return nil, fmt.Errorf("webrtc: %w", err)
	}
	p.pc = pc
	pc.OnICECandidate(p.gathered)
	pc.OnConnectionStateChange(p.stateChanged)
	// The association reports at once that the other end is gone; the connection reports it only after DTLS.
	pc.SCTP().OnClose(p.associationEnded)
	pc.OnDataChannel(func(channel *pion.DataChannel) { p.closed(&transport.StrayError{ID: *channel.ID()}) })
	// The channels exist before any description is set: a packet on a stream that Pion does not
	// know yet would end its accept loop.
	for _, c := range config.Lanes {
		if err := p.addLane(c); err != nil {
			pc.Close()
			t.crowd.leave()
			return nil, fmt.Errorf("webrtc: channel %d %q: %w", c.ID, c.Label, err)
		}
	}
	return p, nil
}

// associationEnded is called when the other end has closed. It is called with an error when the other end sends
// on a stream that this end does not have. Pion then accepts no further streams, and data on them fills the
// receive window for good.
func (p *path) associationEnded(err error) {
	if err == nil {
		p.closed(transport.ErrRemoteClosed)
		return
	}
	id, known := p.remarks.stray()
	p.closed(&transport.StrayError{ID: id, Unnamed: !known})
}

func (p *path) addLane(c transport.LaneConfig) error {
	negotiated := true
	ordered := c.Mode != transport.Unreliable
	init := &pion.DataChannelInit{Negotiated: &negotiated, ID: &c.ID, Ordered: &ordered}
	if c.Mode != transport.Reliable {
		init.MaxRetransmits = &c.MaxRetransmits
	}
	channel, err := p.pc.CreateDataChannel(c.Label, init)
	if err != nil {
		return err
	}
	lane := &lane{path: p, bulk: c.Bulk}
	if c.Mode == transport.Reliable {
		lane.outlet = &p.outlet
		p.outlet.lanes = append(p.outlet.lanes, lane)
	}
	p.lanes = append(p.lanes, lane)
	channel.OnOpen(func() {
		raw, err := channel.Detach()
		if err != nil {
			p.closed(fmt.Errorf("webrtc: channel %d: %w", c.ID, err))
			return
		}
		lane.channel = raw.(*datachannel.DataChannel) // the type that Detach returns behind an interface
		if lane.outlet != nil {
			lane.channel.OnBufferedAmountLow(p.outlet.kick)
		}
		p.laneOpened()
	})
	return nil
}

// Acknowledges implements transport.Acknowledger: SCTP runs in this process.
func (p *path) Acknowledges() {}

// Checks implements transport.Checked: ICE runs in this process, too.
func (p *path) Checks() uint64 { return p.checks.count() }

// Unchecked implements transport.Checked.
func (p *path) Unchecked() bool { return p.sparing.both() }

// asked is the handler for Pion's binding requests: see firstRoute.choose.
func (p *path) asked(request *stun.Message, local, remote ice.Candidate, pair *ice.CandidatePair) bool {
	p.checks.note(pair)
	return p.first.choose(request, local, remote, pair)
}

func (p *path) Offer() (string, error) {
	offer, err := p.pc.CreateOffer(nil)
	if err != nil {
		return "", fmt.Errorf("webrtc: offer: %w", err)
	}
	if err := p.pc.SetLocalDescription(offer); err != nil {
		return "", fmt.Errorf("webrtc: offer: %w", err)
	}
	p.offered.Store(true)
	return p.sparing.describe(p.first.describe(offer.SDP)), nil
}

func (p *path) Answer(offer string) (string, error) {
	if err := p.describe(pion.SDPTypeOffer, offer); err != nil {
		return "", err
	}
	answer, err := p.pc.CreateAnswer(nil)
	if err != nil {
		return "", fmt.Errorf("webrtc: answer: %w", err)
	}
	if err := p.pc.SetLocalDescription(answer); err != nil {
		return "", fmt.Errorf("webrtc: answer: %w", err)
	}
	return p.sparing.describe(p.first.describe(answer.SDP)), nil
}

func (p *path) Accept(answer string) error { return p.describe(pion.SDPTypeAnswer, answer) }

func (p *path) describe(kind pion.SDPType, sdp string) error {
	p.first.described(sdp)
	p.sparing.described(sdp)
	sdp = fewerCandidates(sdp)
	if err := p.pc.SetRemoteDescription(pion.SessionDescription{Type: kind, SDP: sdp}); err != nil {
		return fmt.Errorf("webrtc: remote %s: %w", kind, err)
	}
	p.accepted(sdp)
	return nil
}

func (p *path) AddCandidate(c transport.Candidate) error {
	return p.candidate(c, func() error {
		return p.pc.AddICECandidate(pion.ICECandidateInit{Candidate: c.Line, SDPMid: &c.Mid, SDPMLineIndex: &c.Index})
	})
}

func (p *path) Lane(i int) transport.Lane { return p.lanes[i] }

// Binding takes the other end's fingerprint from the certificate that DTLS has verified, not from its
// description, which may name several.
func (p *path) Binding() string {
	certificate := p.pc.SCTP().Transport().GetRemoteCertificate()
	if certificate == nil {
		return ""
	}
	remote := "sha-256 " + colons(sha256.Sum256(certificate))
	if p.offered.Load() {
		return p.own + " " + remote
	}
	return remote + " " + p.own
}

// colons returns a hash in the form of a description, in lower case: 01:ab:...
func colons(hash [sha256.Size]byte) string {
	return strings.ReplaceAll(fmt.Sprintf("% x", hash), " ", ":")
}

func (p *path) Progress() transport.Progress {
	switch ice, dtls := p.pc.ICEConnectionState(), p.pc.SCTP().Transport().State(); {
	case p.opened():
		return transport.Progress{Stage: transport.StageOpen}
	case !p.described.Load():
		return transport.Progress{Stage: transport.StageSignaling, Detail: "no description from the other end"}
	case ice != pion.ICEConnectionStateConnected && ice != pion.ICEConnectionStateCompleted:
		return transport.Progress{Stage: transport.StagePath, Detail: routeDetail(ice.String(), &p.local, &p.remote, p.remarks.withoutRelay())}
	case dtls != pion.DTLSTransportStateConnected:
		return transport.Progress{Stage: transport.StageSecurity, Detail: "DTLS " + dtls.String()}
	default:
		return transport.Progress{Stage: transport.StageLanes, Detail: "SCTP " + p.pc.SCTP().State().String()}
	}
}

func (p *path) Stats() transport.Stats {
	sctp := p.pc.SCTP().Stats()
	stats := transport.Stats{
		RTT:           cmp.Or(p.pairRTT(), time.Duration(sctp.SmoothedRoundTripTime*float64(time.Second))),
		BytesSent:     sctp.BytesSent,
		BytesReceived: sctp.BytesReceived,
	}
	if pair, err := p.pc.SCTP().Transport().ICETransport().GetSelectedCandidatePair(); err == nil && pair != nil {
		stats.Local, stats.Remote = pair.Local.Typ.String(), pair.Remote.Typ.String()
	}
	return stats
}

// pairRTT returns the latest round trip that ICE has measured, or 0. ICE measures it once a second. SCTP's own
// figure includes the time for which the other end delays an acknowledgement: up to 200 ms if packets come one
// by one, on a network of 1 ms.
func (p *path) pairRTT() time.Duration {
	if !p.alive() || p.sparing.here {
		return 0 // Pion would log an error; or its figure is from when the path was made
	}
	pair, _ := p.pc.SCTP().Transport().ICETransport().GetSelectedCandidatePairStats()
	return time.Duration(pair.CurrentRoundTripTime * float64(time.Second))
}

// alive reports whether neither end has closed the path.
func (p *path) alive() bool {
	select {
	case <-p.done:
		return false
	default:
		return !p.over.Load()
	}
}

func (p *path) Close() error {
	var err error
	p.closing.Do(func() {
		close(p.done)
		p.crowd.leave()
		p.patience.end()
		err = p.pc.GracefulClose()
		p.outlet.close()
	})
	if err != nil {
		return fmt.Errorf("webrtc: close: %w", err)
	}
	return nil
}

func (p *path) gathered(c *pion.ICECandidate) {
	if c == nil {
		if p.relayOnly && p.local.String() == "none" {
			p.closed(&transport.PathError{Stage: transport.StagePath, Detail: noRelay(p.remarks.withoutRelay())})
		}
		return
	}
	init := c.ToJSON()
	p.local.add(c.Typ.String())
	p.emit(transport.Event{Kind: transport.EventCandidate, Candidate: transport.Candidate{
		Line: init.Candidate, Mid: *init.SDPMid, Index: *init.SDPMLineIndex,
	}})
}

func (p *path) laneOpened() {
	if p.countOpen() {
		p.emit(transport.Event{Kind: transport.EventOpened})
	}
}

// stateChanged handles the states in which a path ends other than by Close. "disconnected" ends it only after
// some time, because ICE recovers when the network does. "failed" means that a handshake has failed.
func (p *path) stateChanged(s pion.PeerConnectionState) {
	switch s {
	case pion.PeerConnectionStateFailed:
		p.lose()
	case pion.PeerConnectionStateClosed:
		p.closed(transport.ErrRemoteClosed)
	default:
		p.patience.follow(p.disturbed, p.lose)
	}
}

// closed reports that the path has ended. It replaces why if this end knows a better reason.
func (p *path) closed(why error) {
	if !p.opened() && p.isImpostor() {
		why = &transport.PathError{Stage: transport.StageSecurity, Detail: otherCertificate}
	}
	p.pathState.closed(why)
}

// otherCertificate is the error text for a DTLS certificate that does not match the description.
const otherCertificate = "the other end's certificate is not the one that its description names: " +
	"the description was changed by the signaling server or on its way, or another host has answered"

// isImpostor reports whether the other end has shown a certificate that its description does not name.
func (p *path) isImpostor() bool {
	described, certificate := p.pc.RemoteDescription(), p.pc.SCTP().Transport().GetRemoteCertificate()
	if described == nil || certificate == nil {
		return false
	}
	named := "fingerprint:sha-256 " + colons(sha256.Sum256(certificate))
	return !strings.Contains(strings.ToLower(described.SDP), named)
}

func (p *path) disturbed() bool {
	return p.pc.ConnectionState() == pion.PeerConnectionStateDisconnected
}

// lose ends the path as lost. Pion would leave it open forever; after Close its lanes return the packets that
// had arrived, and then an error. lose stops ICE first: if the other end still hears this one, it must not take
// the loss for a Close.
func (p *path) lose() {
	err := transport.ErrLost
	if !p.opened() {
		err = lostBeforeOpen(p.Progress())
	}
	p.lost.Store(true)
	p.closed(err)
	_ = p.pc.SCTP().Transport().ICETransport().Stop()
	_ = p.pc.Close()
}
