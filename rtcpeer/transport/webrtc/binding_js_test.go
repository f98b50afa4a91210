package webrtc

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestFingerprints(t *testing.T) {
	tests := []struct {
		name, sdp string
		want      []string
	}{
		{"none", "v=0\r\na=setup:active\r\n", nil},
		{"one", "v=0\r\na=fingerprint:sha-256 01:AB:CD\r\na=setup:active\r\n", []string{"sha-256 01:ab:cd"}},
		{"the session's and the same of its section", "a=fingerprint:sha-256 01:AB\r\nm=application\r\na=fingerprint:SHA-256 01:ab\r\n", []string{"sha-256 01:ab"}},
		{"a second one", "a=fingerprint:sha-256 01:AB\na=fingerprint:sha-256  02:AB \n", []string{"sha-256 01:ab", "sha-256 02:ab"}},
		{"no line end", "a=fingerprint:sha-512 01:AB", []string{"sha-512 01:ab"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { require.Equal(t, tt.want, fingerprints(tt.sdp)) })
	}
}
