package rtcpeer_test

import (
	"encoding/hex"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer"
	"example.org/rtcpeer/rtcpeer/transport"
	"example.org/rtcpeer/rtcpeer/transport/memory"
	"example.org/rtcpeer/testdata/bubble"
)

// afterWrite has wrote called after each packet that is written to a lane, before the one who wrote it goes on.
type afterWrite struct {
	transport.Transport
	wrote func(packet []byte)
}

func (a *afterWrite) NewPath(c transport.PathConfig) (transport.Path, error) {
	p, err := a.Transport.NewPath(c)
	return afterWritePath{p, a}, err
}

type afterWritePath struct {
	transport.Path
	owner *afterWrite
}

func (p afterWritePath) Lane(i int) transport.Lane { return afterWriteLane{p.Path.Lane(i), p.owner} }

type afterWriteLane struct {
	transport.Lane
	owner *afterWrite
}

func (l afterWriteLane) Write(p []byte) error {
	err := l.Lane.Write(p)
	l.owner.wrote(p)
	return err
}

// A guest that has heard of a newcomer can reach it: a host announces no guest to whom it would not relay yet. On a fast
// machine, a guest may answer an announcement before the host has made all of them.
func TestAnnouncedGuestIsReached(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		network := memory.NewNetwork(memory.Options{})
		r := newRoom(rtcpeer.Star)
		announced := func() {}
		slow := &afterWrite{network.Transport(), func(packet []byte) {
			if hex.EncodeToString(packet) == "070107000000" {
				announced()
			}
		}}
		host := r.join(t, 1, slow, rtcpeer.Config{})
		five := sitBare(t, r, 5, 1, network.Transport())
		require.Equal(t, rtcpeer.PeerConnected, next(t, host).Kind)
		announced = func() {
			five.want(0, "070107000000")
			five.send(0, "07030700000003cc") // to 7
			five.send(0, "07030000000003dd") // to all
			synctest.Wait()
		}
		seven := sitBare(t, r, 7, 1, network.Transport())
		wantPacket(t, host, 5, 0, rtcpeer.Reliable, "\xdd")
		require.Equal(t, rtcpeer.Event{Kind: rtcpeer.PeerConnected, Peer: 7}, next(t, host))
		require.Empty(t, host.Stats().Dropped)
		seven.want(0, "070105000000")
		seven.want(0, "07030500000003cc")
		seven.want(0, "07030500000003dd")
	})
}
