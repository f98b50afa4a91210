package transporttest

import (
	"testing"

	"example.org/rtcpeer/rtcpeer/transport"
)

// A NewPair returns two transports that can reach each other, for one test. It closes them with t.Cleanup; the
// tests close their paths before that.
type NewPair func(t *testing.T) (a, b transport.Transport)

// Run tests the promises of package transport over a network that loses nothing.
func Run(t *testing.T, newPair NewPair) {
	run(t, newPair)
	runEach(t, newPair, candidateTests)
}

// RunWithoutCandidates is like Run for paths that have only one route to the other end and so open without
// candidates.
func RunWithoutCandidates(t *testing.T, newPair NewPair) { run(t, newPair) }

type test struct {
	name string
	run  func(t *testing.T, a, b transport.Transport)
}

var candidateTests = []test{
	{"opens with late candidates", testLateCandidates},
	{"progress before candidates", testProgressBeforeCandidates},
	{"close when candidates are known", testCloseTrickled},
}

func run(t *testing.T, newPair NewPair) {
	runEach(t, newPair, []test{
		{"opens with trickled candidates", testOpens},
		{"progress", testProgress},
		{"binding is the same at both ends", testBinding},
		{"garbage is refused", testGarbage},
		{"empty candidate is legal", testEmptyCandidate},

		{"every lane carries both ways", testEveryLane},
		{"data before the first read", testEarlyData},
		{"reliable is complete and in order", testReliable},
		{"sizes", testSizes},
		{"clean network delivers in every mode", testModes},
		{"short buffer keeps the packet", testShortBuffer},
		{"trying to read", testTryRead},
		{"a packet given to write is not kept", testWriteKeepsNothing},
		{"buffered falls", testBufferedFalls},
		{"stalled reader", testStalledReader},
		{"stats", testStats},

		{"two paths at once", testTwoPaths},
		{"lane 0", testLaneZero},
		{"stray lane", testStrayLane},

		{"close is seen by the other end", testRemoteClose},
		{"close ends own reads", testOwnClose},
		{"close discards what is unread", testOwnCloseUnread},
		{"close twice", testCloseTwice},
		{"close from many goroutines", testCloseMany},
		{"close before opening", testCloseEarly},
		{"close while busy", testCloseBusy},
		{"write after close", testWriteAfterClose},
		{"closed path takes no more steps", testStepsAfterClose},
		{"closed transport makes no paths", testTransportClose},
	})
}

func runEach(t *testing.T, newPair NewPair, tests []test) {
	for _, c := range tests {
		t.Run(c.name, func(t *testing.T) {
			a, b := newPair(t)
			c.run(t, a, b)
		})
	}
}
