package transfer

import (
	"bytes"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer"
)

// BenchmarkFile sends a file of 32 MiB from memory, to nowhere and to a folder, and the same bytes in packets of 16 KiB over
// the bare channel, in turns, over WebRTC on loopback. The ratios are those of the throughput to that of the channel:
//
//	go test -run '^$' -bench File -benchtime 10x ./rtcpeer/transfer
//
// Both ends hash, which at 330 MB/s (2 cores without SHA instructions) is a sixth of the CPU. It costs that much where CPU is
// short: 0.78 to 0.87 and 0.68 to 0.83 beside other work, 0.93 and 0.92 in a run that was not in turns. On two cores with SHA
// instructions it is 4 % of the CPU, and the ratios were 0.95 and 0.94 beside other work.
func BenchmarkFile(b *testing.B) {
	data := random(32<<20, 1)
	x, y := overWebRTC(b).meetRaw(b)
	from, to := overWebRTC(b).connect(b, Config{})
	folder := folderOf(b, b.TempDir())
	var channel, stream, saved time.Duration
	timed := func(sum *time.Duration, do func()) {
		began := time.Now()
		do()
		*sum += time.Since(began)
	}
	for b.Loop() {
		timed(&channel, func() { sendBare(b, x, y, data) })
		timed(&stream, func() {
			sendFile(b, from, to, data, func(o *Offer) error { return o.Receive(b.Context(), io.Discard, nil) })
		})
		timed(&saved, func() {
			sendFile(b, from, to, data, func(o *Offer) error {
				_, err := o.Save(b.Context(), folder, SaveOptions{Overwrite: true})
				return err
			})
		})
	}
	b.ReportMetric(float64(len(data)*b.N)/1e6/channel.Seconds(), "channel-MB/s")
	b.ReportMetric(channel.Seconds()/stream.Seconds(), "stream/channel")
	b.ReportMetric(channel.Seconds()/saved.Seconds(), "folder/channel")
}

// sendBare sends packets until all have been received.
func sendBare(b *testing.B, from, to *end, data []byte) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		for n := 0; n < len(data); {
			ev, err := to.node.Receive(b.Context())
			if err != nil {
				return
			}
			n += len(ev.Packet.Data)
		}
	}()
	packet := rtcpeer.Packet{Peer: to.id, Channel: channel}
	for rest := data; len(rest) > 0; {
		n := min(len(rest), 16<<10)
		packet.Data, rest = rest[:n], rest[n:]
		require.NoError(b, from.node.Send(b.Context(), packet))
	}
	<-done
}

func sendFile(b *testing.B, from, to *end, data []byte, take func(*Offer) error) {
	done := make(chan error, 1)
	go func() {
		offer, err := to.Accept(b.Context())
		if err == nil {
			err = take(offer)
		}
		done <- err
	}()
	require.NoError(b, from.Send(b.Context(), to.id, File{Name: "file", Size: int64(len(data)), Content: bytes.NewReader(data)}))
	require.NoError(b, <-done)
}

// meetRaw joins two ends whose events the test receives itself.
func (w *world) meetRaw(t testing.TB) (a, b *end) {
	t.Helper()
	a, b = w.joinRaw(t), w.joinRaw(t)
	for _, e := range []*end{a, b} {
		ev, err := e.node.Receive(t.Context())
		require.NoError(t, err)
		require.Equal(t, rtcpeer.PeerConnected, ev.Kind)
	}
	return a, b
}
