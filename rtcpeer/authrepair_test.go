package rtcpeer_test

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer"
	"example.org/rtcpeer/rtcpeer/transport/memory"
	"example.org/rtcpeer/testdata/bubble"
	"example.org/rtcpeer/testdata/skip"
)

// slowAuth has each end check the secret of the other one, for which it takes the given time.
func slowAuth(secret string, takes time.Duration) rtcpeer.AuthFunc {
	return func(ctx context.Context, peer *rtcpeer.PendingPeer) error {
		if err := peer.Send([]byte(secret)); err != nil {
			return err
		}
		got, err := peer.Receive()
		if err != nil {
			return err
		}
		select {
		case <-time.After(takes):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		if subtle.ConstantTimeCompare(got, []byte(secret)) != 1 {
			return errors.New("wrong secret")
		}
		return nil
	}
}

// The path fails while the two ends authenticate each other. That counts as no refusal: they are linked once the path works
// again. Two ends with different secrets are not.
func TestPathFailsDuringAuthentication(t *testing.T) {
	for _, topology := range []rtcpeer.Topology{rtcpeer.Mesh, rtcpeer.Star} {
		for _, takes := range []time.Duration{0, time.Second, 2500 * time.Millisecond} {
			for _, outage := range []time.Duration{time.Second, 1700 * time.Millisecond, 4 * time.Second, 20 * time.Second} {
				if takes+outage > 3*time.Second && outage < 3*time.Second {
					continue // not done in time, over a path that works in the end
				}
				for _, right := range []bool{true, false} {
					t.Run(fmt.Sprintf("%s takes=%v outage=%v right=%v", topology, takes, outage, right), func(t *testing.T) {
						for offset := 10 * time.Millisecond; offset < takes+1200*time.Millisecond; offset += skip.Shorter(390*time.Millisecond, 130*time.Millisecond) {
							bubble.Test(t, func(t *testing.T) {
								w := newWorld(t, topology, memory.Options{Delay: 40 * time.Millisecond})
								w.enter(1, rtcpeer.Config{Framed: true, Auth: slowAuth("sesame", takes)})
								secret := "sesame"
								if !right {
									secret = "barley"
								}
								w.enter(5, rtcpeer.Config{Framed: true, Auth: slowAuth(secret, takes)})
								after(offset)
								w.partition(1, 5)
								after(outage)
								w.heal(1, 5)
								after(40 * time.Second)
								for id, d := range w.diaries {
									d.check(t)
									story := d.story(6 - id)
									if !right {
										require.NotContains(t, story, "connected", "offset %v", offset)
										require.Contains(t, story, "failed", "offset %v", offset)
										continue
									}
									require.True(t, strings.HasSuffix(story, "connected") || strings.HasSuffix(story, "resumed"), "offset %v: %d: %s", offset, id, story)
									require.Equal(t, []rtcpeer.PeerID{6 - id}, w.nodes[id].Peers(), "offset %v", offset)
								}
							})
							if t.Failed() {
								return
							}
						}
					})
				}
			}
		}
	}
}
