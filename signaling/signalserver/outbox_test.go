package signalserver

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

const textKind = 1

func text(data string) item { return item{textKind, []byte(data)} }

func drain(o *outbox) (got []string) {
	for {
		i, ok := o.next()
		if !ok {
			return got
		}
		got = append(got, string(i.data))
	}
}

func TestOutboxWakesOneWriterAtATime(t *testing.T) {
	o := &outbox{maxFrames: 10, maxBytes: 100}
	for range 3 {
		wake, fits := o.push(textKind, []byte("a"))
		require.True(t, wake)
		require.True(t, fits)
		wake, fits = o.push(textKind, []byte("b"))
		require.False(t, wake, "one is running")
		require.True(t, fits)
		require.Equal(t, []string{"a", "b"}, drain(o))
		o.writers.Wait()
	}
}

func TestOutboxBounds(t *testing.T) {
	frames := &outbox{maxFrames: 2, maxBytes: 100}
	bytes := &outbox{maxFrames: 100, maxBytes: 2}
	for _, o := range []*outbox{frames, bytes} {
		for range 2 {
			_, fits := o.push(textKind, []byte("x"))
			require.True(t, fits)
		}
		_, fits := o.push(textKind, []byte("x"))
		require.False(t, fits)
		o.next()
		_, fits = o.push(textKind, []byte("x"))
		require.True(t, fits, "the writer has made room")
		require.Equal(t, []string{"x", "x"}, drain(o))
	}
	_, fits := bytes.push(textKind, []byte("larger than all"))
	require.True(t, fits, "a single frame always fits")
	frames = &outbox{maxFrames: 2, maxBytes: 100}
	_, fits = frames.push(textKind, []byte("a message"), []byte("of more"), []byte("frames"))
	require.True(t, fits, "and so does a single message")
	frames.next()
	_, fits = frames.push(textKind, []byte("one more"))
	require.False(t, fits)
	_, fits = bytes.push(textKind, []byte(""))
	require.False(t, fits)
}

func TestOutboxEnd(t *testing.T) {
	o := &outbox{maxFrames: 10, maxBytes: 100}
	o.push(textKind, []byte("a"))
	wake, first := o.end(false, text("bye"))
	require.False(t, wake)
	require.True(t, first)
	_, fits := o.push(textKind, []byte("late"))
	require.True(t, fits, "it is nobody's fault")
	_, first = o.end(false, text("again"))
	require.False(t, first)
	require.Equal(t, []string{"a", "bye"}, drain(o))

	o = &outbox{maxFrames: 10, maxBytes: 100}
	wake, _ = o.end(false, text("bye"))
	require.True(t, wake)
	o.end(true)
	require.Empty(t, drain(o))
	o.writers.Wait()
}

func TestOutboxKeepsOrderAndLittleMemory(t *testing.T) {
	o := &outbox{maxFrames: 100, maxBytes: 1 << 20}
	sent, got := 0, 0
	for range 1000 {
		for range 3 {
			o.push(textKind, []byte(fmt.Sprint(sent)))
			sent++
		}
		for range 3 {
			i, ok := o.next()
			require.True(t, ok)
			require.Equal(t, fmt.Sprint(got), string(i.data))
			got++
		}
		require.LessOrEqual(t, cap(o.items), 32)
	}
	for range 50 {
		o.push(textKind, []byte("burst"))
	}
	drain(o)
	require.LessOrEqual(t, cap(o.items), keptItems)
}
