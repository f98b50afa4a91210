package console

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
)

// Lines are the lines of stdin, read ahead of their consumer. At most maxLines lines are held; then reading
// pauses, and the end of stdin is not noticed before a line is taken. Empty lines are left out.
type Lines struct {
	// C delivers the lines. It is closed at the end of stdin, or of the context.
	C <-chan []byte
	// Ended is closed when stdin has ended, though lines may be left in C.
	Ended <-chan struct{}
	// Err is the error that ended stdin, if any. Read it after Ended or C is closed.
	Err error
}

const (
	maxLines = 1024
	maxLine  = 1 << 20 // bytes of one line
)

// ReadLines starts a goroutine that reads in. The goroutine ends when ctx is done, but not before a pending
// Read returns; a Read of a terminal may last until the program ends.
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
	switch err := scanner.Err(); {
	case errors.Is(err, bufio.ErrTooLong):
		l.Err = fmt.Errorf("stdin: a line is longer than %d bytes", maxLine)
	case err != nil:
		l.Err = fmt.Errorf("stdin: %w", err)
	}
}
