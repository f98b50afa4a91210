package rtcpeer_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer"
	"example.org/rtcpeer/rtcpeer/transport/memory"
)

// A loop over events is left early without losing any, and ends with why there are no more.
func TestEvents(t *testing.T) {
	r, network := newRoom(rtcpeer.Mesh), memory.NewNetwork(memory.Options{})
	a := r.join(t, 1, network.Transport(), rtcpeer.Config{})
	b := r.join(t, 2, network.Transport(), rtcpeer.Config{})
	var kinds []rtcpeer.EventKind
	for ev, err := range a.Events(t.Context()) {
		require.NoError(t, err)
		kinds = append(kinds, ev.Kind)
		break
	}
	require.NoError(t, a.Err())
	require.NoError(t, b.Close())
	for ev, err := range a.Events(t.Context()) {
		require.NoError(t, err)
		if kinds = append(kinds, ev.Kind); ev.Kind == rtcpeer.PeerDisconnected {
			break
		}
	}
	require.Equal(t, []rtcpeer.EventKind{rtcpeer.PeerConnected, rtcpeer.PeerDisconnected}, kinds)

	over, end := context.WithCancel(t.Context())
	end()
	var ended []error
	for _, err := range a.Events(over) {
		ended = append(ended, err)
	}
	require.Equal(t, []error{context.Canceled}, ended, "once, and then no more")
	require.NoError(t, a.Err())

	require.NoError(t, a.Close())
	<-a.Done()
	require.Equal(t, rtcpeer.ErrClosed, a.Err())
	for _, err := range a.Events(t.Context()) {
		require.ErrorIs(t, err, rtcpeer.ErrClosed)
	}
}

// A room that ends says the same to Err as to Receive.
func TestErrOfARoomThatEnded(t *testing.T) {
	r, network := newRoom(rtcpeer.Star), memory.NewNetwork(memory.Options{})
	host := r.join(t, 1, network.Transport(), rtcpeer.Config{})
	guest := r.join(t, 2, network.Transport(), rtcpeer.Config{})
	for ev, err := range guest.Events(t.Context()) {
		require.NoError(t, err)
		if ev.Kind == rtcpeer.PeerConnected {
			break
		}
	}
	require.NoError(t, host.Close())
	<-guest.Done()
	var last error
	for _, err := range guest.Events(t.Context()) {
		last = err
	}
	require.Error(t, last)
	require.ErrorIs(t, last, guest.Err())
}
