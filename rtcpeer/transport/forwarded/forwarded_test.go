package forwarded_test

import (
	"encoding/binary"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"example.org/rtcpeer/rtcpeer/transport"
	"example.org/rtcpeer/rtcpeer/transport/forwarded"
	"example.org/rtcpeer/rtcpeer/transport/transporttest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// An end is one member of a carrier in memory.
type end struct {
	mux   *forwarded.Mux
	ready chan struct{}
}

// newEnds returns the ends of two members, 1 and 2, and carries frames between them until the test is over. pass may
// change, drop or repeat a frame.
func newEnds(t testing.TB, pass func(to uint32, frame []byte) [][]byte) (a, b *forwarded.Mux) {
	t.Helper()
	ends := map[uint32]*end{}
	for id := uint32(1); id <= 2; id++ {
		e := &end{ready: make(chan struct{}, 1)}
		e.mux = forwarded.NewMux(func() {
			select {
			case e.ready <- struct{}{}:
			default:
			}
		})
		ends[id] = e
	}
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for id, e := range ends {
		wg.Go(func() {
			for {
				select {
				case <-e.ready:
				case <-stop:
					return
				}
				for frame := e.mux.Next(); frame != nil; frame = e.mux.Next() {
					to, body := binary.BigEndian.Uint32(frame), append([]byte(nil), frame[4:]...)
					for _, f := range pass(to, body) {
						ends[to].mux.Receive(id, f)
					}
				}
			}
		})
	}
	t.Cleanup(func() {
		close(stop)
		wg.Wait()
	})
	return ends[1].mux, ends[2].mux
}

func unchanged(_ uint32, frame []byte) [][]byte { return [][]byte{frame} }

func pair(t testing.TB) (a, b transport.Transport) {
	m, n := newEnds(t, unchanged)
	return m.To(2), n.To(1)
}

func TestTransport(t *testing.T) {
	transporttest.RunWithoutCandidates(t, func(t *testing.T) (a, b transport.Transport) { return pair(t) })
}
