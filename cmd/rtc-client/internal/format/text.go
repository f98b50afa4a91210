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
		text = strings.ReplaceAll(text, refused.Error(), refused.Text)
	}
	return packageNames.Replace(strings.ReplaceAll(text, "\n", "; "))
}

var packageNames = strings.NewReplacer("rtcpeer: ", "", "signalclient: ", "", "signaling: ", "", "webrtc: ", "", "transfer: ", "", "doctor: ", "",
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
