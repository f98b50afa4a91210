package signalserver_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/signaling/signalserver"
)

// able is the join of a program that takes part in repairs.
func able(incarnation string) signaling.Join {
	return signaling.Join{Room: "r", Features: []string{signaling.FeatureRepair}, Incarnation: incarnation}
}

func ableMember(id signaling.PeerID, incarnation string) signaling.Member {
	return signaling.Member{ID: id, Features: []string{signaling.FeatureRepair}, Incarnation: incarnation}
}

func TestFeaturesAndIncarnationAreShown(t *testing.T) {
	s := serve(t, signalserver.Config{})
	host := s.member(t, able("one"))
	a := s.member(t, able("two"))
	require.Equal(t, []signaling.Member{ableMember(1, "one")}, a.welcome.Members)
	host.want(signaling.Joined{Member: ableMember(a.id(), "two")})
	b := s.member(t, signaling.Join{Room: "r"})
	host.wantJoined(b)
}

func TestFeaturesOutOfBoundsAreRefused(t *testing.T) {
	s := serve(t, signalserver.Config{})
	for _, frame := range []string{
		`{"kind":"join","features":[""]}`,
		`{"kind":"join","incarnation":"` + strings.Repeat("x", signaling.MaxIncarnation+1) + `"}`,
	} {
		c := s.client(t)
		c.sendText(frame)
		c.wantRefused(signaling.CodeBadMessage)
	}
}

// resumeAs comes back to the place of c as a program of that incarnation.
func (s *server) resumeAs(t *testing.T, c *client, incarnation string) *client {
	t.Helper()
	j := able(incarnation)
	j.Resume = c.welcome.Resume
	back := s.member(t, j)
	require.True(t, back.welcome.Resumed)
	require.Equal(t, c.id(), back.id())
	return back
}

func TestSameProgramComesBackUnnoticed(t *testing.T) {
	s := serve(t, signalserver.Config{})
	host := s.member(t, able("one"))
	a := s.member(t, able("two"))
	host.want(signaling.Joined{Member: ableMember(a.id(), "two")})
	a.vanish()
	s.eventually(t, "a is lost", func(st signalserver.Stats) bool { return st.Sessions == 1 })
	host.signal(a.id(), `"while it was away"`)
	host.wantNothing()
	back := s.resumeAs(t, a, "two")
	back.wantSignal(host, `"while it was away"`)
	host.wantNothing()
}

// Another program in the place of the one before it: the others are told, and it does not get what was
// meant for that one.
func TestRestartedProgramIsAnnounced(t *testing.T) {
	for name, row := range map[string]struct{ before, after string }{
		"another incarnation": {"two", "three"},
		"told at last":        {"", "two"},
		"told no more":        {"two", ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, signalserver.Config{})
			host := s.member(t, able("one"))
			a := s.member(t, able(row.before))
			host.want(signaling.Joined{Member: ableMember(a.id(), row.before)})
			a.vanish()
			s.eventually(t, "a is lost", func(st signalserver.Stats) bool { return st.Sessions == 1 })
			host.signal(a.id(), `"to the program before"`)
			host.wantNothing()

			back := s.resumeAs(t, a, row.after)
			host.want(signaling.Joined{Member: ableMember(a.id(), row.after)})
			host.signal(a.id(), `"to the program after"`)
			back.wantSignal(host, `"to the program after"`)
			back.wantNothing()
			newcomer := s.member(t, signaling.Join{Room: "r"})
			require.Contains(t, newcomer.welcome.Members, ableMember(a.id(), row.after))
		})
	}
}

// A program can be back before its server knows that it was gone.
func TestRestartedProgramTakesOverAnOpenSession(t *testing.T) {
	s := serve(t, signalserver.Config{})
	host := s.member(t, signaling.Join{Room: "r", Topology: signaling.Star, Incarnation: "one"})
	a, b := s.member(t, able("two")), s.member(t, able("other"))
	host.want(signaling.Joined{Member: ableMember(a.id(), "two")})
	host.want(signaling.Joined{Member: ableMember(b.id(), "other")})
	s.resumeAs(t, a, "three")
	a.wantRefused(signaling.CodeReplaced)
	host.want(signaling.Joined{Member: ableMember(a.id(), "three")})
	b.wantNothing() // in a star it has nothing to do with a
}

// After the grace time, and after a restart of the server, a member is announced once.
func TestIncarnationAfterTheGraceTime(t *testing.T) {
	s := serve(t, signalserver.Config{Grace: -1})
	host := s.member(t, able("one"))
	a := s.member(t, able("two"))
	host.want(signaling.Joined{Member: ableMember(a.id(), "two")})
	a.vanish()
	host.wantLeft(a, signaling.LeftLost)
	s.resumeAs(t, a, "three")
	host.want(signaling.Joined{Member: ableMember(a.id(), "three")})
	host.wantNothing()
}

func TestHostComesBackRestartedAfterARestart(t *testing.T) {
	before := serve(t, signalserver.Config{ResumeKey: key, Recovery: -1})
	host := before.member(t, signaling.Join{Room: "r", Topology: signaling.Star, Incarnation: "one"})
	a := before.member(t, able("two"))
	shutDown(t, before.Server)

	after := serve(t, signalserver.Config{ResumeKey: key, Recovery: -1})
	aBack := after.resumeAs(t, a, "two")
	aBack.signal(1, `"to whoever the host is"`)
	aBack.wantNothing()
	hostBack := after.resumeAs(t, host, "three")
	aBack.want(signaling.Joined{Member: ableMember(1, "three")})
	hostBack.wantSignal(aBack, `"to whoever the host is"`)
	aBack.wantNothing()
}
