package godot

import (
	"errors"
	"strings"

	"example.org/rtcpeer/signaling"
)

// Close codes of the demo.
const (
	closeNormal = 1000
	closeError  = 4000
)

// texts are the Node server's close texts. In both directions, the first match counts.
var texts = []struct {
	err  *signaling.Error
	text string
}{
	{signaling.ErrBinaryFrame, "Invalid transfer mode, must be text"},
	{&signaling.Error{Code: signaling.CodeBadMessage}, "Invalid message format"},
	{&signaling.Error{Code: signaling.CodeUnknownKind}, "Invalid command"},
	{&signaling.Error{Code: signaling.CodeUnknownRoom}, "Lobby does not exists"},
	{&signaling.Error{Code: signaling.CodeBadRoom}, "Lobby does not exists"},
	{&signaling.Error{Code: signaling.CodeNotJoined}, "Invalid message when not in a lobby"},
	{&signaling.Error{Code: signaling.CodeAlreadyJoined}, "Already in a lobby"},
	{&signaling.Error{Code: signaling.CodeJoinTimeout}, "Have not joined lobby yet"},
	{signaling.ErrTooManyRooms, "Too many lobbies open, disconnecting"},
	{&signaling.Error{Code: signaling.CodeServerFull}, "Too many peers connected"},
	{&signaling.Error{Code: signaling.CodeSealed}, "Lobby is sealed"},
	{&signaling.Error{Code: signaling.CodeNotHost}, "Only host can seal the lobby"},
	{&signaling.Error{Code: signaling.CodeUnknownPeer}, "Invalid destination"},
	{&signaling.Error{Code: signaling.CodeHostLeft}, "Room host has disconnected"},
	{&signaling.Error{Code: signaling.CodeInternal}, "Server error, lobby not found"},
	{&signaling.Error{Code: signaling.CodeSealComplete}, sealComplete},
}

const sealComplete = "Seal complete"

// closing returns the close code and the text for an error; every error ends the session. If the Node server has no
// text for the error, the text is the error's code.
func closing(e *signaling.Error) (code int, text string, ends bool) {
	if e.Code == signaling.CodeSealComplete {
		return closeNormal, sealComplete, true
	}
	for _, row := range texts {
		if errors.Is(e, row.err) {
			return closeError, row.text, true
		}
	}
	text = string(e.Code)
	if e.Code == signaling.CodeKicked && e.Text != "" { // the close text is all that a game learns of the reason
		text += kickedBecause + e.Text
	}
	return closeError, strings.ToValidUTF8(text[:min(len(text), maxCloseText)], ""), true
}

const (
	kickedBecause = ": "
	maxCloseText  = 123 // bytes, the room in a close frame
)

// closed returns the error that a close frame stands for, or nil if it gives no reason, like those of the server in
// GDScript.
func closed(code int, text string) *signaling.Error {
	if code != closeError && text != sealComplete {
		return nil
	}
	for _, row := range texts {
		if row.text == text {
			return &signaling.Error{Code: row.err.Code, Text: text}
		}
	}
	if reason, kicked := strings.CutPrefix(text, string(signaling.CodeKicked)+kickedBecause); kicked {
		return &signaling.Error{Code: signaling.CodeKicked, Text: reason}
	}
	if known := signaling.Code(text); known.Known() {
		return &signaling.Error{Code: known, Text: strings.ReplaceAll(text, "_", " ")}
	}
	return &signaling.Error{Code: signaling.CodeInternal, Text: text}
}
