package console

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
)

// Lines are the lines of stdin, read ahead while nobody takes them: at most maxLines lines, then stdin
// has to wait, and its end is not seen before somebody takes one. Empty lines are left out.
type Lines struct {
	// C has the lines. It is closed at the end of stdin, or of the context.
	C <-chan []byte
	// Ended is closed when stdin has ended, though lines may be left in C.
	Ended <-chan struct{}
	// Err is why stdin ended, if that was an error. Read it after Ended or C is closed.
	Err error
}

const (
	maxLines = 1024
	maxLine  = 1 << 20 // bytes of one line
)

// ReadLines starts to read. Its goroutine ends with ctx, at the latest when the Read is over in
// which it may be: that of a terminal only ends with the program.
func ReadLines(ctx context.Context, in io.Reader) *Lines {
	lines, ended := make(chan []byte, maxLines), make(chan struct{})
	l := &Lines{C: lines, Ended: ended}
	go l.run(ctx, in, lines, ended)
	return l
}

func (l *Lines) run(ctx context.Context, in io.Reader, lines chan<- []byte, ended chan<- struct{}) {
	defer close(lines)
	defer close(ended)
	scanner := bufio.NewScanner(in)
	scanner.Buffer(nil, maxLine)
	for scanner.Scan() {
		if len(scanner.Bytes()) == 0 {
			continue // a packet is never empty
		}
		select {
		case lines <- bytes.Clone(scanner.Bytes()):
		case <-ctx.Done():
			return
		}
	}
	if err := scanner.Err(); err != nil {
		l.Err = fmt.Errorf("stdin: %w", err)
	}
}
