package files

import (
	"context"
	"io"
	"os"
	"sync"
	"time"
)

// A stream is the content of a file that is not regular, such as a pipe. It stays open from the first try to send it
// to the last, because the program at the other end of a pipe is killed when nobody reads from it.
//
// One goroutine at a time uses it.
type stream struct {
	path   string
	begin  sync.Once
	opened chan struct{} // closed when file and err are set
	file   *os.File
	err    error
	read   bool // a part of it was read
}

func newStream(path string) *stream { return &stream{path: path, opened: make(chan struct{})} }

// acquire opens the stream, which may wait for a program that writes to it, and lets Read wait only until ctx is done.
// The caller must call release before anything else uses the stream.
func (s *stream) acquire(ctx context.Context) (release func(), err error) {
	s.begin.Do(func() {
		go func() { // ends with the process if no program ever writes
			s.file, s.err = os.Open(s.path)
			close(s.opened)
		}()
	})
	select {
	case <-s.opened:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	if s.err != nil {
		return nil, s.err
	}
	over := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		_ = s.file.SetReadDeadline(time.Unix(1, 0)) // a device may have no deadline
		close(over)
	})
	return func() {
		if !stop() {
			<-over
			_ = s.file.SetReadDeadline(time.Time{})
		}
	}, nil
}

func (s *stream) Read(b []byte) (int, error) {
	n, err := s.file.Read(b)
	s.read = s.read || n > 0
	return n, err
}

// rewind goes back to where the stream began. It returns an error if a part was read that cannot be read again.
func (s *stream) rewind() error {
	if !s.read {
		return nil
	}
	_, err := s.file.Seek(0, io.SeekStart)
	s.read = err != nil
	return err
}

// close closes the stream, unless it is still being opened.
func (s *stream) close() {
	select {
	case <-s.opened:
		s.file.Close() // nothing was written; nil if it could not be opened
	default:
	}
}
