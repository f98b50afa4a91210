package signalserver_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/signaling/signalserver"
)

func public(room, metadata string) signaling.Join {
	return signaling.Join{Room: signaling.RoomName(room), NewRoom: signaling.NewRoom{Public: true, Metadata: []byte(metadata)}}
}

func (c *client) list(q signaling.List) signaling.Rooms {
	c.t.Helper()
	c.send(q)
	m := c.receive()
	rooms, ok := m.(signaling.Rooms)
	require.True(c.t, ok, "want rooms, got %#v", m)
	return rooms
}

func names(rooms signaling.Rooms) (list []string) {
	for _, r := range rooms.Rooms {
		list = append(list, string(r.Room))
	}
	return list
}

func TestListHasThePublicRoomsAsTheyAre(t *testing.T) {
	s := serve(t, signalserver.Config{MaxMembers: 10})
	s.member(t, signaling.Join{Room: "hidden", NewRoom: signaling.NewRoom{Metadata: []byte(`1`)}})
	host := s.member(t, signaling.Join{Room: "r", Topology: signaling.Star, Password: "p",
		NewRoom: signaling.NewRoom{Public: true, Metadata: []byte(`{"map":"desert"}`), MaxMembers: 2}})
	s.member(t, public("all", ``))
	guest := s.member(t, signaling.Join{Room: "r", Password: "p", NewRoom: signaling.NewRoom{MaxMembers: 9}})
	host.wantJoined(guest)
	require.Equal(t, 2, guest.welcome.Limits.Members)
	full := s.client(t)
	full.send(signaling.Join{Room: "r", Password: "p"})
	full.wantRefused(signaling.CodeRoomFull)

	c := s.client(t)
	want := signaling.Rooms{Rooms: []signaling.PublicRoom{
		{Room: "all", Topology: signaling.Mesh, Members: 1, MaxMembers: 10},
		{Room: "r", Topology: signaling.Star, Members: 2, MaxMembers: 2, Password: true, Metadata: []byte(`{"map":"desert"}`)},
	}}
	c.wantRooms(want)
	host.send(signaling.Lock{})
	host.want(signaling.Lock{})
	want.Rooms[1].Locked = true
	c.wantRooms(want)
	guest.want(signaling.Lock{})
	guest.wantRooms(want) // a member may ask, too
	host.send(signaling.Seal{})
	host.want(signaling.Sealed{})
	require.Equal(t, []string{"all"}, names(c.list(signaling.List{})))
	host.send(signaling.Leave{})
	s.eventually(t, "r ends", func(st signalserver.Stats) bool { return st.Public == 1 })
	c.send(signaling.Join{Room: "all"})
	c.wantWelcome()
}

// wantRooms wants these rooms of a list, in any order.
func (c *client) wantRooms(want signaling.Rooms) {
	c.t.Helper()
	got := c.list(signaling.List{})
	require.ElementsMatch(c.t, want.Rooms, got.Rooms)
	require.Equal(c.t, want.Next, got.Next)
}

func TestListFiltersByMetadata(t *testing.T) {
	s := serve(t, signalserver.Config{})
	s.member(t, public("a", `{"map":"desert","level":3,"ranked":true,"nested":{"x":1},"none":null}`))
	s.member(t, public("b", `{"map":"desert","level":4.0}`))
	s.member(t, public("c", `"desert"`))
	s.member(t, public("d", ``))
	c := s.client(t)
	for filter, want := range map[string][]string{
		`{}`:                           {"a", "b", "c", "d"},
		`{"map":"desert"}`:             {"a", "b"},
		`{"map":"desert","level":3.0}`: {"a"},
		`{"level":4}`:                  {"b"},
		`{"level":"4"}`:                nil,
		`{"ranked":true}`:              {"a"},
		`{"nested":1}`:                 nil,
		`{"other":"x"}`:                nil,
	} {
		c.sendText(`{"kind":"list","filter":` + filter + `}`)
		require.ElementsMatch(t, want, names(c.receive().(signaling.Rooms)), filter)
	}
}

// Each room that is there all the time is in the pages once, whatever comes and goes.
func TestPagesGoOnWhereTheyEnded(t *testing.T) {
	s := serve(t, signalserver.Config{})
	const n = 25
	for i := range n {
		s.member(t, public(fmt.Sprintf("r%02d", i), fmt.Sprintf(`{"odd":%t}`, i%2 == 1)))
	}
	c := s.client(t)
	pages := func(q signaling.List) (all []string, sizes []int) {
		for {
			p := c.list(q)
			all, sizes = append(all, names(p)...), append(sizes, len(p.Rooms))
			if q.After = p.Next; q.After == "" {
				return all, sizes
			}
			passing := s.member(t, public("r0", ``)) // before what comes next
			passing.send(signaling.Leave{})
			s.eventually(t, "it has passed", func(st signalserver.Stats) bool { return st.Public == n })
		}
	}
	all, sizes := pages(signaling.List{Limit: 10})
	requireOnce(t, all, n)
	require.Equal(t, 10, sizes[0])
	odd, sizes := pages(signaling.List{Limit: 6, Filter: map[string]any{"odd": true}})
	requireOnce(t, odd, 12)
	require.Equal(t, 6, sizes[0])
	all, sizes = pages(signaling.List{})
	requireOnce(t, all, n)
	require.Equal(t, []int{n}, sizes)
	require.Len(t, c.list(signaling.List{After: "zzzz"}).Rooms, n, "what is no cursor begins a list")
}

// requireOnce wants n rooms that were there all the time, each once. Those that pass are called r0.
func requireOnce(t *testing.T, list []string, n int) {
	t.Helper()
	seen := map[string]int{}
	for _, name := range list {
		seen[name]++
	}
	delete(seen, "r0")
	require.Len(t, seen, n)
	for name, times := range seen {
		require.Equal(t, 1, times, name)
	}
}

// Whatever rooms are called, and whoever made them, each is first in as many lists as any other.
func TestNoRoomIsFirstInEveryList(t *testing.T) {
	s := serve(t, signalserver.Config{})
	for i := range 20 {
		s.member(t, public(fmt.Sprintf("--%03d", i), ``))
	}
	for i := range 20 {
		s.member(t, public(fmt.Sprintf("room%d", i), ``))
	}
	c := s.client(t)
	first := map[string]bool{}
	for range 100 {
		first[names(c.list(signaling.List{Limit: 1}))[0]] = true
	}
	require.Greater(t, len(first), 5)
}

// Public rooms of one address are few, and those of its /56 and /48 not many more.
func TestPublicRoomsOfOneAddress(t *testing.T) {
	s := serve(t, signalserver.Config{RemoteAddr: from, ConnectRate: -1, JoinRate: -1, MaxPublicPerAddress: 2, MaxRoomsPerAddress: 3})
	found := func(remote string, public bool) signaling.Code {
		c := s.clientFrom(t, remote)
		c.send(signaling.Join{NewRoom: signaling.NewRoom{Public: public}})
		switch m := c.receive().(type) {
		case signaling.Welcome:
			return ""
		case *signaling.Error:
			return m.Code
		}
		return "something else"
	}
	const limited = signaling.CodeRateLimited
	for _, step := range []struct {
		remote string
		public bool
		want   signaling.Code
	}{
		{"203.0.113.1", true, ""}, {"203.0.113.1", true, ""}, {"203.0.113.1", true, limited},
		{"203.0.113.1", false, ""}, {"203.0.113.1", false, limited}, {"203.0.113.2", true, ""},
		// Two /64 fill their /56, and two of those the /48.
		{"2001:db8:1:1::1", true, ""}, {"2001:db8:1:1::2", true, ""}, {"2001:db8:1:1::3", true, limited},
		{"2001:db8:1:2::1", true, ""}, {"2001:db8:1:2::1", true, ""}, {"2001:db8:1:3::1", true, limited},
		{"2001:db8:1:3::1", false, ""}, {"2001:db8:1:3::1", false, ""}, {"2001:db8:1:4::1", false, limited},
		{"2001:db8:1:101::1", true, ""}, {"2001:db8:1:101::1", true, ""},
		{"2001:db8:1:102::1", true, ""}, {"2001:db8:1:102::1", true, ""},
		{"2001:db8:1:201::1", true, limited}, {"2001:db8:2:1::1", true, ""},
	} {
		require.Equal(t, step.want, found(step.remote, step.public), "%+v", step)
	}
	for range 20 {
		require.Empty(t, found("192.168.1.1", true), "a private address may be a proxy's")
	}
}

// A page looks at so many rooms; the rest is for the next one, also if it found nothing.
func TestOnePageDoesNotLookAtEverything(t *testing.T) {
	if testing.Short() {
		t.Skip("1005 members")
	}
	s := serve(t, signalserver.Config{})
	for i := range 1005 {
		conn := s.connect(t)
		t.Cleanup(func() { conn.Close() })
		require.NoError(t, conn.WriteJSON(map[string]any{"kind": "join", "room": fmt.Sprintf("r%04d", i), "new_room": map[string]any{"public": true}}))
	}
	s.eventually(t, "all are there", func(st signalserver.Stats) bool { return st.Public == 1005 })
	c := s.client(t)
	p := c.list(signaling.List{Filter: map[string]any{"no": "such"}})
	require.Empty(t, p.Rooms)
	require.NotEmpty(t, p.Next)
	p = c.list(signaling.List{Filter: map[string]any{"no": "such"}, After: p.Next})
	require.Empty(t, p.Next)
}
