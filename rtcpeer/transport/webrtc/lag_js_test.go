package webrtc

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestLagIsTheAgeOfTheOldestUnsentByte(t *testing.T) {
	var l lag
	start := time.Now()
	at := func(ms int) time.Time { return start.Add(time.Duration(ms) * time.Millisecond) }
	require.Zero(t, l.of(0, start))

	l.wrote(1000, 1000, at(0))
	l.wrote(1000, 2000, at(10))
	require.Equal(t, 20*time.Millisecond, l.of(2000, at(20)))
	require.Equal(t, 20*time.Millisecond, l.of(1500, at(20)), "a part of the first is not sent")
	require.Equal(t, 10*time.Millisecond, l.of(1000, at(20)), "the first is")
	require.Zero(t, l.of(0, at(20)), "all are")
	require.Empty(t, l.marks)

	for i := range 10 * mostMarks { // nothing is sent
		l.wrote(1, i+1, at(100+5*i))
	}
	require.Len(t, l.marks, mostMarks)
	require.Equal(t, time.Second, l.of(10*mostMarks, at(1100)))
}
