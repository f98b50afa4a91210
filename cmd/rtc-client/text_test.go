package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/cmd/rtc-client/internal/modes"
	"example.org/rtcpeer/rtcpeer"
)

func TestPieces(t *testing.T) {
	tests := []struct {
		name, text string
		want       []string
	}{
		{"short", "abc", []string{"abc"}},
		{"just fits", "abcd", []string{"abcd"}},
		{"cut", "abcdef", []string{"abcd", "ef"}},
		{"between characters", "abcµe", []string{"abc", "µe"}},
		{"no characters", "\x80\x80\x80\x80\x80\x80\x80", []string{"\x80\x80\x80\x80", "\x80\x80\x80"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			for piece := range pieces([]byte(tt.text), 4) {
				got = append(got, string(piece))
			}
			require.Equal(t, tt.want, got)
		})
	}
}

// A trial that was not done in time names who misses what.
func TestMissing(t *testing.T) {
	trial := newTrial(3, 3, &bytes.Buffer{})
	a, b, c := trial.peers[0], trial.peers[1], trial.peers[2]
	a.id, b.id = 1, 7
	require.Equal(t, "; peer 1 is not connected to 7; peer 7 is not connected to 1; a peer has not joined", trial.missing())

	c.id = 9
	trial.round = 2
	for _, p := range trial.peers {
		for _, other := range trial.peers {
			p.received[other.id] = &[len(modes.All)]int{2, 2, 2}
		}
	}
	require.Empty(t, trial.missing())
	b.received[9] = &[len(modes.All)]int{rtcpeer.Reliable: 2, rtcpeer.UnreliableOrdered: 1}
	require.Equal(t, "; peer 7 misses 2 unreliable of 9; peer 7 misses 1 unreliable_ordered of 9", trial.missing())

	trial.packets, trial.round = 10, 11
	require.Contains(t, trial.missing(), "misses 8 unreliable of 7")
	require.True(t, strings.HasSuffix(trial.missing(), "; and 10 more"), trial.missing())
}
