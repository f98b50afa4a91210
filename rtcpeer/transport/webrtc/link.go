//go:build !js

package webrtc

import (
	"fmt"
	"time"

	"github.com/pion/datachannel"
	pion "github.com/pion/webrtc/v4"

	"example.org/rtcpeer/rtcpeer/transport"
)

// link is one PeerConnection. Pion calls back from its own goroutines; each callback turns into an
// event for the link's owner.
type link struct {
	// Fixed at construction.
	pc    *pion.PeerConnection
	lanes []*lane

	// Safe for all.
	life
	path pathFigures
}

// eventBacklog is how many events wait for the owner before Pion's gatherer does. A host has a few
// candidates for each interface and server.
const eventBacklog = 8

func newLink(t *Transport, config transport.LinkConfig) (*link, error) {
	settings := t.config
	settings.ICEServers = append(settings.ICEServers[:len(settings.ICEServers):len(settings.ICEServers)], toPion(config.ICEServers)...)
	pc, err := t.api.NewPeerConnection(settings)
	if err != nil {
		return nil, fmt.Errorf("webrtc: %w", err)
	}
	l := &link{pc: pc, life: newLife(eventBacklog)}
	pc.OnICECandidate(l.gathered)
	pc.OnConnectionStateChange(l.stateChanged)
	// The association tells at once that the other end is gone; the connection, only when DTLS has.
	// An error here is a stream that Pion does not know, from a peer with more channels: it ends
	// the accepting of channels, which we do not use, and nothing else.
	pc.SCTP().OnClose(func(err error) {
		if err == nil {
			l.closed(transport.ErrRemoteClosed)
		}
	})
	// The channels exist before any description is set: a packet on a stream that Pion does not
	// know yet would end its accept loop.
	for _, c := range config.Lanes {
		if err := l.addLane(c); err != nil {
			pc.Close()
			return nil, fmt.Errorf("webrtc: channel %d %q: %w", c.ID, c.Label, err)
		}
	}
	return l, nil
}

func (l *link) addLane(c transport.LaneConfig) error {
	negotiated := true
	ordered := c.Mode != transport.Unreliable
	init := &pion.DataChannelInit{Negotiated: &negotiated, ID: &c.ID, Ordered: &ordered}
	if c.Mode != transport.Reliable {
		init.MaxRetransmits = &c.MaxRetransmits
	}
	channel, err := l.pc.CreateDataChannel(c.Label, init)
	if err != nil {
		return err
	}
	lane := &lane{link: l}
	l.lanes = append(l.lanes, lane)
	channel.OnOpen(func() {
		raw, err := channel.Detach()
		if err != nil {
			l.closed(fmt.Errorf("webrtc: channel %d: %w", c.ID, err))
			return
		}
		lane.channel = raw.(*datachannel.DataChannel) // what Detach returns, behind an interface
		l.laneOpened()
	})
	return nil
}

func (l *link) Offer() (string, error) {
	offer, err := l.pc.CreateOffer(nil)
	if err != nil {
		return "", fmt.Errorf("webrtc: offer: %w", err)
	}
	if err := l.pc.SetLocalDescription(offer); err != nil {
		return "", fmt.Errorf("webrtc: offer: %w", err)
	}
	return offer.SDP, nil
}

func (l *link) Answer(offer string) (string, error) {
	if err := l.describe(pion.SDPTypeOffer, offer); err != nil {
		return "", err
	}
	answer, err := l.pc.CreateAnswer(nil)
	if err != nil {
		return "", fmt.Errorf("webrtc: answer: %w", err)
	}
	if err := l.pc.SetLocalDescription(answer); err != nil {
		return "", fmt.Errorf("webrtc: answer: %w", err)
	}
	return answer.SDP, nil
}

func (l *link) Accept(answer string) error { return l.describe(pion.SDPTypeAnswer, answer) }

func (l *link) describe(kind pion.SDPType, sdp string) error {
	if err := l.pc.SetRemoteDescription(pion.SessionDescription{Type: kind, SDP: sdp}); err != nil {
		return fmt.Errorf("webrtc: remote %s: %w", kind, err)
	}
	l.accepted(sdp)
	return nil
}

func (l *link) AddCandidate(c transport.Candidate) error {
	return l.candidate(c, func() error {
		return l.pc.AddICECandidate(pion.ICECandidateInit{Candidate: c.Line, SDPMid: &c.Mid, SDPMLineIndex: &c.Index})
	})
}

func (l *link) Lane(i int) transport.Lane { return l.lanes[i] }

func (l *link) Progress() transport.Progress {
	switch ice, dtls := l.pc.ICEConnectionState(), l.pc.SCTP().Transport().State(); {
	case l.opened():
		return transport.Progress{Stage: transport.StageOpen}
	case !l.described.Load():
		return transport.Progress{Stage: transport.StageSignaling, Detail: "no description from the other end"}
	case ice != pion.ICEConnectionStateConnected && ice != pion.ICEConnectionStateCompleted:
		return transport.Progress{Stage: transport.StagePath, Detail: pathDetail(ice.String(), &l.local, &l.remote)}
	case dtls != pion.DTLSTransportStateConnected:
		return transport.Progress{Stage: transport.StageSecurity, Detail: "DTLS " + dtls.String()}
	default:
		return transport.Progress{Stage: transport.StageLanes, Detail: "SCTP " + l.pc.SCTP().State().String()}
	}
}

func (l *link) Stats() transport.Stats {
	sctp := l.pc.SCTP().Stats()
	stats := transport.Stats{
		RTT:           time.Duration(sctp.SmoothedRoundTripTime * float64(time.Second)),
		BytesSent:     sctp.BytesSent,
		BytesReceived: sctp.BytesReceived,
	}
	if pair, err := l.pc.SCTP().Transport().ICETransport().GetSelectedCandidatePair(); err == nil && pair != nil {
		stats.Local, stats.Remote = pair.Local.Typ.String(), pair.Remote.Typ.String()
	}
	return stats
}

func (l *link) Close() error {
	var err error
	l.closing.Do(func() {
		close(l.done)
		err = l.pc.GracefulClose()
	})
	if err != nil {
		return fmt.Errorf("webrtc: close: %w", err)
	}
	return nil
}

func (l *link) gathered(c *pion.ICECandidate) {
	if c == nil {
		return
	}
	init := c.ToJSON()
	l.local.add(c.Typ.String())
	l.emit(transport.Event{Kind: transport.EventCandidate, Candidate: transport.Candidate{
		Line: init.Candidate, Mid: *init.SDPMid, Index: *init.SDPMLineIndex,
	}})
}

func (l *link) laneOpened() {
	if int(l.open.Add(1)) == len(l.lanes) {
		l.emit(transport.Event{Kind: transport.EventOpened})
	}
}

func (l *link) opened() bool { return int(l.open.Load()) == len(l.lanes) }

// stateChanged watches for the two ways a link ends from outside. "disconnected" is neither: ICE
// comes back from it when the path does.
func (l *link) stateChanged(s pion.PeerConnectionState) {
	switch s {
	case pion.PeerConnectionStateFailed:
		err := transport.ErrLost
		if !l.opened() {
			err = lostBeforeOpen(l.Progress())
		}
		l.lost.Store(true)
		l.closed(err)
		// Pion leaves a failed connection open for ever; closed, its lanes give what had arrived
		// and then an error.
		go l.pc.Close()
	case pion.PeerConnectionStateClosed:
		l.closed(transport.ErrRemoteClosed)
	}
}
