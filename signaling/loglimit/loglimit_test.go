package loglimit_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/signaling/loglimit"
	"example.org/rtcpeer/testdata/bubble"
)

func TestLinesOfOneTextAreLimited(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		log := loglimit.Logger(slog.New(slog.NewTextHandler(&out, nil)))
		for i := range 1000 {
			log.With("i", i).Info("joined")
			log.WithGroup("g").Info("refused")
		}
		require.Equal(t, 100, strings.Count(out.String(), "joined"))
		require.Equal(t, 100, strings.Count(out.String(), "refused"), "each text has its own limit")
		log.Info("stopping")
		require.Contains(t, out.String(), "stopping")

		time.Sleep(time.Second)
		out.Reset()
		for range 20 {
			log.Info("joined")
		}
		require.Equal(t, 10, strings.Count(out.String(), "joined"))
		require.Equal(t, 1, strings.Count(out.String(), "unlogged=900"), "the first line tells what is missing")
	})
}

func TestTextsAreBounded(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		log := loglimit.Logger(slog.New(slog.NewTextHandler(&out, nil)))
		for i := range 10_000 {
			log.Info(fmt.Sprint("from a stranger ", i))
		}
		require.Equal(t, 64+100, strings.Count(out.String(), "from a stranger"))
	})
}

func TestLoggerIsLimitedOnce(t *testing.T) {
	log := loglimit.Logger(slog.New(slog.DiscardHandler))
	require.Same(t, log, loglimit.Logger(log))
	require.False(t, loglimit.Logger(nil).Enabled(t.Context(), slog.LevelError))
}
