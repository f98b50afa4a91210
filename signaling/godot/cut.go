package godot

import (
	"bytes"
	"encoding/json"
	"strconv"

	"example.org/rtcpeer/signaling"
)

// Signals are most of a server's work. If a signal has exactly the form that Godot, the demo's servers or this module
// write, it is converted by copying the text of its strings, including escapes, which are the same in both protocols.
// All other signals are converted more slowly, with encoding/json.

// cutSignal reads the signal in a member's frame and returns it with its data in this module's form. It returns false
// if the frame must be decoded with encoding/json.
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

// appendData appends the data of a signal in this module's form, made from the text of a frame's data. It returns nil
// if that needs encoding/json.
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

// pasteSignal returns the frame of a signal from or for the member id, or nil if it must be encoded with
// encoding/json. Data is valid JSON, because it has been decoded.
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

// isPlain reports whether text needs no conversion: it is not empty, has no escapes, and has no prefix "a=" to
// remove.
func isPlain(text []byte) bool {
	return len(text) > 0 && bytes.IndexByte(text, '\\') < 0 && !bytes.HasPrefix(text, []byte("a="))
}
