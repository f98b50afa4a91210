package transfer

import (
	"bytes"
	"crypto/sha256"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer"
)

// BenchmarkFile: a file of 64 MiB from memory to a folder, or to nowhere, and the same bytes in packets of 16 KiB over
// the bare channel, in one run over WebRTC on loopback. Compare the MB/s:
//
//	go test -run '^$' -bench File -benchtime 5x -count 3 ./rtcpeer/transfer
func BenchmarkFile(b *testing.B) {
	data := random(64<<20, 1)
	b.Run("channel", func(b *testing.B) {
		x, y := overWebRTC(b).meetRaw(b)
		packet := rtcpeer.Packet{Peer: y.id, Channel: channel}
		b.SetBytes(int64(len(data)))
		for b.Loop() {
			done := make(chan struct{})
			go func() {
				defer close(done)
				for n := 0; n < len(data); {
					ev, err := y.node.Receive(b.Context())
					require.NoError(b, err)
					n += len(ev.Packet.Data)
				}
			}()
			for rest := data; len(rest) > 0; {
				n := min(len(rest), 16<<10)
				packet.Data, rest = rest[:n], rest[n:]
				require.NoError(b, x.node.Send(b.Context(), packet))
			}
			<-done
		}
	})
	b.Run("stream", func(b *testing.B) {
		benchmarkFile(b, data, func(o *Offer) error { return o.Receive(b.Context(), io.Discard, nil) })
	})
	b.Run("folder", func(b *testing.B) {
		folder := folderOf(b, b.TempDir())
		benchmarkFile(b, data, func(o *Offer) error {
			_, err := o.Save(b.Context(), folder, SaveOptions{Overwrite: true})
			return err
		})
	})
	b.Run("sha256", func(b *testing.B) { // what each end does besides
		b.SetBytes(int64(len(data)))
		for b.Loop() {
			sha256.Sum256(data)
		}
	})
}

func benchmarkFile(b *testing.B, data []byte, take func(*Offer) error) {
	x, y := overWebRTC(b).connect(b, Config{})
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		done := make(chan error, 1)
		go func() {
			offer, err := y.Accept(b.Context())
			if err == nil {
				err = take(offer)
			}
			done <- err
		}()
		require.NoError(b, x.Send(b.Context(), y.id, File{Name: "file", Size: int64(len(data)), Content: bytes.NewReader(data)}))
		require.NoError(b, <-done)
	}
}

// meetRaw joins two ends whose events the test receives itself.
func (w *world) meetRaw(t testing.TB) (a, b *end) {
	t.Helper()
	a, b = w.joinRaw(t, 1), w.joinRaw(t, 2)
	for _, e := range []*end{a, b} {
		t.Cleanup(e.close)
		ev, err := e.node.Receive(t.Context())
		require.NoError(t, err)
		require.Equal(t, rtcpeer.PeerConnected, ev.Kind)
	}
	return a, b
}
