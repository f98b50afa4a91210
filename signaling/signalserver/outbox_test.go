package signalserver

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"
)

const textKind = websocket.TextMessage

func textItem(data string) item { return item{textKind, []byte(data)} }

func drain(t *testing.T, o *outbox) (got []string) {
	for {
		batch := taken(t, o)
		if len(batch) == 0 {
			return got
		}
		got = append(got, batch...)
	}
}

// taken is what the next write has, read as a client reads it.
func taken(t *testing.T, o *outbox) (got []string) {
	var b batch
	o.take(&b)
	for r := bytes.NewReader(b.bytes); r.Len() > 0; {
		kind, data := readFrame(t, r)
		if kind != websocket.TextMessage {
			data = fmt.Sprintf("%d:%s", kind, data)
		}
		got = append(got, data)
	}
	return got
}

// readFrame reads the header as RFC 6455, 5.2 has it.
func readFrame(t *testing.T, r *bytes.Reader) (kind int, data string) {
	var head [2]byte
	_, err := io.ReadFull(r, head[:])
	require.NoError(t, err)
	require.Equal(t, byte(0x80), head[0]&0xf0, "final, and no extension")
	n := uint64(head[1])
	switch n {
	case 126:
		var short uint16
		require.NoError(t, binary.Read(r, binary.BigEndian, &short))
		n = uint64(short)
		require.GreaterOrEqual(t, n, uint64(126), "the shortest form")
	case 127:
		require.NoError(t, binary.Read(r, binary.BigEndian, &n))
		require.Greater(t, n, uint64(0xffff), "the shortest form")
	}
	require.LessOrEqual(t, n, uint64(r.Len()))
	payload := make([]byte, n)
	_, err = io.ReadFull(r, payload)
	require.NoError(t, err)
	return int(head[0] & 0x0f), string(payload)
}

func TestOutboxWakesOneWriterAtATime(t *testing.T) {
	o := &outbox{maxFrames: 10, maxBytes: 100}
	for range 3 {
		wake, full := o.push(textKind, []byte("a"))
		require.True(t, wake)
		require.Empty(t, full)
		wake, full = o.push(textKind, []byte("b"))
		require.False(t, wake, "one is running")
		require.Empty(t, full)
		require.Equal(t, []string{"a", "b"}, drain(t, o))
		o.writers.Wait()
	}
}

func TestOutboxBounds(t *testing.T) {
	frames := &outbox{maxFrames: 2, maxBytes: 100}
	bytes := &outbox{maxFrames: 100, maxBytes: 2}
	for _, o := range []*outbox{frames, bytes} {
		for range 2 {
			_, full := o.push(textKind, []byte("x"))
			require.Empty(t, full)
		}
		_, full := o.push(textKind, []byte("x"))
		require.NotEmpty(t, full)
		require.Equal(t, []string{"x", "x"}, taken(t, o))
		_, full = o.push(textKind, []byte("y"))
		require.Empty(t, full, "the writer has made room")
		require.Equal(t, []string{"y"}, drain(t, o))
	}
	_, full := bytes.push(textKind, []byte("larger than all"))
	require.Empty(t, full, "a single frame always fits")
	_, full = bytes.push(textKind, []byte(""))
	require.NotEmpty(t, full)
	frames = &outbox{maxFrames: 2, maxBytes: 100}
	_, full = frames.push(textKind, []byte("a message"), []byte("of more"), []byte("frames"))
	require.Empty(t, full, "and so does a single message")
	_, full = frames.push(textKind, []byte("one more"))
	require.NotEmpty(t, full)
}

// Frames of every length that has a form of its own come out as they went in, those that fit with one
// write, and a large one alone.
func TestOutboxBatches(t *testing.T) {
	sizes := []int{0, 1, 125, 126, 127, 1000, batchBytes - 2000, 0xffff, 0x10000, 5}
	o := &outbox{maxFrames: len(sizes), maxBytes: 1 << 20}
	var want []string
	for i, n := range sizes {
		want = append(want, strings.Repeat(string(rune('a'+i)), n))
		o.push(textKind, []byte(want[i]))
	}
	require.Equal(t, want[:7], taken(t, o))
	require.Equal(t, want[7:8], taken(t, o))
	require.Equal(t, want[8:9], taken(t, o))
	require.Equal(t, want[9:], drain(t, o))
	require.Zero(t, o.bytes)
}

// Only the latest ping is answered when pings come faster than answers are written.
func TestOutboxHasOnePong(t *testing.T) {
	o := &outbox{maxFrames: 3, maxBytes: 100}
	o.push(textKind, []byte("a"))
	for i := range 100 {
		_, full := o.pong([]byte(fmt.Sprint(i)))
		require.Empty(t, full)
	}
	o.push(textKind, []byte("b"))
	require.Equal(t, []string{"a", "10:99", "b"}, taken(t, o))
	o.pong([]byte("again"))
	require.Equal(t, []string{"10:again"}, drain(t, o))
	require.Zero(t, o.bytes)
}

func TestOutboxEnd(t *testing.T) {
	o := &outbox{maxFrames: 10, maxBytes: 100}
	o.push(textKind, []byte("a"))
	wake, first := o.end(false, textItem("bye"))
	require.False(t, wake)
	require.True(t, first)
	_, full := o.push(textKind, []byte("late"))
	require.Empty(t, full, "it is nobody's fault")
	_, first = o.end(false, textItem("again"))
	require.False(t, first)
	require.Equal(t, []string{"a", "bye"}, drain(t, o))

	o = &outbox{maxFrames: 10, maxBytes: 100}
	wake, _ = o.end(false, textItem("bye"))
	require.True(t, wake)
	o.end(true)
	require.Empty(t, drain(t, o))
	o.writers.Wait()
}

func TestOutboxKeepsOrderAndLittleMemory(t *testing.T) {
	o := &outbox{maxFrames: 100, maxBytes: 1 << 20}
	frame := strings.Repeat("x", batchBytes/2)
	sent, got := 0, 0
	for range 1000 {
		for range 3 {
			o.push(textKind, []byte(fmt.Sprint(sent, frame)))
			sent++
		}
		for range 3 {
			require.Equal(t, []string{fmt.Sprint(got, frame)}, taken(t, o), "two do not fit")
			got++
		}
		require.LessOrEqual(t, cap(o.items), 32)
	}
	for range 50 {
		o.push(textKind, []byte("burst"))
	}
	drain(t, o)
	require.LessOrEqual(t, cap(o.items), keptItems)
}
