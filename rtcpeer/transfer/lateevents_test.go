package transfer

import (
	"bytes"
	"context"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer/transport/memory"
	"example.org/rtcpeer/testdata/bubble"
)

// joinLate joins an end that gives no event to Handle before its listen is called.
func (w *world) joinLate(t testing.TB) *end {
	t.Helper()
	e := w.joinRaw(t)
	var err error
	e.Files, err = New(e.node, channel, Config{})
	require.NoError(t, err)
	e.raw = false
	return e
}

// An offer waits for the next host of a star, and goes over the link with that one before the sender's program gives
// HostChanged to Handle. The receiver learns that this offer is void, so it can take the next one.
func TestHostChangedIsHandledLate(t *testing.T) {
	for name, tt := range map[string]struct {
		next bool // the sender is the next host
		once bool // the content cannot be sent again
	}{
		"from a guest":       {},
		"from the next host": {next: true},
		"from a pipe":        {once: true},
	} {
		t.Run(name, func(t *testing.T) {
			bubble.Test(t, func(t *testing.T) {
				w := migratingStar(t, memory.Options{Delay: 20 * time.Millisecond})
				host := w.join(t, Config{})
				var next, from *end
				if tt.next {
					from = w.joinLate(t)
					awaitEach(t, from, host)
					next = from
				} else {
					next = w.join(t, Config{})
					awaitEach(t, next, host)
					from = w.joinLate(t)
				}
				to := w.join(t, Config{})
				for _, other := range []*end{host, next, from} {
					awaitEach(t, to, other)
				}
				host.die()
				for connected(from, host) {
					time.Sleep(time.Millisecond) // in a bubble
				}
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // of fake time
				defer cancel()
				d := &delivery{from: from, to: to, data: random(100_000, 1), dir: t.TempDir(), half: make(chan struct{})}
				d.folder = folderOf(t, d.dir)
				sent := make(chan error, 1)
				go func() {
					if tt.once {
						sent <- from.Send(ctx, to.id, File{Name: "film", Size: -1, Content: struct{ io.Reader }{bytes.NewReader(d.data)}})
						return
					}
					sent <- d.send(ctx)
				}()
				offer, err := to.Accept(ctx)
				require.NoError(t, err)
				require.Equal(t, next.id, to.node.Host())
				from.listen()
				_, err = offer.Save(ctx, d.folder, SaveOptions{})
				requireError(t, err, ErrHostChanged, "receive", from.id)
				if tt.once {
					requireError(t, <-sent, ErrHostChanged, "send", to.id)
					return
				}
				require.NoError(t, d.receive(ctx))
				require.NoError(t, <-sent)
				require.True(t, contents(t, d.dir)["film"] == string(d.data))
				requireIdle(t, from)
				requireIdle(t, to)
			})
		})
	}
}

// The same with a link that was lost and made again.
func TestPeerDisconnectedIsHandledLate(t *testing.T) {
	overMemory(t, memory.Options{Delay: 20 * time.Millisecond}, func(t *testing.T, w *world) {
		from, to := w.joinLate(t), w.join(t, Config{})
		awaitEach(t, from, to)
		ends := []*memory.Transport{from.transport.(*memory.Transport), to.transport.(*memory.Transport)}
		w.network.Partition(ends[0], ends[1])
		for connected(from, to) || connected(to, from) {
			time.Sleep(time.Millisecond) // in a bubble
		}
		w.network.Heal(ends[0], ends[1])
		awaitEach(t, from, to)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // of fake time
		defer cancel()
		sent := make(chan error, 1)
		go func() {
			sent <- from.Send(ctx, to.id, File{Name: "cat", Size: 4, Content: bytes.NewReader([]byte("meow"))})
		}()
		offer, err := to.Accept(ctx)
		require.NoError(t, err)
		from.listen()
		requireError(t, <-sent, ErrPeerGone, "send", to.id)
		requireError(t, offer.Receive(ctx, io.Discard, nil), ErrCancelled, "receive", from.id)
		requireIdle(t, from)
		requireIdle(t, to)
	})
}
