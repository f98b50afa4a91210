//go:build !js

package webrtc

import (
	"reflect"
	"testing"

	"github.com/pion/sctp"
	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer/transport"
	"example.org/rtcpeer/rtcpeer/transport/transporttest"
)

// What the SCTP stream was really told, read back from Pion's private fields: datachannel 1.6.3
// leaves every negotiated channel reliable and ordered, and nothing in its API says so.
func TestEffectiveParameters(t *testing.T) {
	type parameters struct {
		unordered   bool
		reliability byte
		retransmits uint32
	}
	tests := []struct {
		name        string
		mode        transport.Mode
		retransmits uint16
		want        parameters
	}{
		{"reliable", transport.Reliable, 0, parameters{}},
		{"reliable ignores retransmits", transport.Reliable, 3, parameters{}},
		{"unreliable ordered", transport.UnreliableOrdered, 0, parameters{reliability: sctp.ReliabilityTypeRexmit}},
		{"unreliable", transport.Unreliable, 0, parameters{unordered: true, reliability: sctp.ReliabilityTypeRexmit}},
		{"unreliable with one retransmit", transport.Unreliable, 1, parameters{unordered: true, reliability: sctp.ReliabilityTypeRexmit, retransmits: 1}},
	}
	var config transport.PathConfig
	for i, tt := range tests {
		config.Lanes = append(config.Lanes, transport.LaneConfig{ID: uint16(i + 1), Label: tt.name, Mode: tt.mode, MaxRetransmits: tt.retransmits})
	}
	a, err := New(Config{})
	require.NoError(t, err)
	defer a.Close()
	b, err := New(Config{})
	require.NoError(t, err)
	defer b.Close()
	offerer, answerer := transporttest.Connect(t, a, b, config)
	for _, end := range []transport.Path{offerer, answerer} {
		for i, tt := range tests {
			stream := reflect.ValueOf(end.Lane(i).(*lane).channel).Elem().FieldByName("stream").Elem()
			got := parameters{
				unordered:   stream.FieldByName("unordered").Bool(),
				reliability: byte(stream.FieldByName("reliabilityType").Uint()),
				retransmits: uint32(stream.FieldByName("reliabilityValue").Uint()),
			}
			require.Equal(t, tt.want, got, tt.name)
		}
	}
}
