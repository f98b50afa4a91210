package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"example.org/rtcpeer/signaling"
)

// blocked is a writer that takes nothing until it is opened.
type blocked struct {
	asked chan struct{} // holds one: it is to take something
	open  chan struct{}
	bytes.Buffer
}

func (w *blocked) Write(p []byte) (int, error) {
	select {
	case w.asked <- struct{}{}:
	default:
	}
	<-w.open
	return w.Buffer.Write(p)
}

// What does not fit is dropped, counted, and said when there is space again; what fits comes out whole and in
// order.
func TestLogQueueDropsAndCounts(t *testing.T) {
	for _, format := range []string{"text", "json"} {
		w := &blocked{asked: make(chan struct{}, 1), open: make(chan struct{})}
		q := newLogQueue(w)
		log := (&serverOptions{LogFormat: format, LogLevel: "info"}).logger(q)
		const many = 10_000
		log.Info("first")
		<-w.asked
		for i := range many {
			log.Info("line", "n", i, "padding", strings.Repeat("x", 100))
		}
		lost := q.lost()
		require.Greater(t, lost, uint64(many/2))
		close(w.open)
		require.True(t, eventually(t.Context(), func() bool {
			q.mu.Lock()
			defer q.mu.Unlock()
			return len(q.waiting) == 0 && q.told == lost
		}))
		log.Info("after")
		q.close()
		out := w.String()
		require.Equal(t, many-int(lost)+3, strings.Count(out, "\n"), "the first, what is not lost, what is said of it, and what came after")
		require.Contains(t, out, fmt.Sprint(lost))
		require.Contains(t, out, "log lines dropped")
		for i, line := range strings.Split(strings.TrimSpace(out), "\n") {
			if format == "json" {
				require.True(t, json.Valid([]byte(line)), "line %d: %s", i, line)
			}
		}
		log.Info("too late")
		require.Equal(t, lost+1, q.lost())
	}
}

// A writer that fails, as a pipe without a reader does, costs its lines and nothing else.
func TestLogQueueGoesOnAfterAnError(t *testing.T) {
	r, w := io.Pipe()
	require.NoError(t, r.CloseWithError(errors.New("broken pipe")))
	q := newLogQueue(w)
	for range 3 {
		fmt.Fprintln(q, "a line")
	}
	q.close()
	require.EqualValues(t, 3, q.lost())
}

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

// When the reader of the log ends, and when the terminal does, the server does not.
func TestSignalsThatEndNothing(t *testing.T) {
	p, cmd, stderr := silentDaemon(t)
	require.NoError(t, stderr.Close())
	comeAndGo(t, p, 20) // each line is a write to a broken pipe
	for _, s := range []os.Signal{syscall.SIGHUP, syscall.SIGPIPE, syscall.SIGHUP} {
		require.NoError(t, cmd.Process.Signal(s))
		comeAndGo(t, p, 5)
	}
	require.Positive(t, scrape(t, pageOf(p)+"metrics")["log_dropped_total"])
	require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
	require.NoError(t, ended(t, cmd))
}
