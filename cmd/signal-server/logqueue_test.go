package main

import (
	"bytes"
	"errors"
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
	q := newLogQueue(to)
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
