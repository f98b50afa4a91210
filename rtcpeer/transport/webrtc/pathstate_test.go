package webrtc

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestFewerCandidates(t *testing.T) {
	const line = "a=candidate:1 1 udp 1 192.0.2.1 9 typ host\r\n"
	tests := []struct{ name, sdp, want string }{
		{"none", "v=0\r\na=mid:0\r\n", "v=0\r\na=mid:0\r\n"},
		{"few", "v=0\r\n" + line + "a=mid:0\r\n", "v=0\r\n" + line + "a=mid:0\r\n"},
		{"many", "v=0\r\n" + strings.Repeat(line, 20_000) + "a=mid:0\r\n", "v=0\r\n" + strings.Repeat(line, maxDescribed) + "a=mid:0\r\n"},
	}
	for _, tt := range tests {
		require.Equal(t, tt.want, fewerCandidates(tt.sdp), tt.name)
	}
}
