package godot_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/signaling/godot"
	"example.org/rtcpeer/signaling/signalclient"
	"example.org/rtcpeer/signaling/signalserver"
)

// servers are what a client meets: this module's, and the demo's for Node, which draws the given ids.
func servers(t *testing.T, story func(t *testing.T, url string, node bool)) {
	t.Run("signalserver", func(t *testing.T) { story(t, serve(t, signalserver.Config{}).url, false) })
	t.Run("node", func(t *testing.T) { story(t, serveNode(t, 900, 500, 700, 600).url, true) })
}

// A client is a signalclient in a lobby, after its welcome.
type client struct {
	*signalclient.Client
	t       *testing.T
	welcome signaling.Welcome
}

func dial(t *testing.T, url string, j signaling.Join) *client {
	t.Helper()
	c, err := signalclient.Dial(t.Context(), url, j, signalclient.Config{Dialect: godot.Client()})
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	joined := &client{Client: c, t: t}
	m := joined.receive()
	require.IsType(t, signaling.Welcome{}, m)
	joined.welcome = m.(signaling.Welcome)
	return joined
}

func (c *client) receive() signaling.Message {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), patience)
	defer cancel()
	m, err := c.Receive(ctx)
	require.NoError(c.t, err)
	return m
}

func (c *client) wantEnd(code signaling.Code) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), patience)
	defer cancel()
	m, err := c.Receive(ctx)
	require.Error(c.t, err, "got %v", m)
	require.ErrorIs(c.t, err, &signaling.Error{Code: code})
	require.Zero(c.t, c.Status().Redials)
}

func (c *client) send(m signaling.Message) {
	c.t.Helper()
	require.NoError(c.t, c.Send(c.t.Context(), m))
}

func member(id signaling.PeerID) signaling.Member {
	return signaling.Member{ID: id, OneAttempt: true}
}

func TestClientsMeetInAMesh(t *testing.T) {
	servers(t, func(t *testing.T, url string, _ bool) {
		host := dial(t, url, signaling.Join{Topology: signaling.Mesh, Metadata: []byte(`"nobody is told"`)})
		require.Equal(t, signaling.Welcome{ID: 1, Room: host.welcome.Room, Topology: signaling.Mesh, Host: 1}, host.welcome)
		require.Len(t, string(host.welcome.Room), 16)
		a := dial(t, url+"/"+string(host.welcome.Room), signaling.Join{})
		require.Equal(t, []signaling.Member{member(1)}, a.welcome.Members)
		require.Equal(t, signaling.Mesh, a.welcome.Topology)
		require.Equal(t, signaling.Joined{Member: member(a.welcome.ID)}, host.receive())
		b := dial(t, url+"/"+string(host.welcome.Room), signaling.Join{})
		require.ElementsMatch(t, []signaling.Member{member(1), member(a.welcome.ID)}, b.welcome.Members)
		require.Equal(t, signaling.Joined{Member: member(b.welcome.ID)}, a.receive())
		require.Equal(t, signaling.Joined{Member: member(b.welcome.ID)}, host.receive())

		a.send(signaling.Signal{To: 1, Data: []byte(`{"type":"offer","attempt":1,"sdp":"v=0"}`)})
		a.send(signaling.Signal{To: 1, Data: []byte(`{"type":"refuse","attempt":1}`)}) // there are no words for it
		a.send(signaling.Signal{To: 1, Data: []byte(`{"type":"candidate","attempt":1,"candidate":"candidate:1"}`)})
		require.Equal(t, signaling.Signal{From: a.welcome.ID, Data: []byte(`{"type":"offer","sdp":"v=0"}`)}, host.receive())
		require.Equal(t, signaling.Signal{From: a.welcome.ID, Data: []byte(`{"type":"candidate","candidate":"candidate:1","sdpMid":"0"}`)}, host.receive())

		require.NoError(t, b.Close())
		require.Equal(t, signaling.Left{ID: b.welcome.ID, Reason: signaling.LeftLost}, a.receive())
		host.receive()
		require.NoError(t, host.Close())
		a.wantEnd(signaling.CodeHostLeft)
	})
}

// The Node server announces everybody to everybody; a client hears of its host alone.
func TestClientsMeetInAStar(t *testing.T) {
	servers(t, func(t *testing.T, url string, node bool) {
		host := dial(t, url, signaling.Join{Topology: signaling.Star})
		room := url + "/" + string(host.welcome.Room)
		a, b := dial(t, room, signaling.Join{}), dial(t, room, signaling.Join{})
		for _, c := range []*client{a, b} {
			require.Equal(t, signaling.Star, c.welcome.Topology)
			require.Equal(t, []signaling.Member{member(1)}, c.welcome.Members)
			require.Equal(t, signaling.Joined{Member: member(c.welcome.ID)}, host.receive())
		}
		if node {
			b.send(signaling.Signal{To: a.welcome.ID, Data: []byte(`{"type":"offer","sdp":"not with a guest"}`)})
		}
		require.NoError(t, b.Close())
		require.Equal(t, signaling.Left{ID: b.welcome.ID, Reason: signaling.LeftLost}, host.receive())
		host.send(signaling.Signal{To: a.welcome.ID, Data: []byte(`{"type":"answer","sdp":"v=0"}`)})
		require.Equal(t, signaling.Signal{From: 1, Data: []byte(`{"type":"answer","sdp":"v=0"}`)}, a.receive())
	})
}

func TestClientIsRefused(t *testing.T) {
	servers(t, func(t *testing.T, url string, _ bool) {
		_, err := signalclient.Dial(t.Context(), url+"/nowhere", signaling.Join{}, signalclient.Config{Dialect: godot.Client()})
		require.ErrorIs(t, err, &signaling.Error{Code: signaling.CodeUnknownRoom})
		require.False(t, signalclient.Retry(err))
		host := dial(t, url, signaling.Join{})
		a := dial(t, url+"/"+string(host.welcome.Room), signaling.Join{})
		a.send(signaling.Seal{})
		a.wantEnd(signaling.CodeNotHost)
	})
}

func TestClientSeals(t *testing.T) {
	node := serveNode(t, 900, 500, 700)
	host := dial(t, node.url, signaling.Join{})
	room := node.url + "/" + string(host.welcome.Room)
	a := dial(t, room, signaling.Join{})
	host.receive()
	host.send(signaling.Seal{})
	for _, c := range []*client{host, a} {
		require.Equal(t, signaling.Sealed{}, c.receive())
	}
	_, err := signalclient.Dial(t.Context(), room, signaling.Join{}, signalclient.Config{Dialect: godot.Client()})
	require.ErrorIs(t, err, &signaling.Error{Code: signaling.CodeSealed})
	for _, c := range []*client{host, a} {
		c.wantEnd(signaling.CodeSealComplete)
	}
}

// There is no way back: a lost connection is the end.
func TestClientIsLost(t *testing.T) {
	node := serveNode(t, 900)
	c := dial(t, node.url, signaling.Join{})
	node.cut()
	_, err := c.Receive(t.Context())
	_, lost := errors.AsType[*signalclient.LostError](err)
	require.True(t, lost, err)
	require.ErrorIs(t, c.Send(t.Context(), signaling.Seal{}), err)
}

// The demo's servers draw ids from 0 to 2^31.
func TestImpossibleIDs(t *testing.T) {
	for _, id := range []int64{0, 1 << 31} {
		node := serveNode(t, 900, id, 700)
		host := dial(t, node.url, signaling.Join{})
		room := node.url + "/" + string(host.welcome.Room)
		_, err := signalclient.Dial(t.Context(), room, signaling.Join{}, signalclient.Config{Dialect: godot.Client()})
		require.ErrorContains(t, err, "want 1 to 2147483647: try again, because the server draws ids at random")
		refused, ok := host.receive().(*signaling.Error)
		require.True(t, ok)
		require.Equal(t, signaling.CodeUnknownPeer, refused.Code, "it ends nothing")
		require.Eventually(t, func() bool { return node.members(string(host.welcome.Room)) == 1 }, patience, time.Millisecond, "the refused one leaves")
		b := dial(t, room, signaling.Join{})
		require.Equal(t, signaling.Joined{Member: member(b.welcome.ID)}, host.receive())
	}
}
