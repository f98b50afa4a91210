//go:build !js

package webrtc_test

import (
	"strings"
	"testing"

	"example.org/rtcpeer/rtcpeer/transport"
	"example.org/rtcpeer/rtcpeer/transport/transporttest"
	"example.org/rtcpeer/rtcpeer/transport/webrtc"
)

// A waiting transport is one that waits for ICE's nomination, as browsers and earlier versions do.
type waiting struct{ transport.Transport }

type waitingPath struct{ transport.Path }

func (w waiting) NewPath(c transport.PathConfig) (transport.Path, error) {
	p, err := w.Transport.NewPath(c)
	return waitingPath{p}, err
}

func unsaid(sdp string) string { return strings.ReplaceAll(sdp, "a=x-rtcpeer-first-route\r\n", "") }

func (p waitingPath) Offer() (string, error) {
	sdp, err := p.Path.Offer()
	return unsaid(sdp), err
}

func (p waitingPath) Answer(offer string) (string, error) {
	sdp, err := p.Path.Answer(unsaid(offer))
	return unsaid(sdp), err
}

func (p waitingPath) Accept(answer string) error { return p.Path.Accept(unsaid(answer)) }

func TestOneEndWaitsForTheNomination(t *testing.T) {
	a, b := newTransport(t, webrtc.Config{}), newTransport(t, webrtc.Config{})
	transporttest.Connect(t, waiting{a}, b, transporttest.Config())
	transporttest.Connect(t, a, waiting{b}, transporttest.Config())
	transporttest.Connect(t, a, b, transporttest.Config())
}
