package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
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
