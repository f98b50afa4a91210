package main

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/cmd/internal/cli"
)

// What a process leaves behind nobody sees; in this one goleak does.
func TestRunLeavesNothingBehind(t *testing.T) {
	server := startServer(t)
	tests := []struct {
		name string
		args []string
		code int
		says string // on stderr
	}{
		{"demo", []string{"demo", "--peers", "3"}, cli.ExitOK, ""},
		{"demo that fails", []string{"demo", "--timeout", "1ms"}, cli.ExitError, "not finished within 1ms"},
		{"chat with nobody", []string{"chat", "--wait", "1ms", server}, cli.ExitError, "no peer connected within 1ms"},
		{"ping of nobody", []string{"ping", "--wait", "1ms", server}, cli.ExitError, "no peer connected within 1ms"},
		{"send to nobody", []string{"send", "--wait", "1ms", "main.go", server}, cli.ExitError, "no peer that receives files joined within 1ms"},
		{"receive of nobody", []string{"receive", "--wait", "1ms", server}, cli.ExitError, "no file was offered within 1ms"},
		{"doctor", []string{"doctor", server}, cli.ExitOK, "asking"},
		{"load", []string{"load", "--rooms", "3", server}, cli.ExitOK, "6 members joined"},
		{"load without a server", []string{"load", "--rooms", "3", "ws://127.0.0.1:1"}, cli.ExitError, "load incomplete: 3 errors"},
		{"relay without a server", []string{"relay", "ws://127.0.0.1:1/lobby"}, cli.ExitError, "is signal-server running there?"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			code := run(t.Context(), tt.args, strings.NewReader("hello\n"), &stdout, &stderr)
			require.Equal(t, tt.code, code, "%s", stderr.String())
			require.Contains(t, stderr.String(), tt.says)
		})
	}
}

// An interrupt is the end of a relay, not a failure; of a demo it is one, since not all has arrived.
func TestInterrupt(t *testing.T) {
	server := startServer(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for command, want := range map[string]int{"relay": cli.ExitOK, "chat": cli.ExitOK, "ping": cli.ExitOK, "receive": cli.ExitOK, "send": cli.ExitError, "demo": cli.ExitError, "doctor": cli.ExitError, "load": cli.ExitError} {
		args := []string{command}
		if command == "send" {
			args = append(args, "main.go")
		}
		if command != "demo" {
			args = append(args, server)
		}
		var stdout, stderr bytes.Buffer
		require.Equal(t, want, run(ctx, args, strings.NewReader(""), &stdout, &stderr), "%s: %s", command, stderr.String())
	}
}
