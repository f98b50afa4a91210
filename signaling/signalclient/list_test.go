package signalclient

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/signaling/godot"
	"example.org/rtcpeer/testdata/bubble"

	"github.com/stretchr/testify/require"
)

func TestListGoesThroughAllPages(t *testing.T) {
	s := serveReal(t, listen(t, "127.0.0.1:0"))
	const n = signaling.MaxRooms + 3
	for i := range n {
		join(t, s.URL, signaling.Join{
			Room:    signaling.RoomName(fmt.Sprintf("r%03d", i)),
			NewRoom: signaling.NewRoom{Public: true, Metadata: []byte(fmt.Sprintf(`{"third":%t}`, i%3 == 0))},
		}, Config{})
	}
	list := func(q signaling.List) []signaling.PublicRoom {
		rooms, err := List(t.Context(), s.URL, q, Config{})
		require.NoError(t, err)
		return rooms
	}
	require.Len(t, list(signaling.List{}), n)
	require.Len(t, list(signaling.List{Limit: n - 1}), n-1)
	require.Len(t, list(signaling.List{Limit: 5}), 5)
	third := list(signaling.List{Filter: map[string]any{"third": true}})
	require.Len(t, third, (n+2)/3)
	require.Contains(t, third, signaling.PublicRoom{Room: "r003", Topology: signaling.Mesh, Members: 1, MaxMembers: 1024, Metadata: []byte(`{"third":true}`)})
	require.EqualValues(t, 0, s.Stats().Refused[signaling.CodeNotJoined])
}

func TestListFails(t *testing.T) {
	_, err := List(t.Context(), nothing(t), signaling.List{}, Config{})
	require.ErrorAs(t, err, new(*DialError))
	require.True(t, Retry(err))

	s := serveReal(t, listen(t, "127.0.0.1:0"))
	_, err = List(t.Context(), s.URL, signaling.List{Filter: map[string]any{"a": []int{}}}, Config{})
	require.ErrorContains(t, err, `list: filter: "a": want a string, a number or a boolean`)
	s.SetDraining(true)
	_, err = List(t.Context(), s.URL, signaling.List{}, Config{})
	require.ErrorContains(t, err, "503")

	_, err = List(t.Context(), serveReal(t, listen(t, "127.0.0.1:0")).URL, signaling.List{}, Config{Dialect: godot.Client()})
	require.Error(t, err)
}

// Who waits to be matched waits longer than for an answer, and is alive for the server meanwhile.
func TestMatchWaitsForTheOthers(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		net := newPipeNet()
		s := serveReal(t, net)
		cfg := Config{DialTimeout: time.Second, dial: net.dial}
		wish := signaling.Join{Match: &signaling.Match{Key: "k", Size: 2}}
		welcomed := make(chan *Client)
		go func() {
			c, err := Dial(t.Context(), s.URL, wish, cfg)
			require.NoError(t, err)
			welcomed <- c
		}()
		time.Sleep(10 * time.Minute)
		require.Equal(t, 1, s.Stats().Waiting)
		second, err := Dial(t.Context(), s.URL, wish, cfg)
		require.NoError(t, err)
		defer second.Close()
		first := <-welcomed
		defer first.Close()
		w := await[signaling.Welcome](t, first)
		require.True(t, w.Sealed)
		require.Len(t, w.Members, 1)

		s.cut() // it comes back as itself, not for another match
		require.True(t, await[signaling.Welcome](t, first).Resumed)
	})
}

func TestMatchEndsWithItsContext(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		net := newPipeNet()
		s := serveReal(t, net)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		_, err := Dial(ctx, s.URL, signaling.Join{Match: &signaling.Match{Key: "k", Size: 2}}, Config{dial: net.dial})
		require.ErrorIs(t, err, context.DeadlineExceeded)
		synctest.Wait()
		require.Zero(t, s.Stats().Waiting)
	})
}

func TestHostLocksAndKicks(t *testing.T) {
	s := serveReal(t, listen(t, "127.0.0.1:0"))
	host := dial(t, s.URL, Config{})
	guest := dial(t, s.URL, Config{})
	id := await[signaling.Welcome](t, guest).ID
	require.NoError(t, host.Send(t.Context(), signaling.Lock{}))
	await[signaling.Lock](t, guest)
	_, err := Dial(t.Context(), s.URL, signaling.Join{}, Config{})
	require.ErrorIs(t, err, &signaling.Error{Code: signaling.CodeLocked})
	require.NoError(t, host.Send(t.Context(), signaling.Kick{ID: id, Text: "be nice"}))
	require.ErrorIs(t, receiveEnd(t, guest), &signaling.Error{Code: signaling.CodeKicked, Text: "be nice"})
}

func TestRedialHeedsRetryMillis(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		net := newPipeNet()
		s := serve(t, net, func(s *session) {
			switch s.n {
			case 1:
				welcome(s)
				s.Close()
			case 2:
				s.send(&signaling.Error{Code: signaling.CodeRateLimited, Text: "slowly", RetryMillis: 60_000})
			default:
				welcome(s)
			}
		})
		c := join(t, s.URL, signaling.Join{}, Config{dial: net.dial})
		began := time.Now()
		await[signaling.Welcome](t, c)
		await[signaling.Welcome](t, c)
		require.InDelta(t, time.Minute, time.Since(began), float64(time.Second))
	})
}
