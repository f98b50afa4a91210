package memory_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"example.org/rtcpeer/rtcpeer"
	"example.org/rtcpeer/rtcpeer/signalertest"
	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/signaling/memory"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func newServer(t *testing.T) *memory.Server {
	s := memory.NewServer()
	t.Cleanup(s.Close)
	return s
}

func TestSignaler(t *testing.T) {
	signalertest.Run(t, func(t *testing.T) signalertest.Join {
		server := newServer(t)
		return func(ctx context.Context, j signaling.Join) (rtcpeer.Signaler, error) {
			c, err := server.Join(ctx, j)
			if err != nil {
				return nil, err
			}
			return c, nil
		}
	})
}

func next(t *testing.T, c *memory.Client) signaling.Message {
	m, err := c.Receive(t.Context())
	require.NoError(t, err)
	return m
}

func code(c signaling.Code) error { return &signaling.Error{Code: c} }

// The first of a match waits until the last has come.
func TestMatch(t *testing.T) {
	server := newServer(t)
	match := signaling.Join{Match: &signaling.Match{Key: "chess", Size: 2}}
	first := make(chan *memory.Client)
	go func() {
		c, _ := server.Join(t.Context(), match)
		first <- c
	}()
	b, err := server.Join(t.Context(), match)
	require.NoError(t, err)
	defer b.Close()
	a := <-first
	require.NotNil(t, a)
	defer a.Close()
	wa, wb := next(t, a).(signaling.Welcome), next(t, b).(signaling.Welcome)
	require.Equal(t, wa.Room, wb.Room)
	require.ElementsMatch(t, []signaling.PeerID{1, max(wa.ID, wb.ID)}, []signaling.PeerID{wa.ID, wb.ID})
	require.True(t, wa.Sealed && wb.Sealed)
}

func TestMatchThatIsNotCompleted(t *testing.T) {
	server := memory.NewServer()
	match := signaling.Join{Match: &signaling.Match{Key: "chess", Size: 2}}
	over, end := context.WithCancelCause(t.Context())
	end(context.DeadlineExceeded)
	_, err := server.Join(over, match)
	require.ErrorIs(t, err, context.DeadlineExceeded)

	ended := make(chan error)
	go func() {
		_, err := server.Join(t.Context(), match)
		ended <- err
	}()
	server.Close()
	require.ErrorIs(t, <-ended, code(signaling.CodeShuttingDown))
}

func TestList(t *testing.T) {
	server := newServer(t)
	host, err := server.Join(t.Context(), signaling.Join{Room: "hall", NewRoom: signaling.NewRoom{Public: true}})
	require.NoError(t, err)
	defer host.Close()
	next(t, host)
	require.NoError(t, host.Send(t.Context(), signaling.List{}))
	list := next(t, host).(signaling.Rooms).Rooms
	require.Len(t, list, 1)
	require.EqualValues(t, "hall", list[0].Room)
}

func TestPassword(t *testing.T) {
	server := newServer(t)
	host, err := server.Join(t.Context(), signaling.Join{Room: "hall", Password: "swordfish"})
	require.NoError(t, err)
	defer host.Close()
	for _, c := range []struct {
		password string
		want     error
	}{{"", code(signaling.CodeWrongPassword)}, {"herring", code(signaling.CodeWrongPassword)}, {"swordfish", nil}} {
		guest, err := server.Join(t.Context(), signaling.Join{Room: "hall", Password: c.password})
		require.ErrorIs(t, err, c.want)
		if err == nil {
			defer guest.Close()
		}
	}
}

func TestRefusedByJoin(t *testing.T) {
	server := newServer(t)
	for name, j := range map[string]signaling.Join{
		"a room name that is none":       {Room: "no spaces, please"},
		"a topology that does not exist": {Topology: "ring"},
	} {
		_, err := server.Join(t.Context(), j)
		require.Error(t, err, name)
		_, typed := err.(*signaling.Error)
		require.True(t, typed, name)
	}
}

// What only Join and Close may say is an error, and nothing comes of it.
func TestSendRefusesJoinAndLeave(t *testing.T) {
	server := newServer(t)
	c, err := server.Join(t.Context(), signaling.Join{})
	require.NoError(t, err)
	defer c.Close()
	next(t, c)
	for _, m := range []signaling.Message{signaling.Join{}, signaling.Leave{}, signaling.Disconnected{}} {
		require.Error(t, c.Send(t.Context(), m), "%s", m.Kind())
	}
	require.NoError(t, c.Send(t.Context(), signaling.Lock{}))
	require.IsType(t, signaling.Lock{}, next(t, c))
}

// A member that does not read holds up nobody, and is thrown out in the end.
func TestMemberThatDoesNotRead(t *testing.T) {
	server := newServer(t)
	idle, err := server.Join(t.Context(), signaling.Join{Room: "hall"})
	require.NoError(t, err)
	defer idle.Close()
	next(t, idle)
	other, err := server.Join(t.Context(), signaling.Join{Room: "hall"})
	require.NoError(t, err)
	defer other.Close()
	data, err := signaling.SignalData{Type: signaling.Candidate}.Encode()
	require.NoError(t, err)
	for range 70_000 {
		require.NoError(t, other.Send(t.Context(), signaling.Signal{To: 1, Data: data}))
	}
	for {
		if _, err := idle.Receive(t.Context()); err != nil {
			require.ErrorIs(t, err, code(signaling.CodeSlow))
			require.Same(t, err, idle.Send(t.Context(), signaling.Seal{}), "and it stays so")
			return
		}
	}
}

func TestServerCloses(t *testing.T) {
	server := memory.NewServer()
	c, err := server.Join(t.Context(), signaling.Join{})
	require.NoError(t, err)
	defer c.Close()
	server.Close()
	server.Close()
	require.IsType(t, signaling.Welcome{}, next(t, c), "what was said before is heard")
	_, err = c.Receive(t.Context())
	require.ErrorIs(t, err, code(signaling.CodeRoomClosed))
	_, err = server.Join(t.Context(), signaling.Join{})
	require.ErrorIs(t, err, code(signaling.CodeShuttingDown))
}

// A member of the room may send a signal as soon as it is told of a newcomer, which is before the newcomer's welcome.
func TestSignalsBeforeTheWelcome(t *testing.T) {
	server := newServer(t)
	host, err := server.Join(t.Context(), signaling.Join{Room: "hall"})
	require.NoError(t, err)
	defer host.Close()
	next(t, host) // its welcome
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		for {
			m, err := host.Receive(t.Context())
			if err != nil {
				return
			}
			if joined, ok := m.(signaling.Joined); ok {
				host.Send(t.Context(), signaling.Signal{To: joined.Member.ID, Data: []byte("1")})
			}
		}
	}()
	for range 1000 {
		guest, err := server.Join(t.Context(), signaling.Join{Room: "hall"})
		require.NoError(t, err)
		require.IsType(t, signaling.Welcome{}, next(t, guest))
		require.IsType(t, signaling.Signal{}, next(t, guest))
		guest.Close()
	}
	host.Close()
	<-sent
}
