// Package console is the input and output of the commands: lines of stdin, data on stdout, and messages on
// stderr. Each line on stderr begins with the program's name.
package console

import (
	"fmt"
	"io"
	"log/slog"
	"os"

	"example.org/rtcpeer/cmd/rtc-client/internal/format"
)

// A Console holds the program's input and outputs. Each line is one Write, so goroutines may share it as they
// share a file.
type Console struct {
	In  io.Reader
	Out io.Writer // data, and nothing else
	Err io.Writer // messages for the user
}

// Say writes one line to Err. Control characters in it are replaced.
func (c *Console) Say(text string, args ...any) {
	fmt.Fprintf(c.Err, "rtc-client: %s\n", format.Clean(fmt.Sprintf(text, args...)))
}

// Logger returns a logger that writes records of level least and above to Err.
func (c *Console) Logger(least slog.Level) *slog.Logger {
	return slog.New(slog.NewTextHandler(c.Err, &slog.HandlerOptions{Level: least}))
}

// IsTerminal reports whether Err is a terminal. The null device counts as one too, which does no harm.
func (c *Console) IsTerminal() bool {
	f, ok := c.Err.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// Progress returns the writer for a progress bar: Err if the bar is wanted and Err is a terminal, otherwise
// io.Discard.
func (c *Console) Progress(wanted bool) io.Writer {
	if wanted && c.IsTerminal() {
		return c.Err
	}
	return io.Discard
}
