package signalserver_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/signaling/signalserver"
)

var key = []byte("0123456789abcdef")

// pair is a room with its host and one more member.
func pair(t *testing.T, s *server, topology signaling.Topology) (host, a *client) {
	t.Helper()
	host = s.member(t, signaling.Join{Room: "r", Topology: topology})
	a = s.member(t, signaling.Join{Room: "r"})
	host.wantJoined(a)
	return host, a
}

// resume comes back with the token of c.
func (s *server) resume(t *testing.T, c *client) *client {
	t.Helper()
	back := s.member(t, signaling.Join{Resume: c.welcome.Resume})
	require.True(t, back.welcome.Resumed)
	require.Equal(t, c.id(), back.id())
	require.Equal(t, c.welcome.Room, back.welcome.Room)
	require.Equal(t, c.welcome.Topology, back.welcome.Topology)
	return back
}

func (s *server) refuseResume(t *testing.T, j signaling.Join) {
	t.Helper()
	c := s.client(t)
	c.send(j)
	c.wantRefused(signaling.CodeResumeRefused)
}

func TestResumeWithinGrace(t *testing.T) {
	s := serve(t, signalserver.Config{})
	host, a := pair(t, s, signaling.Mesh)
	b := s.member(t, signaling.Join{Room: "r"})
	host.wantJoined(b)
	a.wantJoined(b)

	a.vanish()
	s.eventually(t, "a is lost", func(st signalserver.Stats) bool { return st.Sessions == 2 })
	host.wantNothing()
	host.signal(a.id(), `1`)
	b.signal(a.id(), `"from one that is gone when a is back"`)
	host.signal(a.id(), `2`)
	host.wantNothing()
	b.send(signaling.Leave{})
	host.wantLeft(b, signaling.LeftByItself)

	back := s.resume(t, a)
	require.Equal(t, []signaling.Member{{ID: 1}}, back.welcome.Members)
	back.wantSignal(host, `1`)
	back.wantSignal(host, `2`)
	back.wantNothing()
	host.wantNothing()
	back.signal(1, `3`)
	host.wantSignal(back, `3`)
	require.EqualValues(t, 1, s.Stats().Resumes)
}

func TestResumeTakesOverAnOpenSession(t *testing.T) {
	s := serve(t, signalserver.Config{})
	host, a := pair(t, s, signaling.Star)
	back := s.resume(t, a)
	a.wantRefused(signaling.CodeReplaced)
	host.signal(a.id(), `1`)
	back.wantSignal(host, `1`)
	s.eventually(t, "the old session ends", func(st signalserver.Stats) bool { return st.Sessions == 2 })
	host.wantNothing()

	hostBack := s.resume(t, host)
	host.wantRefused(signaling.CodeReplaced)
	require.Equal(t, []signaling.Member{{ID: a.id()}}, hostBack.welcome.Members)
	back.wantNothing()
}

func TestResumeTellsMetadataAnew(t *testing.T) {
	s := serve(t, signalserver.Config{})
	_, a := pair(t, s, signaling.Mesh)
	s.member(t, signaling.Join{Resume: a.welcome.Resume, Metadata: []byte(`"new"`)})
	b := s.member(t, signaling.Join{Room: "r"})
	require.Contains(t, b.welcome.Members, signaling.Member{ID: a.id(), Metadata: []byte(`"new"`)})
}

func TestResumeAfterGraceWhileRoomExists(t *testing.T) {
	s := serve(t, signalserver.Config{Grace: -1, MaxMembers: 2})
	host, a := pair(t, s, signaling.Mesh)
	host.send(signaling.Seal{})
	host.want(signaling.Sealed{})
	a.vanish()
	host.wantLeft(a, signaling.LeftLost)

	back := s.resume(t, a)
	host.wantJoined(back)
	require.True(t, back.welcome.Sealed, "a sealed room takes nobody new, but those who were there")
}

func TestResumeIntoFullRoom(t *testing.T) {
	s := serve(t, signalserver.Config{Grace: -1, MaxMembers: 2})
	host, a := pair(t, s, signaling.Mesh)
	a.vanish()
	host.wantLeft(a, signaling.LeftLost)
	b := s.member(t, signaling.Join{Room: "r"})
	host.wantJoined(b)
	c := s.client(t)
	c.send(signaling.Join{Resume: a.welcome.Resume})
	c.wantRefused(signaling.CodeRoomFull)
}

func TestResumeRefused(t *testing.T) {
	s := serve(t, signalserver.Config{ResumeKey: key, Recovery: -1})
	host, a := pair(t, s, signaling.Mesh)
	token := a.welcome.Resume
	stranger := serve(t, signalserver.Config{}).member(t, signaling.Join{Room: "r"}).welcome.Resume
	for name, j := range map[string]signaling.Join{
		"not base64":         {Resume: "?"},
		"too short":          {Resume: "AAAA"},
		"one letter changed": {Resume: "B" + token[1:]},
		"cut":                {Resume: token[:len(token)-4]},
		"another server's":   {Resume: stranger},
		"for another room":   {Resume: token, Room: "q"},
	} {
		t.Run(name, func(t *testing.T) { s.refuseResume(t, j) })
	}
	t.Run("for another topology", func(t *testing.T) {
		c := s.client(t)
		c.send(signaling.Join{Resume: token, Topology: signaling.Star})
		c.wantRefused(signaling.CodeTopologyMismatch)
	})
	a.send(signaling.Leave{})
	host.wantLeft(a, signaling.LeftByItself)
	t.Run("of a member that left", func(t *testing.T) { s.refuseResume(t, signaling.Join{Resume: token}) })

	host.send(signaling.Leave{})
	s.eventually(t, "the room ends", func(st signalserver.Stats) bool { return st.Rooms == 0 })
	s.member(t, signaling.Join{Room: "r"})
	t.Run("for an earlier room of that name", func(t *testing.T) {
		s.refuseResume(t, signaling.Join{Resume: token})
		s.refuseResume(t, signaling.Join{Resume: host.welcome.Resume})
	})
}

func TestMeshComesBackAfterRestart(t *testing.T) {
	before := serve(t, signalserver.Config{ResumeKey: key, Recovery: -1})
	host, a := pair(t, before, signaling.Mesh)
	shutDown(t, before.Server)
	host.wantRefused(signaling.CodeShuttingDown)
	a.wantRefused(signaling.CodeShuttingDown)

	after := serve(t, signalserver.Config{ResumeKey: key, Recovery: -1})
	aBack := after.resume(t, a)
	require.Equal(t, []signaling.Member{}, aBack.welcome.Members)
	newcomer := after.member(t, signaling.Join{Room: "r"})
	require.NotEqual(t, signaling.Host, newcomer.id(), "1 is someone else's")
	aBack.wantJoined(newcomer)
	hostBack := after.resume(t, host)
	aBack.wantJoined(hostBack)
	newcomer.wantJoined(hostBack)
	require.Len(t, hostBack.welcome.Members, 2)
	hostBack.send(signaling.Seal{})
	aBack.want(signaling.Sealed{})
}

func TestStarComesBackAfterRestart(t *testing.T) {
	before := serve(t, signalserver.Config{ResumeKey: key, Recovery: -1})
	host, a := pair(t, before, signaling.Star)
	shutDown(t, before.Server)

	t.Run("member first", func(t *testing.T) {
		after := serve(t, signalserver.Config{ResumeKey: key, Recovery: -1})
		aBack := after.resume(t, a)
		require.Equal(t, []signaling.Member{}, aBack.welcome.Members)
		aBack.signal(1, `"are you there?"`)
		aBack.wantNothing()
		hostBack := after.resume(t, host)
		require.Equal(t, []signaling.Member{{ID: a.id()}}, hostBack.welcome.Members)
		hostBack.wantSignal(aBack, `"are you there?"`)
		aBack.wantJoined(hostBack)
	})
	t.Run("host first", func(t *testing.T) {
		after := serve(t, signalserver.Config{ResumeKey: key, Recovery: -1})
		hostBack := after.resume(t, host)
		aBack := after.resume(t, a)
		require.Equal(t, []signaling.Member{{ID: 1}}, aBack.welcome.Members)
		hostBack.wantJoined(aBack)
		hostBack.send(signaling.Leave{})
		aBack.wantRefused(signaling.CodeHostLeft)
	})
	t.Run("after the name went to others", func(t *testing.T) {
		after := serve(t, signalserver.Config{ResumeKey: key, Recovery: -1})
		after.member(t, signaling.Join{Room: "r"})
		after.refuseResume(t, signaling.Join{Resume: a.welcome.Resume})
	})
}
