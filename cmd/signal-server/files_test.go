package main

import (
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// limitedDaemon is a server that may have so many files open, and no more.
func limitedDaemon(t *testing.T, files int, args ...string) *daemon {
	t.Helper()
	return launchCommand(t, "sh", append([]string{"-c", fmt.Sprintf(`ulimit -n %d && exec signal-server "$@"`, files), "sh", "--listen=127.0.0.1:0"}, args...)...)
}

// awaitLine returns the next line of the log with a text in it.
func awaitLine(t *testing.T, d *daemon, text string) string {
	t.Helper()
	for line := range d.log {
		if strings.Contains(line, text) {
			return line
		}
	}
	require.Fail(t, "the log has no line", text)
	return ""
}

// Where the system allows few open files the log says so at the start, and members' connections leave some
// of them: one too many is closed at once, and does not hang.
func TestFewOpenFiles(t *testing.T) {
	const files = 128
	d := limitedDaemon(t, files)
	require.Regexp(t, "allowed=128 wanted=.* connections=64 ", awaitLine(t, d, "too few open files allowed"))
	idle(t, d.address(), 64)
	late, err := net.Dial("tcp", d.address())
	if err == nil {
		_, err = late.Read(make([]byte, 1))
		late.Close()
	}
	require.Error(t, err)
	awaitLine(t, d, "connection over the limit")
}

// When there is none left the log says that, too, and when there are some again the server goes on.
func TestNoOpenFileLeft(t *testing.T) {
	const files = 80
	d := limitedDaemon(t, files, "--admin-listen=127.0.0.1:0", "--admin-token="+adminToken)
	address := strings.TrimPrefix(d.other(t, "--admin-listen"), "http://")
	conns := idle(t, address, files)
	line := awaitLine(t, d, "cannot accept a connection")
	require.Contains(t, line, "too many open files")
	require.Contains(t, line, "LimitNOFILE")
	for _, c := range conns {
		require.NoError(t, c.Close())
	}
	status, _ := fetch(t, pageOf(&d.program)+"readyz")
	require.Equal(t, http.StatusOK, status)
	require.Positive(t, scrape(t, pageOf(&d.program)+"metrics")["accept_errors_total"])
}
