package signalserver_test

import (
	"context"
	"net/http"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/signaling/godot"
	"example.org/rtcpeer/signaling/signalserver"
)

func TestAdminSeesRoomsAndMembers(t *testing.T) {
	s := serve(t, signalserver.Config{})
	before := time.Now()
	host := s.member(t, signaling.Join{Room: "r", Password: "p", Metadata: []byte(`"Ann"`),
		NewRoom: signaling.NewRoom{Public: true, Metadata: []byte(`{"a":1}`), MaxMembers: 4}})
	a := s.member(t, signaling.Join{Room: "r", Password: "p"})
	host.wantJoined(a)
	s.member(t, signaling.Join{Room: "a", Topology: signaling.Star})
	a.vanish()
	s.eventually(t, "a is lost", func(st signalserver.Stats) bool { return st.Sessions == 2 })

	rooms := s.Rooms()
	require.Len(t, rooms, 2)
	require.EqualValues(t, "a", rooms[0].Name)
	require.WithinRange(t, rooms[1].Created, before, time.Now())
	rooms[1].Created = time.Time{}
	require.Equal(t, signalserver.RoomInfo{Name: "r", Topology: signaling.Mesh, Members: 2, MaxMembers: 4, Public: true, Password: true,
		Metadata: []byte(`{"a":1}`)}, rooms[1])

	members, found := s.Members("r")
	require.True(t, found)
	for i := range members {
		require.WithinRange(t, members[i].Since, before, time.Now())
		members[i].Since = time.Time{}
	}
	local := netip.MustParseAddr("127.0.0.1")
	require.Equal(t, []signalserver.MemberInfo{
		{ID: 1, Connected: true, Remote: local, Metadata: []byte(`"Ann"`)},
		{ID: a.id(), Remote: local},
	}, members)
	_, found = s.Members("other")
	require.False(t, found)
}

func TestAdminKicks(t *testing.T) {
	s := serve(t, signalserver.Config{})
	host, a := pair(t, s, signaling.Star)
	require.False(t, s.Kick("r", 99, ""))
	require.False(t, s.Kick("other", 1, ""))
	require.True(t, s.Kick("r", a.id(), "spam"))
	require.Equal(t, "spam", a.wantError(signaling.CodeKicked).Text)
	host.wantLeft(a, signaling.LeftKicked)
	require.True(t, s.Kick("r", 1, ""))
	host.wantRefused(signaling.CodeKicked)
	s.eventually(t, "the star ends with its host", func(st signalserver.Stats) bool { return st.Rooms == 0 })
}

func TestAdminClosesARoom(t *testing.T) {
	s := serve(t, signalserver.Config{})
	host, a := pair(t, s, signaling.Mesh)
	a.vanish()
	s.eventually(t, "a is lost", func(st signalserver.Stats) bool { return st.Sessions == 1 })
	require.False(t, s.CloseRoom("other", ""))
	require.True(t, s.CloseRoom("r", "abuse"))
	require.Equal(t, "abuse", host.wantError(signaling.CodeRoomClosed).Text)
	require.Empty(t, s.Rooms())
	s.refuseResume(t, signaling.Join{Resume: a.welcome.Resume})
	s.member(t, signaling.Join{Room: "r"}) // another one of that name
}

func TestDrain(t *testing.T) {
	s := serve(t, signalserver.Config{ResumeKey: key, Recovery: -1})
	early := s.client(t)
	host, a := pair(t, s, signaling.Mesh)
	s.eventually(t, "all are there", func(st signalserver.Stats) bool { return st.Sessions == 3 })
	s.SetDraining(true)
	require.True(t, s.Stats().Draining)
	early.send(signaling.Join{Room: "r"})
	e := early.wantError(signaling.CodeShuttingDown)
	require.Equal(t, 5*time.Second, e.RetryAfter())
	res, _ := get(t, s, upgrade("Sec-WebSocket-Protocol", signaling.Subprotocol))
	require.Equal(t, http.StatusServiceUnavailable, res.StatusCode)
	require.Equal(t, "5", res.Header.Get("Retry-After"))
	host.signal(a.id(), `"we go on"`)
	a.wantSignal(host, `"we go on"`)

	done := make(chan error, 1)
	go func() { done <- s.Drain(context.Background()) }()
	host.wantRefused(signaling.CodeShuttingDown)
	a.wantRefused(signaling.CodeShuttingDown)
	require.NoError(t, <-done)
	require.Zero(t, s.Stats().Sessions)
	require.NoError(t, s.Drain(t.Context()), "there is nobody any more")

	other := serve(t, signalserver.Config{ResumeKey: key, Recovery: -1})
	other.resume(t, host)
	s.SetDraining(false)
	s.resume(t, a)
}

func TestDrainGivesUpWithItsContext(t *testing.T) {
	within(t, signalserver.Config{}, func(t *testing.T, s *server) {
		conn := s.connect(t) // reads nothing
		defer conn.Close()
		s.eventually(t, "it is there", func(st signalserver.Stats) bool { return st.Sessions == 1 })
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.ErrorIs(t, s.Drain(ctx), context.DeadlineExceeded)
	})
}

// The rules of the founder's dialect are in the tickets of those who can come back.
func TestGodotsRoomKeepsItsRulesAfterARestart(t *testing.T) {
	config := signalserver.Config{ResumeKey: key, Recovery: -1, Plain: godot.Server()}
	within(t, config, func(t *testing.T, before *server) {
		a := before.member(t, signaling.Join{Room: before.godotHost(t)})
		after := serveInMemory(t, config)
		back := after.resume(t, a)
		require.Empty(t, back.welcome.Members)
		time.Sleep(29 * time.Second)
		back.wantNothing()
		time.Sleep(2 * time.Second)
		back.wantRefused(signaling.CodeHostLeft) // it cannot come back
	})
}

// godotHost founds a mesh as a Godot game does, and returns its name.
func (s *server) godotHost(t *testing.T) signaling.RoomName {
	t.Helper()
	return s.game(t, "").room
}

// SetLocked does what the host can; everybody is told.
func TestSetLocked(t *testing.T) {
	s := serve(t, signalserver.Config{})
	host, a := pair(t, s, signaling.Mesh)
	require.True(t, s.SetLocked("r", true))
	host.want(signaling.Lock{})
	a.want(signaling.Lock{})
	late := s.client(t)
	late.send(signaling.Join{Room: "r"})
	late.wantError(signaling.CodeLocked)
	require.True(t, s.SetLocked("r", false))
	host.want(signaling.Lock{Open: true})
	s.member(t, signaling.Join{Room: "r"})
	require.False(t, s.SetLocked("none", true))
}
