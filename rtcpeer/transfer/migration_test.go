package transfer

import (
	"bytes"
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer"
	"example.org/rtcpeer/rtcpeer/transport/memory"
	"example.org/rtcpeer/testdata/bubble"
)

// migratingStar is a world whose ends meet in a star that outlives its host.
func migratingStar(t testing.TB, options memory.Options) *world {
	w := inMemory(t, options)
	w.config = rtcpeer.Config{Topology: rtcpeer.Star, NewRoom: rtcpeer.NewRoom{Migrates: true}}
	return w
}

// A delivery is a file from guest to guest, for which neither end does anything about a change of the host.
type delivery struct {
	from, to *end
	data     []byte
	folder   *Folder
	dir      string
	half     chan struct{} // closed when half of it was sent

	began []int64 // how much was there each time the file was accepted
}

func (d *delivery) send(ctx context.Context) error {
	reached := sync.OnceFunc(func() { close(d.half) })
	return d.from.Send(ctx, d.to.id, File{
		Name: "film", Size: int64(len(d.data)), Content: bytes.NewReader(d.data),
		Progress: func(n int64) {
			if n >= int64(len(d.data))/2 {
				reached()
			}
		},
	})
}

// receive takes each offer until the file is there.
func (d *delivery) receive(ctx context.Context) error {
	for {
		offer, err := d.to.Accept(ctx)
		if err != nil {
			return err
		}
		first := true
		_, err = offer.Save(ctx, d.folder, SaveOptions{Progress: func(n int64) {
			if first {
				d.began, first = append(d.began, n), false
			}
		}})
		if !errors.Is(err, ErrHostChanged) {
			return err
		}
	}
}

// Frames are lost with the host that relays them. Each file is whole and right in the end, wherever its sender and its
// receiver are in the star that follows.
func TestHostGoesDuringTransfers(t *testing.T) {
	for name, goes := range map[string]func(host *end){
		"killed": (*end).die,
		"closed": func(host *end) { host.node.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			bubble.Test(t, func(t *testing.T) {
				w := migratingStar(t, memory.Options{Delay: 20 * time.Millisecond, Rate: 10 << 20})
				config := Config{Window: MinWindow}
				host := w.join(t, config)
				var guests []*end
				for range 3 {
					guest := w.join(t, config)
					for _, other := range append(guests, host) {
						awaitEach(t, guest, other)
					}
					guests = append(guests, guest)
				}
				next, b, c := guests[0], guests[1], guests[2] // the first guest is the next host
				deliveries := []*delivery{{from: b, to: c}, {from: next, to: b}, {from: c, to: next}}
				over := make(chan error, 2*len(deliveries))
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute) // of fake time
				defer cancel()
				const size = 3 << 20
				for i, d := range deliveries {
					d.data, d.dir, d.half = random(size, uint64(i)), t.TempDir(), make(chan struct{})
					d.folder = folderOf(t, d.dir)
					go func() { over <- d.receive(ctx) }()
					go func() { over <- d.send(ctx) }()
				}
				for _, d := range deliveries {
					select {
					case <-d.half:
					case err := <-over:
						require.NoError(t, err)
						require.Fail(t, "a file is there already")
					}
				}
				goes(host)
				for range 2 * len(deliveries) {
					require.NoError(t, <-over)
				}
				require.Equal(t, next.id, b.node.Host())
				for _, d := range deliveries {
					require.True(t, contents(t, d.dir)["film"] == string(d.data))
					require.Len(t, contents(t, d.dir), 1)
					require.Len(t, d.began, 2)
					require.GreaterOrEqual(t, d.began[1], int64(size/4), "it goes on where it was")
				}
			})
		})
	}
}

// Server is the present host, also for a file: under the first host, under the next one, and while there is none.
func TestFileForTheHost(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		w := migratingStar(t, memory.Options{Delay: 20 * time.Millisecond})
		config := Config{Window: MinWindow}
		host, next := w.join(t, config), w.join(t, config)
		awaitEach(t, next, host)
		guest := w.join(t, config)
		awaitEach(t, guest, host)
		awaitEach(t, guest, next)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // of fake time
		defer cancel()
		const size = 100 << 10
		carry := func(to *end) {
			t.Helper()
			d := &delivery{from: guest, to: &end{id: rtcpeer.Server, Files: to.Files}, data: random(size, 1), dir: t.TempDir(), half: make(chan struct{})}
			d.folder = folderOf(t, d.dir)
			over := make(chan error, 2)
			go func() { over <- d.receive(ctx) }()
			go func() { over <- d.send(ctx) }()
			for range 2 {
				require.NoError(t, <-over)
			}
			require.True(t, contents(t, d.dir)["film"] == string(d.data))
		}
		carry(host)
		require.NoError(t, host.node.Close())
		for kind := range guest.events {
			if kind == rtcpeer.PeerDisconnected {
				break
			}
		}
		carry(next)
		require.Equal(t, next.id, guest.node.Host())
		carry(next)
	})
}
