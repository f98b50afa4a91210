package rtcpeer_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer"
	"example.org/rtcpeer/rtcpeer/transport/memory"
	"example.org/rtcpeer/signaling"
	signalingmemory "example.org/rtcpeer/signaling/memory"
	"example.org/rtcpeer/signaling/signalserver"
	"example.org/rtcpeer/testdata/bubble"
)

// A club is a room of a server in memory, in fake time.
type club struct {
	t       *testing.T
	server  *signalingmemory.Server
	network *memory.Network
}

func newClub(t *testing.T) *club {
	c := &club{t, signalingmemory.NewServer(), memory.NewNetwork(memory.Options{Delay: 20 * time.Millisecond})}
	t.Cleanup(c.server.Close)
	return c
}

// ask joins the club.
func (c *club) ask(config rtcpeer.Config) (*rtcpeer.Node, error) {
	if config.Transport == nil {
		config.Transport = c.network.Transport()
	}
	message := rtcpeer.JoinMessage(config)
	message.Room = "club"
	client, err := c.server.Join(c.t.Context(), message)
	if err != nil {
		return nil, err
	}
	return rtcpeer.New(c.t.Context(), client, config)
}

func (c *club) join(config rtcpeer.Config) (*rtcpeer.Node, *diary) {
	c.t.Helper()
	n, err := c.ask(config)
	require.NoError(c.t, err)
	c.t.Cleanup(func() { closeNode(c.t, n) })
	d := keepDiary(n)
	after(3 * time.Second)
	return n, d
}

// A host that is started again with its resume token is the host again, also in a room that is locked or sealed. Its guests
// have waited for it.
func TestRestartedHostResumes(t *testing.T) {
	for name, close := range map[string]func(t *testing.T, host *rtcpeer.Node){
		"open":   func(*testing.T, *rtcpeer.Node) {},
		"locked": func(t *testing.T, host *rtcpeer.Node) { require.NoError(t, host.SetLocked(t.Context(), true)) },
		"sealed": func(t *testing.T, host *rtcpeer.Node) { require.NoError(t, host.Seal(t.Context())) },
	} {
		for _, topology := range []rtcpeer.Topology{rtcpeer.Mesh, rtcpeer.Star} {
			for _, migrates := range []bool{false, true} {
				if migrates && topology == rtcpeer.Mesh {
					continue
				}
				for _, away := range []time.Duration{0, 2 * time.Second, 4 * time.Second} {
					t.Run(fmt.Sprintf("%s %s, migrates %v, away %v", name, topology, migrates, away), func(t *testing.T) {
						bubble.Test(t, func(t *testing.T) {
							c := newClub(t)
							config := rtcpeer.Config{Topology: topology, Create: rtcpeer.CreateOnly, Password: "sesame", NewRoom: rtcpeer.NewRoom{Migrates: migrates}}
							host, _ := c.join(config)
							a, heardByA := c.join(rtcpeer.Config{Password: "sesame"})
							b, heardByB := c.join(rtcpeer.Config{Password: "sesame"})
							close(t, host)
							require.NoError(t, host.Send(t.Context(), rtcpeer.Packet{Data: []byte("wait for me")}))
							require.NoError(t, host.Flush(t.Context()))
							host.Suspend()
							require.ErrorIs(t, host.Send(t.Context(), rtcpeer.Packet{Data: []byte("x")}), rtcpeer.ErrClosed)
							after(away)
							config.Resume, config.Password = host.ResumeToken(), ""
							again, heard := c.join(config)

							require.Equal(t, rtcpeer.Server, again.ID())
							require.Equal(t, rtcpeer.Server, again.Host())
							require.Equal(t, []rtcpeer.PeerID{min(a.ID(), b.ID()), max(a.ID(), b.ID())}, again.Peers())
							for _, d := range []*diary{heardByA, heardByB} {
								require.Equal(t, "connected disconnected(lost) connected", d.story(1))
								require.Equal(t, []string{"wait for me"}, d.packets(1, 0, rtcpeer.Reliable))
								d.check(t)
							}
							require.NoError(t, a.Send(t.Context(), rtcpeer.Packet{Data: []byte("there you are")}))
							after(time.Second)
							require.NoError(t, again.Kick(t.Context(), b.ID(), "enough"))
							after(time.Second)
							require.Equal(t, []string{"there you are"}, heard.packets(a.ID(), 0, rtcpeer.Reliable))
							require.Equal(t, []string{"there you are"}, heardByB.packets(a.ID(), 0, rtcpeer.Reliable))
							_, why := heardByB.end()
							require.ErrorIs(t, why, &signaling.Error{Code: signaling.CodeKicked})
							require.NoError(t, again.Close())
						})
					})
				}
			}
		}
	}
}

// A host far away is killed, and its program is started again at once. New links take longer than the server waits before it
// replaces a host that its guests have lost, so it waits longer for a host that has just come back.
func TestKilledHostComesBackFromFarAway(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		c := newClub(t)
		c.network.Adjust(func(o *memory.Options) { o.Delay = 400 * time.Millisecond })
		killed := c.network.Transport()
		config := rtcpeer.Config{Topology: rtcpeer.Star, Transport: killed, NewRoom: rtcpeer.NewRoom{Migrates: true}}
		host, _ := c.join(config)
		a, heardByA := c.join(rtcpeer.Config{})
		b, heardByB := c.join(rtcpeer.Config{})
		killed.Kill() // nobody hears the rest
		host.Suspend()
		after(time.Second)
		config.Transport, config.Resume = nil, host.ResumeToken()
		again, _ := c.join(config)
		after(10 * time.Second)
		require.Equal(t, rtcpeer.Server, again.Host())
		require.Equal(t, 1, again.Term())
		require.ElementsMatch(t, []rtcpeer.PeerID{a.ID(), b.ID()}, again.Peers())
		for _, d := range []*diary{heardByA, heardByB} {
			require.Regexp(t, `^connected (interrupted )?disconnected\(lost\) connected( interrupted resumed)*$`, d.story(1))
			d.check(t)
		}
	})
}

// A guest that is started again with its resume token has its place again.
func TestRestartedGuestResumes(t *testing.T) {
	for _, topology := range []rtcpeer.Topology{rtcpeer.Mesh, rtcpeer.Star} {
		for _, away := range []time.Duration{0, 20 * time.Second, 2 * time.Minute} {
			t.Run(string(topology)+" "+away.String(), func(t *testing.T) {
				bubble.Test(t, func(t *testing.T) {
					c := newClub(t)
					host, heard := c.join(rtcpeer.Config{Topology: topology})
					guest, _ := c.join(rtcpeer.Config{})
					_, heardByOther := c.join(rtcpeer.Config{})
					require.NoError(t, host.Seal(t.Context()))
					guest.Suspend()
					after(away)
					again, _ := c.join(rtcpeer.Config{Resume: guest.ResumeToken(), Create: rtcpeer.CreateNever})
					require.Equal(t, guest.ID(), again.ID())
					require.Len(t, again.Peers(), 2)
					for _, d := range []*diary{heard, heardByOther} {
						require.Equal(t, "connected disconnected(lost) connected", d.story(guest.ID()))
						d.check(t)
					}
				})
			})
		}
	}
}

// A host that resumes too late is a guest of the member that has replaced it, or its room has ended. A place that its node has
// left by Close cannot be resumed.
func TestResumeTooLate(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		c := newClub(t)
		star := rtcpeer.Config{Topology: rtcpeer.Star, Create: rtcpeer.CreateOnly, NewRoom: rtcpeer.NewRoom{Migrates: true}}
		host, _ := c.join(star)
		a, _ := c.join(rtcpeer.Config{})
		b, heardByB := c.join(rtcpeer.Config{})
		host.Suspend()
		after(8 * time.Second)
		require.Equal(t, a.ID(), b.Host())
		star.Resume = host.ResumeToken()
		again, _ := c.join(star)
		require.NotEqual(t, host.ID(), again.ID())
		require.Equal(t, a.ID(), again.Host())
		require.Len(t, again.Peers(), 2)
		require.Equal(t, "connected", heardByB.story(again.ID()))

		token := b.ResumeToken()
		require.NoError(t, b.Close())
		_, err := c.ask(rtcpeer.Config{Resume: token})
		require.ErrorIs(t, err, &signaling.Error{Code: signaling.CodeResumeRefused})
	})
	bubble.Test(t, func(t *testing.T) {
		c := newClub(t)
		host, _ := c.join(rtcpeer.Config{Topology: rtcpeer.Star})
		_, heard := c.join(rtcpeer.Config{})
		host.Suspend()
		after(29 * time.Second)
		_, over := heard.end()
		require.NoError(t, over, "the guest waits")
		after(5 * time.Second)
		_, why := heard.end()
		require.ErrorIs(t, why, rtcpeer.ErrHostGone)
		_, err := c.ask(rtcpeer.Config{Resume: host.ResumeToken()})
		require.ErrorIs(t, err, &signaling.Error{Code: signaling.CodeResumeRefused})
	})
}

// ResumeToken returns the latest token that the server has sent. From an earlier one, a restarted server would not learn which
// member is the host.
func TestResumeTokenIsTheLatest(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		c := newClub(t)
		host, _ := c.join(rtcpeer.Config{Topology: rtcpeer.Star, NewRoom: rtcpeer.NewRoom{Migrates: true}})
		a, _ := c.join(rtcpeer.Config{})
		b, _ := c.join(rtcpeer.Config{})
		before := []string{a.ResumeToken(), b.ResumeToken()}
		require.NoError(t, host.Close())
		after(3 * time.Second)
		require.Equal(t, a.ID(), a.Host())
		require.NotEqual(t, before, []string{a.ResumeToken(), b.ResumeToken()})
		require.NotContains(t, before, a.ResumeToken())
		require.NotContains(t, before, b.ResumeToken())
		a.Suspend()
		again, _ := c.join(rtcpeer.Config{Resume: a.ResumeToken()})
		require.Equal(t, a.ID(), again.Host())
		require.Equal(t, []rtcpeer.PeerID{b.ID()}, again.Peers())
	})
}

// The program of ExampleNode_ResumeToken runs twice, with a guest that stays.
func TestResumeTokenExample(t *testing.T) {
	s, file := startServer(t, signalserver.Config{}), filepath.Join(t.TempDir(), "token")
	start := func() (stop func() error) {
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- hostAgain(ctx, s.url("arena"), file) }()
		return func() error {
			cancel()
			return <-ended
		}
	}
	stop := start()
	var guest *rtcpeer.Node
	for guest == nil {
		n, err := rtcpeer.Join(t.Context(), s.url("arena"), rtcpeer.Config{Create: rtcpeer.CreateNever})
		if !errors.Is(err, &signaling.Error{Code: signaling.CodeUnknownRoom}) { // the host is not there yet
			require.NoError(t, err)
			guest = n
		}
	}
	defer guest.Close()
	wantEvent(t, guest, rtcpeer.PeerConnected, 1)
	require.NoError(t, stop())
	wantDisconnected(t, guest, 1, rtcpeer.Lost)
	require.Equal(t, rtcpeer.ConnectionConnecting, guest.Status())
	stop = start()
	wantEvent(t, guest, rtcpeer.PeerConnected, 1)
	require.NoError(t, guest.Send(t.Context(), rtcpeer.Packet{Peer: rtcpeer.Server, Data: []byte("welcome back")}))
	require.NoError(t, guest.Flush(t.Context()))
	require.NoError(t, stop())
}

// A host that is suspended while a guest is being authenticated has not refused it: the guest waits for it.
func TestSuspendDuringAuthentication(t *testing.T) {
	s := startServer(t, signalserver.Config{})
	asked := make(chan struct{})
	never := func(ctx context.Context, _ *rtcpeer.PendingPeer) error {
		close(asked)
		<-ctx.Done()
		return ctx.Err()
	}
	host, err := rtcpeer.Join(t.Context(), s.url("arena"), rtcpeer.Config{Topology: rtcpeer.Star, Auth: never})
	require.NoError(t, err)
	secret := rtcpeer.Config{Auth: rtcpeer.SharedSecret([]byte("secret"))}
	guest, err := rtcpeer.Join(t.Context(), s.url("arena"), secret)
	require.NoError(t, err)
	defer guest.Close()
	<-asked
	host.Suspend()
	require.Equal(t, rtcpeer.ConnectionConnecting, guest.Status())
	secret.Resume = host.ResumeToken()
	host, err = rtcpeer.Join(t.Context(), s.url("arena"), secret)
	require.NoError(t, err)
	defer host.Close()
	require.Equal(t, rtcpeer.Event{Kind: rtcpeer.PeerConnected, Peer: 1}, next(t, guest))
}
