package main

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer"
	"example.org/rtcpeer/rtcpeer/transport"
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

func TestICEServers(t *testing.T) {
	got, err := iceServers([]string{"stun:example.org:3478", "turns:anna:a:b@c@example.org?transport=tcp"})
	require.NoError(t, err)
	require.Equal(t, []transport.ICEServer{
		{URLs: []string{"stun:example.org:3478"}},
		{URLs: []string{"turns:example.org?transport=tcp"}, Username: "anna", Credential: "a:b@c"},
	}, got)
	for _, bad := range []string{"", "stun:", "stun", "example.org", "stun:anna:x@example.org", "turn:example.org", "turn:anna@example.org", "turn:anna:x@", "http://example.org"} {
		_, err := iceServers([]string{bad})
		require.Error(t, err, bad)
	}
}

func TestProbe(t *testing.T) {
	node := new(rtcpeer.Offline)
	asks := newProbe(1 << 40)
	require.True(t, answer(node, rtcpeer.Packet{Peer: 2, Data: asks}))
	_, ok := answered(rtcpeer.Packet{Data: asks})
	require.False(t, ok, "a question is no answer")

	answers := slices.Concat([]byte(probeAnswers), asks[len(probeAsks):])
	number, ok := answered(rtcpeer.Packet{Data: answers})
	require.True(t, ok)
	require.EqualValues(t, 1<<40, number)
	require.False(t, answer(node, rtcpeer.Packet{Data: answers}), "an answer is not answered")

	for _, text := range []string{"", "hello", "ping", probeAsks, string(asks) + "x", string(answers[:12])} {
		_, ok := answered(rtcpeer.Packet{Data: []byte(text)})
		require.False(t, ok || answer(node, rtcpeer.Packet{Data: []byte(text)}), "%q", text)
	}
}

func TestSpread(t *testing.T) {
	var r roundTrips
	require.Equal(t, spread{}, r.spread())
	require.Nil(t, r.report().RTT)
	for _, ms := range []time.Duration{30, 10, 20, 100} {
		r.add(ms * time.Millisecond)
	}
	r.sent = 5
	require.Equal(t, spread{10 * time.Millisecond, 30 * time.Millisecond, 40 * time.Millisecond, 100 * time.Millisecond}, r.spread())
	require.Equal(t, 20.0, r.lost())
	require.Equal(t, roundTripsReport{Sent: 5, Received: 4, RTT: &spreadReport{10000, 30000, 40000, 100000}}, r.report())
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
			p.received[other.id] = &[len(modes)]int{2, 2, 2}
		}
	}
	require.Empty(t, trial.missing())
	b.received[9] = &[len(modes)]int{rtcpeer.Reliable: 2, rtcpeer.UnreliableOrdered: 1}
	require.Equal(t, "; peer 7 misses 2 unreliable of 9; peer 7 misses 1 unreliable_ordered of 9", trial.missing())

	trial.packets, trial.round = 10, 11
	require.Contains(t, trial.missing(), "misses 8 unreliable of 7")
	require.True(t, strings.HasSuffix(trial.missing(), "; and 10 more"), trial.missing())
}
