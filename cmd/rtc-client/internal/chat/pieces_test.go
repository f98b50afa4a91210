package chat

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPieces(t *testing.T) {
	tests := []struct {
		name, text string
		want       []string
	}{
		{"short", "abc", []string{"abc"}},
		{"just fits", "abcd", []string{"abcd"}},
		{"cut", "abcdef", []string{"abcd", "ef"}},
		{"between characters", "abcµe", []string{"abc", "µe"}},
		{"no characters", "\x80\x80\x80\x80\x80\x80\x80", []string{"\x80\x80\x80\x80", "\x80\x80\x80"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			for piece := range pieces([]byte(tt.text), 4) {
				got = append(got, string(piece))
			}
			require.Equal(t, tt.want, got)
		})
	}
}
