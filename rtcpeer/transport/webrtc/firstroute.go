//go:build !js

package webrtc

import (
	"strings"
	"sync/atomic"

	"github.com/pion/ice/v4"
	"github.com/pion/stun/v4"
)

// firstRoute lets both ends begin DTLS on the first route that works, without waiting for ICE's nomination. The
// nomination comes one round trip later at the controlled end, and its answer two round trips later at the
// other. It still takes place, so that the controlled end moves to a better route. Both ends must do this: an
// end that still waits would not answer, and if a nomination were lost nobody would repeat it. So the
// descriptions announce it.
type firstRoute struct {
	agreed atomic.Bool // the other end's description announces it
	chosen atomic.Bool
}

// firstRouteLine is at the end of a description. Other implementations ignore it.
const firstRouteLine = "a=x-rtcpeer-first-route\r\n"

// describe adds the line to a description of this end.
func (f *firstRoute) describe(sdp string) string { return sdp + firstRouteLine }

// described reads the other end's description.
func (f *firstRoute) described(sdp string) {
	f.agreed.Store(strings.Contains(sdp, "\n"+firstRouteLine))
}

// choose is the handler for Pion's binding requests. If it returns true, Pion selects the pair. The controlled
// end selects the pair with the first request. The controlling end waits until its own check is answered; by
// then it has nominated the pair. A relayed pair waits for its usual time (relayWait).
func (f *firstRoute) choose(request *stun.Message, local, remote ice.Candidate, pair *ice.CandidatePair) bool {
	switch {
	case !f.agreed.Load() || f.chosen.Load():
		return false
	case local.Type() == ice.CandidateTypeRelay || remote.Type() == ice.CandidateTypeRelay:
		return false
	case request.Contains(stun.AttrICEControlled) && pair.ResponsesReceived() == 0:
		return false
	}
	return f.chosen.CompareAndSwap(false, true)
}
