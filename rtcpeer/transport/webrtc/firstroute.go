//go:build !js

package webrtc

import (
	"strings"
	"sync/atomic"

	"github.com/pion/ice/v4"
	"github.com/pion/stun/v4"
)

// firstRoute has both ends begin DTLS on the first route that works, without waiting for ICE's nomination, which comes
// one round trip later at the controlled end and its answer two at the other. The nomination goes on all the same, so
// that the controlled end moves to a better route. Both ends have to do this, for an end that still waits would not
// answer, and where a nomination was lost nobody would repeat it: so the descriptions say so.
type firstRoute struct {
	agreed atomic.Bool // by the other end's description
	chosen atomic.Bool
}

// firstRouteLine is at the end of a description. Whoever does not know it passes over it.
const firstRouteLine = "a=x-rtcpeer-first-route\r\n"

// describe adds the line to a description of this end.
func (f *firstRoute) describe(sdp string) string { return sdp + firstRouteLine }

// described takes the other end's description.
func (f *firstRoute) described(sdp string) {
	f.agreed.Store(strings.Contains(sdp, "\n"+firstRouteLine))
}

// choose is Pion's handler of binding requests: if it returns true, the pair is taken. The controlled end takes it with
// the first request. The controlling one waits for its own check to be answered: it has nominated the pair by then.
// A relayed pair waits for its time, as ever (relayWait).
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
