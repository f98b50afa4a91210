package console

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestReadAheadIsLimited(t *testing.T) {
	text := strings.Repeat("line\n", maxLines) + "\n" + strings.Repeat("x", maxLine/2)
	s := ReadLines(t.Context(), strings.NewReader(text))
	for range maxLines {
		require.Equal(t, "line", string(<-s.C))
	}
	require.Len(t, <-s.C, maxLine/2)
	<-s.Ended
	_, more := <-s.C
	require.False(t, more)
	require.NoError(t, s.Err)

	s = ReadLines(t.Context(), bytes.NewReader(make([]byte, maxLine+1)))
	<-s.Ended
	require.EqualError(t, s.Err, "stdin: a line is longer than 1048576 bytes")
}
