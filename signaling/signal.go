package signaling

import (
	"encoding/json"
	"fmt"
	"strconv"

	"example.org/rtcpeer/signaling/text"
)

// A SignalType says what a SignalData carries.
type SignalType string

const (
	Offer     SignalType = "offer"     // sdp, [link], [repair]
	Answer    SignalType = "answer"    // sdp, [link]
	Candidate SignalType = "candidate" // candidate, sdpMid, sdpMLineIndex
	Refuse    SignalType = "refuse"    // text, [link]: the sender refuses the link; the other end need not wait
	Fail      SignalType = "fail"      // text, [link], attempt: the attempt has failed; the other end need not wait
	Repair    SignalType = "repair"    // [link], attempt: the answering end asks the offering end for a new path
)

// MaxLink is the longest SignalData.Link, in bytes.
const MaxLink = 64

// SignalData is what this module's peers put into Signal.Data. The fields of a candidate are named as in the W3C's
// RTCIceCandidateInit, so a browser can pass the object to addIceCandidate unchanged.
type SignalData struct {
	Type SignalType `json:"type"`
	// Attempt numbers the offers for one pair of members, from 1; answers and candidates repeat the number of their
	// offer. 0 means unknown, because other programs send no number.
	Attempt int    `json:"attempt,omitempty"`
	SDP     string `json:"sdp,omitempty"`
	// Candidate is the candidate line without "a=". Empty means that there are no more candidates.
	Candidate     string `json:"candidate,omitempty"`
	SDPMid        string `json:"sdpMid,omitempty"`
	SDPMLineIndex uint16 `json:"sdpMLineIndex,omitempty"`
	// Text says why a link is refused or has failed.
	Text string `json:"text,omitempty"`
	// Link is the id of the link that an offer is for: a random text of at most MaxLink bytes, made by the offering
	// end. An answer repeats it to say that its sender takes part in repairs. In a Repair it is the id of the
	// sender's link, or empty if it has none. In a Refuse it is the Link of the refused signal, because another
	// program may have taken the place of the one that sent that signal.
	Link string `json:"link,omitempty"`
	// Repair is true in an offer of a new path for an existing link.
	Repair bool `json:"repair,omitempty"`
	// Bye, in a Refuse, has the code and the text of the program that ended the link. Nil means that it gave none.
	Bye *Bye `json:"bye,omitempty"`
}

// A Bye is what a program says to the program at the other end when it ends a link: a code, a text, or both.
type Bye struct {
	Code uint16 `json:"code"` // its meaning is up to the programs
	Text string `json:"text"` // at most MaxText bytes of UTF-8
}

// String returns text such as `code 7, "idle"`.
func (b Bye) String() string {
	switch {
	case b.Text == "":
		return fmt.Sprintf("code %d", b.Code)
	case b.Code == 0:
		return strconv.Quote(b.Text)
	}
	return fmt.Sprintf("code %d, %q", b.Code, b.Text)
}

// Encode returns the data of a Signal.
func (d SignalData) Encode() (json.RawMessage, error) {
	b, err := json.Marshal(d)
	if err != nil {
		return nil, fmt.Errorf("signaling: encode %s: %w", d.Type, err)
	}
	return b, nil
}

// DecodeSignalData reads the data of a Signal. Unknown fields are ignored. If the data is not a valid SignalData, the
// error has CodeBadMessage.
func DecodeSignalData(data json.RawMessage) (SignalData, error) {
	var d SignalData
	if err := json.Unmarshal(data, &d); err != nil {
		return d, badMessage("signal data: %s in %q", reason(err), text.Shorten(string(data), text.Most))
	}
	switch d.Type {
	case Offer, Answer:
		if d.SDP == "" {
			return d, badMessage("signal data: %s without sdp", d.Type)
		}
	case Candidate, Refuse, Fail, Repair:
	default:
		return d, badMessage("signal data: type %q", text.Shorten(string(d.Type), text.Most))
	}
	switch {
	case d.Attempt < 0:
		return d, badMessage("signal data: attempt %d", d.Attempt)
	case len(d.Link) > MaxLink:
		return d, badMessage("signal data: link of %d bytes: at most %d", len(d.Link), MaxLink)
	case d.Bye != nil && len(d.Bye.Text) > MaxText:
		return d, badMessage("signal data: bye of %d bytes: at most %d", len(d.Bye.Text), MaxText)
	case d.Bye != nil && *d.Bye == (Bye{}):
		d.Bye = nil
	}
	return d, nil
}
