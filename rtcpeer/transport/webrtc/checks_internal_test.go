//go:build !js

package webrtc

import (
	"strings"
	"testing"
	"time"

	"github.com/pion/ice/v4"
	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer/transport"
	"example.org/rtcpeer/rtcpeer/transport/transporttest"
	"example.org/rtcpeer/testdata/skip"
)

// newInCrowd returns a Transport of a process that may have so many paths.
func newInCrowd(t *testing.T, limit int64) *Transport {
	t.Helper()
	tr, err := New(Config{Loopback: true, IPv4Only: true})
	require.NoError(t, err)
	t.Cleanup(func() { tr.Close() })
	tr.crowd = &crowd{limit: limit}
	return tr
}

// Where both processes have too many paths, nobody checks the route, if the owners can do without. Where one has, both
// see the other's checks and the answers to them.
func TestSparingPaths(t *testing.T) {
	skip.Long(t)
	t.Parallel()
	full, roomy := newInCrowd(t, 0), newInCrowd(t, 1000)
	connect := func(offering, answering *Transport, without bool) (a, b *path) {
		config := transporttest.Config()
		config.Unchecked = without
		offers, answers := transporttest.Connect(t, offering, answering, config)
		return offers.(*path), answers.(*path)
	}
	sees := func(p *path, times int) {
		for range times {
			before := p.Checks()
			require.Eventually(t, func() bool { return p.Checks() != before }, time.Minute, 10*time.Millisecond)
		}
	}
	a, b := connect(full, full, true)
	require.True(t, a.Unchecked())
	require.True(t, b.Unchecked())
	checked, _ := connect(roomy, roomy, true)
	sees(checked, 2) // what was under way on the other path is over
	before := [2]uint64{a.Checks(), b.Checks()}
	for name, offering := range map[string]*Transport{"the answering end alone": roomy, "the offering end alone": full} {
		c, d := connect(offering, map[*Transport]*Transport{roomy: full, full: roomy}[offering], true)
		for _, p := range []*path{c, d} {
			require.False(t, p.Unchecked(), name)
			sees(p, 2)
		}
	}
	c, d := connect(full, full, false)
	for _, p := range []*path{c, d} {
		require.False(t, p.Unchecked(), "owners that need the checks")
		sees(p, 2)
	}
	require.Equal(t, before, [2]uint64{a.Checks(), b.Checks()})
	require.NoError(t, a.Lane(0).Write([]byte{1}))
	require.Eventually(t, func() bool { return a.Stats().RTT > 0 }, time.Minute, 10*time.Millisecond, "SCTP's, as ICE measures none")
}

// A path counts until it is closed, and one that could not be made does not.
func TestCrowd(t *testing.T) {
	t.Parallel()
	tr := newInCrowd(t, 2)
	var paths []transport.Path
	for n := range 3 {
		require.Equal(t, n > 2, tr.Crowded())
		p, err := tr.NewPath(transporttest.Config())
		require.NoError(t, err)
		paths = append(paths, p)
	}
	require.True(t, tr.Crowded())
	impossible := transporttest.Config()
	impossible.Lanes[0].Label = strings.Repeat("x", 1<<16)
	_, err := tr.NewPath(impossible)
	require.Error(t, err)
	for n, p := range paths {
		require.Equal(t, int64(3-n), tr.crowd.paths.Load())
		require.NoError(t, p.Close())
		require.NoError(t, p.Close())
	}
	require.Zero(t, tr.crowd.paths.Load())
	require.False(t, tr.Crowded())
}

// Answers are counted for each pair over which the other end has asked, though it has asked over another one since.
func TestAnswersOfAllPairs(t *testing.T) {
	var c routeChecks
	first := new(ice.CandidatePair)
	c.note(first)
	for range 2 * maxPairs {
		c.note(new(ice.CandidatePair))
	}
	before := c.count()
	require.Equal(t, uint64(1+2*maxPairs), before)
	first.UpdateRoundTripTime(time.Millisecond) // Pion counts an answer
	require.Equal(t, before+1, c.count())
	require.Len(t, c.pairs, maxPairs)
}
