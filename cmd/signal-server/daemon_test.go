package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A daemon is the program as a process of its own, with its memory and its open files, which can be killed.
type daemon struct {
	program
	cmd *exec.Cmd
}

// launchDaemon starts a server on a free port, if args do not name one. The test ends it, if nobody has.
func launchDaemon(t *testing.T, args ...string) *daemon {
	t.Helper()
	return launchCommand(t, "signal-server", append([]string{"--listen=127.0.0.1:0"}, args...)...)
}

// launchCommand is launchDaemon for a command that becomes the server.
func launchCommand(t *testing.T, name string, args ...string) *daemon {
	t.Helper()
	cmd := exec.Command(name, args...)
	stderr, err := cmd.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	d := &daemon{program: program{log: make(chan string, 100), others: make(map[string]string)}, cmd: cmd}
	go func() {
		defer close(d.log)
		keep, _ := os.OpenFile(os.Getenv("RTCPEER_KEEP_LOG"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600) // nil: nobody wants it
		defer keep.Close()
		for lines := bufio.NewScanner(stderr); lines.Scan(); {
			fmt.Fprintf(keep, "%d %s\n", cmd.Process.Pid, lines.Text())
			select {
			case d.log <- lines.Text():
			default: // nobody reads so much of it, and the program must not wait
			}
		}
	}()
	t.Cleanup(d.kill)
	var said []string
	for line := range d.log {
		if d.url = regexp.MustCompile(`wss?://[^" ]+`).FindString(line); d.url != "" {
			return d
		}
		said = append(said, line)
	}
	require.Fail(t, "it does not listen", "%q", said)
	return nil
}

// kill ends the process as kill -9 does, so that it says nothing to anybody.
func (d *daemon) kill() {
	_ = d.cmd.Process.Kill()
	for range d.log { // until its end; a pipe is to be read before Wait
	}
	_ = d.cmd.Wait()
}

// address is where it listens, as host:port.
func (d *daemon) address() string { return d.url[strings.LastIndex(d.url, "/")+1:] }
