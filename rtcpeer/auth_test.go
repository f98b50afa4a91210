package rtcpeer_test

import (
	"context"
	"errors"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer"
	"example.org/rtcpeer/rtcpeer/transport"
	"example.org/rtcpeer/rtcpeer/transport/memory"
	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/testdata/bubble"
)

var secret = rtcpeer.SharedSecret([]byte("open sesame"))

const (
	secretFrame   = "07006f70656e20736573616d65" // as Godot's send_auth has it
	acceptedFrame = "0700"
)

// inStar runs a test in fake time, in a room with a host of ours.
func inStar(t *testing.T, config rtcpeer.Config, test func(t *testing.T, r *room, network *memory.Network, host *rtcpeer.Node)) {
	bubble.Test(t, func(t *testing.T) {
		network := memory.NewNetwork(memory.Options{})
		r := newRoom(rtcpeer.Star)
		test(t, r, network, r.join(t, 1, network.Transport(), config))
	})
}

func wantNoEvent(t *testing.T, n *rtcpeer.Node) {
	t.Helper()
	synctest.Wait()
	ev, err := n.TryReceive()
	require.ErrorIs(t, err, rtcpeer.ErrNoEvent, "%+v", ev)
}

func wantUnauthorized(t *testing.T, n *rtcpeer.Node, id rtcpeer.PeerID, why string) {
	t.Helper()
	ev := next(t, n)
	require.Equal(t, rtcpeer.PeerFailed, ev.Kind, "%+v", ev)
	require.Equal(t, id, ev.Peer)
	failure, ok := errors.AsType[*rtcpeer.PeerError](ev.Err)
	require.True(t, ok)
	require.Equal(t, "authenticate", failure.Op)
	require.ErrorIs(t, ev.Err, rtcpeer.ErrUnauthorized)
	require.ErrorContains(t, ev.Err, why)
}

// A host that requires a secret, and guests that send the bytes of a Godot game. Until the two ends have accepted each other,
// no packet passes between them, and no other member is told of the guest.
func TestHostDemandsSecret(t *testing.T) {
	inStar(t, rtcpeer.Config{Auth: secret}, func(t *testing.T, r *room, network *memory.Network, host *rtcpeer.Node) {
		seven := sitBare(t, r, 7, 1, network.Transport())
		seven.send(0, secretFrame)
		seven.want(0, acceptedFrame)
		wantNoEvent(t, host)
		require.Empty(t, host.Peers(), "the guest has not accepted the host")
		seven.send(0, acceptedFrame)
		require.Equal(t, rtcpeer.Event{Kind: rtcpeer.PeerConnected, Peer: 7}, next(t, host))

		five := sitBare(t, r, 5, 1, network.Transport())
		require.NoError(t, host.TrySend(rtcpeer.Packet{Data: []byte("for those who are in")}))
		require.ErrorIs(t, host.TrySend(rtcpeer.Packet{Peer: 5, Data: []byte("x")}), rtcpeer.ErrUnknownPeer)
		for _, early := range []string{"0361", "0703000000000361", "07030700000003aa", "200102", "070107000000"} {
			five.send(0, early)
		}
		five.send(0, "07")
		wantNoEvent(t, host)
		require.EqualValues(t, 5, host.Stats().Dropped["pending"])
		require.EqualValues(t, 1, host.Stats().Dropped["malformed"])
		five.send(0, secretFrame)
		five.want(0, acceptedFrame)
		five.send(0, secretFrame) // once was enough
		five.send(0, acceptedFrame)
		five.want(0, "070107000000")
		require.Equal(t, rtcpeer.PeerConnected, next(t, host).Kind)
		seven.want(0, "03666f722074686f73652077686f2061726520696e")
		seven.want(0, "070105000000")
		require.EqualValues(t, 6, host.Stats().Dropped["pending"])

		five.send(0, acceptedFrame) // again: ignored
		five.send(0, secretFrame)   // and this is an error
		five.send(0, "0361")
		wantPacket(t, host, 5, 0, rtcpeer.Reliable, "a")
		require.EqualValues(t, 2, host.Stats().Dropped["malformed"])
	})
}

// An unreliable packet may overtake the guest's last word of authentication; it waits.
func TestPacketThatOvertakesAuthentication(t *testing.T) {
	inStar(t, rtcpeer.Config{Auth: secret}, func(t *testing.T, r *room, network *memory.Network, host *rtcpeer.Node) {
		five := sitBare(t, r, 5, 1, network.Transport())
		five.send(0, secretFrame)
		five.want(0, acceptedFrame)
		five.send(2, "0361")
		wantNoEvent(t, host)
		five.send(0, acceptedFrame)
		require.Equal(t, rtcpeer.PeerConnected, next(t, host).Kind)
		wantPacket(t, host, 5, 0, rtcpeer.Unreliable, "a")
	})
}

func TestWrongSecretIsRefusedAtOnce(t *testing.T) {
	inStar(t, rtcpeer.Config{Auth: secret}, func(t *testing.T, r *room, network *memory.Network, host *rtcpeer.Node) {
		start := time.Now()
		guest := r.join(t, 5, network.Transport(), rtcpeer.Config{Auth: rtcpeer.SharedSecret([]byte("guess"))})
		wantUnauthorized(t, host, 5, "not authenticated: wrong secret")
		wantUnauthorized(t, guest, 1, "ended the link before it accepted this one")
		_, err := guest.Receive(t.Context())
		require.ErrorIs(t, err, rtcpeer.ErrUnauthorized, "a star without its host is over")
		require.Less(t, time.Since(start), time.Second)
		require.Empty(t, host.Peers())

		onlyAccepts := sitBare(t, r, 7, 1, network.Transport())
		onlyAccepts.send(0, acceptedFrame)
		wantUnauthorized(t, host, 7, "EOF")
	})
}

// A peer that does not authenticate within Config.AuthTimeout, three seconds by default, is disconnected, and the error says
// why. A negative AuthTimeout is no limit.
func TestAuthTimeout(t *testing.T) {
	for _, timeout := range []time.Duration{0, 10 * time.Second} {
		inStar(t, rtcpeer.Config{Auth: secret, AuthTimeout: timeout}, func(t *testing.T, r *room, network *memory.Network, host *rtcpeer.Node) {
			five := sitBare(t, r, 5, 1, network.Transport())
			five.send(0, "0361") // it takes itself for admitted
			start := time.Now()
			five.want(0, acceptedFrame)
			_, err := five.link.Lane(0).Read(make([]byte, 10))
			require.Error(t, err)
			wantUnauthorized(t, host, 5, "both ends need Config.Auth")
			require.Equal(t, max(timeout, 3*time.Second), time.Since(start).Round(time.Second))

			half := sitBare(t, r, 7, 1, network.Transport())
			half.send(0, secretFrame) // and never a word that the host is accepted
			half.want(0, acceptedFrame)
			_, err = half.link.Lane(0).Read(make([]byte, 10))
			require.Error(t, err, "it was told that already")
			wantUnauthorized(t, host, 7, "both ends need Config.Auth")
		})
	}
	inStar(t, rtcpeer.Config{Auth: secret, AuthTimeout: -1}, func(t *testing.T, r *room, network *memory.Network, host *rtcpeer.Node) {
		five := sitBare(t, r, 5, 1, network.Transport())
		after(time.Hour)
		five.send(0, secretFrame)
		five.send(0, acceptedFrame)
		require.Equal(t, rtcpeer.PeerConnected, next(t, host).Kind)
	})
}

// A guest without Config.Auth ends with an error that says so.
func TestGuestWithoutAuth(t *testing.T) {
	inStar(t, rtcpeer.Config{Auth: secret}, func(t *testing.T, r *room, network *memory.Network, host *rtcpeer.Node) {
		guest := r.join(t, 5, network.Transport(), rtcpeer.Config{})
		require.Equal(t, rtcpeer.PeerConnected, next(t, guest).Kind, "as in Godot it knows nothing of it yet")
		require.NoError(t, guest.TrySend(rtcpeer.Packet{Data: []byte("hello?")}))
		wantDisconnected(t, guest, 1, rtcpeer.Unauthorized)
		_, err := guest.Receive(t.Context())
		require.ErrorIs(t, err, rtcpeer.ErrAuthRequired)
		require.ErrorContains(t, err, "set Config.Auth")
		require.Equal(t, rtcpeer.ConnectionDisconnected, guest.Status())
		wantUnauthorized(t, host, 5, "not finished within 3s")
		require.EqualValues(t, 1, host.Stats().Dropped["pending"])
	})
}

// joinBareHost joins a guest of ours at a host that shows the bytes.
func joinBareHost(t *testing.T, config rtcpeer.Config) (*bare, *rtcpeer.Node) {
	network := memory.NewNetwork(memory.Options{})
	r := newRoom(rtcpeer.Star)
	opened := make(chan *bare)
	go func() { opened <- sitBare(t, r, 1, 5, network.Transport()) }()
	synctest.Wait()
	guest := r.join(t, 5, network.Transport(), config)
	return <-opened, guest
}

// A guest without Config.Auth joins a Godot host that requires authentication. If the host has sent any authentication
// message, the guest ends with ErrAuthRequired. If the host only closes the link, the error names a missing Config.Auth as a
// possible cause.
func TestGuestWithoutAuthAtGodotHost(t *testing.T) {
	tests := []struct {
		name  string
		frame string
		want  error
	}{
		{"a challenge", "0700aa", rtcpeer.ErrAuthRequired},
		{"it accepts, and waits to be accepted", acceptedFrame, rtcpeer.ErrAuthRequired},
		{"silence", "", rtcpeer.ErrHostGone},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			bubble.Test(t, func(t *testing.T) {
				host, guest := joinBareHost(t, rtcpeer.Config{})
				require.Equal(t, rtcpeer.PeerConnected, next(t, guest).Kind)
				if tt.frame != "" {
					host.send(0, tt.frame)
				}
				after(3 * time.Second)
				require.NoError(t, host.link.Close())
				require.Equal(t, rtcpeer.PeerDisconnected, next(t, guest).Kind)
				_, err := guest.Receive(t.Context())
				require.ErrorIs(t, err, tt.want)
				require.ErrorContains(t, err, "Config.Auth")
			})
		})
	}
}

// A guest that answers the challenge of a Godot host.
func TestGuestAnswersChallenge(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		host, guest := joinBareHost(t, rtcpeer.Config{Auth: func(_ context.Context, peer *rtcpeer.PendingPeer) error {
			challenge, err := peer.Receive()
			if err == nil {
				err = peer.Send(append([]byte("re: "), challenge...))
			}
			if err == nil {
				_, err = peer.Receive()
			}
			if err != io.EOF {
				return errors.New("the host was to say that this is enough")
			}
			return nil
		}})
		require.Equal(t, rtcpeer.ConnectionConnecting, guest.Status())
		host.send(0, "070078")
		host.want(0, "070072653a2078")
		host.send(0, acceptedFrame)
		host.want(0, acceptedFrame)
		require.Equal(t, rtcpeer.PeerConnected, next(t, guest).Kind)
		require.Equal(t, rtcpeer.ConnectionConnected, guest.Status())
	})
}

// A Godot host without a callback never says that it accepts, but whatever it sends says as much.
func TestGodotHostWithoutCallback(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		host, guest := joinBareHost(t, rtcpeer.Config{Auth: secret})
		host.want(0, secretFrame)
		host.want(0, acceptedFrame)
		wantNoEvent(t, guest)
		host.send(0, "070107000000")
		require.Equal(t, rtcpeer.Event{Kind: rtcpeer.PeerConnected, Peer: 1}, next(t, guest))
		require.Equal(t, rtcpeer.Event{Kind: rtcpeer.PeerConnected, Peer: 7}, next(t, guest), "that frame was not lost")
	})
	bubble.Test(t, func(t *testing.T) {
		_, guest := joinBareHost(t, rtcpeer.Config{Auth: secret})
		wantUnauthorized(t, guest, 1, "both ends need Config.Auth")
	})
}

// A host of ours without Config.Auth lets in who authenticates unasked, as a Godot guest with a
// callback does.
func TestHostWithoutAuthAnswers(t *testing.T) {
	inStar(t, rtcpeer.Config{}, func(t *testing.T, r *room, network *memory.Network, host *rtcpeer.Node) {
		five := sitBare(t, r, 5, 1, network.Transport())
		require.Equal(t, rtcpeer.PeerConnected, next(t, host).Kind)
		five.send(0, secretFrame)
		five.send(0, acceptedFrame)
		five.want(0, acceptedFrame)
		require.NoError(t, five.link.Close())
		wantDisconnected(t, host, 5, rtcpeer.ByPeer)
		require.EqualValues(t, 1, host.Stats().Dropped["malformed"])

		guest := r.join(t, 7, network.Transport(), rtcpeer.Config{Auth: secret})
		require.Equal(t, rtcpeer.PeerConnected, next(t, host).Kind)
		require.Equal(t, rtcpeer.PeerConnected, next(t, guest).Kind)
	})
}

// Authentication ends when its link ends. It delays no other link.
func TestPendingPeerEnds(t *testing.T) {
	stuck := func(ctx context.Context, _ *rtcpeer.PendingPeer) error {
		<-ctx.Done() // asks a server elsewhere, say
		return context.Cause(ctx)
	}
	t.Run("the other end closes", func(t *testing.T) {
		inStar(t, rtcpeer.Config{Auth: stuck}, func(t *testing.T, r *room, network *memory.Network, host *rtcpeer.Node) {
			five := sitBare(t, r, 5, 1, network.Transport())
			require.NoError(t, five.link.Close())
			wantUnauthorized(t, host, 5, "the other end ended the link")
		})
	})
	t.Run("this end closes", func(t *testing.T) {
		inStar(t, rtcpeer.Config{Auth: stuck}, func(t *testing.T, r *room, network *memory.Network, host *rtcpeer.Node) {
			five := sitBare(t, r, 5, 1, network.Transport())
			start := time.Now()
			require.NoError(t, host.Close())
			require.Less(t, time.Since(start), time.Second)
			_, err := five.link.Lane(0).Read(make([]byte, 10))
			require.Error(t, err)
		})
	})
	t.Run("it asks for another link", func(t *testing.T) {
		inStar(t, rtcpeer.Config{Auth: secret}, func(t *testing.T, r *room, network *memory.Network, host *rtcpeer.Node) {
			session := r.enter(5, nil)
			defer session.Close()
			for attempt := 1; attempt <= 2; attempt++ {
				link, err := network.Transport().NewPath(godotLanes)
				require.NoError(t, err)
				defer link.Close()
				negotiateBare(t, session, link, 1, attempt)
				if attempt == 2 {
					five := &bare{t: t, id: 5, link: link}
					five.send(0, secretFrame)
					five.send(0, acceptedFrame)
				}
			}
			require.Equal(t, rtcpeer.PeerConnected, next(t, host).Kind)
		})
	})
	t.Run("one takes long and the others do not", func(t *testing.T) {
		auth := func(ctx context.Context, peer *rtcpeer.PendingPeer) error {
			if peer.ID() == 5 {
				return stuck(ctx, peer)
			}
			return secret(ctx, peer)
		}
		inStar(t, rtcpeer.Config{Auth: auth}, func(t *testing.T, r *room, network *memory.Network, host *rtcpeer.Node) {
			start := time.Now()
			five := sitBare(t, r, 5, 1, network.Transport())
			five.send(0, acceptedFrame)
			r.join(t, 7, network.Transport(), rtcpeer.Config{Auth: secret})
			require.Equal(t, rtcpeer.Event{Kind: rtcpeer.PeerConnected, Peer: 7}, next(t, host))
			require.Less(t, time.Since(start), time.Second)
			wantUnauthorized(t, host, 5, "not finished within 3s")
			_, err := five.link.Lane(0).Read(make([]byte, 10))
			require.Error(t, err, "nobody told it that it is accepted")
		})
	})
	t.Run("an oversized word", func(t *testing.T) {
		inStar(t, rtcpeer.Config{Auth: secret}, func(t *testing.T, r *room, network *memory.Network, host *rtcpeer.Node) {
			five := sitBare(t, r, 5, 1, network.Transport())
			require.NoError(t, five.link.Lane(0).Write(append([]byte{7, 0}, make([]byte, 64<<10)...)))
			wantUnauthorized(t, host, 5, "packet too large")
		})
	})
}

// What cannot be sent in an authentication is an error at once.
func TestPendingPeerSends(t *testing.T) {
	inStar(t, rtcpeer.Config{Auth: func(_ context.Context, peer *rtcpeer.PendingPeer) error {
		if err := peer.Send(make([]byte, 16<<10+1)); !errors.Is(err, rtcpeer.ErrPacketTooLarge) {
			return errors.New("too large")
		}
		return peer.Send(nil)
	}}, func(t *testing.T, r *room, network *memory.Network, host *rtcpeer.Node) {
		sitBare(t, r, 5, 1, network.Transport())
		wantUnauthorized(t, host, 5, "nothing to send")
	})
}

// In a mesh each pair authenticates, in frames.
func TestMeshAuthenticates(t *testing.T) {
	both := func(_ context.Context, peer *rtcpeer.PendingPeer) error {
		if err := peer.Send([]byte("me too")); err != nil {
			return err
		}
		got, err := peer.Receive()
		if err == nil && string(got) != "me too" {
			err = errors.New("a stranger")
		}
		return err
	}
	overBoth(t, func(t *testing.T, newTransport func() transport.Transport) {
		nodes := group(t, rtcpeer.Mesh, newTransport, rtcpeer.Config{Framed: true, Auth: both}, 1, 5, 7)
		require.NoError(t, nodes[5].Send(t.Context(), rtcpeer.Packet{Peer: -1, Data: []byte("hi")}))
		wantPacket(t, nodes[7], 5, 0, rtcpeer.Reliable, "hi")
		wantNothingElse(t, nodes[5], nodes[1], 0, rtcpeer.Reliable)
	})
	bubble.Test(t, func(t *testing.T) {
		network := memory.NewNetwork(memory.Options{})
		r := newRoom(rtcpeer.Mesh)
		in := r.join(t, 1, network.Transport(), rtcpeer.Config{Framed: true, Auth: both})
		out := r.join(t, 5, network.Transport(), rtcpeer.Config{Framed: true})
		require.Equal(t, rtcpeer.PeerConnected, next(t, out).Kind)
		wantDisconnected(t, out, 1, rtcpeer.Unauthorized)
		wantUnauthorized(t, in, 5, "the other end ended the link")
		require.Equal(t, rtcpeer.ConnectionConnected, out.Status(), "a mesh goes on")
	})
	r := newRoom(rtcpeer.Mesh)
	_, err := rtcpeer.New(t.Context(), r.enter(1, []signaling.Mode{}), rtcpeer.Config{Auth: both})
	require.ErrorContains(t, err, `room "test" is a mesh of bare packets: authentication (Config.Auth) needs a star, or Config.Framed`)
}

// The whole of it over both transports.
func TestSharedSecret(t *testing.T) {
	t.Parallel()
	overBoth(t, func(t *testing.T, newTransport func() transport.Transport) {
		r := newRoom(rtcpeer.Star)
		host := r.join(t, 1, newTransport(), rtcpeer.Config{Auth: secret})
		anna := r.join(t, 5, newTransport(), rtcpeer.Config{Auth: secret})
		require.Equal(t, rtcpeer.PeerConnected, next(t, host).Kind)
		require.Equal(t, rtcpeer.PeerConnected, next(t, anna).Kind)
		wrong := r.join(t, 9, newTransport(), rtcpeer.Config{Auth: rtcpeer.SharedSecret([]byte("open"))})
		wantUnauthorized(t, wrong, 1, "ended the link")
		wantUnauthorized(t, host, 9, "wrong secret")
		ben := r.join(t, 7, newTransport(), rtcpeer.Config{Auth: secret})
		require.Equal(t, rtcpeer.PeerConnected, next(t, ben).Kind)
		require.Equal(t, rtcpeer.Event{Kind: rtcpeer.PeerConnected, Peer: 5}, next(t, ben))
		require.Equal(t, rtcpeer.Event{Kind: rtcpeer.PeerConnected, Peer: 7}, next(t, anna), "9 was never there")
		require.NoError(t, ben.Send(t.Context(), rtcpeer.Packet{Peer: 5, Data: []byte("hi")}))
		wantPacket(t, anna, 7, 0, rtcpeer.Reliable, "hi")
	})
}

// A guest without Config.Auth ends with the right error on both transports. Over WebRTC, the host's last message and the end
// of the link arrive on different lanes.
func TestGuestWithoutAuthOverBothTransports(t *testing.T) {
	overBoth(t, func(t *testing.T, newTransport func() transport.Transport) {
		r := newRoom(rtcpeer.Star)
		host := r.join(t, 1, newTransport(), rtcpeer.Config{Auth: secret, AuthTimeout: 50 * time.Millisecond})
		guest := r.join(t, 5, newTransport(), rtcpeer.Config{})
		require.Equal(t, rtcpeer.PeerConnected, next(t, guest).Kind)
		wantDisconnected(t, guest, 1, rtcpeer.Unauthorized)
		_, err := guest.Receive(t.Context())
		require.ErrorIs(t, err, rtcpeer.ErrAuthRequired)
		wantUnauthorized(t, host, 5, "not finished within 50ms")
	})
}
