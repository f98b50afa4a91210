package format

import (
	"errors"
	"fmt"
	"strings"
	"unicode"

	"example.org/rtcpeer/rtcpeer"
	"example.org/rtcpeer/signaling"
)

// Error returns the text of an error without the parts that mean nothing to a user, which are package names and
// error codes. It replaces the names of Config fields by the names of their flags.
func Error(err error) string {
	text := err.Error()
	if failed, ok := errors.AsType[*rtcpeer.PeerError](err); ok {
		text = fmt.Sprintf("no link with peer %d: %v", failed.Peer, failed.Err)
	}
	if refused, ok := errors.AsType[*signaling.Error](err); ok {
		if refused.Code == signaling.CodeBadRoom {
			return refused.Text
		}
		text = strings.ReplaceAll(text, refused.Error(), withEnding(refused))
	}
	return packageNames.Replace(strings.ReplaceAll(text, "\n", "; "))
}

// withEnding returns the text of an error. The text of a removal may be only a reason, such as "cheating"; then it
// says what happened, too.
func withEnding(e *signaling.Error) string {
	happened := map[signaling.Code]string{signaling.CodeKicked: "removed from the room", signaling.CodeRoomClosed: "the room was closed"}[e.Code]
	if happened == "" || e.Text == happened {
		return e.Text
	}
	return happened + ": " + e.Text
}

var packageNames = strings.NewReplacer("rtcpeer: ", "", "signalclient: ", "", "signaling: ", "", "webrtc: ", "", "transfer: ", "", "doctor: ", "",
	"context deadline exceeded", "no answer in time",
	"Config.AuthTimeout", "Config.AuthTimeout", // it begins like another field, and has no flag
	"Config.Auth", "--auth-secret", "Config.Channels", "--channels", "Config.Framed", "--framed", "Config.RelayLinks", "--relay-links")

// Clean replaces the control characters in text, so that text from another machine can neither control the
// terminal nor start a line of its own.
func Clean(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\t' {
			return unicode.ReplacementChar
		}
		return r
	}, text)
}
