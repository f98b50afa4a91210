package rooms

import (
	"testing"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/signaling"
)

// The owner of a room dies when it has recorded a change and told nobody. The next owner tells.
func TestChangesThatADeadOwnerDidNotSend(t *testing.T) {
	joined := signaling.Join{Room: "r", Metadata: []byte(`"old"`), Incarnation: "a"}
	for name, c := range map[string]struct {
		change func(s *Store, host, other *Member)
		want   func(other signaling.Member) signaling.Message
	}{
		"left": {
			func(_ *Store, _, other *Member) { other.Leave(other.session) },
			func(other signaling.Member) signaling.Message {
				return signaling.Left{ID: other.ID, Reason: signaling.LeftByItself}
			},
		},
		"kicked": {
			func(_ *Store, host, other *Member) { _ = host.Kick(host.session, signaling.Kick{ID: other.id}) },
			func(other signaling.Member) signaling.Message {
				return signaling.Left{ID: other.ID, Reason: signaling.LeftKicked}
			},
		},
		"sealed": {
			func(_ *Store, host, _ *Member) { _ = host.Seal(host.session) },
			func(signaling.Member) signaling.Message { return signaling.Sealed{} },
		},
		"locked": {
			func(_ *Store, host, _ *Member) { _ = host.Lock(host.session, signaling.Lock{}) },
			func(signaling.Member) signaling.Message { return signaling.Lock{} },
		},
		"metadata": {
			func(_ *Store, _, other *Member) { _ = other.SetMetadata(other.session, []byte(`"new"`)) },
			func(other signaling.Member) signaling.Message {
				return signaling.Metadata{ID: other.ID, Metadata: []byte(`"new"`)}
			},
		},
	} {
		first, second := newStore(t), newStore(t)
		hosted, host, _ := enter(t, first, joined)
		othered, other, _ := enter(t, first, joined)
		session, member, _ := enter(t, first, joined)
		before := session.again() // what it knows now
		c.change(first, host, other)
		attachments := map[*visitor]Attachment{hosted: host.Attachment(), session: member.Attachment()}
		if other.session != nil {
			attachments[othered] = other.Attachment()
		}
		record, ok := first.Surrender("r")
		require.True(t, ok, name)
		second.Adopt("r", record, free{})
		for _, v := range []*visitor{hosted, othered, session} {
			again := v.again()
			if v == session {
				again = before
			}
			if a, ok := attachments[v]; ok {
				_, err := second.Attach(again, a)
				require.NoError(t, err, name)
			}
			if v != session {
				require.Empty(t, again.got, "%s: it was told", name)
			}
		}
		require.Equal(t, []signaling.Message{c.want(other.info)}, before.got, name)
	}
}

// A member joined just before its room moved, so the record does not have it. A member that knows it is attached first: what
// it sends is kept, and if the other one never comes, it is told so.
func TestMemberThatOnlyAnotherMemberKnows(t *testing.T) {
	first, second := newStore(t), newStoreOf(t, func(c *Config) { c.Log = discard })
	session, host, _ := enter(t, first, signaling.Join{Room: "r"})
	record, _ := first.Record("r")
	late, other, _ := enter(t, first, signaling.Join{Room: "r"})
	_, lost, _ := enter(t, first, signaling.Join{Room: "r"})
	a, b := host.Attachment(), other.Attachment()
	first.Surrender("r")
	second.Adopt("r", record, free{})

	session = session.again()
	host, err := second.Attach(session, a)
	require.NoError(t, err)
	require.NoError(t, host.Signal(session, signaling.Signal{To: other.id, Data: []byte("1")}))
	late = late.again()
	_, err = second.Attach(late, b)
	require.NoError(t, err)
	require.Equal(t, []signaling.Message{signaling.Signal{From: host.id, Data: []byte("1")}}, late.got)
	require.Empty(t, session.got)

	place := host.room.members[lost.id]
	require.NotNil(t, place)
	host.room.expire(place, place.losses, DroppedGraceOver)
	for _, v := range []*visitor{session, late} {
		require.Equal(t, signaling.Left{ID: lost.id, Reason: signaling.LeftLost}, v.got[len(v.got)-1])
	}
}

// A member has left, and comes back with its ticket after the room has moved: it is refused, as without the move.
func TestMemberThatHasLeftDoesNotComeBackAfterAMove(t *testing.T) {
	first, second := newStore(t), newStore(t)
	enter(t, first, signaling.Join{Room: "r"})
	session, member, welcome := enter(t, first, signaling.Join{Room: "r"})
	attachment := member.Attachment()
	member.Leave(session)
	record, ok := first.Surrender("r")
	require.True(t, ok)
	second.Adopt("r", record, free{})
	_, _, err := second.Join(newVisitor(), signaling.Join{Resume: welcome.Resume}, everybody)
	require.ErrorIs(t, err, &signaling.Error{Code: signaling.CodeResumeRefused})
	_, err = second.Attach(session.again(), attachment)
	require.ErrorIs(t, err, &signaling.Error{Code: signaling.CodeResumeRefused})
}

// A message to an earlier session of the member is still under way when its server attaches it again to the same owner. Nothing
// is left out, and the member's server recognizes what comes twice.
func TestAttachWhileMessagesAreUnderWay(t *testing.T) {
	s := newStoreOf(t, func(c *Config) { c.Log = discard })
	_, _, _ = enter(t, s, signaling.Join{Room: "r"})
	session, member, _ := enter(t, s, signaling.Join{Room: "r"})
	attachment, home := member.Attachment(), session.again()
	guested, guest, _ := enter(t, s, signaling.Join{Room: "r"})
	underWay := Prepare(session.got[len(session.got)-1])
	require.True(t, member.Miss(session))
	guest.Leave(guested)
	next := home.again()
	_, err := s.Attach(next, attachment)
	require.NoError(t, err)
	require.Contains(t, next.got, signaling.Message(signaling.Left{ID: guest.id, Reason: signaling.LeftByItself}))

	require.True(t, home.view.Apply(underWay.Change()))
	told := 0
	for _, m := range next.got {
		if home.view.Apply(Prepare(m).Change()) {
			told++
		}
	}
	require.Equal(t, 1, told)
	require.Len(t, home.view.State().Members, 1)
}
