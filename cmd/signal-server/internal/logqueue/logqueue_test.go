package logqueue

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A refusing is a writer that refuses the first write.
type refusing struct {
	bytes.Buffer
	refused bool
}

func (r *refusing) Write(p []byte) (int, error) {
	if !r.refused {
		r.refused = true
		return 0, errors.New("refused")
	}
	return r.Buffer.Write(p)
}

// The last line, which says why the program ends, is written, even if the queue was found empty just before and is closed
// just after. The moment between is where the queue says what was dropped.
func TestLastLineIsWritten(t *testing.T) {
	to := new(refusing)
	q := New(to)
	q.onDrop(func(uint64) {
		_, err := q.Write([]byte("the reason\n"))
		require.NoError(t, err)
		q.mu.Lock()
		q.closed = true
		q.mu.Unlock()
	})
	_, err := q.Write([]byte("refused\n"))
	require.NoError(t, err)
	<-q.done
	require.Equal(t, "the reason\n", to.String())
}

// blocked is a writer that takes nothing until it is opened.
type blocked struct {
	asked chan struct{} // holds one: it is to take something
	open  chan struct{}
	bytes.Buffer
}

func (w *blocked) Write(p []byte) (int, error) {
	select {
	case w.asked <- struct{}{}:
	default:
	}
	<-w.open
	return w.Buffer.Write(p)
}

// What does not fit is dropped, counted, and said when there is space again; what fits comes out whole and in
// order.
func TestLogQueueDropsAndCounts(t *testing.T) {
	for _, format := range []string{"text", "json"} {
		w := &blocked{asked: make(chan struct{}, 1), open: make(chan struct{})}
		q := New(w)
		log := q.Logger(format, "info")
		const many = 10_000
		log.Info("first")
		<-w.asked
		for i := range many {
			log.Info("line", "n", i, "padding", strings.Repeat("x", 100))
		}
		lost := q.Lost()
		require.Greater(t, lost, uint64(many/2))
		close(w.open)
		for !q.hasTold(lost) {
			runtime.Gosched()
		}
		log.Info("after")
		q.Close()
		out := w.String()
		require.Equal(t, many-int(lost)+3, strings.Count(out, "\n"), "the first, what is not lost, what is said of it, and what came after")
		require.Contains(t, out, fmt.Sprint(lost))
		require.Contains(t, out, "log lines dropped")
		for i, line := range strings.Split(strings.TrimSpace(out), "\n") {
			if format == "json" {
				require.True(t, json.Valid([]byte(line)), "line %d: %s", i, line)
			}
		}
		log.Info("too late")
		require.Equal(t, lost+1, q.Lost())
	}
}

// A writer that fails, as a pipe without a reader does, costs its lines and nothing else.
func TestLogQueueGoesOnAfterAnError(t *testing.T) {
	r, w := io.Pipe()
	require.NoError(t, r.CloseWithError(errors.New("broken pipe")))
	q := New(w)
	for range 3 {
		fmt.Fprintln(q, "a line")
	}
	q.Close()
	require.EqualValues(t, 3, q.Lost())
}

// hasTold reports whether the queue is empty and has reported that many lost lines.
func (q *Queue) hasTold(lost uint64) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.waiting) == 0 && q.told == lost
}
