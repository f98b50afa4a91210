package signalserver_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/signaling/signalserver"
)

func (s *server) wish(t *testing.T, key string, size int) *client {
	t.Helper()
	c := s.client(t)
	c.send(signaling.Join{Match: &signaling.Match{Key: key, Size: size}, Metadata: []byte(`{"key":"` + key + `"}`)})
	return c
}

// waits returns when n sessions wait.
func (s *server) waits(t *testing.T, n int) {
	t.Helper()
	s.eventually(t, fmt.Sprint(n, " wait"), func(st signalserver.Stats) bool { return st.Waiting == n })
}

// couple is a match of two.
func couple(t *testing.T, s *server, key string) (first, second *client) {
	t.Helper()
	first = s.wish(t, key, 2)
	s.waits(t, 1)
	second = s.wish(t, key, 2)
	first.wantWelcome()
	second.wantWelcome()
	return first, second
}

func TestMatchKeepsTheOrderOfTheJoins(t *testing.T) {
	s := serve(t, signalserver.Config{})
	var all []*client
	for i := range 3 {
		all = append(all, s.wish(t, "k", 3))
		s.waits(t, (i+1)%3)
	}
	fourth := s.wish(t, "k", 3)
	s.waits(t, 1)
	for i, c := range all {
		w := c.wantWelcome()
		require.True(t, w.Sealed)
		require.Len(t, w.Members, 2)
		require.Equal(t, 3, w.Limits.Members)
		require.Equal(t, i == 0, c.id() == signaling.Host)
		require.JSONEq(t, `{"key":"k"}`, string(w.Members[0].Metadata))
	}
	all[1].signal(1, `"hi"`)
	all[0].wantSignal(all[1], `"hi"`)
	stranger := s.client(t)
	stranger.send(signaling.Join{Room: all[0].welcome.Room})
	stranger.wantRefused(signaling.CodeSealed)
	back := s.resume(t, all[2])
	require.True(t, back.welcome.Sealed)
	require.EqualValues(t, 1, s.Stats().Matches)
	fourth.send(signaling.Join{Room: "elsewhere"})
	fourth.wantRefused(signaling.CodeAlreadyJoined)
	s.waits(t, 0)
}

func TestOnlyEqualRequestsAreMatched(t *testing.T) {
	s := serve(t, signalserver.Config{})
	s.wish(t, "k", 2)
	s.wish(t, "other", 2)
	s.wish(t, "k", 3)
	star := s.client(t)
	star.send(signaling.Join{Topology: signaling.Star, Match: &signaling.Match{Key: "k", Size: 2}})
	s.waits(t, 4)
	require.Zero(t, s.Stats().Rooms)
	second := s.client(t)
	second.send(signaling.Join{Topology: signaling.Star, Match: &signaling.Match{Key: "k", Size: 2}})
	require.Equal(t, signaling.Star, star.wantWelcome().Topology)
	second.wantWelcome()
	s.waits(t, 3)
}

func TestClientThatHasLeftIsNotMatched(t *testing.T) {
	s := serve(t, signalserver.Config{})
	gone := s.wish(t, "k", 2)
	s.waits(t, 1)
	gone.vanish()
	s.waits(t, 0)
	couple(t, s, "k")
}

// The wait has no end of the server's: it ends with the connection.
func TestMatchWaitsForever(t *testing.T) {
	within(t, signalserver.Config{}, func(t *testing.T, s *server) {
		first := s.wish(t, "k", 2)
		time.Sleep(24 * time.Hour)
		s.wish(t, "k", 2)
		first.wantWelcome()
	})
}

func TestMatchRefused(t *testing.T) {
	s := serve(t, signalserver.Config{MaxMembers: 4, MaxRooms: 1})
	c := s.wish(t, "k", 5)
	c.wantRefused(signaling.CodeForbidden)
	s.member(t, signaling.Join{Room: "only"})
	first := s.wish(t, "k", 2)
	s.waits(t, 1)
	second := s.wish(t, "k", 2)
	first.wantRefused(signaling.CodeServerFull)
	second.wantRefused(signaling.CodeServerFull)

	large := serve(t, signalserver.Config{}).client(t)
	channels := make([]signaling.Mode, signaling.MaxChannels)
	for i := range channels {
		channels[i] = signaling.UnreliableOrdered
	}
	large.send(signaling.Join{Match: &signaling.Match{Key: strings.Repeat("k", signaling.MaxMatchKey), Size: 64}, Channels: channels})
	large.wantRefused(signaling.CodeRoomFull)
}

func TestMatchedRoomStaysSealedAfterARestart(t *testing.T) {
	before := serve(t, signalserver.Config{ResumeKey: key, Recovery: -1})
	first, _ := couple(t, before, "k")
	shutDown(t, before.Server)
	after := serve(t, signalserver.Config{ResumeKey: key, Recovery: -1})
	require.True(t, after.resume(t, first).welcome.Sealed)
}
