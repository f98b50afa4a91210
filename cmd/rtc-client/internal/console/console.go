// Package console is where the commands read and write: lines of stdin, data on stdout, and talk on stderr,
// each line of which begins with the program's name.
package console

import (
	"fmt"
	"io"
	"log/slog"
	"os"

	"example.org/rtcpeer/cmd/rtc-client/internal/format"
)

// A Console is what the program was given to read and to write. Each line is one Write, so that
// goroutines may share it as they share a file.
type Console struct {
	In  io.Reader
	Out io.Writer // data, and nothing else
	Err io.Writer // talk
}

// Say writes a line of talk. Control characters in it are replaced.
func (c *Console) Say(text string, args ...any) {
	fmt.Fprintf(c.Err, "rtc-client: %s\n", format.Clean(fmt.Sprintf(text, args...)))
}

// Logger returns a logger that writes to Err what is of this level at least.
func (c *Console) Logger(least slog.Level) *slog.Logger {
	return slog.New(slog.NewTextHandler(c.Err, &slog.HandlerOptions{Level: least}))
}

// IsTerminal reports whether talk is read as it comes. The null device counts as well, and does not
// mind.
func (c *Console) IsTerminal() bool {
	f, ok := c.Err.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// Progress returns where a progress bar goes, if it is wanted: to Err if that is a terminal, and otherwise nowhere.
func (c *Console) Progress(wanted bool) io.Writer {
	if wanted && c.IsTerminal() {
		return c.Err
	}
	return io.Discard
}
