//go:build !js

package websocket_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer"
	"example.org/rtcpeer/rtcpeer/transport/memory"
	"example.org/rtcpeer/rtcpeer/websocket"
)

func TestConfig(t *testing.T) {
	tests := []struct {
		config websocket.Config
		want   string
	}{
		{websocket.Config{Node: rtcpeer.Config{Channels: []rtcpeer.Mode{rtcpeer.Reliable}}}, "Config.Node.Channels [reliable]: want none, because this protocol has no channels"},
		{websocket.Config{Node: rtcpeer.Config{Topology: rtcpeer.Mesh}}, `Config.Node.Topology "mesh": want "star" or none`},
		{websocket.Config{Node: rtcpeer.Config{Transport: memory.NewNetwork(memory.Options{}).Transport()}}, "Config.Node.Transport is set"},
		{websocket.Config{Node: rtcpeer.Config{MaxPacket: -1}}, "Config.Node.MaxPacket -1"},
		{websocket.Config{Node: rtcpeer.Config{MaxPacket: 1 << 20}}, "Config.MaxPacket 1048576"},
		{websocket.Config{HandshakeTimeout: -1}, "Config.HandshakeTimeout -1ns"},
		{websocket.Config{MaxGuests: -1}, "Config.MaxGuests -1"},
	}
	_, url := serve(t, websocket.Config{Node: rtcpeer.Config{Topology: rtcpeer.Star}})
	for _, tt := range tests {
		_, err := websocket.NewServer(tt.config)
		require.ErrorContains(t, err, tt.want)
		_, err = websocket.Dial(t.Context(), url, tt.config)
		require.ErrorContains(t, err, tt.want)
	}
	for _, url := range []string{"", "::", "http://localhost", "ws://user:secret@localhost/"} {
		_, err := websocket.Dial(t.Context(), url, websocket.Config{})
		require.ErrorContains(t, err, "websocket: dial ")
		require.NotContains(t, err.Error(), "secret")
	}
}
