package cluster_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/signaling/cluster"
	"example.org/rtcpeer/signaling/cluster/memory"
	"example.org/rtcpeer/testdata/bubble"
)

// During an update a newer server asks an older one what that does not know. It learns so at once, and does not wait as for a
// server that is gone.
func TestQuestionThatAnotherVersionDoesNotKnow(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		hub := new(memory.Hub)
		a := startNode(t, hub.Bus(), "a")
		b := startNodeOf(t, hub.Bus(), "b", func(c *cluster.Config) {
			c.Answer = func(string, json.RawMessage) (any, error) { return nil, errors.New("unknown") }
		})
		defer a.Close()
		defer b.Close()
		time.Sleep(10 * time.Second) // of fake time
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		require.Len(t, a.Ask(ctx, "of a later version", nil), 1)
		require.Less(t, time.Since(began), time.Second)
	})
}
