package rtcpeer_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer"
	"example.org/rtcpeer/rtcpeer/transport/memory"
	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/signaling/signalserver"
)

// A game whose server decides: whoever comes before it gets an error, and nobody takes its place.
func TestWhoCreatesARoom(t *testing.T) {
	s := startServer(t, signalserver.Config{})
	client := rtcpeer.Config{Create: rtcpeer.CreateNever}
	_, err := rtcpeer.Join(t.Context(), s.url("arena"), client)
	require.ErrorIs(t, err, &signaling.Error{Code: signaling.CodeUnknownRoom})
	require.ErrorContains(t, err, `no room "arena"`)

	server := rtcpeer.Config{Topology: rtcpeer.Star, Create: rtcpeer.CreateOnly}
	host := join(t, s.url("arena"), server)
	require.Equal(t, rtcpeer.Server, host.ID())
	_, err = rtcpeer.Join(t.Context(), s.url("arena"), server)
	require.ErrorIs(t, err, &signaling.Error{Code: signaling.CodeRoomExists})
	require.True(t, signaling.CodeRoomExists.Retry(), "it may be gone in a moment")

	guest := join(t, s.url("arena"), client)
	require.Equal(t, rtcpeer.PeerConnected, next(t, guest).Kind)
	require.Equal(t, rtcpeer.PeerConnected, next(t, host).Kind)

	fresh := join(t, s.url(""), server) // a new room is always new
	require.NotEmpty(t, fresh.Room())
	_, err = rtcpeer.Join(t.Context(), s.url(""), client)
	require.ErrorContains(t, err, "create never, and no room is named")
	_, err = rtcpeer.Join(t.Context(), s.url("arena"), rtcpeer.Config{Create: "perhaps"})
	require.ErrorContains(t, err, `Config.Create "perhaps"`)
}

// A player's token lets nobody create a room. One that asks for none to be created is told what is wrong.
func TestPlayersThatMayNotCreate(t *testing.T) {
	s := startServer(t, signalserver.Config{Admit: func(context.Context, signalserver.Request) (signalserver.Grant, error) {
		return signalserver.Grant{}, nil
	}})
	for create, code := range map[rtcpeer.Create]signaling.Code{
		rtcpeer.CreateNever:   signaling.CodeUnknownRoom,
		rtcpeer.CreateMissing: signaling.CodeForbidden,
		rtcpeer.CreateOnly:    signaling.CodeForbidden,
	} {
		_, err := rtcpeer.Join(t.Context(), s.url("arena"), rtcpeer.Config{Create: create})
		require.ErrorIs(t, err, &signaling.Error{Code: code}, create)
	}
}

// Of many that want to be the server of one room, one is.
func TestOneCreatesARoom(t *testing.T) {
	s := startServer(t, signalserver.Config{})
	var wg sync.WaitGroup
	var created, refused atomic.Int32
	nodes := make(chan *rtcpeer.Node, 8)
	for range 8 {
		wg.Go(func() {
			node, err := rtcpeer.Join(t.Context(), s.url("arena"), rtcpeer.Config{Topology: rtcpeer.Star, Create: rtcpeer.CreateOnly})
			switch {
			case err == nil:
				created.Add(1)
				nodes <- node
			case errors.Is(err, &signaling.Error{Code: signaling.CodeRoomExists}):
				refused.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	wg.Wait()
	require.EqualValues(t, 1, created.Load())
	require.EqualValues(t, 7, refused.Load())
	require.NoError(t, (<-nodes).Close())
}

// A signaling server that does not know Config.Create lets a client create a room, and lets a game's server into an
// existing one. The node then returns the error that a newer server would have sent.
func TestCreateWithOlderServer(t *testing.T) {
	r := newRoom(rtcpeer.Star)
	config := rtcpeer.Config{Transport: memory.NewNetwork(memory.Options{}).Transport(), Create: rtcpeer.CreateNever}
	_, err := rtcpeer.New(t.Context(), r.enter(1, nil), config)
	require.ErrorIs(t, err, &signaling.Error{Code: signaling.CodeUnknownRoom})
	config.Create = rtcpeer.CreateOnly
	_, err = rtcpeer.New(t.Context(), r.enter(5, nil), config)
	require.ErrorIs(t, err, &signaling.Error{Code: signaling.CodeRoomExists})
}
