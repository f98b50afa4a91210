package godot_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/signaling/signalserver"
)

func TestOneSecondToJoin(t *testing.T) {
	within(t, signalserver.Config{}, func(t *testing.T, s *server) {
		began := time.Now()
		g := s.game(t, "/")
		g.wantClosed(4000, "Have not joined lobby yet")
		require.Equal(t, time.Second, time.Since(began))

		in := s.game(t, "/")
		time.Sleep(999 * time.Millisecond)
		in.send(join, 0, "")
		in.wantID()
		time.Sleep(time.Hour)
		other := s.member(t, in.lobby, 0)
		in.want(peerConnect, other.id, "")
	})
}

// Ten seconds after the seal everybody is closed, and told why in its own words.
func TestSealedLobbyEndsAfterTenSeconds(t *testing.T) {
	within(t, signalserver.Config{}, func(t *testing.T, s *server) {
		host := s.member(t, "", 0)
		g := s.member(t, host.lobby, 0)
		b := s.browser(t, signaling.Join{Room: signaling.RoomName(host.lobby)})
		host.want(peerConnect, g.id, "")
		host.want(peerConnect, b.id, "")
		g.want(peerConnect, b.id, "")
		sealed := time.Now()
		host.send(seal, 0, "")
		for _, m := range []*game{host, g} {
			m.want(seal, 0, "")
		}
		require.Equal(t, signaling.Sealed{}, b.hear())

		time.Sleep(4 * time.Second)
		host.send(seal, 0, "") // once more: that changes nothing
		late := s.game(t, "/")
		late.send(join, 0, host.lobby)
		late.wantClosed(4000, "Lobby is sealed")

		for _, m := range []*game{host, g} {
			m.wantClosed(1000, "Seal complete")
		}
		require.Equal(t, 10*time.Second, time.Since(sealed))
		require.Equal(t, signaling.CodeSealComplete, b.hear().(*signaling.Error).Code)
		b.wantClosed(1008, "seal_complete")
		synctest.Wait() // members are told first, and then the server forgets the room
		require.Zero(t, s.Stats().Rooms)
	})
}

// A lobby that has ended before its time is not ended again, nor is another one of its name.
func TestSealedLobbyMayEndBefore(t *testing.T) {
	within(t, signalserver.Config{}, func(t *testing.T, s *server) {
		host := s.member(t, "", 0)
		g := s.member(t, host.lobby, 0)
		host.send(seal, 0, "")
		g.want(seal, 0, "")
		host.vanish()
		g.wantClosed(4000, "Room host has disconnected")
		b := s.browser(t, signaling.Join{Room: signaling.RoomName(host.lobby)})
		require.Equal(t, signaling.Host, b.welcome.ID)
		time.Sleep(time.Minute)
		other := s.member(t, host.lobby, 0)
		require.Equal(t, signaling.Joined{Member: signaling.Member{ID: signaling.PeerID(other.id), OneAttempt: true}}, b.hear())
		require.Equal(t, map[signaling.Code]uint64{signaling.CodeHostLeft: 1}, s.Stats().Refused)
	})
}

// The browser that was lost keeps its place for its grace time in a game's lobby, the game has none.
func TestGraceIsForMembersThatCanResume(t *testing.T) {
	within(t, signalserver.Config{}, func(t *testing.T, s *server) {
		host := s.member(t, "", 0)
		b := s.browser(t, signaling.Join{Room: signaling.RoomName(host.lobby)})
		g := s.member(t, host.lobby, 0)
		host.want(peerConnect, b.id, "")
		host.want(peerConnect, g.id, "")
		lost := time.Now()
		b.vanish()
		g.vanish()
		host.want(peerDisconnect, g.id, "")
		require.Zero(t, time.Since(lost))
		host.want(peerDisconnect, b.id, "")
		require.Equal(t, 30*time.Second, time.Since(lost))
	})
}

// After a restart a game waits for the room that it names, as everybody does, if it has asked in time.
func TestGameWaitsForARoomToComeBack(t *testing.T) {
	config := signalserver.Config{ResumeKey: []byte("the same for every restart")}
	within(t, config, func(t *testing.T, before *server) {
		b := before.browser(t, signaling.Join{Room: "lobby"})
		require.NoError(t, before.Shutdown(t.Context()))
		after := serveInMemory(t, config)
		g := after.game(t, "/")
		g.send(join, 0, "lobby")
		time.Sleep(3 * time.Second)
		back := after.browser(t, signaling.Join{Resume: b.welcome.Resume})
		require.True(t, back.welcome.Resumed)
		g.wantID()
		nobody := after.game(t, "/")
		nobody.send(join, 0, "nowhere")
		nobody.wantClosed(4000, "Lobby does not exists")
	})
}

// After a restart a game, too, waits for its room: until that is back, or until somebody who waits as well and
// can found it by that name has done so.
func TestGameWaitsForItsLobby(t *testing.T) {
	config := signalserver.Config{ResumeKey: []byte("0123456789abcdef")}
	within(t, config, func(t *testing.T, s *server) {
		g := s.game(t, "/")
		g.send(join, 0, "oasis")
		synctest.Wait()
		first := s.browser(t, signaling.Join{Room: "oasis", Topology: signaling.Star})
		require.Equal(t, signaling.Host, first.welcome.ID)
		g.wantID()
		require.Equal(t, "oasis", g.lobby)

		time.Sleep(time.Minute)
		late := s.game(t, "/")
		late.send(join, 0, "nowhere")
		late.wantClosed(4000, "Lobby does not exists")
	})
}
