package rooms

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/testdata/bubble"
)

// newShared returns a store of a server that shares its rooms.
func newShared(t *testing.T) *Store {
	return newStoreOf(t, func(c *Config) { c.Changed = func(signaling.RoomName) {} })
}

// A change that the host asks for takes effect, and the other members are told, at once. The host itself is answered when the
// change is in a written Record, in the order of its requests.
func TestHostIsAnsweredAfterRecording(t *testing.T) {
	s := newShared(t)
	session, host, _ := enter(t, s, signaling.Join{Room: "r"})
	guested, _, _ := enter(t, s, signaling.Join{Room: "r"})
	session.got, guested.got = nil, nil
	before, _ := s.Record("r")
	require.NoError(t, host.Lock(session, signaling.Lock{}))
	require.Equal(t, []signaling.Message{signaling.Lock{}}, guested.got)
	_, _, err := s.Join(newVisitor(), signaling.Join{Room: "r"}, everybody)
	require.ErrorIs(t, err, &signaling.Error{Code: signaling.CodeLocked})
	before.Written()
	require.Empty(t, session.got)

	locked, _ := s.Record("r")
	require.True(t, locked.Locked)
	require.NoError(t, host.Lock(session, signaling.Lock{Open: true}))
	require.NoError(t, host.Seal(session))
	for range 2 {
		locked.Written()
		require.Equal(t, []signaling.Message{signaling.Lock{}}, session.got)
	}

	sealed, _ := s.Record("r")
	sealed.Written()
	want := []signaling.Message{signaling.Lock{}, signaling.Lock{Open: true}, signaling.Sealed{}}
	require.Equal(t, want, session.got)
	require.Equal(t, want, guested.got)
}

// A host that has not been answered when its room moves is answered by the next owner, if the Record has what it asked for. An
// administrator learns that it was not done here.
func TestRoomMovesBeforeItIsRecorded(t *testing.T) {
	first, second := newShared(t), newShared(t)
	session, host, _ := enter(t, first, signaling.Join{Room: "r"})
	attachment := host.Attachment()
	require.NoError(t, host.Lock(session, signaling.Lock{}))
	done := make(chan bool, 1)
	require.True(t, host.room.setLocked(true, done))
	session.got = nil
	session.view = NewView(ViewState{}) // the owner is killed before what the administrator did arrives
	record, ok := first.Surrender("r")
	require.True(t, ok)
	require.False(t, <-done)
	record.Written()
	require.Empty(t, session.got)
	second.Adopt("r", record, free{})
	session = session.again()
	_, err := second.Attach(session, attachment)
	require.NoError(t, err)
	require.Equal(t, []signaling.Message{signaling.Lock{}}, session.got)
}

// While no Record is written, a host has a limited number of requests that wait for one.
func TestUnrecordedRequestsAreBounded(t *testing.T) {
	s := newShared(t)
	session, host, _ := enter(t, s, signaling.Join{Room: "r"})
	for i := range maxPending {
		require.NoError(t, host.Lock(session, signaling.Lock{Open: i%2 > 0}))
	}
	require.ErrorIs(t, host.Lock(session, signaling.Lock{}), &signaling.Error{Code: signaling.CodeRateLimited})
	require.False(t, host.room.locked)
	record, _ := s.Record("r")
	record.Written()
	require.NoError(t, host.Lock(session, signaling.Lock{}))
}

// A watched session notes with which metadata it could be attached elsewhere when it gets new ones.
type watched struct {
	*visitor
	kept []string
}

func (w *watched) Deliver(n *Prepared) {
	if _, ok := n.Message.(signaling.Metadata); ok {
		w.kept = append(w.kept, string(w.attachment.Join.Metadata))
	}
	w.visitor.Deliver(n)
}

// A member learns that its new metadata hold when its server has what is needed to attach it with them: the owner of the room
// may die in that moment.
func TestMetadataAreKeptBeforeTheMemberIsTold(t *testing.T) {
	s := newShared(t)
	w := &watched{visitor: newVisitor()}
	m, _, err := s.Join(w, signaling.Join{Room: "r", Metadata: []byte("1")}, everybody)
	require.NoError(t, err)
	for _, metadata := range []string{"2", "3", "3"} {
		require.NoError(t, m.SetMetadata(w, []byte(metadata)))
	}
	require.Equal(t, []string{"2", "3", "3"}, w.kept)
}

// A lost session is missed while its change of metadata is handled.
type lost struct {
	*visitor
	misses bool
}

func (l *lost) Welcomed(m *Member, a Attachment, token string) {
	l.visitor.Welcomed(m, a, token)
	if l.misses {
		m.Miss(l)
	}
}

// The server of a session is lost in the moment between a change of metadata and its announcement, which has to wait because
// there were many. The others are told when the member is attached again.
func TestMetadataOfAMemberThatIsMissed(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		s := newShared(t)
		other, _, _ := enter(t, s, signaling.Join{Room: "r"})
		l := &lost{visitor: newVisitor()}
		m, _, err := s.Join(l, signaling.Join{Room: "r"}, everybody)
		require.NoError(t, err)
		for i := range tellBurst {
			require.NoError(t, m.SetMetadata(l, fmt.Append(nil, i)))
		}
		other.got, l.misses = nil, true
		require.NoError(t, m.SetMetadata(l, []byte(`"the last"`)))
		require.Empty(t, other.got)

		again := l.visitor.again()
		_, err = s.Attach(again, l.attachment)
		require.NoError(t, err)
		time.Sleep(2 * tellEvery)
		m.Due(again)
		require.Contains(t, other.got, signaling.Message(signaling.Metadata{ID: m.ID(), Metadata: []byte(`"the last"`)}))
	})
}
