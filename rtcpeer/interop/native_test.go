package interop

import (
	"context"
	"runtime"
	"testing"

	"go.uber.org/goleak"

	"example.org/rtcpeer/rtcpeer"
	"example.org/rtcpeer/testdata/atonce"
)

// In a browser the runtime keeps a goroutine for the page's events.
func TestMain(m *testing.M) {
	atonce.Set(4)
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("runtime.handleEvent"))
}

const limit = 16 << 10 // Config.MaxPacket

var modes = []rtcpeer.Mode{rtcpeer.Reliable, rtcpeer.UnreliableOrdered, rtcpeer.Unreliable}

// native is a player in Go: in this process, or in a page.
type native struct{ *rtcpeer.Node }

// config is every player's: player.mjs has the same. A secret, if there is one, is what the members of a
// star have to hold.
func config(topology rtcpeer.Topology, secret string) rtcpeer.Config {
	c := rtcpeer.Config{Topology: topology, Channels: modes}
	if secret != "" {
		c.Auth = rtcpeer.SharedSecret([]byte(secret))
	}
	return c
}

func (n native) Flood(_ context.Context, p rtcpeer.Packet, count int) error {
	for i := range count {
		if err := n.TrySend(p); err != nil {
			return err
		}
		if i%16 == 0 {
			runtime.Gosched()
		}
	}
	return nil
}

func (n native) Facts(context.Context) (facts, error) {
	stats := n.Stats()
	f := facts{Room: n.Room(), Resumed: stats.Resumed, Dropped: stats.Dropped, Remote: make(map[rtcpeer.PeerID]string)}
	for id, link := range stats.Links {
		f.Remote[id] = link.Remote
	}
	return f, nil
}
