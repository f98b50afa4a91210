package main

import (
	"context"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/signaling/signalserver"
)

// startServer starts a signaling server that ends with the test, and returns the URL of a room there.
func startServer(t *testing.T) string {
	t.Helper()
	rooms, err := signalserver.New(signalserver.Config{MessageRate: -1})
	require.NoError(t, err)
	server := httptest.NewServer(rooms)
	t.Cleanup(func() {
		require.NoError(t, rooms.Shutdown(context.Background()))
		server.Close()
	})
	return strings.Replace(server.URL, "http://", "ws://", 1) + "/demo"
}
