package transfer

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"example.org/rtcpeer/rtcpeer"
)

// A transfer is one file on its way, in either direction. The goroutine of Send, Save or Receive drives it from begin
// to finish; Handle gives it the frames of the other end. The first reason for its end is the one kept.
type transfer struct {
	// Fixed at construction.
	files *Files
	key
	sends bool
	name  string

	ctx    context.Context // ends with the transfer
	cancel context.CancelCauseFunc
	begun  atomic.Bool  // somebody drives it, or it is over
	unread atomic.Int64 // bytes of data in frames

	// Guarded by files.mu.
	frames chan *frame // from the other end; nil: it may not send any yet
	window int64       // the most bytes of data in frames
}

// maxAnswers is how many frames of a receiver may wait for the sender: an accept, a start, a done, and those that say
// what was taken, of which there are two in each window.
const maxAnswers = 16

func newTransfer(f *Files, k key, sends bool, name string) *transfer {
	t := &transfer{files: f, key: k, sends: sends, name: name}
	t.ctx, t.cancel = context.WithCancelCause(context.Background())
	return t
}

// begin makes the caller the driver of the transfer, until ctx is done. It returns false if there is a driver already,
// or the transfer is over. The caller must call stop, then finish.
func (t *transfer) begin(ctx context.Context) (stop func() bool, ok bool) {
	if !t.begun.CompareAndSwap(false, true) {
		return nil, false
	}
	return context.AfterFunc(ctx, func() { t.cancel(cancelled{context.Cause(ctx)}) }), true
}

// open lets the other end send: so many frames, with at most window bytes of data.
func (t *transfer) open(frames int, window int64) {
	t.files.mu.Lock()
	defer t.files.mu.Unlock()
	t.frames, t.window = make(chan *frame, frames), window
}

// push gives a frame to the driver. It returns false if the other end may not send it. files.mu is held.
func (t *transfer) push(f *frame) bool {
	if t.unread.Add(int64(len(f.data))) > t.window {
		return false
	}
	select {
	case t.frames <- f:
		return true
	default:
		return false
	}
}

// next returns the next frame of the other end. Frames that came before the end of the transfer are returned before
// that.
func (t *transfer) next() (*frame, error) {
	select {
	case f := <-t.frames:
		t.unread.Add(-int64(len(f.data)))
		return f, nil
	default:
	}
	select {
	case f := <-t.frames:
		t.unread.Add(-int64(len(f.data)))
		return f, nil
	case <-t.ctx.Done():
		return nil, context.Cause(t.ctx)
	}
}

// nextOf is like next, but the frame must be of kind k.
func (t *transfer) nextOf(k kind) (*frame, error) {
	f, err := t.next()
	if err == nil && f.kind != k {
		err = unexpected(f)
	}
	return f, err
}

func unexpected(f *frame) error {
	return fmt.Errorf("%w: a frame of kind %#02x was not expected", ErrProtocol, byte(f.kind))
}

// send sends the bytes of a frame, and waits for room.
func (t *transfer) send(b []byte) error {
	err := t.files.node.Send(t.ctx, t.files.packet(t.peer, b))
	if errors.Is(err, rtcpeer.ErrUnknownPeer) {
		// Handle is about to say why: frames that the peer sent before it went come first.
		<-t.ctx.Done()
		return context.Cause(t.ctx)
	}
	return err
}

// end ends the transfer with the reason why. If nobody drives it, it also finishes it.
func (t *transfer) end(why error) {
	t.cancel(why)
	if t.begun.CompareAndSwap(false, true) {
		t.finish(why)
	}
}

// finish forgets the transfer, tells the other end unless that knows already, and returns the error for the caller.
func (t *transfer) finish(err error) error {
	t.files.remove(t)
	if err == nil {
		t.cancel(nil)
		return nil
	}
	t.cancel(err)
	err = context.Cause(t.ctx)
	_, told := errors.AsType[stopped](err)
	// Handle may learn late that the peer was gone or the host was another one. The offer has then gone over the new link.
	if late := t.sends && errors.Is(err, ErrPeerGone); !told || late {
		k := kindStopReceiving
		if t.sends {
			k = kindStopSending
		}
		why, text := reasonOf(err)
		t.files.tell(t.peer, &frame{kind: k, id: t.id, reason: why, text: text})
	}
	return t.errorOf(err)
}

func (t *transfer) errorOf(err error) error {
	op := "receive"
	if t.sends {
		op = "send"
	}
	switch wrapped := err.(type) {
	case stopped:
		err = wrapped.error
	case cancelled:
		err = wrapped.error
	}
	return &Error{Op: op, Peer: t.peer, Name: t.name, Err: err}
}
