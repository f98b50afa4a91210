package rtcpeer

import (
	"math"

	"example.org/rtcpeer/signaling"
)

// A negotiation is what one end knows about the making of a path. It is a value, and its methods are pure: each takes
// what happened and returns the next negotiation and what to do. link.run does it.
//
//	offering end (the larger id)              answering end
//	  start:     offer 1 -------------------->  answer, with a new transport path
//	  candidates wait for the answer
//	  answer 1:  accept <---------------------
//	  retry:     offer 2 (a new path) -------->  answer, with a new transport path
//
// A signal can be lost with the server that carried it. Therefore the offering end tries again with the next attempt
// until its deadline, and everything that belongs to an earlier attempt is ignored. With a member that does not number
// attempts, such as Godot's, there is only one: a late answer would be taken for that of another offer, and Godot hands
// a second offer to the connection that it already has.
type negotiation struct {
	offers    bool
	once      bool                   // there is only one attempt
	attempt   int                    // number of the current offer; 0 before the first
	link      string                 // the link that the offer is for; empty with a member that does not say
	described bool                   // the other end's description of this attempt is here
	early     []signaling.SignalData // candidates that came before it
	used      int                    // candidates of this attempt
}

// A step is one thing to do with the transport path.
type step struct {
	kind stepKind
	data signaling.SignalData
}

type stepKind uint8

const (
	stepOffer        stepKind = iota + 1 // begin a new path and send its offer
	stepAnswer                           // begin a new path with data's offer and send the answer
	stepAccept                           // complete the path with data's answer
	stepAddCandidate                     // add data's candidate
)

// offers reports whether this end offers: the end with the larger id does, so that offers never cross. Godot's clients
// have the same rule (multiplayer_client.gd).
func offers(self, other PeerID) bool { return self > other }

// maxCandidates bounds the candidates of an attempt, because each is tried with each address of this end. A peer has a
// few for each interface. Further ones, from a flood or a peer with three hundred addresses, are dropped.
const maxCandidates = 64

// maxAttempt is the largest attempt number that is accepted. An end that counts from 1 never gets there, and there are
// enough numbers above it, in JavaScript too.
const maxAttempt = math.MaxInt >> 11 // 2^52-1; 2^20-1 where an int has 32 bits

// maxJump is how much larger than the last number of a link the next one may be. Otherwise one forged number could be the
// largest, and no attempt would follow on it.
const maxJump = min(maxAttempt>>2, math.MaxInt32)

// laterAttempt returns the number of the last attempt after a signal has come: said, the signal's number, if it is larger
// than known, and can be true.
func laterAttempt(known, said int) int {
	if said-known > maxJump {
		return known
	}
	return max(known, said)
}

// start begins the negotiation: only the offering end has something to do.
func (n negotiation) start() (negotiation, []step) { return n.retry() }

// retries reports whether this end begins another attempt when the present one has failed.
func (n negotiation) retries() bool { return n.offers && !n.once }

// retry begins the next attempt of the offering end.
func (n negotiation) retry() (negotiation, []step) {
	if !n.offers {
		return n, nil
	}
	next := negotiation{offers: true, once: n.once, attempt: n.attempt + 1}
	return next, []step{{kind: stepOffer}}
}

// receive handles a signal from the other end.
func (n negotiation) receive(s signaling.SignalData) (negotiation, []step) {
	switch s.Type {
	case signaling.Offer:
		return n.receiveOffer(s)
	case signaling.Answer:
		if !n.offers || n.described || !n.current(s) {
			return n, nil
		}
		steps := []step{{kind: stepAccept, data: s}}
		for _, c := range n.early {
			steps = append(steps, step{kind: stepAddCandidate, data: c})
		}
		n.described, n.used, n.early = true, len(n.early), nil
		return n, steps
	case signaling.Candidate:
		switch {
		case s.Candidate == "" || !n.current(s):
			return n, nil // the end of the list, or of an attempt that is over
		case n.described && n.used < maxCandidates:
			n.used++
			return n, []step{{kind: stepAddCandidate, data: s}}
		case !n.described && len(n.early) < maxCandidates:
			n.early = append(n.early[:len(n.early):len(n.early)], s)
		}
	}
	return n, nil
}

func (n negotiation) receiveOffer(s signaling.SignalData) (negotiation, []step) {
	attempt := max(s.Attempt, 1)
	if n.offers || s.Link == n.link && laterAttempt(n.attempt, attempt) == n.attempt {
		return n, nil // this end does not answer, or a later offer has replaced this one, or its number is forged
	}
	early := n.early // from programs that send candidates before their offer
	if n.attempt > 0 {
		early = nil
	}
	steps := []step{{kind: stepAnswer, data: s}}
	for _, c := range early {
		steps = append(steps, step{kind: stepAddCandidate, data: c})
	}
	return negotiation{once: n.once, attempt: attempt, link: s.Link, described: true, used: len(early)}, steps
}

// current reports whether a signal belongs to this attempt. 0 is the number of a member that does not count attempts.
func (n negotiation) current(s signaling.SignalData) bool {
	return s.Attempt == 0 || s.Attempt == n.attempt || !n.offers && n.attempt == 0
}
