package rtcpeer_test

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer"
	"example.org/rtcpeer/rtcpeer/transport"
	"example.org/rtcpeer/rtcpeer/transport/memory"
	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/signaling/godot"
	"example.org/rtcpeer/signaling/signalclient"
	"example.org/rtcpeer/signaling/signalserver"
	"example.org/rtcpeer/testdata/bubble"
)

// startGodotServer is startServer with Godot's dialect, in which a sealed room ends soon.
func startGodotServer(t *testing.T) *server {
	t.Helper()
	dialect := godot.Server()
	dialect.Room.EndAfterSeal = 50 * time.Millisecond
	return startServer(t, signalserver.Config{Plain: dialect})
}

func (s *server) godot(room string) string { return "godot+" + s.url(room) }

func TestJoinByGodotsProtocol(t *testing.T) {
	t.Parallel()
	for _, topology := range []rtcpeer.Topology{rtcpeer.Mesh, rtcpeer.Star} {
		t.Run(string(topology), func(t *testing.T) {
			s := startGodotServer(t)
			host := join(t, s.godot(""), rtcpeer.Config{Topology: topology})
			require.Equal(t, rtcpeer.Server, host.ID())
			require.Len(t, host.Room(), 16, "the server has chosen it")
			second := join(t, s.godot(host.Room()), rtcpeer.Config{})
			require.Equal(t, topology, second.Topology())
			require.Equal(t, rtcpeer.PeerConnected, next(t, host).Kind)
			require.Equal(t, rtcpeer.PeerConnected, next(t, second).Kind)

			third := join(t, s.url(host.Room()), rtcpeer.Config{}) // by the protocol of this module
			require.Equal(t, rtcpeer.PeerConnected, next(t, host).Kind)
			for range 2 {
				require.Equal(t, rtcpeer.PeerConnected, next(t, third).Kind)
			}
			require.Equal(t, rtcpeer.PeerConnected, next(t, second).Kind)

			for _, n := range []*rtcpeer.Node{second, third} {
				require.NoError(t, n.Send(t.Context(), rtcpeer.Packet{Peer: rtcpeer.Server, Data: []byte("hi")}))
				wantPacket(t, host, n.ID(), 0, rtcpeer.Reliable, "hi")
			}
			require.NoError(t, third.Send(t.Context(), rtcpeer.Packet{Peer: second.ID(), Data: []byte("hello")}))
			wantPacket(t, second, third.ID(), 0, rtcpeer.Reliable, "hello")

			// The sealed room ends; the links go on.
			require.NoError(t, host.Seal(t.Context()))
			for _, n := range []*rtcpeer.Node{host, second, third} {
				require.Eventually(t, func() bool { return n.Stats().SignalingErr != nil }, 20*time.Second, time.Millisecond)
				require.ErrorIs(t, n.Stats().SignalingErr, &signaling.Error{Code: signaling.CodeSealComplete})
				require.True(t, n.Sealed())
			}
			require.NoError(t, second.Send(t.Context(), rtcpeer.Packet{Peer: third.ID(), Data: []byte("still here")}))
			wantPacket(t, third, second.ID(), 0, rtcpeer.Reliable, "still here")
		})
	}
}

// When the host's connection with the server ends, the room does, and the links of a mesh go on.
func TestLobbyOfAMeshEndsWithItsHost(t *testing.T) {
	s := startGodotServer(t)
	host := join(t, s.godot(""), rtcpeer.Config{})
	a, b := join(t, s.godot(host.Room()), rtcpeer.Config{}), join(t, s.godot(host.Room()), rtcpeer.Config{})
	for range 2 {
		for _, n := range []*rtcpeer.Node{host, a, b} {
			require.Equal(t, rtcpeer.PeerConnected, next(t, n).Kind)
		}
	}
	require.NoError(t, host.Close())
	wantDisconnected(t, a, host.ID(), rtcpeer.ByPeer)
	wantDisconnected(t, b, host.ID(), rtcpeer.ByPeer)
	require.Eventually(t, func() bool { return a.Stats().SignalingErr != nil }, 20*time.Second, time.Millisecond)
	require.ErrorIs(t, a.Stats().SignalingErr, &signaling.Error{Code: signaling.CodeHostLeft})
	require.NoError(t, a.Send(t.Context(), rtcpeer.Packet{Peer: b.ID(), Data: []byte("the two of us")}))
	wantPacket(t, b, a.ID(), 0, rtcpeer.Reliable, "the two of us")
}

// A game knows no refusal of a link, and would wait for ever. The server closes its socket, with the host's reason; its
// place in the room is free again.
func TestGameIsTurnedAway(t *testing.T) {
	for name, config := range map[string]rtcpeer.Config{
		"no more than 1 peers are admitted": {Topology: rtcpeer.Star, MaxPeers: 1},
		"new connections are refused":       {Topology: rtcpeer.Star},
	} {
		t.Run(name, func(t *testing.T) {
			s := startGodotServer(t)
			host := join(t, s.url("lobby"), config)
			first := join(t, s.godot(host.Room()), rtcpeer.Config{})
			require.Equal(t, rtcpeer.PeerConnected, next(t, host).Kind)
			require.Equal(t, rtcpeer.PeerConnected, next(t, first).Kind)
			host.SetRefuse(config.MaxPeers == 0)

			second, err := rtcpeer.Join(t.Context(), s.godot(host.Room()), rtcpeer.Config{})
			refused := next(t, host)
			require.Equal(t, rtcpeer.PeerRefused, refused.Kind)
			require.ErrorContains(t, refused.Err, name)
			if err == nil { // else it was kicked before it was a node
				defer second.Close()
				require.Equal(t, second.ID(), refused.Peer)
				_, err = second.Receive(t.Context())
			}
			require.ErrorIs(t, err, &signaling.Error{Code: signaling.CodeKicked})
			require.ErrorContains(t, err, name)
			require.Eventually(t, func() bool { return len(host.Members()) == 1 }, 20*time.Second, time.Millisecond)
		})
	}
}

func TestJoinByGodotsProtocolRefused(t *testing.T) {
	s := startGodotServer(t)
	host := join(t, s.godot(""), rtcpeer.Config{})
	for _, row := range []struct {
		url    string
		config rtcpeer.Config
		code   signaling.Code
	}{
		{s.godot("nowhere"), rtcpeer.Config{}, signaling.CodeUnknownRoom},
		{s.godot("not.a.room"), rtcpeer.Config{}, signaling.CodeBadRoom},
		{s.godot(host.Room()), rtcpeer.Config{Topology: rtcpeer.Star}, signaling.CodeTopologyMismatch},
	} {
		_, err := rtcpeer.Join(t.Context(), row.url, row.config)
		require.ErrorIs(t, err, &signaling.Error{Code: row.code}, row.url)
	}
	_, err := rtcpeer.Join(t.Context(), "godot+"+host.Room(), rtcpeer.Config{})
	require.ErrorContains(t, err, "no scheme")
	plain := startServer(t, signalserver.Config{})
	_, err = rtcpeer.Join(t.Context(), plain.godot(""), rtcpeer.Config{})
	require.ErrorAs(t, err, new(*signalclient.DialError))
}

// A member that numbers no attempts is offered a link once, however long its answer takes: Godot hands
// a second offer to the connection that it has, and its first answer would be taken for the second's.
func TestSlowAnswerOfAGame(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		network := memory.NewNetwork(memory.Options{})
		r := newRoom(rtcpeer.Mesh)
		r.plain = true
		offers := 0
		r.lose = func(from, _ rtcpeer.PeerID, s signaling.SignalData) bool {
			if s.Type == signaling.Offer {
				offers++
			}
			return false
		}
		game := r.enter(1, nil)
		n := r.join(t, 5, network.Transport(), rtcpeer.Config{})
		time.Sleep(15 * time.Second)
		link, err := network.Transport().NewPath(godotLanes)
		require.NoError(t, err)
		defer link.Close()
		negotiateBare(t, game, link, 5, 0)
		require.Equal(t, rtcpeer.PeerConnected, next(t, n).Kind)
		require.Equal(t, 1, offers)
		game.Close()
	})
}

func TestGameThatDoesNotAnswer(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		r := newRoom(rtcpeer.Mesh)
		r.plain = true
		began := time.Now()
		game := r.enter(1, nil)
		n := r.join(t, 5, memory.NewNetwork(memory.Options{}).Transport(), rtcpeer.Config{})
		ev := next(t, n)
		require.Equal(t, rtcpeer.PeerFailed, ev.Kind)
		deadline, ok := errors.AsType[*rtcpeer.DeadlineError](ev.Err)
		require.True(t, ok, "%v", ev.Err)
		require.Equal(t, transport.StageSignaling, deadline.Stage)
		require.Equal(t, 20*time.Second, time.Since(began))
		game.Close()
	})
}

// An engine reads its links once a frame, and drops what it has not read of one that has closed meanwhile.
func TestGameReadsWhatWasSaidBeforeTheEnd(t *testing.T) {
	ends := map[string]func(*rtcpeer.Node) error{
		"Disconnect": func(n *rtcpeer.Node) error { return n.Disconnect(5) },
		"Close":      (*rtcpeer.Node).Close,
	}
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			bubble.Test(t, func(t *testing.T) {
				network := memory.NewNetwork(memory.Options{Delay: 10 * time.Millisecond})
				r := newRoom(rtcpeer.Star)
				host := r.join(t, 1, network.Transport(), rtcpeer.Config{})
				game := sitBare(t, r, 5, 1, network.Transport())
				require.Equal(t, rtcpeer.PeerConnected, next(t, host).Kind)
				for i := range 5 {
					require.NoError(t, host.TrySend(rtcpeer.Packet{Peer: 5, Data: fmt.Append(nil, i)}))
				}
				began := time.Now()
				go end(host)
				require.Equal(t, []string{"\x030", "\x031", "\x032", "\x033", "\x034"}, playBare(game.link, 33*time.Millisecond))
				require.Less(t, time.Since(began), 300*time.Millisecond)
			})
		})
	}
}

// A packet that an engine would drop without a word is an error for the program, and is counted by a relay.
func TestPacketTooLargeForAGame(t *testing.T) {
	const most = 16 << 10
	bubble.Test(t, func(t *testing.T) {
		network := memory.NewNetwork(memory.Options{})
		r := newRoom(rtcpeer.Star)
		config := rtcpeer.Config{MaxPacket: 64 << 10}
		host, guest := r.join(t, 1, network.Transport(), config), r.join(t, 7, network.Transport(), config)
		require.Equal(t, rtcpeer.PeerConnected, next(t, host).Kind)
		require.Equal(t, rtcpeer.PeerConnected, next(t, guest).Kind)
		r.plain = true
		session := r.enter(5, nil)
		defer session.Close()
		link, err := network.Transport().NewPath(godotLanes)
		require.NoError(t, err)
		defer link.Close()
		negotiateBare(t, session, link, 1, 0)
		game := &bare{t: t, id: 5, link: link}
		require.Equal(t, rtcpeer.PeerConnected, next(t, host).Kind)
		require.Equal(t, rtcpeer.PeerConnected, next(t, guest).Kind)
		game.skip(0) // who is there

		large := make([]byte, most+1)
		for _, mode := range []rtcpeer.Mode{rtcpeer.Reliable, rtcpeer.Unreliable} {
			err := host.TrySend(rtcpeer.Packet{Peer: 5, Mode: mode, Data: make([]byte, most+8)})
			require.ErrorIs(t, err, rtcpeer.ErrPacketTooLarge)
			require.ErrorContains(t, err, "peer 5 is a Godot game, which drops packets of more than 16384")
		}
		require.ErrorIs(t, host.TrySend(rtcpeer.Packet{Data: make([]byte, most+8)}), rtcpeer.ErrPacketTooLarge, "the others have it")
		require.Len(t, next(t, guest).Packet.Data, most+8)
		for _, to := range []rtcpeer.PeerID{5, -1} {
			require.NoError(t, guest.TrySend(rtcpeer.Packet{Peer: to, Data: large}))
		}
		synctest.Wait()
		require.EqualValues(t, 2, host.Stats().Dropped["too_large"])

		require.NoError(t, guest.TrySend(rtcpeer.Packet{Peer: 5, Data: large[:most-6]}))
		raw := make([]byte, most+7)
		n, err := game.link.Lane(0).Read(raw)
		require.NoError(t, err)
		require.Equal(t, most+1, n)

		// The other way round it is the end of the game's link, and says so.
		require.NoError(t, game.link.Lane(0).Write(append([]byte{3}, make([]byte, 64<<10+8)...)))
		ev := next(t, host)
		require.Equal(t, rtcpeer.Misbehaved, ev.Reason)
		require.ErrorIs(t, ev.Err, rtcpeer.ErrPacketTooLarge)
		require.ErrorContains(t, ev.Err, "more than 65536 bytes")
	})
}

// playBare polls a link once a frame as an engine does, until it is closed, and returns what the game got.
func playBare(link transport.Path, frame time.Duration) (got []string) {
	read := make(chan string, 100)
	go func() {
		defer close(read)
		buf := make([]byte, 100)
		for {
			n, err := link.Lane(0).Read(buf)
			if err != nil {
				return
			}
			read <- string(buf[:n])
		}
	}()
	for {
		time.Sleep(frame)
		select {
		case e := <-link.Events():
			if e.Kind == transport.EventClosed {
				return got
			}
		default:
		}
		for len(read) > 0 {
			got = append(got, <-read)
		}
	}
}
