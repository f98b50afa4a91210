package cluster

import (
	"encoding/json"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/signaling/drop"
	"example.org/rtcpeer/testdata/bubble"
)

// A silentBus loses all messages, and has no keys.
type silentBus struct{ Bus }

func (silentBus) Publish(string, []byte) error { return nil }
func (silentBus) MaxMessage() int              { return 1 << 20 }

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }

// What is not delivered is counted by reason.
func TestDroppedMessages(t *testing.T) {
	n := New(Config{Bus: silentBus{}, Log: discard()})
	p := n.pipeTo(7)
	big := []byte(strings.Repeat("x", maxUnackedBytes/2))
	for range 3 {
		p.send(big)
	}
	require.True(t, p.tick(time.Now(), false))
	n.lost(7, true)
	require.Equal(t, map[drop.Reason]uint64{"full": 3, "silent": 0, "malformed": 0, "unknown": 0, "too_large": 0, "late": 0}, n.Stats().Dropped)
	p.send([]byte("x")) // after a hello, which the other server does not acknowledge either
	require.True(t, p.tick(time.Now().Add(2*mostSilence), false))
	n.lost(7, true)
	require.Equal(t, map[drop.Reason]uint64{"full": 3, "silent": 2, "malformed": 0, "unknown": 0, "too_large": 0, "late": 0}, n.Stats().Dropped)

	other := newPipe(7, n.process, func(b []byte) error { n.receive(b); return nil }, new(counters))
	later, err := (&message{Kind: "of a later version"}).encode()
	require.NoError(t, err)
	other.send(later)
	other.send([]byte("rubbish"))
	require.Equal(t, map[drop.Reason]uint64{"full": 3, "silent": 2, "malformed": 1, "unknown": 1, "too_large": 0, "late": 0}, n.Stats().Dropped)
	require.EqualValues(t, 2, n.Stats().Received)

	n.send(7, &message{Kind: kindAnswered, Body: json.RawMessage(`"` + strings.Repeat("x", maxWhole) + `"`)})
	require.EqualValues(t, 1, n.Stats().Dropped["too_large"])
}

// A message that is larger than those of the bus arrives as it was, and one that never ends is given up.
func TestPartsOfAMessage(t *testing.T) {
	n := New(Config{Bus: silentBus{}, Log: discard()})
	other := newPipe(7, n.process, func(b []byte) error { n.receive(b); return nil }, new(counters))
	answer := make(chan json.RawMessage, 1)
	n.asks[5] = answer
	body := json.RawMessage(`"` + strings.Repeat("x", 1<<20) + `"`)
	whole, err := (&message{Kind: kindAnswered, ID: 5, Body: body}).encode()
	require.NoError(t, err)
	parts := partsOf(whole, 64<<10)
	require.Greater(t, len(parts), 16)
	for _, part := range parts {
		require.LessOrEqual(t, len(part), 64<<10)
	}
	other.send(parts...)
	require.Equal(t, body, <-answer)

	for range 17 {
		other.send(parts[:16]...) // the last one is missing
	}
	require.EqualValues(t, 1, n.Stats().Dropped["malformed"])
	require.LessOrEqual(t, cap(n.pipeTo(7).parts), 2*maxWhole)
}

// A pipe to a process that has ended is not kept for ever. Should the process come back what is sent to it arrives.
func TestPipesOfEndedProcesses(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		n := New(Config{Bus: silentBus{}, Log: discard()})
		n.living["a-1"] = holder{Process: 7}
		p := n.pipeTo(7)
		p.restart()
		for range 1000 {
			n.closePipes(time.Now())
			time.Sleep(time.Second) // of fake time
		}
		require.Same(t, p, n.pipeTo(7))
		delete(n.living, "a-1")
		for range 1000 {
			n.closePipes(time.Now())
			time.Sleep(time.Second)
		}
		require.Empty(t, n.pipes)
		require.EqualValues(t, 3, n.pipeTo(7).epoch)
	})
}
