package relay

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/cmd/rtc-client/internal/console"
	"example.org/rtcpeer/rtcpeer"
	"example.org/rtcpeer/rtcpeer/transport/memory"
	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/testdata/bubble"
)

// deserted is the signaling of a star whose host is alone.
type deserted struct{ welcome chan signaling.Message }

func (deserted) Send(context.Context, signaling.Message) error { return nil }

func (d deserted) Receive(ctx context.Context) (signaling.Message, error) {
	select {
	case m := <-d.welcome:
		return m, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (deserted) Close() error { return nil }

func TestRelayPrintsStatisticsEachMinute(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		signaler := deserted{make(chan signaling.Message, 1)}
		signaler.welcome <- signaling.Welcome{ID: 1, Room: "test", Topology: rtcpeer.Star, Host: 1, Resume: "-"}
		node, err := rtcpeer.New(t.Context(), signaler, rtcpeer.Config{Transport: memory.NewNetwork(memory.Options{}).Transport()})
		require.NoError(t, err)
		defer node.Close()
		var stderr bytes.Buffer
		ctx, cancel := context.WithTimeout(t.Context(), 150*time.Second)
		defer cancel()
		require.ErrorIs(t, host(ctx, &console.Console{Err: &stderr}, node), context.DeadlineExceeded)
		const line = "rtc-client: 0 guests (0 so far), 0 packets from them (0 B), 0 to them (0 B), 0 dropped\n"
		require.Equal(t, strings.Repeat(line, 2), stderr.String())
	})
}

func TestDropReasonsAsText(t *testing.T) {
	require.Empty(t, words(nil))
	require.Equal(t, ": 2 malformed, 1 pending", words(map[rtcpeer.DropReason]uint64{"pending": 1, "malformed": 2}))
}
