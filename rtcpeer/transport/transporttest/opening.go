package transporttest

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer/transport"
)

func testOpens(t *testing.T, a, b transport.Transport) {
	offerer, answerer := Connect(t, a, b, Config())
	for i := range Config().Lanes {
		require.NotNil(t, offerer.Lane(i), "offerer's lane %d", i)
		require.NotNil(t, answerer.Lane(i), "answerer's lane %d", i)
	}
}

func testLateCandidates(t *testing.T, a, b transport.Transport) {
	offerer, answerer := Negotiate(t, a, b, Config())
	ofOfferer := waitEvent(t, offerer, transport.EventCandidate, "the offerer's first candidate").Candidate
	ofAnswerer := waitEvent(t, answerer, transport.EventCandidate, "the answerer's first candidate").Candidate

	require.NoError(t, offerer.AddCandidate(ofAnswerer))
	require.NoError(t, answerer.AddCandidate(ofOfferer))
	trickle(t, offerer, answerer, func(transport.Path) {})
}

func testProgress(t *testing.T, a, b transport.Transport) {
	fresh := newPath(t, a, Config())
	require.Equal(t, transport.StageSignaling, fresh.Progress().Stage, "a new path")
	_, err := fresh.Offer()
	require.NoError(t, err)
	require.Equal(t, transport.StageSignaling, fresh.Progress().Stage, "an offer without an answer")

	offerer, answerer := Negotiate(t, a, b, Config())
	trickle(t, offerer, answerer, func(opened transport.Path) {
		require.Equal(t, transport.StageOpen, opened.Progress().Stage, "after EventOpened")
	})
}

func testProgressBeforeCandidates(t *testing.T, a, b transport.Transport) {
	offerer, _ := Negotiate(t, a, b, Config())
	require.NotEqual(t, transport.StageOpen, offerer.Progress().Stage, "before any candidate")
}

func testBinding(t *testing.T, a, b transport.Transport) {
	offerer, answerer := Connect(t, a, b, Config())
	require.NotEmpty(t, offerer.Binding())
	require.Equal(t, offerer.Binding(), answerer.Binding())

	back, _ := Connect(t, b, a, Config())
	require.NotEqual(t, offerer.Binding(), back.Binding(), "the offering end's part is the first")
}

func testGarbage(t *testing.T, a, b transport.Transport) {
	for _, g := range []string{"", "\x00\xff", "garbage", "v=", "v=0\r\ngarbage\r\n", "{}", strings.Repeat("a=", 10_000)} {
		fresh := newPath(t, b, Config())
		_, err := fresh.Answer(g)
		require.Error(t, err, "Answer(%.20q)", g)
		require.Error(t, newPath(t, a, Config()).Accept(g), "Accept(%.20q) without an offer", g)

		offerer := newPath(t, a, Config())
		_, err = offerer.Offer()
		require.NoError(t, err)
		require.Error(t, offerer.Accept(g), "Accept(%.20q)", g)
	}

	offerer, answerer := Negotiate(t, a, b, Config())
	lines := []string{"garbage", "candidate:1 1 udp", "candidate:\x00\xff 1 udp x y z", "candidate:" + strings.Repeat("1 ", 10_000)}
	for _, line := range lines {
		require.Error(t, offerer.AddCandidate(transport.Candidate{Line: line, Mid: "0"}), "AddCandidate(%.20q)", line)
	}
	trickle(t, offerer, answerer, func(transport.Path) {}) // the garbage did no harm
}

func testEmptyCandidate(t *testing.T, a, b transport.Transport) {
	offerer, answerer := Negotiate(t, a, b, Config())
	require.NoError(t, offerer.AddCandidate(transport.Candidate{}), "no candidate at all")
	require.NoError(t, answerer.AddCandidate(transport.Candidate{Mid: "0"}), "the end of the list")
	trickle(t, offerer, answerer, func(transport.Path) {})
	require.NoError(t, offerer.AddCandidate(transport.Candidate{Mid: "0"}), "the end of the list, open")
}
