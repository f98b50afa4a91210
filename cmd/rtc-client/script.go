package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"iter"
	"unicode/utf8"
)

// A script is what stdin says, read ahead while nobody listens: at most scriptLines lines, then stdin
// has to wait, and its end is not seen before somebody comes.
type script struct {
	lines chan []byte   // closed at the end
	ended chan struct{} // closed when stdin has ended
	err   error         // why, if it was not its end; to be read after ended or lines is closed
}

const (
	scriptLines = 1024
	maxStdin    = 1 << 20 // bytes of one line
)

// startScript starts to read. Its goroutine ends with ctx, at the latest when the Read is over in
// which it may be: that of a terminal only ends with the program.
func startScript(ctx context.Context, in io.Reader) *script {
	s := &script{lines: make(chan []byte, scriptLines), ended: make(chan struct{})}
	go s.run(ctx, in)
	return s
}

func (s *script) run(ctx context.Context, in io.Reader) {
	defer close(s.lines)
	defer close(s.ended)
	scanner := bufio.NewScanner(in)
	scanner.Buffer(nil, maxStdin)
	for scanner.Scan() {
		if len(scanner.Bytes()) == 0 {
			continue // an empty packet is none
		}
		select {
		case s.lines <- bytes.Clone(scanner.Bytes()):
		case <-ctx.Done():
			return
		}
	}
	if err := scanner.Err(); err != nil {
		s.err = fmt.Errorf("stdin: %w", err)
	}
}

// pieces cuts text into parts of at most size bytes, between two characters.
func pieces(text []byte, size int) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for len(text) > size {
			cut := size
			for cut > 0 && !utf8.RuneStart(text[cut]) {
				cut--
			}
			if size-cut >= utf8.UTFMax { // there are no characters
				cut = size
			}
			if !yield(text[:cut]) {
				return
			}
			text = text[cut:]
		}
		yield(text)
	}
}
