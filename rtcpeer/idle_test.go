package rtcpeer_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer"
	"example.org/rtcpeer/rtcpeer/transport"
	"example.org/rtcpeer/rtcpeer/transport/memory"
	"example.org/rtcpeer/testdata/bubble"
)

// unacknowledged makes paths that do not tell of acknowledgements, as a browser's do not.
type unacknowledged struct{ transport.Transport }

func (u unacknowledged) NewPath(config transport.PathConfig) (transport.Path, error) {
	p, err := u.Transport.NewPath(config)
	return struct{ transport.Path }{p}, err
}

// What one end of a link says in a minute in which nobody sends: a beat a second, of three bytes where there is one
// reliable channel. If both ends acknowledge by themselves, the answering end, which has the smaller id, only
// acknowledges the beats of the other one, so that each way there is one small packet a second. If both check their
// route, neither says anything but the times.
func TestBeatsOfAnIdleLink(t *testing.T) {
	const checked, unchecked = -1, -2
	const beat, timed = 3, 21 // those with times come every five seconds, each second on a link in use, and are answered
	tests := []struct {
		name          string
		browser       rtcpeer.PeerID // this one's paths do not tell of acknowledgements; 0: none; checked: both check their route; unchecked: neither does
		flow          rtcpeer.PeerID // this one sends a byte 10 times a second; 0: none
		answers, asks int            // beats of 1 and of 5 in a minute
		measured      int            // besides, with times, of each
	}{
		{"both ends acknowledge", 0, 0, 0, 48, 12},
		{"the answering end is a browser", 1, 0, 48, 48, 12},
		{"the offering end is a browser", 5, 0, 48, 48, 12},
		{"the ends check their route", checked, 0, 0, 0, 12},
		{"the ends leave their route unchecked", unchecked, 0, 0, 0, 12},
		{"the offering end sends", 0, 5, 0, 0, 60},
		{"the answering end sends", 0, 1, 0, 0, 60},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			bubble.Test(t, func(t *testing.T) {
				w := newWorld(t, rtcpeer.Mesh, memory.Options{Delay: 70 * time.Millisecond})
				for _, id := range []rtcpeer.PeerID{1, 5} {
					host := w.network.Transport()
					w.hosts[id] = host
					var tr transport.Transport = host
					switch tt.browser {
					case id:
						tr = unacknowledged{host}
					case checked:
						tr = checkedTransport{host, new(checkFaults)}
					case unchecked:
						tr = checkedTransport{host, &checkFaults{unchecked: true}}
					}
					w.nodes[id] = w.room.join(t, id, tr, rtcpeer.Config{})
					w.diaries[id] = keepDiary(w.nodes[id])
				}
				after(5 * time.Second)
				if tt.flow != 0 {
					// The world is closed before the bubble ends, and no clock runs on at its end: the sender ends first.
					ctx, cancel := context.WithCancel(t.Context())
					var sender sync.WaitGroup
					defer sender.Wait()
					defer cancel()
					sender.Go(func() {
						for w.nodes[tt.flow].Send(ctx, rtcpeer.Packet{Mode: rtcpeer.Unreliable, Data: []byte{1}}) == nil {
							time.Sleep(100 * time.Millisecond)
						}
					})
				}
				after(5 * time.Second)
				answers, asks := w.beatBytes(1, 5), w.beatBytes(5, 1)
				after(time.Minute)
				require.InDelta(t, tt.answers*beat+tt.measured*timed, w.beatBytes(1, 5)-answers, 3*timed)
				require.InDelta(t, tt.asks*beat+tt.measured*timed, w.beatBytes(5, 1)-asks, 3*timed)
				for id, d := range w.diaries {
					require.Equal(t, "connected", d.story(6-id))
				}
			})
		})
	}
}

// beatBytes is how many bytes an end has said over its control lane.
func (w *world) beatBytes(at, with rtcpeer.PeerID) int {
	l := w.link(at, with)
	bytes := int(l.BytesSent)
	for _, lane := range l.Lanes {
		bytes -= int(lane.SentBytes)
	}
	return bytes
}

// Whichever way nothing gets through any more on an idle link, who hears nothing is told of that.
func TestSilenceOfAnIdleLink(t *testing.T) {
	for _, deaf := range []rtcpeer.PeerID{1, 5} {
		for offset := time.Duration(0); offset < time.Second; offset += 37 * time.Millisecond {
			bubble.Test(t, func(t *testing.T) {
				w := newWorld(t, rtcpeer.Mesh, memory.Options{Delay: 70 * time.Millisecond}).join(rtcpeer.Config{}, 1, 5)
				after(10*time.Second + offset)
				w.network.PartitionOneWay(w.hosts[6-deaf], w.hosts[deaf])
				after(2500 * time.Millisecond)
				require.True(t, w.link(deaf, 6-deaf).Interrupted, "%d hears nothing", deaf)
				after(time.Minute)
				require.Equal(t, "connected interrupted disconnected(lost)", w.diaries[deaf].story(6-deaf))
				require.Equal(t, "connected disconnected(lost)", w.diaries[6-deaf].story(deaf), "it hears of it in a bye")
			})
		}
	}
}
