package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"example.org/rtcpeer/signaling"
)

// silentDaemon is a server whose stderr is a pipe of which nothing is read after its first line. The pipe
// holds 4 KiB.
func silentDaemon(t *testing.T, args ...string) (p *program, cmd *exec.Cmd, stderr *os.File) {
	t.Helper()
	stderr, w, err := os.Pipe()
	require.NoError(t, err)
	t.Cleanup(func() { stderr.Close() })
	_, err = unix.FcntlInt(w.Fd(), unix.F_SETPIPE_SZ, 4<<10)
	require.NoError(t, err)
	cmd = exec.Command("signal-server", append([]string{"--listen=" + freeAddress(t), "--log-level=debug", "--log-format=json"}, args...)...)
	cmd.Stderr = w
	require.NoError(t, cmd.Start())
	require.NoError(t, w.Close())
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	var first struct{ URL string }
	require.NoError(t, json.NewDecoder(io.LimitReader(stderr, 4<<10)).Decode(&first))
	return &program{url: first.URL}, cmd, stderr
}

// comeAndGo has the server log more than the pipe holds.
func comeAndGo(t *testing.T, p *program, rounds int) {
	t.Helper()
	for range rounds {
		c := call(t, p.url, nil)
		c.join(signaling.Join{})
		require.NoError(t, c.conn.Close())
	}
}

// ended waits for a process, and returns what it ended with.
func ended(t *testing.T, cmd *exec.Cmd) error {
	t.Helper()
	over := make(chan error, 1)
	go func() { over <- cmd.Wait() }()
	select {
	case err := <-over:
		return err
	case <-time.After(time.Minute):
		require.NoError(t, cmd.Process.Kill())
		<-over
		require.Fail(t, "it does not end")
		return nil
	}
}

// A log that nobody reads keeps nobody from joining, and the server from nothing, its end included.
func TestLogThatNobodyReads(t *testing.T) {
	p, cmd, _ := silentDaemon(t)
	comeAndGo(t, p, 1500)
	for _, path := range []string{"healthz", "readyz"} {
		status, _ := fetch(t, pageOf(p)+path)
		require.Equal(t, http.StatusOK, status)
	}
	require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
	require.NoError(t, ended(t, cmd))
}

// The server goes on when the reader of its log has ended, and when it gets signals by which tools ask other programs to open
// their logs anew.
func TestSignalsThatDoNotEndTheServer(t *testing.T) {
	p, cmd, stderr := silentDaemon(t)
	require.NoError(t, stderr.Close())
	comeAndGo(t, p, 20) // each line is a write to a broken pipe
	for _, s := range []os.Signal{syscall.SIGHUP, syscall.SIGPIPE, syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGHUP} {
		require.NoError(t, cmd.Process.Signal(s))
		comeAndGo(t, p, 5)
	}
	require.True(t, eventually(t.Context(), func() bool { return scrape(t, pageOf(p)+"metrics")["log_dropped_total"] > 0 }))
	require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
	require.NoError(t, ended(t, cmd))
}

// The server goes on when its terminal hangs up, for example because the ssh session has ended in which it was
// started. It gets SIGHUP, and each line of its log fails.
func TestTerminalHangsUp(t *testing.T) {
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	require.NoError(t, err)
	t.Cleanup(func() { master.Close() })
	require.NoError(t, unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0))
	number, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	require.NoError(t, err)
	terminal, err := os.OpenFile(fmt.Sprint("/dev/pts/", number), os.O_RDWR|unix.O_NOCTTY, 0)
	require.NoError(t, err)
	cmd := exec.Command("signal-server", "--listen="+freeAddress(t), "--log-format=json")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = terminal, terminal, terminal
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	require.NoError(t, terminal.Close())
	var first struct{ URL string }
	require.NoError(t, json.NewDecoder(master).Decode(&first))
	require.NoError(t, master.Close())

	p := &program{url: first.URL}
	comeAndGo(t, p, 20)
	require.Positive(t, scrape(t, pageOf(p)+"metrics")["log_dropped_total"])
	require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
	require.NoError(t, ended(t, cmd))
}
