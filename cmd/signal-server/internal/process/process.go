// Package process has what main gives to each command: stdout, the log, the environment, the settings, and the files of
// the page.
package process

import (
	"io"
	"io/fs"

	"example.org/rtcpeer/cmd/signal-server/internal/logqueue"
	"example.org/rtcpeer/cmd/signal-server/internal/settings"
)

// A Process holds the outputs of a command, the environment and the settings.
type Process struct {
	Out io.Writer
	Err *logqueue.Queue
	Env settings.Environment
	// Page has the files of the page of members.
	Page fs.FS
	// Settings knows where the value of a flag was found if not on the command line.
	Settings *settings.Loader
}

// Tell prints the problems of the settings and those found since, except the last one, which it returns. It returns nil
// if there are none.
func (p *Process) Tell(found settings.Problems) error { return p.Settings.Problems(found).Tell(p.Err) }
