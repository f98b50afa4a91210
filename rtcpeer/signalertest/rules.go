package signalertest

import (
	"context"
	"encoding/json"
	"net"
	"testing"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/signaling"
)

func testArrivals(t *testing.T, h *hall) {
	join := signaling.Join{
		Topology: signaling.Mesh, Channels: []signaling.Mode{signaling.Unreliable}, Metadata: json.RawMessage(`{"name":"Ann"}`),
		Features: []string{signaling.FeatureRepair}, Incarnation: "first run",
	}
	ann := h.enter(join)
	require.EqualValues(t, 1, ann.id(), "who creates a room is its host, with id 1")
	require.EqualValues(t, 1, ann.welcome.Host)
	require.Equal(t, signaling.Mesh, ann.welcome.Topology)
	require.Empty(t, ann.welcome.Members)
	require.False(t, ann.welcome.Sealed || ann.welcome.Locked || ann.welcome.Resumed)

	asTold := signaling.Member{
		ID: 1, Channels: join.Channels, Metadata: join.Metadata, Features: join.Features, Incarnation: join.Incarnation,
	}
	join.Metadata, join.Incarnation = json.RawMessage(`{"name":"Bob"}`), "another"
	bob := h.enter(join)
	require.Greater(t, bob.id(), signaling.PeerID(1))
	require.Equal(t, []signaling.Member{asTold}, bob.welcome.Members, "the newcomer is told of those who are there")
	asTold.ID, asTold.Metadata, asTold.Incarnation = bob.id(), join.Metadata, join.Incarnation
	require.Equal(t, asTold, heard[signaling.Joined](ann).Member, "those who are there are told of the newcomer")

	cy := h.enterMesh()
	require.NotEqual(t, bob.id(), cy.id())
	require.Len(t, cy.welcome.Members, 2)
	require.Equal(t, cy.id(), heard[signaling.Joined](ann).Member.ID)
	require.Equal(t, cy.id(), heard[signaling.Joined](bob).Member.ID)
}

func testStar(t *testing.T, h *hall) {
	join := signaling.Join{Topology: signaling.Star}
	host, bob, cy := h.enter(join), h.enter(join), h.enter(join)
	for _, guest := range []*guest{bob, cy} {
		require.Equal(t, signaling.Star, guest.welcome.Topology)
		require.Len(t, guest.welcome.Members, 1)
		require.EqualValues(t, 1, guest.welcome.Members[0].ID)
		require.Equal(t, guest.id(), heard[signaling.Joined](host).Member.ID)
	}
	// Had Bob been told of Cy, that would come before this.
	host.send(signaling.Signal{To: bob.id(), Data: data(t, 1)})
	require.EqualValues(t, 1, heard[signaling.Signal](bob).From)
}

func testTopology(t *testing.T, h *hall) {
	h.enterMesh()
	h.refused(signaling.Join{Topology: signaling.Star}, signaling.CodeTopologyMismatch)
}

func testSignals(t *testing.T, h *hall) {
	ann, bob := h.enterMesh(), h.enterMesh()
	require.Equal(t, bob.id(), heard[signaling.Joined](ann).Member.ID)
	const many = 50
	for n := range many {
		bob.send(signaling.Signal{To: ann.id(), Data: data(t, n)})
		ann.send(signaling.Signal{To: bob.id(), Data: data(t, n)})
	}
	for n := range many {
		require.Equal(t, signaling.Signal{From: bob.id(), Data: data(t, n)}, heard[signaling.Signal](ann))
		require.Equal(t, signaling.Signal{From: ann.id(), Data: data(t, n)}, heard[signaling.Signal](bob))
	}
}

func testNobody(t *testing.T, h *hall) {
	ann := h.enterMesh()
	ann.send(signaling.Signal{To: 77, Data: data(t, 1)})
	require.ErrorIs(t, heard[*signaling.Error](ann), &signaling.Error{Code: signaling.CodeUnknownPeer})
	bob := h.enterMesh()
	require.Equal(t, bob.id(), heard[signaling.Joined](ann).Member.ID, "that is no reason to end")
}

func testSeal(t *testing.T, h *hall) {
	ann, bob := h.enterMesh(), h.enterMesh()
	heard[signaling.Joined](ann)
	ann.send(signaling.Seal{})
	heard[signaling.Sealed](ann)
	heard[signaling.Sealed](bob)
	h.refused(signaling.Join{}, signaling.CodeSealed)
	bob.send(signaling.Signal{To: 1, Data: data(t, 1)})
	heard[signaling.Signal](ann) // a sealed room goes on
}

func testLock(t *testing.T, h *hall) {
	ann, bob := h.enterMesh(), h.enterMesh()
	heard[signaling.Joined](ann)
	for _, open := range []bool{false, true} {
		ann.send(signaling.Lock{Open: open})
		require.Equal(t, open, heard[signaling.Lock](ann).Open)
		require.Equal(t, open, heard[signaling.Lock](bob).Open)
		if !open {
			h.refused(signaling.Join{}, signaling.CodeLocked)
		}
	}
	cy := h.enterMesh()
	require.False(t, cy.welcome.Locked)
}

func testMetadata(t *testing.T, h *hall) {
	ann, bob := h.enterMesh(), h.enterMesh()
	heard[signaling.Joined](ann)
	for _, metadata := range []string{`{"name":"Bea"}`, `[1]`, ``} {
		bob.send(signaling.Metadata{Metadata: json.RawMessage(metadata)})
		for _, one := range []*guest{ann, bob} {
			told := heard[signaling.Metadata](one)
			require.Equal(t, bob.id(), told.ID)
			require.Equal(t, metadata, string(told.Metadata))
		}
	}
	bob.send(signaling.Metadata{Metadata: json.RawMessage(`7`)})
	heard[signaling.Metadata](bob)
	cy := h.enterMesh()
	for _, m := range cy.welcome.Members {
		if m.ID == bob.id() {
			require.Equal(t, `7`, string(m.Metadata))
		}
	}
}

func testKick(t *testing.T, h *hall) {
	ann, bob, cy := h.enterMesh(), h.enterMesh(), h.enterMesh()
	heard[signaling.Joined](ann)
	heard[signaling.Joined](ann)
	heard[signaling.Joined](bob)
	ann.send(signaling.Kick{ID: bob.id(), Text: "no cheating"})
	err := bob.ended()
	require.ErrorIs(t, err, &signaling.Error{Code: signaling.CodeKicked})
	require.ErrorContains(t, err, "no cheating")
	for _, other := range []*guest{ann, cy} {
		require.Equal(t, signaling.Left{ID: bob.id(), Reason: signaling.LeftKicked}, heard[signaling.Left](other))
	}
	require.Error(t, bob.Send(t.Context(), signaling.Signal{To: 1, Data: data(t, 1)}))
}

func testNotHost(t *testing.T, h *hall) {
	ann, bob := h.enterMesh(), h.enterMesh()
	heard[signaling.Joined](ann)
	for _, m := range []signaling.Message{signaling.Seal{}, signaling.Lock{}, signaling.Kick{ID: 1}} {
		bob.send(m)
		require.ErrorIs(t, heard[*signaling.Error](bob), &signaling.Error{Code: signaling.CodeNotHost}, "%s", m.Kind())
	}
	bob.send(signaling.Signal{To: 1, Data: data(t, 1)})
	require.Equal(t, bob.id(), heard[signaling.Signal](ann).From, "nothing came of it")
}

func testLeave(t *testing.T, h *hall) {
	ann, bob := h.enterMesh(), h.enterMesh()
	heard[signaling.Joined](ann)
	bob.send(signaling.Signal{To: 1, Data: data(t, 1)})
	require.NoError(t, bob.Close())
	require.Equal(t, bob.id(), heard[signaling.Signal](ann).From, "what was sent before Close arrives")
	require.Equal(t, signaling.Left{ID: bob.id(), Reason: signaling.LeftByItself}, heard[signaling.Left](ann))
}

func testHostLeaves(t *testing.T, h *hall) {
	join := signaling.Join{Topology: signaling.Star}
	host, bob := h.enter(join), h.enter(join)
	require.NoError(t, host.Close())
	require.ErrorIs(t, bob.ended(), &signaling.Error{Code: signaling.CodeHostLeft})
}

func testSlowReader(t *testing.T, h *hall) {
	ann, bob := h.enterMesh(), h.enterMesh()
	heard[signaling.Joined](ann)
	const many = 40 // more than the offers, answers and candidates of one link
	for n := range many {
		bob.send(signaling.Signal{To: 1, Data: data(t, n)})
	}
	for n := range many {
		require.Equal(t, data(t, n), heard[signaling.Signal](ann).Data)
	}
}

func testContext(t *testing.T, h *hall) {
	ann, bob := h.enterMesh(), h.enterMesh()
	heard[signaling.Joined](ann)
	over, end := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() {
		_, err := ann.Receive(over)
		ended <- err
	}()
	end()
	require.ErrorIs(t, <-ended, context.Canceled)
	require.ErrorIs(t, bob.Send(over, signaling.Signal{To: 1, Data: data(t, 1)}), context.Canceled)
	bob.send(signaling.Signal{To: 1, Data: data(t, 2)})
	require.Equal(t, data(t, 2), heard[signaling.Signal](ann).Data)
}

func testClose(t *testing.T, h *hall) {
	ann := h.enterMesh()
	ended := make(chan error)
	go func() {
		_, err := ann.Receive(context.WithoutCancel(t.Context()))
		ended <- err
	}()
	require.NoError(t, ann.Close())
	require.ErrorIs(t, <-ended, net.ErrClosed)
	require.NoError(t, ann.Close())
	_, err := ann.Receive(t.Context())
	require.ErrorIs(t, err, net.ErrClosed)
	require.ErrorIs(t, ann.Send(t.Context(), signaling.Seal{}), net.ErrClosed)
}

func testOwnership(t *testing.T, h *hall) {
	ann := h.enterMesh()
	sent := data(t, 1)
	bob, cy := h.enterMesh(), h.enterMesh()
	heard[signaling.Joined](ann)
	heard[signaling.Joined](ann)
	ann.send(signaling.Signal{To: bob.id(), Data: sent})
	clear(sent)
	heard[signaling.Joined](bob)
	require.Equal(t, data(t, 1), heard[signaling.Signal](bob).Data, "Send keeps nothing of a message")
	clear(cy.welcome.Members)
	dee := h.enterMesh()
	require.Len(t, dee.welcome.Members, 3)
	for _, m := range dee.welcome.Members {
		require.NotZero(t, m.ID, "what a receiver changes is its own")
	}
}
