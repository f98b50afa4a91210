//go:build !js

package websocket

import (
	"fmt"
	"strings"
	"testing"
	"time"

	gorilla "github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer/transport"
	"example.org/rtcpeer/testdata/bubble"
)

func always(int) bool { return true }

func wantPop(t *testing.T, o *outbox, kind int, data string) {
	t.Helper()
	got, b := o.pop(always)
	require.Equal(t, kind, got)
	require.Equal(t, data, string(b))
	if kind == gorilla.BinaryMessage {
		o.written(len(b))
	}
}

func TestOutboxKeepsOrder(t *testing.T) {
	o := newOutbox(1 << 20)
	in, out := 0, 0
	for round := range 200 {
		for range round % 7 {
			p := fmt.Append(nil, in)
			require.NoError(t, o.push(p))
			clear(p) // it is not kept
			in++
		}
		for range round % 5 {
			if out < in {
				wantPop(t, o, gorilla.BinaryMessage, fmt.Sprint(out))
				out++
			}
		}
	}
	for ; out < in; out++ {
		require.Len(t, o.ready, 1, "while there is something")
		wantPop(t, o, gorilla.BinaryMessage, fmt.Sprint(out))
	}
	wantPop(t, o, 0, "")
	require.Zero(t, o.buffered())
}

func TestOutboxIsBounded(t *testing.T) {
	o := newOutbox(10 * (headSize + 1))
	for range 10 {
		require.NoError(t, o.push([]byte("x")))
	}
	require.Equal(t, errSlow, o.push([]byte("x")))
	wantPop(t, o, gorilla.BinaryMessage, "x")
	require.NoError(t, o.push([]byte("x")))
}

// The memory of a burst is not kept.
func TestOutboxShrinks(t *testing.T) {
	o := newOutbox(8 << 20)
	for range 100 {
		require.NoError(t, o.push(make([]byte, 10000)))
	}
	for range 100 {
		o.pop(always)
		o.written(10000)
	}
	for range 2 {
		require.NoError(t, o.push([]byte("x")))
		wantPop(t, o, gorilla.BinaryMessage, "x")
	}
	require.LessOrEqual(t, cap(o.waiting)+cap(o.taken), 2*keepBuffer)
}

func TestOutboxTellsOfRoom(t *testing.T) {
	o := newOutbox(1 << 20)
	var told int
	o.notifyLow(2*(headSize+1), func() { told++ })
	for range 4 {
		require.NoError(t, o.push([]byte("x")))
	}
	for i, want := range []int{0, 1, 1, 1} {
		wantPop(t, o, gorilla.BinaryMessage, "x")
		require.Equal(t, want, told, "after %d", i+1)
	}
	for range 4 {
		require.NoError(t, o.push([]byte("x")))
	}
	o.fail()
	require.Equal(t, 2, told, "who waits is told of the end as well")
	require.ErrorIs(t, o.push([]byte("x")), transport.ErrRemoteClosed)
	require.Zero(t, o.buffered())
	wantPop(t, o, 0, "")
}

func TestOutboxLag(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		o := newOutbox(1 << 20)
		require.Zero(t, o.lag())
		for range 3 {
			require.NoError(t, o.push([]byte("x")))
			time.Sleep(time.Second)
		}
		for _, want := range []time.Duration{3, 2, 1} {
			_, b := o.pop(always)
			require.Equal(t, want*time.Second, o.lag(), "of the one that is being written")
			o.written(len(b))
		}
		require.Zero(t, o.lag())
	})
}

func TestOutboxControlComesFirst(t *testing.T) {
	o := newOutbox(1 << 20)
	require.NoError(t, o.push([]byte("first")))
	require.NoError(t, o.push([]byte("second")))
	wantPop(t, o, gorilla.BinaryMessage, "first")
	o.answer("old")
	o.answer("")
	wantPop(t, o, gorilla.PongMessage, "")
	o.answer("late")
	o.finish(1000, strings.Repeat("x", 200))
	require.ErrorIs(t, o.push([]byte("x")), transport.ErrClosed)
	kind, data := o.pop(always)
	require.Equal(t, gorilla.CloseMessage, kind)
	require.LessOrEqual(t, len(data), 125, "what a control frame may carry")
}
