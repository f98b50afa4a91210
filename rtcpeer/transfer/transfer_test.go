package transfer

import (
	"bytes"
	"context"
	"errors"
	"io"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer"
	"example.org/rtcpeer/rtcpeer/transport/memory"
	"example.org/rtcpeer/testdata/bubble"
)

// overMemory runs a test on the memory transport, where time costs nothing.
func overMemory(t *testing.T, options memory.Options, test func(t *testing.T, w *world)) {
	t.Helper()
	bubble.Test(t, func(t *testing.T) { test(t, inMemory(t, options)) })
}

// overBoth runs a test on the memory transport and on WebRTC.
func overBoth(t *testing.T, test func(t *testing.T, w *world)) {
	t.Run("memory", func(t *testing.T) {
		overMemory(t, memory.Options{Delay: 20 * time.Millisecond}, test)
	})
	t.Run("webrtc", func(t *testing.T) { test(t, overWebRTC(t)) })
}

func TestFileArrivesWhole(t *testing.T) {
	sizes := []struct {
		name string
		size int
	}{{"nothing", 0}, {"one byte", 1}, {"some packets", 100_000}, {"more than a window", 3<<20 + 1}}
	overBoth(t, func(t *testing.T, w *world) {
		a, b := w.connect(t, Config{Window: 1 << 20})
		dir := t.TempDir()
		folder := folderOf(t, dir)
		for i, tt := range sizes {
			data := random(tt.size, uint64(i))
			var sent, received int64
			result := make(chan error, 1)
			go func() {
				result <- a.Send(t.Context(), b.id, File{
					Name: tt.name, Size: int64(tt.size), Content: bytes.NewReader(data), Progress: func(n int64) { sent = n },
				})
			}()
			offer, err := b.Accept(t.Context())
			require.NoError(t, err)
			require.Equal(t, []any{a.id, tt.name, int64(tt.size)}, []any{offer.Peer, offer.Name, offer.Size})
			name, err := offer.Save(t.Context(), folder, SaveOptions{Progress: func(n int64) { received = n }})
			require.NoError(t, err)
			require.NoError(t, <-result)
			require.Equal(t, tt.name, name)
			require.True(t, string(data) == contents(t, dir)[tt.name], tt.name)
			require.Equal(t, []int64{int64(tt.size), int64(tt.size)}, []int64{sent, received})
		}
		require.Len(t, contents(t, dir), len(sizes), "and no parts")
	})
}

// A pipe does not say how much will come, and a writer is no folder.
func TestStreamOfUnknownSize(t *testing.T) {
	overBoth(t, func(t *testing.T, w *world) {
		a, b := w.connect(t, Config{Window: MinWindow})
		data := random(300_000, 1)
		result := make(chan error, 1)
		go func() {
			content := struct{ io.Reader }{bytes.NewReader(data)}
			result <- a.Send(t.Context(), b.id, File{Name: "log", Size: -1, Content: content})
		}()
		offer, err := b.Accept(t.Context())
		require.NoError(t, err)
		require.EqualValues(t, -1, offer.Size)
		var got bytes.Buffer
		require.NoError(t, offer.Receive(t.Context(), &got, nil))
		require.NoError(t, <-result)
		require.True(t, bytes.Equal(data, got.Bytes()))
	})
}

// Both ends send many at a time, with lanes that are full of data both ways.
func TestManyAtOnceBothWays(t *testing.T) {
	const files = 12
	overBoth(t, func(t *testing.T, w *world) {
		a, b := w.connect(t, Config{AtOnce: 3, Window: 256 << 10})
		results := make(chan error, 4*files)
		both := [][2]*end{{a, b}, {b, a}}
		for _, way := range both {
			dir := t.TempDir()
			folder := folderOf(t, dir)
			for i := range files {
				data := random(400_000, uint64(i))
				go func() {
					results <- way[0].Send(t.Context(), way[1].id, File{Name: "same", Size: int64(len(data)), Content: bytes.NewReader(data)})
				}()
				go func() {
					offer, err := way[1].Accept(t.Context())
					if err == nil {
						_, err = offer.Save(t.Context(), folder, SaveOptions{})
					}
					results <- err
				}()
			}
			defer func() { require.Len(t, contents(t, dir), files) }()
		}
		for range 4 * files {
			require.NoError(t, <-results)
		}
	})
}

func TestRefusedAndCancelled(t *testing.T) {
	cause := errors.New("the user has had enough")
	tests := []struct {
		name              string
		sender, receiver  error // what Send and Save return
		meanwhile         func(offer *Offer, cancelSend, cancelSave func())
		text              string
		receiverNeverSaid bool
	}{
		{name: "refused", sender: ErrRefused, text: "no room here", receiverNeverSaid: true,
			meanwhile: func(o *Offer, _, _ func()) { o.Refuse("no room\nhere") }},
		{name: "cancelled by the sender", sender: cause, receiver: ErrCancelled,
			meanwhile: func(_ *Offer, cancelSend, _ func()) { cancelSend() }},
		{name: "cancelled by the receiver", sender: ErrCancelled, receiver: cause,
			meanwhile: func(_ *Offer, _, cancelSave func()) { cancelSave() }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			overBoth(t, func(t *testing.T, w *world) {
				a, b := w.connect(t, Config{Window: MinWindow})
				sendCtx, cancelSend := context.WithCancelCause(t.Context())
				saveCtx, cancelSave := context.WithCancelCause(t.Context())
				result := make(chan error, 1)
				go func() {
					result <- a.Send(sendCtx, b.id, File{Name: "big", Size: 10 << 20, Content: bytes.NewReader(make([]byte, 10<<20))})
				}()
				offer, err := b.Accept(t.Context())
				require.NoError(t, err)
				act := func() {
					tt.meanwhile(offer, func() { cancelSend(cause) }, func() { cancelSave(cause) })
				}
				if tt.receiverNeverSaid {
					act()
				} else {
					err = offer.Receive(saveCtx, io.Discard, func(n int64) {
						if n > 1<<20 {
							act()
						}
					})
					requireError(t, err, tt.receiver, "receive", a.id)
				}
				requireError(t, <-result, tt.sender, "send", b.id)
				requireIdle(t, a)
				requireIdle(t, b)
			})
		})
	}
}

// There is no room for a refusal: it is sent when there is.
func TestRefusalWaitsForRoom(t *testing.T) {
	overMemory(t, memory.Options{Delay: 5 * time.Millisecond}, func(t *testing.T, w *world) {
		a, b := w.connect(t, Config{})
		result := make(chan error, 1)
		go func() {
			result <- a.Send(t.Context(), b.id, File{Name: "x", Size: 1, Content: bytes.NewReader([]byte("x"))})
		}()
		offer, err := b.Accept(t.Context())
		require.NoError(t, err)

		ends := [2]*memory.Transport{a.transport.(*memory.Transport), b.transport.(*memory.Transport)}
		w.network.Partition(ends[0], ends[1])
		for _, stale := range []frame{{kind: kindData, id: 99, data: make([]byte, 8<<10)}, {kind: kindDone, id: 99}} {
			for err = nil; err == nil; {
				err = b.node.TrySend(rtcpeer.Packet{Peer: a.id, Channel: channel, Data: stale.append(nil)})
			}
			require.ErrorIs(t, err, rtcpeer.ErrBufferFull)
		}
		offer.Refuse("no")
		b.mu.Lock()
		require.Equal(t, 1, b.late)
		b.mu.Unlock()
		w.network.Heal(ends[0], ends[1])
		requireError(t, <-result, ErrRefused, "send", b.id)
		requireIdle(t, b)
	})
}

// requireIdle waits until nothing of a transfer is left.
func requireIdle(t testing.TB, e *end) {
	t.Helper()
	for {
		e.mu.Lock()
		n, changed := len(e.sending)+len(e.receiving)+len(e.waiting)+e.late, e.changed
		e.mu.Unlock()
		if n == 0 {
			return
		}
		<-changed
	}
}

// A reader ends with ctx, too, such as the body of an HTTP response. The transfer is cancelled all the same.
func TestContentThatEndsWithTheContext(t *testing.T) {
	overMemory(t, memory.Options{}, func(t *testing.T, w *world) {
		a, b := w.connect(t, Config{})
		cause := errors.New("the user has had enough")
		ctx, cancel := context.WithCancelCause(t.Context())
		result := make(chan error, 1)
		go func() {
			content := readerFunc(func([]byte) (int, error) {
				cancel(cause)
				return 0, context.Canceled
			})
			result <- a.Send(ctx, b.id, File{Name: "page", Size: -1, Content: content})
		}()
		offer, err := b.Accept(t.Context())
		require.NoError(t, err)
		requireError(t, offer.Receive(t.Context(), io.Discard, nil), ErrCancelled, "receive", a.id)
		requireError(t, <-result, cause, "send", b.id)
	})
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(b []byte) (int, error) { return f(b) }

// Offers that nobody has answered end with their sender, and those that were answered once stay answered.
func TestOfferEnds(t *testing.T) {
	overMemory(t, memory.Options{Delay: time.Millisecond}, func(t *testing.T, w *world) {
		a, b := w.connect(t, Config{})
		ctx, cancel := context.WithCancel(t.Context())
		result := make(chan error, 2)
		send := func(ctx context.Context) {
			result <- a.Send(ctx, b.id, File{Name: "x", Size: 1, Content: bytes.NewReader([]byte("x"))})
		}
		go send(ctx)
		offer, err := b.Accept(t.Context())
		require.NoError(t, err)
		cancel()
		requireError(t, <-result, context.Canceled, "send", b.id)
		synctest.Wait()
		time.Sleep(time.Second)
		requireError(t, offer.Receive(t.Context(), io.Discard, nil), ErrCancelled, "receive", a.id)

		go send(t.Context())
		offer, err = b.Accept(t.Context())
		require.NoError(t, err)
		require.NoError(t, offer.Receive(t.Context(), io.Discard, nil))
		require.NoError(t, <-result)
		requireError(t, offer.Receive(t.Context(), io.Discard, nil), errTaken, "receive", a.id)

		go send(t.Context())
		synctest.Wait()
		time.Sleep(time.Second)
		require.NoError(t, a.node.Disconnect(b.id))
		requireError(t, <-result, ErrPeerGone, "send", b.id)
		b.await(t, rtcpeer.PeerDisconnected)
		requireIdle(t, b) // it was never accepted
	})
}

func TestClose(t *testing.T) {
	overBoth(t, func(t *testing.T, w *world) {
		a, b := w.connect(t, Config{})
		result := make(chan error, 2)
		go func() {
			result <- a.Send(t.Context(), b.id, File{Name: "x", Size: 8 << 20, Content: bytes.NewReader(make([]byte, 8<<20))})
		}()
		offer, err := b.Accept(t.Context())
		require.NoError(t, err)
		err = offer.Receive(t.Context(), io.Discard, func(n int64) {
			if n > 1<<20 {
				a.Files.Close()
			}
		})
		requireError(t, err, ErrCancelled, "receive", a.id)
		requireError(t, <-result, ErrClosed, "send", b.id)
		requireError(t, a.Send(t.Context(), b.id, File{Name: "x"}), ErrClosed, "send", b.id)
		_, err = a.Accept(t.Context())
		require.ErrorIs(t, err, ErrClosed)
	})
}

// A receiver that writes slowly holds the sender back: no more than a window is on its way.
func TestWindow(t *testing.T) {
	overMemory(t, memory.Options{Delay: time.Millisecond}, func(t *testing.T, w *world) {
		a, b := w.connect(t, Config{Window: MinWindow})
		var sent atomic.Int64
		result := make(chan error, 2)
		go func() {
			result <- a.Send(t.Context(), b.id, File{
				Name: "x", Size: 1 << 20, Content: bytes.NewReader(make([]byte, 1<<20)), Progress: sent.Store,
			})
		}()
		offer, err := b.Accept(t.Context())
		require.NoError(t, err)
		written, goOn := make(chan struct{}), make(chan struct{})
		go func() { result <- offer.Receive(t.Context(), slowly{written, goOn}, nil) }()
		done := int64(0)
		for range 1 << 20 / (16<<10 - 5) {
			<-written
			time.Sleep(time.Second) // in a bubble
			require.LessOrEqual(t, sent.Load(), done+MinWindow)
			require.LessOrEqual(t, offer.transfer.unread.Load(), int64(MinWindow))
			done += 16<<10 - 3
			goOn <- struct{}{}
		}
		close(goOn)
		go func() {
			for range written {
			}
		}()
		require.NoError(t, <-result)
		require.NoError(t, <-result)
		close(written)
	})
}

// slowly writes each piece when it may.
type slowly struct{ written, goOn chan struct{} }

func (s slowly) Write(b []byte) (int, error) {
	s.written <- struct{}{}
	<-s.goOn
	return len(b), nil
}

func TestSendOnly(t *testing.T) {
	overMemory(t, memory.Options{}, func(t *testing.T, w *world) {
		a, b := w.connect(t, Config{SendOnly: true})
		err := a.Send(t.Context(), b.id, File{Name: "x", Content: bytes.NewReader(nil)})
		requireError(t, err, ErrNotReceiving, "send", b.id)
		require.ErrorIs(t, err, ErrRefused)
	})
}

func TestPeerThatIsNotThere(t *testing.T) {
	overMemory(t, memory.Options{}, func(t *testing.T, w *world) {
		a, _ := w.connect(t, Config{})
		err := a.Send(t.Context(), 99, File{Name: "x", Size: 0, Content: bytes.NewReader(nil)})
		requireError(t, err, ErrPeerGone, "send", 99)
		require.ErrorIs(t, err, rtcpeer.ErrUnknownPeer)
	})
}

// Reading ends before the size that was said: the receiver must not take that for the file.
func TestContentThatChangesOrFails(t *testing.T) {
	broken := errors.New("the disk is gone")
	tests := []struct {
		name    string
		content io.Reader
		want    error
	}{
		{"shorter", bytes.NewReader(random(50_000, 1)), ErrChanged},
		{"fails", io.MultiReader(bytes.NewReader(random(50_000, 1)), failing{broken}), broken},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			overMemory(t, memory.Options{}, func(t *testing.T, w *world) {
				a, b := w.connect(t, Config{})
				result := make(chan error, 1)
				go func() {
					result <- a.Send(t.Context(), b.id, File{Name: "x", Size: 100_000, Content: tt.content})
				}()
				offer, err := b.Accept(t.Context())
				require.NoError(t, err)
				requireError(t, offer.Receive(t.Context(), io.Discard, nil), ErrRemote, "receive", a.id)
				requireError(t, <-result, tt.want, "send", b.id)
			})
		})
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }
