package godot

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"example.org/rtcpeer/signaling"
)

// encodeSignal returns the frame of a signal from or for the member id. It returns nil for signals that the demo's
// clients do not know: refusals, the end of candidates and signals of other programs. The attempt number is left out.
func encodeSignal(id signaling.PeerID, raw json.RawMessage) ([]byte, error) {
	if b := pasteSignal(id, raw); b != nil {
		return b, nil
	}
	var data signaling.SignalData
	if json.Unmarshal(raw, &data) != nil {
		return nil, nil
	}
	f := frame{id: int64(id), data: data.SDP}
	switch data.Type {
	case signaling.Offer:
		f.kind = offer
	case signaling.Answer:
		f.kind = answer
	case signaling.Candidate:
		f.kind, f.data = candidate, joinCandidate(data)
		if f.data == "" {
			return nil, nil
		}
	default:
		return nil, nil
	}
	return f.encode()
}

// joinCandidate returns a candidate in the form that the demo's clients split: "\nmid\nindex\ncandidate", where no
// part may be empty. It returns "" for a candidate that cannot have this form.
func joinCandidate(d signaling.SignalData) string {
	line := strings.TrimRight(strings.TrimPrefix(d.Candidate, "a="), "\r\n")
	mid := d.SDPMid
	if mid == "" {
		mid = "0"
	}
	if line == "" || strings.Contains(line, "\n") || strings.Contains(mid, "\n") {
		return ""
	}
	return fmt.Sprintf("\n%s\n%d\n%s", mid, d.SDPMLineIndex, line)
}

// decodeSignal returns the frame's signal in this module's form.
func (f frame) decodeSignal() (json.RawMessage, error) {
	data := signaling.SignalData{Type: signalTypes[f.kind]}
	if f.kind == candidate {
		data = splitCandidate(f.data)
	} else {
		data.SDP = f.data
	}
	return data.Encode()
}

// splitCandidate reads a candidate. The demo's server forwards invalid candidates, and its clients ignore them. Here
// they become the end of candidates, which all peers ignore.
func splitCandidate(data string) signaling.SignalData {
	none := signaling.SignalData{Type: signaling.Candidate}
	parts := strings.SplitN(data, "\n", 4)
	if len(parts) < 4 || parts[0] != "" {
		return none
	}
	index, err := strconv.ParseUint(parts[2], 10, 16)
	line := strings.TrimRight(strings.TrimPrefix(parts[3], "a="), "\r\n")
	if err != nil || line == "" || strings.Contains(line, "\n") {
		return none
	}
	mid := parts[1]
	if mid == "" {
		mid = "0"
	}
	return signaling.SignalData{Type: signaling.Candidate, Candidate: line, SDPMid: mid, SDPMLineIndex: uint16(index)}
}
