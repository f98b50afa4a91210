package transporttest

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer/transport"
)

// patience is how long one wait may take on a busy machine. What must not need a time-out has a shorter limit of
// its own: see atOnce.
const patience = 20 * time.Second

// Config returns three lanes, one of each mode, with the ids and labels of transfer channel 0. Lane i has mode
// i.
func Config() transport.PathConfig {
	return transport.PathConfig{Lanes: []transport.LaneConfig{
		{ID: 1, Label: "reliable", Mode: transport.Reliable},
		{ID: 2, Label: "ordered", Mode: transport.UnreliableOrdered},
		{ID: 3, Label: "unreliable", Mode: transport.Unreliable},
	}}
}

// Connect returns both ends of an open path between a, which offers, and b. They are closed when the test ends.
// The caller must handle events after EventOpened.
func Connect(t testing.TB, a, b transport.Transport, cfg transport.PathConfig) (offerer, answerer transport.Path) {
	t.Helper()
	offerer, answerer = Negotiate(t, a, b, cfg)
	trickle(t, offerer, answerer, func(transport.Path) {})
	return offerer, answerer
}

// Negotiate returns both ends of a path that have each other's description but no candidates yet. The caller
// must carry the candidates. Both ends are closed when the test ends.
func Negotiate(t testing.TB, a, b transport.Transport, cfg transport.PathConfig) (offerer, answerer transport.Path) {
	t.Helper()
	offerer, answerer = newPath(t, a, cfg), newPath(t, b, cfg)
	offer, err := offerer.Offer()
	require.NoError(t, err, "Offer")
	answer, err := answerer.Answer(offer)
	require.NoError(t, err, "Answer")
	require.NoError(t, offerer.Accept(answer), "Accept")
	return offerer, answerer
}

func newPath(t testing.TB, tr transport.Transport, cfg transport.PathConfig) transport.Path {
	t.Helper()
	path, err := tr.NewPath(cfg)
	require.NoError(t, err, "NewPath")
	t.Cleanup(func() { path.Close() })
	return path
}

// trickle carries candidates both ways until both ends are open, and calls opened for each as soon as
// it is.
func trickle(t testing.TB, a, b transport.Path, opened func(transport.Path)) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for open := 0; open < 2; {
		from, to := a, b
		var e transport.Event
		select {
		case e = <-a.Events():
		case e = <-b.Events():
			from, to = b, a
		case <-ctx.Done():
			require.FailNow(t, "path did not open", "offerer: %+v, answerer: %+v", a.Progress(), b.Progress())
		}
		switch e.Kind {
		case transport.EventCandidate:
			require.NoError(t, to.AddCandidate(e.Candidate), "AddCandidate")
		case transport.EventOpened:
			open++
			opened(from)
		default:
			require.FailNow(t, "unexpected event", "%+v while the path opens", e)
		}
	}
}

// waitEvent returns the next event of a kind. It skips candidates, which may come at any time.
func waitEvent(t testing.TB, path transport.Path, kind transport.EventKind, what string) transport.Event {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for {
		select {
		case e := <-path.Events():
			if e.Kind == kind {
				return e
			}
			require.Equal(t, transport.EventCandidate, e.Kind, "waiting for %s: got %+v", what, e)
		case <-ctx.Done():
			require.FailNow(t, "timeout", "waited %v for %s", patience, what)
		}
	}
}
