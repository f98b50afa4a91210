package signalclient

import (
	"errors"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestOutboxKeepsOrderAndHead(t *testing.T) {
	o := newOutbox()
	require.Nil(t, o.head())
	for i := range 3 {
		require.NoError(t, o.push([]byte(strconv.Itoa(i))))
	}
	require.Len(t, o.wake, 1)
	for i := range 3 {
		require.Equal(t, strconv.Itoa(i), string(o.head()))
		require.Equal(t, strconv.Itoa(i), string(o.head()), "the head stays until pop")
		o.pop()
	}
	require.Nil(t, o.head())
}

func TestOutboxIsBounded(t *testing.T) {
	for _, row := range []struct {
		name        string
		size, count int
	}{
		{"frames", 1, outboxFrames},
		{"bytes", 64 << 10, outboxBytes / (64 << 10)},
	} {
		t.Run(row.name, func(t *testing.T) {
			o := newOutbox()
			frame := make([]byte, row.size)
			for range row.count {
				require.NoError(t, o.push(frame))
			}
			require.ErrorIs(t, o.push(frame), ErrBufferFull)
			o.pop()
			require.NoError(t, o.push(frame), "there is room again")
		})
	}
}

func TestClosedOutboxTellsWhy(t *testing.T) {
	o, why := newOutbox(), errors.New("why")
	require.NoError(t, o.push([]byte("x")))
	o.close(why)
	require.ErrorIs(t, o.push([]byte("y")), why)
	require.Nil(t, o.head())
}
