package transfer

import (
	"bytes"
	"context"
	"crypto/sha256"
	"io"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer"
	"example.org/rtcpeer/rtcpeer/transport/memory"
)

// meet joins an honest end and one that lies.
func (w *world) meet(t testing.TB, config Config) (honest, liar *end) {
	t.Helper()
	honest, liar = w.join(t, config), w.joinLiar(t)
	honest.await(t, rtcpeer.PeerConnected)
	liar.await(t, rtcpeer.PeerConnected)
	return honest, liar
}

// What a sender says after its offer of 4 bytes, "meow", was accepted: an error, and no file.
func TestSenderThatLies(t *testing.T) {
	meow := []byte("meow")
	data := func(offset int64, b []byte) frame { return frame{kind: kindData, id: 1, offset: offset, data: b} }
	end := func(size int64, of string) frame {
		return frame{kind: kindEnd, id: 1, size: size, sum: sha256.Sum256([]byte(of))}
	}
	tests := []struct {
		name string
		says []frame
		want error
	}{
		{"offset ahead", []frame{data(1, meow[:3])}, ErrProtocol},
		{"offset behind", []frame{data(0, meow), data(0, meow)}, ErrProtocol},
		{"more bytes than offered", []frame{data(0, []byte("meow!"))}, ErrProtocol},
		{"more bytes after all", []frame{data(0, meow), data(4, []byte("!"))}, ErrProtocol},
		{"an end too early", []frame{data(0, meow[:3]), end(3, "meo")}, ErrProtocol},
		{"an end at once", []frame{end(4, "meow")}, ErrProtocol},
		{"another size", []frame{data(0, meow), end(5, "meow")}, ErrProtocol},
		{"another hash", []frame{data(0, meow), end(4, "mooo")}, ErrHashMismatch},
		{"no hash", []frame{data(0, meow), {kind: kindEnd, id: 1, size: 4}}, ErrHashMismatch},
		{"a proof that was not asked for", []frame{{kind: kindPrefix, id: 1}}, ErrProtocol},
		{"the same offer again", []frame{{kind: kindOffer, id: 1, size: 4, text: "x"}}, ErrProtocol},
		{"no frame", []frame{{kind: 99, id: 1}}, ErrProtocol},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			overMemory(t, memory.Options{}, func(t *testing.T, w *world) {
				honest, liar := w.meet(t, Config{Window: MinWindow})
				dir := t.TempDir()
				liar.say(t, honest, frame{kind: kindOffer, id: 1, flags: flagAnew, size: 4, text: "../cat"})
				offer, err := honest.Accept(t.Context())
				require.NoError(t, err)
				result := make(chan error, 1)
				go func() {
					_, err := offer.Save(t.Context(), folderOf(t, dir), SaveOptions{})
					result <- err
				}()
				require.Equal(t, &frame{kind: kindAccept, id: 1, window: MinWindow}, liar.hear(t))
				for _, f := range tt.says {
					liar.say(t, honest, f)
				}
				requireError(t, <-result, tt.want, "receive", liar.id)
				stop := liar.hear(t)
				require.Equal(t, kindStopReceiving, stop.kind)
				require.Equal(t, map[bool]reason{true: reasonHash, false: reasonProtocol}[tt.want == ErrHashMismatch], stop.reason)
				requireIdle(t, honest)
				require.Empty(t, contents(t, dir))
			})
		})
	}
}

// A sender that says before it is asked, or tiny pieces without end, does not fill the memory.
func TestSenderThatDoesNotWait(t *testing.T) {
	overMemory(t, memory.Options{}, func(t *testing.T, w *world) {
		honest, liar := w.meet(t, Config{Window: MinWindow})
		liar.say(t, honest, frame{kind: kindOffer, id: 1, size: 4, text: "x"})
		offer, err := honest.Accept(t.Context())
		require.NoError(t, err)
		liar.say(t, honest, frame{kind: kindData, id: 1, data: []byte("x")})
		require.Equal(t, reasonProtocol, liar.hear(t).reason)
		requireError(t, offer.Receive(t.Context(), io.Discard, nil), ErrProtocol, "receive", liar.id)

		liar.say(t, honest, frame{kind: kindOffer, id: 2, flags: flagUnknownSize, text: "x"})
		offer, err = honest.Accept(t.Context())
		require.NoError(t, err)
		file := newGate()
		result := make(chan error, 1)
		go func() {
			result <- offer.Receive(t.Context(), file, nil)
		}()
		require.Equal(t, kindAccept, liar.hear(t).kind)
		for i := range int64(2000) {
			liar.say(t, honest, frame{kind: kindData, id: 2, offset: i, data: []byte("x")})
		}
		<-file.waiting
		synctest.Wait()
		honest.mu.Lock()
		waiting := len(offer.transfer.frames)
		honest.mu.Unlock()
		require.LessOrEqual(t, waiting, MinWindow/minData+maxAnswers)
		close(file.opened)
		requireError(t, <-result, ErrProtocol, "receive", liar.id)
		require.Equal(t, reasonProtocol, liar.hear(t).reason)
	})
}

// A receiver that says what only a sender says does not get the file offered again.
func TestReceiverThatTellsOfAnotherHost(t *testing.T) {
	overMemory(t, memory.Options{}, func(t *testing.T, w *world) {
		honest, liar := w.meet(t, Config{})
		result := make(chan error, 1)
		go func() {
			result <- honest.Send(t.Context(), liar.id, File{Name: "x", Size: 4, Content: bytes.NewReader([]byte("meow"))})
		}()
		require.Equal(t, kindOffer, liar.hear(t).kind)
		liar.say(t, honest, frame{kind: kindStopReceiving, id: 1, reason: reasonMoved})
		requireError(t, <-result, ErrRemote, "send", liar.id)
		synctest.Wait()
		require.Empty(t, liar.packets)
	})
}

// A window that is overstepped is a breach at once, though nothing of it was written yet.
func TestMoreThanTheWindow(t *testing.T) {
	overMemory(t, memory.Options{}, func(t *testing.T, w *world) {
		honest, liar := w.meet(t, Config{Window: MinWindow})
		liar.say(t, honest, frame{kind: kindOffer, id: 1, size: 1 << 20, text: "x"})
		offer, err := honest.Accept(t.Context())
		require.NoError(t, err)
		file := newGate()
		result := make(chan error, 1)
		go func() {
			result <- offer.Receive(t.Context(), file, nil)
		}()
		require.Equal(t, kindAccept, liar.hear(t).kind)
		const piece = 8 << 10
		for i := range int64(MinWindow/piece + 2) { // the first is being written
			liar.say(t, honest, frame{kind: kindData, id: 1, offset: i * piece, data: make([]byte, piece)})
			if i == 0 {
				<-file.waiting
			}
		}
		synctest.Wait()
		require.ErrorIs(t, context.Cause(offer.transfer.ctx), ErrProtocol)
		close(file.opened)
		requireError(t, <-result, ErrProtocol, "receive", liar.id)
	})
}

// A gate is a file whose reads and writes wait until it is opened. What is read are zeros.
type gate struct {
	reached sync.Once
	waiting chan struct{} // closed when the first read or write waits
	opened  chan struct{}
}

func newGate() *gate { return &gate{waiting: make(chan struct{}), opened: make(chan struct{})} }

func (g *gate) Read(b []byte) (int, error) { return g.Write(b) }

func (g *gate) Write(b []byte) (int, error) {
	g.reached.Do(func() { close(g.waiting) })
	<-g.opened
	return len(b), nil
}

// Offers beyond the limit are refused, and those that came before stay.
func TestEndlessOffers(t *testing.T) {
	overMemory(t, memory.Options{}, func(t *testing.T, w *world) {
		honest, liar := w.meet(t, Config{})
		for i := range uint64(5000) {
			liar.say(t, honest, frame{kind: kindOffer, id: i + 1, size: 1, text: "x"})
		}
		for i := range uint64(5000 - MaxOffers) {
			require.Equal(t, &frame{kind: kindStopReceiving, id: MaxOffers + i + 1, reason: reasonBusy}, liar.hear(t))
		}
		honest.mu.Lock()
		require.Len(t, honest.receiving, MaxOffers)
		require.Len(t, honest.Files.waiting, MaxOffers)
		honest.mu.Unlock()
		for i := range uint64(MaxOffers) {
			liar.say(t, honest, frame{kind: kindStopSending, id: i + 1, reason: reasonCancelled})
		}
		requireIdle(t, honest)
	})
}

// A sender that offers the rest of a partial file, but does not know its beginning, or sends a wrong rest, does not harm the
// partial file.
func TestPartialFileOfALiar(t *testing.T) {
	for _, c := range []struct {
		name   string
		claims string // what the sender says the beginning is
		begin  int64  // where the receiver then wants it to begin
		end    []frame
		want   error
	}{
		{"does not know the beginning", "whatever", 0, nil, ErrProtocol},
		{"wrong rest", "precious", 8, []frame{{kind: kindEnd, id: 1, size: 12, sum: sha256.Sum256([]byte("preciousgood"))}}, ErrHashMismatch},
	} {
		t.Run(c.name, func(t *testing.T) {
			overMemory(t, memory.Options{}, func(t *testing.T, w *world) {
				honest, liar := w.meet(t, Config{})
				dir := t.TempDir()
				require.NoError(t, os.WriteFile(filepath.Join(dir, "film.part"), []byte("precious"), 0o600))
				liar.say(t, honest, frame{kind: kindOffer, id: 1, flags: flagAnew, size: 12, text: "film"})
				offer, err := honest.Accept(t.Context())
				require.NoError(t, err)
				result := make(chan error, 1)
				go func() {
					_, err := offer.Save(t.Context(), folderOf(t, dir), SaveOptions{})
					result <- err
				}()
				require.EqualValues(t, 8, liar.hear(t).offset)
				liar.say(t, honest, frame{kind: kindPrefix, id: 1, sum: sha256.Sum256([]byte(c.claims))})
				require.EqualValues(t, c.begin, liar.hear(t).offset)
				liar.say(t, honest, frame{kind: kindData, id: 1, offset: 8, data: []byte("evil")})
				for _, f := range c.end {
					liar.say(t, honest, f)
				}
				requireError(t, <-result, c.want, "receive", liar.id)
				require.Equal(t, map[string]string{"film.part": "precious"}, contents(t, dir))
			})
		})
	}
}

// What a receiver answers to the offer of 100,000 bytes.
func TestReceiverThatLies(t *testing.T) {
	const size = 100_000
	accept := frame{kind: kindAccept, id: 1, window: MinWindow}
	tests := []struct {
		name string
		says []frame
		want error
	}{
		{"more than there is", []frame{{kind: kindAccept, id: 1, offset: size + 1, window: MinWindow}}, ErrProtocol},
		{"taken before it was sent", []frame{accept, {kind: kindTaken, id: 1, offset: size + 1}}, ErrProtocol},
		{"done before the end", []frame{accept, {kind: kindDone, id: 1}}, ErrProtocol},
		{"done without an accept", []frame{{kind: kindDone, id: 1}}, ErrProtocol},
		{"accept twice", []frame{accept, accept}, ErrProtocol},
		{"begins elsewhere", []frame{{kind: kindAccept, id: 1, offset: 10, window: MinWindow}, {kind: kindStart, id: 1, offset: 5}}, ErrProtocol},
		{"no frame", []frame{{kind: 99, id: 1}}, ErrProtocol},
		{"hash said to be wrong", []frame{accept, {kind: kindStopReceiving, id: 1, reason: reasonHash}}, ErrHashMismatch},
		{"reason of the future", []frame{{kind: kindStopReceiving, id: 1, reason: 77, text: "moon"}}, ErrRemote},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			overMemory(t, memory.Options{}, func(t *testing.T, w *world) {
				honest, liar := w.meet(t, Config{})
				result := make(chan error, 1)
				go func() {
					result <- honest.Send(t.Context(), liar.id, File{Name: "x", Size: size, Content: bytes.NewReader(make([]byte, size))})
				}()
				require.Equal(t, kindOffer, liar.hear(t).kind)
				for _, f := range tt.says {
					liar.say(t, honest, f)
				}
				requireError(t, <-result, tt.want, "send", liar.id)
				requireIdle(t, honest)
			})
		})
	}
}

// Answers without end are too many at some time.
func TestEndlessAnswers(t *testing.T) {
	overMemory(t, memory.Options{}, func(t *testing.T, w *world) {
		honest, liar := w.meet(t, Config{})
		file := newGate()
		result := make(chan error, 1)
		go func() {
			content := io.MultiReader(bytes.NewReader(make([]byte, 8<<10)), file)
			result <- honest.Send(t.Context(), liar.id, File{Name: "x", Size: -1, Content: content})
		}()
		require.Equal(t, kindOffer, liar.hear(t).kind)
		liar.say(t, honest, frame{kind: kindAccept, id: 1, window: MinWindow})
		<-file.waiting
		for range 1000 {
			liar.say(t, honest, frame{kind: kindTaken, id: 1})
		}
		synctest.Wait()
		close(file.opened)
		requireError(t, <-result, ErrProtocol, "send", liar.id)
	})
}

// A receiver that says nothing is waited for until ctx is done, and a sender as well.
func TestSilence(t *testing.T) {
	overMemory(t, memory.Options{}, func(t *testing.T, w *world) {
		honest, liar := w.meet(t, Config{})
		ctx, cancel := context.WithTimeout(t.Context(), 1e9)
		defer cancel()
		requireError(t, honest.Send(ctx, liar.id, File{Name: "x", Size: 1, Content: bytes.NewReader([]byte("x"))}), context.DeadlineExceeded, "send", liar.id)
		liar.say(t, honest, frame{kind: kindOffer, id: 1, size: 1, text: "x"})
		offer, err := honest.Accept(t.Context())
		require.NoError(t, err)
		ctx, cancel = context.WithTimeout(t.Context(), 1e9)
		defer cancel()
		requireError(t, offer.Receive(ctx, io.Discard, nil), context.DeadlineExceeded, "receive", liar.id)
		require.Equal(t, []kind{kindOffer, kindStopSending, kindAccept, kindStopReceiving}, []kind{liar.hear(t).kind, liar.hear(t).kind, liar.hear(t).kind, liar.hear(t).kind})
	})
}
