package rtcpeer

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestReasonOfAnEnding(t *testing.T) {
	tests := []struct {
		name    string
		reasons []DisconnectReason
		want    DisconnectReason
	}{
		{"none", nil, 0},
		{"one", []DisconnectReason{Lost}, Lost},
		{"the first stays", []DisconnectReason{Lost, ByUs, Kicked}, Lost},
		{"that it demands authentication explains why it closed", []DisconnectReason{ByPeer, Unauthorized}, Unauthorized},
		{"and so does that it was kicked", []DisconnectReason{ByPeer, Kicked}, Kicked},
		{"and nothing else does", []DisconnectReason{ByPeer, Misbehaved, Lost}, ByPeer},
		{"nor does it explain anything else", []DisconnectReason{ByUs, Unauthorized}, ByUs},
		{"it stays too", []DisconnectReason{Unauthorized, ByPeer}, Unauthorized},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e := newEnding()
			for _, r := range tt.reasons {
				e.end(r)
			}
			require.Equal(t, tt.want, e.why())
			require.Equal(t, tt.want != 0, isClosed(e.over), "nobody waits any more")
		})
	}
}

func TestEndingFromManySides(t *testing.T) {
	e := newEnding()
	var ends sync.WaitGroup
	for range 8 {
		ends.Go(func() { e.end(Lost) })
		ends.Go(func() { e.end(ByUs) })
	}
	<-e.over
	first := e.why()
	ends.Wait()
	require.Equal(t, first, e.why())
}
