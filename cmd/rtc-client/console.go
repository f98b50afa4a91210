package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"unicode"

	"example.org/rtcpeer/rtcpeer"
	"example.org/rtcpeer/signaling"
)

// A console is what the program was given to read and to write. Each line is one Write, so that
// goroutines may share it as they share a file.
type console struct {
	in  io.Reader
	out io.Writer // data, and nothing else
	err io.Writer // talk
}

// say writes a line of talk.
func (c *console) say(format string, args ...any) {
	fmt.Fprintf(c.err, "rtc-client: %s\n", clean(fmt.Sprintf(format, args...)))
}

// logger writes talk for --verbose.
func (c *console) logger(least slog.Level) *slog.Logger {
	return slog.New(slog.NewTextHandler(c.err, &slog.HandlerOptions{Level: least}))
}

// terminal reports whether talk is read as it comes. The null device counts as well, and does not
// mind.
func (c *console) terminal() bool {
	f, ok := c.err.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// plain is the text of an error without what tells a user nothing: the names of packages, and codes. What
// is a flag here has the flag's name.
func plain(err error) string {
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
	"Config.Auth", "--auth-secret", "Config.Channels", "--channels")

// clean keeps what others wrote from ruling the terminal, or from passing for a line of its own.
func clean(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\t' {
			return unicode.ReplacementChar
		}
		return r
	}, text)
}

// count is a number of things, in words.
func count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
