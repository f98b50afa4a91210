package godot

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"unicode/utf8"

	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/signaling/text"
)

// A command is the type of a message (multiplayer demo, server_node/server.js and
// client/ws_webrtc_client.gd).
type command int

const (
	join           command = iota // client: id 0 for a mesh, else for a star, data the lobby; server: data the lobby
	identify                      // server: id, data "true" for a mesh
	peerConnect                   // server: id
	peerDisconnect                // server: id
	offer                         // id of the other end, data the SDP
	answer                        // as offer
	candidate                     // as offer, data "\nmid\nindex\ncandidate"
	seal                          // client: host only; server: to all members
)

var signalTypes = map[command]signaling.SignalType{
	offer:     signaling.Offer,
	answer:    signaling.Answer,
	candidate: signaling.Candidate,
}

// A frame is one message on the wire.
type frame struct {
	kind command
	id   int64
	data string
}

// isMesh is the data of an identify.
const isMesh = "true"

// encode writes the frame as the Node server does, without HTML escaping.
func (f frame) encode() ([]byte, error) {
	data, err := text.JSON(f.data)
	if err != nil {
		return nil, fmt.Errorf("godot: encode %d: %w", f.kind, err)
	}
	b := append(make([]byte, 0, len(data)+48), `{"type":`...)
	b = strconv.AppendInt(b, int64(f.kind), 10)
	b = append(b, `,"id":`...)
	b = strconv.AppendInt(b, f.id, 10)
	b = append(b, `,"data":`...)
	b = append(b, data...)
	return append(b, '}'), nil
}

// parse reads a frame as the Node server does. It rounds numbers down, because Godot writes some of them as floats. A
// missing or negative number is an error. Data that is not a string counts as empty.
func parse(raw []byte) (frame, error) {
	switch {
	case len(raw) > signaling.MaxMessage:
		return frame{}, &signaling.Error{Code: signaling.CodeTooLarge, Text: fmt.Sprintf("frame of %d bytes: at most %d", len(raw), signaling.MaxMessage)}
	case !utf8.Valid(raw):
		return frame{}, badFrame("not UTF-8", raw)
	}
	// A map, because a struct would also accept the field "Type" for "type".
	var fields map[string]any
	if err := json.Unmarshal(raw, &fields); err != nil {
		return frame{}, badFrame(err.Error(), raw)
	}
	kind, id := whole(fields["type"]), whole(fields["id"])
	if kind < 0 || id < 0 {
		return frame{}, badFrame("want type and id, numbers from 0", raw)
	}
	data, _ := fields["data"].(string)
	return frame{kind: command(kind), id: id, data: data}, nil
}

// whole rounds a number down. It returns -1 if field is not a number or is negative. A number that is too large for
// an id or a command remains too large.
func whole(field any) int64 {
	number, ok := field.(float64)
	if !ok || number < 0 {
		return -1
	}
	return int64(math.Floor(min(number, 1<<40)))
}

func badFrame(reason string, raw []byte) error {
	return &signaling.Error{Code: signaling.CodeBadMessage, Text: fmt.Sprintf("%s in %q", reason, text.Shorten(string(raw), text.Most))}
}
