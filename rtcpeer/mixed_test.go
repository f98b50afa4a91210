package rtcpeer_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer"
	"example.org/rtcpeer/rtcpeer/transport"
	"example.org/rtcpeer/rtcpeer/transport/memory"
	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/testdata/bubble"
)

// A laneSpy notes the SCTP streams of the paths that a host makes.
type laneSpy struct {
	transport.Transport

	mu      sync.Mutex // guards streams
	streams [][]uint16
}

func (s *laneSpy) NewPath(c transport.PathConfig) (transport.Path, error) {
	var ids []uint16
	for _, l := range c.Lanes {
		ids = append(ids, l.ID)
	}
	s.mu.Lock()
	s.streams = append(s.streams, ids)
	s.mu.Unlock()
	return s.Transport.NewPath(c)
}

// without counts the paths that do not have a stream.
func (s *laneSpy) without(stream uint16) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, streams := range s.streams {
		if !slices.Contains(streams, stream) {
			n++
		}
	}
	return n
}

// A room with a member without features among members with them. That member sees no stream 0 and none of the signals of
// repairs, and its links are lost instead of repaired. The others repair the links between them.
func TestMembersWithAndWithoutRepairs(t *testing.T) {
	for _, bareID := range []rtcpeer.PeerID{1, 5, 9} {
		t.Run(fmt.Sprint(bareID), func(t *testing.T) {
			lasting(t, func(t *testing.T, topology rtcpeer.Topology) {
				w := newWorld(t, topology, memory.Options{Delay: 10 * time.Millisecond})
				ids := []rtcpeer.PeerID{1, 5, 9}
				var wrong []string
				w.intercept(func(from, to rtcpeer.PeerID, s signaling.SignalData) bool {
					if to == bareID && (s.Link != "" || s.Repair || s.Type == signaling.Repair) {
						wrong = append(wrong, fmt.Sprintf("%d to %d: %s link=%q repair=%v", from, to, s.Type, s.Link, s.Repair))
					}
					return false
				})
				spies := make(map[rtcpeer.PeerID]*laneSpy)
				for _, id := range ids {
					w.hosts[id] = w.network.Transport()
					spies[id] = &laneSpy{Transport: w.hosts[id]}
					w.room.bare = id == bareID
					w.nodes[id] = w.room.join(t, id, spies[id], rtcpeer.Config{})
					w.diaries[id] = keepDiary(w.nodes[id])
				}
				after(3 * time.Second)
				links := func(a, b rtcpeer.PeerID) bool { return a != b && (topology == rtcpeer.Mesh || a == 1 || b == 1) }
				for _, a := range ids {
					for _, b := range ids {
						if links(a, b) {
							require.Equal(t, a != bareID && b != bareID, w.link(a, b).Repairable, "%d with %d", a, b)
						}
					}
				}
				for _, a := range ids { // every path is forgotten, and nobody is told
					for _, b := range ids {
						if a < b {
							w.network.Forget(w.hosts[a], w.hosts[b])
						}
					}
				}
				after(45 * time.Second) // an end that could repair is patient for 40 s, also if the other turns out not to
				for _, a := range ids {
					w.diaries[a].check(t)
					for _, b := range ids {
						switch {
						case !links(a, b):
						case a == bareID || b == bareID:
							require.Equal(t, "connected disconnected(lost)", w.diaries[a].story(b), "%d of %d, as before", a, b)
						default:
							require.Equal(t, "connected interrupted resumed", w.diaries[a].story(b), "%d of %d", a, b)
						}
					}
				}
				require.Empty(t, wrong, "what a member without features is sent")
				for _, id := range ids {
					if id != bareID && links(id, bareID) {
						require.Equal(t, 1, spies[id].without(0), "paths of %d without stream 0", id)
					}
				}
			})
		})
	}
}

// However small SendBuffer is, the other end acknowledges packets before the buffer is full, so that the sender need not wait
// for the next beat.
func TestSmallSendBuffer(t *testing.T) {
	for _, size := range []int{1, 64, 255, 1024, 4096} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			bubble.Test(t, func(t *testing.T) {
				w := newWorld(t, rtcpeer.Mesh, memory.Options{Delay: 5 * time.Millisecond})
				w.join(rtcpeer.Config{MaxPacket: size, SendBuffer: 4 * size}, 1, 5)
				start := time.Now()
				for range 100 {
					require.NoError(t, w.nodes[1].Send(t.Context(), rtcpeer.Packet{Peer: 5, Data: make([]byte, size)}))
				}
				require.Less(t, time.Since(start), time.Second)
			})
		})
	}
}
