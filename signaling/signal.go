package signaling

import (
	"encoding/json"
	"fmt"
)

// A SignalType says what a SignalData carries.
type SignalType string

const (
	Offer     SignalType = "offer"     // sdp, [link], [repair]
	Answer    SignalType = "answer"    // sdp, [link]
	Candidate SignalType = "candidate" // candidate, sdpMid, sdpMLineIndex
	Refuse    SignalType = "refuse"    // text, [link]: no link, and the other end need not wait
	Fail      SignalType = "fail"      // text, [link], attempt: this attempt has failed at its sender, and the other end need not wait
	Repair    SignalType = "repair"    // [link], attempt: the answering end asks the offering end for a new path
)

// MaxLink is the longest SignalData.Link, in bytes.
const MaxLink = 64

// SignalData is what our peers put into Signal.Data. The fields of a candidate have the names of the
// W3C's RTCIceCandidateInit, so a browser can hand the object to addIceCandidate as it is.
type SignalData struct {
	Type SignalType `json:"type"`
	// Attempt counts the offers for one pair of members, from 1; answers and candidates carry the
	// number of the offer they belong to. 0: not told, as by other programs.
	Attempt int    `json:"attempt,omitempty"`
	SDP     string `json:"sdp,omitempty"`
	// Candidate is the line without "a=". Empty: no more candidates will come.
	Candidate     string `json:"candidate,omitempty"`
	SDPMid        string `json:"sdpMid,omitempty"`
	SDPMLineIndex uint16 `json:"sdpMLineIndex,omitempty"`
	// Text says why a link is refused, or has failed.
	Text string `json:"text,omitempty"`
	// Link is the id of the link that an offer is for: a random text of at most MaxLink bytes, made
	// by the offering end. An answer repeats it to say that its sender takes part in repairs. In a
	// Repair it is the id of the link that the sender has, and empty if it has none. In a Refuse it is
	// that of the signal that is refused: another program may have the place of the one that sent it.
	Link string `json:"link,omitempty"`
	// Repair is true in an offer of a new path for a link that exists.
	Repair bool `json:"repair,omitempty"`
}

// Encode returns the data of a Signal.
func (d SignalData) Encode() (json.RawMessage, error) {
	b, err := json.Marshal(d)
	if err != nil {
		return nil, fmt.Errorf("signaling: encode %s: %w", d.Type, err)
	}
	return b, nil
}

// DecodeSignalData reads the data of a Signal. Fields it does not know are passed over; the error of
// data that is no SignalData has CodeBadMessage.
func DecodeSignalData(data json.RawMessage) (SignalData, error) {
	var d SignalData
	if err := json.Unmarshal(data, &d); err != nil {
		return d, badMessage("signal data: %s in %q", reason(err), shorten(string(data)))
	}
	switch d.Type {
	case Offer, Answer:
		if d.SDP == "" {
			return d, badMessage("signal data: %s without sdp", d.Type)
		}
	case Candidate, Refuse, Fail, Repair:
	default:
		return d, badMessage("signal data: type %q", shorten(string(d.Type)))
	}
	switch {
	case d.Attempt < 0:
		return d, badMessage("signal data: attempt %d", d.Attempt)
	case len(d.Link) > MaxLink:
		return d, badMessage("signal data: link of %d bytes: at most %d", len(d.Link), MaxLink)
	}
	return d, nil
}
