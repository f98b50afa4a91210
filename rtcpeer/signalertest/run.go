package signalertest

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer"
	"example.org/rtcpeer/signaling"
)

// Join connects a new member to the room that the message names, and creates the room if it does not exist. The suite
// names a room in each message. The context limits only the joining: the suite may end it as soon as the Welcome has
// been received. The suite closes the Signaler.
type Join func(context.Context, signaling.Join) (rtcpeer.Signaler, error)

// patience is how long anything may take: longer than it does on a busy machine.
const patience = 30 * time.Second

// Run runs the suite. It calls connect once for each test. connect returns the Join of a server, or of a bus, that no
// other test uses, and stops that server with t.Cleanup.
func Run(t *testing.T, connect func(*testing.T) Join) {
	for _, test := range []struct {
		name string
		run  func(*testing.T, *hall)
	}{
		{"a newcomer is welcomed and announced", testArrivals},
		{"guests of a star know only the host", testStar},
		{"another topology is refused", testTopology},
		{"a signal has its sender, and signals stay in order", testSignals},
		{"a signal to a member that is not there is an error", testNobody},
		{"a seal reaches all members and is final", testSeal},
		{"a lock reaches all members, including the host, and can be opened", testLock},
		{"new metadata reaches the others and the member itself", testMetadata},
		{"the kicked member and the others are told of a kick", testKick},
		{"only the host may seal, lock and kick", testNotHost},
		{"a member that leaves is announced as left", testLeave},
		{"a star ends with its host", testHostLeaves},
		{"Send does not wait for a slow reader", testSlowReader},
		{"Receive ends with its context, and loses nothing", testContext},
		{"Close ends everything, and may be called again", testClose},
		{"a received message belongs to the receiver", testOwnership},
		{"nodes in a mesh", func(t *testing.T, h *hall) { testNodes(t, h, rtcpeer.Mesh) }},
		{"nodes in a star", func(t *testing.T, h *hall) { testNodes(t, h, rtcpeer.Star) }},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, &hall{t: t, join: connect(t)}) })
	}
}

// A hall is the room of one test.
type hall struct {
	t    *testing.T
	join Join
}

// A guest is one member, and what it has been told.
type guest struct {
	t       *testing.T
	welcome signaling.Welcome
	rtcpeer.Signaler
}

// enter joins, as j says, and returns the welcomed member.
func (h *hall) enter(j signaling.Join) *guest {
	h.t.Helper()
	j.Room = "hall"
	ctx, cancel := context.WithTimeout(h.t.Context(), patience)
	defer cancel()
	s, err := h.join(ctx, j)
	require.NoError(h.t, err)
	h.t.Cleanup(func() { require.NoError(h.t, s.Close()) })
	g := &guest{t: h.t, Signaler: s}
	g.welcome = heard[signaling.Welcome](g)
	return g
}

func (h *hall) enterMesh() *guest { return h.enter(signaling.Join{Topology: signaling.Mesh}) }

// refused expects a refusal: an error of the join, or of the first Receive.
func (h *hall) refused(j signaling.Join, code signaling.Code) {
	h.t.Helper()
	j.Room = "hall"
	ctx, cancel := context.WithTimeout(h.t.Context(), patience)
	defer cancel()
	s, err := h.join(ctx, j)
	if err == nil {
		defer s.Close()
		_, err = s.Receive(ctx)
	}
	require.ErrorIs(h.t, err, &signaling.Error{Code: code})
}

// receive returns the next message.
func (g *guest) receive() (signaling.Message, error) {
	ctx, cancel := context.WithTimeout(g.t.Context(), patience)
	defer cancel()
	return g.Receive(ctx)
}

// heard returns the next message, which is of that kind.
func heard[M signaling.Message](g *guest) M {
	g.t.Helper()
	m, err := g.receive()
	require.NoError(g.t, err)
	require.IsType(g.t, *new(M), m)
	return m.(M)
}

func (g *guest) send(m signaling.Message) {
	g.t.Helper()
	require.NoError(g.t, g.Send(g.t.Context(), m))
}

// ended reads until the final error.
func (g *guest) ended() error {
	g.t.Helper()
	for {
		if _, err := g.receive(); err != nil {
			return err
		}
	}
}

func (g *guest) id() signaling.PeerID { return g.welcome.ID }

// data returns the data of the nth signal.
func data(t *testing.T, n int) json.RawMessage {
	t.Helper()
	d, err := signaling.SignalData{Type: signaling.Candidate, Attempt: 1, Candidate: fmt.Sprint("candidate:", n)}.Encode()
	require.NoError(t, err)
	return d
}
