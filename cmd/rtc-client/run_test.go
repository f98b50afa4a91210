package main

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// What a process leaves behind nobody sees; in this one goleak does.
func TestRunLeavesNothingBehind(t *testing.T) {
	server, err := startServer()
	require.NoError(t, err)
	defer server.stop()
	tests := []struct {
		name string
		args []string
		code int
		says string // on stderr
	}{
		{"demo", []string{"demo", "--peers", "3"}, exitOK, ""},
		{"demo that fails", []string{"demo", "--timeout", "1ms"}, exitError, "not done within 1ms"},
		{"chat with nobody", []string{"chat", "--wait", "1ms", server.url}, exitError, "nobody came within 1ms"},
		{"ping of nobody", []string{"ping", "--wait", "1ms", server.url}, exitError, "nobody came within 1ms"},
		{"send to nobody", []string{"send", "--wait", "1ms", "main.go", server.url}, exitError, "nobody came within 1ms"},
		{"receive of nobody", []string{"receive", "--wait", "1ms", server.url}, exitError, "nothing was offered within 1ms"},
		{"doctor", []string{"doctor", server.url}, exitOK, "asking"},
		{"load", []string{"load", "--rooms", "3", server.url}, exitOK, "6 members joined"},
		{"load without a server", []string{"load", "--rooms", "3", "ws://127.0.0.1:1"}, exitError, "3 errors, not all was done"},
		{"relay without a server", []string{"relay", "ws://127.0.0.1:1/lobby"}, exitError, "is signal-server running there?"},
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
	server, err := startServer()
	require.NoError(t, err)
	defer server.stop()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for command, want := range map[string]int{"relay": exitOK, "chat": exitOK, "ping": exitOK, "receive": exitOK, "send": exitError, "demo": exitError, "doctor": exitError, "load": exitError} {
		args := []string{command}
		if command == "send" {
			args = append(args, "main.go")
		}
		if command != "demo" {
			args = append(args, server.url)
		}
		var stdout, stderr bytes.Buffer
		require.Equal(t, want, run(ctx, args, strings.NewReader(""), &stdout, &stderr), "%s: %s", command, stderr.String())
	}
}
