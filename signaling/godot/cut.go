package godot

import (
	"bytes"
	"encoding/json"
	"strconv"

	"example.org/rtcpeer/signaling"
)

// Signals are most of a server's work. Those in the very form in which Godot, the demo's servers and this
// module write them are put from one form into the other by copying the text of their strings, escapes
// included, which is the same in both. All others take the long way, by encoding/json.

// cutSignal reads the signal of a member's frame, with the data in this module's form; false for a frame
// that has to take the long way.
func cutSignal(raw []byte) (s signaling.Signal, ok bool) {
	c := cursor{rest: raw}
	var kind, id uint64
	var text []byte
	if c.cut(`{"data":"`) { // as Godot, which sorts the names
		text = c.text()
		c.must(`,"id":`)
		id = c.number()
		c.must(`,"type":`)
		kind = c.number()
	} else {
		c.must(`{"type":`)
		kind = c.number()
		c.must(`,"id":`)
		id = c.number()
		c.must(`,"data":"`)
		text = c.text()
	}
	c.must("}")
	to := signaling.PeerID(id)
	if !c.ended() || !to.Valid() || uint64(to) != id || !isString(text) {
		return s, false
	}
	data := appendData(make([]byte, 0, len(text)+80), command(kind), text)
	return signaling.Signal{To: to, Data: data}, data != nil
}

// appendData writes the data of a signal in this module's form, given the text of a frame's data.
func appendData(b []byte, kind command, text []byte) []byte {
	name, ok := signalTypes[kind]
	if !ok || len(text) == 0 {
		return nil
	}
	b = append(append(b, `{"type":"`...), name...)
	if kind != candidate {
		return append(append(append(b, `","sdp":"`...), text...), `"}`...)
	}
	c := cursor{rest: text}
	c.must(`\n`)
	mid := c.until(`\n`)
	index := c.number()
	c.must(`\n`)
	if line := c.rest; c.failed || index > maxMediaIndex || !isPlain(mid) || !isPlain(line) {
		return nil
	}
	b = append(append(b, `","candidate":"`...), c.rest...)
	b = append(append(append(b, `","sdpMid":"`...), mid...), '"')
	if index > 0 {
		b = strconv.AppendUint(append(b, `,"sdpMLineIndex":`...), index, 10)
	}
	return append(b, '}')
}

const maxMediaIndex = 1<<16 - 1

// pasteSignal writes the frame of a signal from or for the member id; nil for one that has to take the
// long way. Data is valid JSON, or it would not have been decoded.
func pasteSignal(id signaling.PeerID, data json.RawMessage) []byte {
	c := cursor{rest: data}
	c.must(`{"type":"`)
	name := c.text()
	if c.cut(`,"attempt":`) {
		c.number()
	}
	if string(name) == string(signaling.Candidate) {
		return pasteCandidate(id, c)
	}
	kind := offer
	if string(name) == string(signaling.Answer) {
		kind = answer
	} else if string(name) != string(signaling.Offer) {
		return nil
	}
	c.must(`,"sdp":"`)
	sdp := c.text()
	c.must("}")
	if !c.ended() || len(sdp) == 0 {
		return nil
	}
	return append(append(appendHead(kind, id, len(sdp)), sdp...), `"}`...)
}

func pasteCandidate(id signaling.PeerID, c cursor) []byte {
	c.must(`,"candidate":"`)
	line := c.text()
	c.must(`,"sdpMid":"`)
	mid := c.text()
	var index uint64
	if c.cut(`,"sdpMLineIndex":`) {
		index = c.number()
	}
	c.must("}")
	if !c.ended() || index > maxMediaIndex || !isPlain(line) || !isPlain(mid) {
		return nil
	}
	b := append(append(appendHead(candidate, id, len(line)+len(mid)), `\n`...), mid...)
	b = strconv.AppendUint(append(b, `\n`...), index, 10)
	return append(append(append(b, `\n`...), line...), `"}`...)
}

func appendHead(kind command, id signaling.PeerID, length int) []byte {
	b := append(make([]byte, 0, length+64), `{"type":`...)
	b = strconv.AppendInt(b, int64(kind), 10)
	b = strconv.AppendInt(append(b, `,"id":`...), int64(id), 10)
	return append(b, `,"data":"`...)
}

// isString reports whether text, between two quotes, is a JSON string.
func isString(text []byte) bool {
	quoted := append(append(append(make([]byte, 0, len(text)+2), '"'), text...), '"')
	return json.Valid(quoted)
}

// isPlain reports whether text is the same for everybody: with nothing escaped, nothing to be trimmed, and
// something in it.
func isPlain(text []byte) bool {
	return len(text) > 0 && bytes.IndexByte(text, '\\') < 0 && !bytes.HasPrefix(text, []byte("a="))
}
