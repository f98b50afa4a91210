// Package logqueue writes the log to stderr from a queue of its own, so that a stderr that nobody reads does not block
// the server. Package main creates the Queue; all messages of the program go through it.
package logqueue

import (
	"bytes"
	"io"
	"log/slog"
	"sync"
	"time"
)

// A Queue is a queue between the program's messages and stderr, so that a process that stops reading stderr
// does not block the server. It holds at most maxLog bytes of whole writes. A write that does not fit is
// dropped and its lines are counted; so are lines that stderr refuses. One goroutine, run, writes; Close ends
// it.
//
//	slog, errors -> Write -> waiting -> run -> stderr
type Queue struct {
	// Fixed at construction.
	to   io.Writer
	wake chan struct{} // holds one token: there is something to do
	done chan struct{} // closed when run has returned

	mu      sync.Mutex // guards the fields below
	waiting []byte
	dropped uint64         // lines, since the start
	told    uint64         // how many of these were reported
	tell    func(n uint64) // says that n lines were dropped; called by run
	closed  bool
}

const (
	// maxLog is a few thousand lines: enough for a burst while the reader is a little late.
	maxLog = 256 << 10
	// logFlush is how long Close waits for stderr to take the rest. limits.StopTimeout leaves a second for it of the
	// ten between SIGTERM and SIGKILL.
	logFlush = 500 * time.Millisecond
)

// New starts the goroutine that writes to to. Close ends it.
func New(to io.Writer) *Queue {
	q := &Queue{to: to, wake: make(chan struct{}, 1), done: make(chan struct{})}
	go q.run()
	return q
}

// Write queues p or drops it. It never blocks and never fails.
func (q *Queue) Write(p []byte) (int, error) {
	q.mu.Lock()
	if q.closed || len(q.waiting)+len(p) > maxLog {
		q.dropped += lines(p)
	} else {
		q.waiting = append(q.waiting, p...)
	}
	q.mu.Unlock()
	q.signal()
	return len(p), nil
}

// onDrop sets a function that reports dropped lines. The writing goroutine calls it before it writes the
// next batch, which may begin with lines from before the gap.
func (q *Queue) onDrop(tell func(n uint64)) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.tell = tell
}

// Logger returns a logger that writes to q, and also logs how many lines were dropped. format is text or json;
// level is debug, info, warn or error.
func (q *Queue) Logger(format, level string) *slog.Logger {
	var least slog.Level
	_ = least.UnmarshalText([]byte(level)) // another word leaves it at info
	options := &slog.HandlerOptions{Level: least}
	handler := func(w io.Writer) slog.Handler {
		if format == "json" {
			return slog.NewJSONHandler(w, options)
		}
		return slog.NewTextHandler(w, options)
	}
	q.onDrop(func(n uint64) { slog.New(handler(q.to)).Warn("log lines dropped", "lines", n) })
	return slog.New(handler(q))
}

// Lost returns how many lines were dropped since the start.
func (q *Queue) Lost() uint64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.dropped
}

// Close drops everything written from now on and waits until the rest is written, but at most logFlush. A write
// that blocks cannot be cancelled; its goroutine ends with the process.
func (q *Queue) Close() {
	q.mu.Lock()
	q.closed = true
	q.mu.Unlock()
	q.signal()
	timeout := time.NewTimer(logFlush)
	defer timeout.Stop()
	select {
	case <-q.done:
	case <-timeout.C:
	}
}

func (q *Queue) signal() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

func (q *Queue) run() {
	defer close(q.done)
	for range q.wake {
		for {
			batch, gap, tell := q.take()
			if gap > 0 && tell != nil {
				tell(gap)
			}
			if len(batch) == 0 {
				break
			}
			if n, err := q.to.Write(batch); err != nil {
				q.drop(lines(batch[n:]))
			}
		}
		if q.isOver() {
			return
		}
	}
}

// take returns what is waiting, and how many lines were dropped since the last call.
func (q *Queue) take() (batch []byte, gap uint64, tell func(uint64)) {
	q.mu.Lock()
	defer q.mu.Unlock()
	batch, gap, tell = q.waiting, q.dropped-q.told, q.tell
	q.waiting, q.told = nil, q.dropped
	return batch, gap, tell
}

func (q *Queue) drop(n uint64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.dropped += n
}

// isOver reports whether the queue is closed and empty. Something may have been written since the last take.
func (q *Queue) isOver() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.closed && len(q.waiting) == 0
}

func lines(p []byte) uint64 { return uint64(bytes.Count(p, []byte("\n"))) }
