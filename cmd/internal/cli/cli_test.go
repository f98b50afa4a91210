package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestExitCode(t *testing.T) {
	tests := []struct {
		name string
		err  error
		want int
	}{
		{"no error", nil, ExitOK},
		{"an error", io.EOF, ExitError},
		{"a mistake of the user", Usagef("--count %d: want 1 to 9", 0), ExitUsage},
		{"a mistake, wrapped", fmt.Errorf("demo: %w", Usage(io.EOF)), ExitUsage},
		{"a mistake among others", errors.Join(io.EOF, Usage(io.ErrNoProgress)), ExitUsage},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { require.Equal(t, tt.want, ExitCode(tt.err)) })
	}
}

func TestUsageKeepsTheError(t *testing.T) {
	err := Usagef("--dir: %w", io.EOF)
	require.EqualError(t, err, "--dir: EOF")
	require.ErrorIs(t, err, io.EOF)
}

func TestUnlessInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	require.Equal(t, io.EOF, UnlessInterrupted(ctx, io.EOF))
	cancel()
	require.NoError(t, UnlessInterrupted(ctx, io.EOF))
}

func TestVariable(t *testing.T) {
	require.Equal(t, "RTC_CLIENT_ICE_SERVER", Variable("rtc-client", "ice-server"))
}

// A command runs with the context of the program. --help prints to the writer, and leaves no command to run.
func TestParser(t *testing.T) {
	type flags struct {
		Count int `help:"How many."`
	}
	for _, c := range []struct {
		args    []string
		printed bool
		fails   bool
	}{
		{[]string{"--count=2"}, false, false},
		{[]string{"--help"}, true, false},
		{[]string{"--bogus"}, false, true},
	} {
		var f flags
		var out bytes.Buffer
		p, err := NewParser(t.Context(), "test", &f, &out)
		require.NoError(t, err)
		_, err = p.Parse(c.args)
		require.Equal(t, c.fails, err != nil, c.args)
		require.Equal(t, c.printed, p.Printed(), c.args)
		require.Equal(t, c.printed, out.Len() > 0, c.args)
	}
	require.EqualError(t, Mistake("test", io.EOF), "EOF; see test --help")
	require.Equal(t, ExitUsage, ExitCode(Mistake("test", io.EOF)))
}

func TestTuneGC(t *testing.T) {
	percent, limit := debug.SetGCPercent(100), debug.SetMemoryLimit(1<<40)
	defer debug.SetGCPercent(percent)
	defer debug.SetMemoryLimit(limit)
	for _, name := range []string{"GOGC", "GOMEMLIMIT"} {
		TuneGC(func(n string) (string, bool) { return "", n == name }, 400, 1<<30)
		require.Equal(t, 100, debug.SetGCPercent(100), name)
	}
	TuneGC(func(string) (string, bool) { return "", false }, 400, 1<<30)
	require.Equal(t, 400, debug.SetGCPercent(100))
	require.EqualValues(t, 1<<30, debug.SetMemoryLimit(-1))
}
