package format

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer"
	"example.org/rtcpeer/signaling"
)

func TestErrorsInPlainWords(t *testing.T) {
	tests := []struct {
		name string
		err  error
		want string
	}{
		{"names of packages and codes go", fmt.Errorf("rtcpeer: join: %w", &signaling.Error{Code: signaling.CodeSealed, Text: "the room is sealed"}), "join: the room is sealed"},
		{"a reason says what happened", &signaling.Error{Code: signaling.CodeKicked, Text: "cheating"}, "removed from the room: cheating"},
		{"and does not say it twice", &signaling.Error{Code: signaling.CodeRoomClosed, Text: "the room was closed"}, "the room was closed"},
		{"a room name has its own words", &signaling.Error{Code: signaling.CodeBadRoom, Text: "room name"}, "room name"},
		{"a link names its peer", &rtcpeer.PeerError{Peer: 7, Op: "connect", Err: rtcpeer.ErrRefused}, "no link with peer 7: refused by the other end"},
		{"a time limit", fmt.Errorf("signalclient: dial ws://a: %w", context.DeadlineExceeded), "dial ws://a: no answer in time"},
		{"a field is its flag", rtcpeer.ErrAuthRequired, "the host requires authentication: set --auth-secret"},
		{"several fields", errors.New("Config.Auth needs a star, or Config.Framed"), "--auth-secret needs a star, or --framed"},
		{"a field that begins like another", errors.New("not within Config.AuthTimeout"), "not within Config.AuthTimeout"},
		{"what is not ours stays", errors.New("EOF"), "EOF"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { require.Equal(t, tt.want, Error(tt.err)) })
	}
}

// What a peer sends must not rule the terminal of another.
func TestClean(t *testing.T) {
	require.Equal(t, "a\tb µ 😀", Clean("a\tb µ 😀"))
	require.Equal(t, "\uFFFD[2Jx\uFFFDy\uFFFD\uFFFDz", Clean("\x1b[2Jx\ny\r\u009bz"))
	require.True(t, utf8.ValidString(Clean("\xff\xfe")))
}

func TestDuration(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "-", 61700: "61 µs", 7_149_999: "7.1 ms", 175 * time.Millisecond: "175 ms", 1234 * time.Millisecond: "1.2 s",
	} {
		require.Equal(t, want, Duration(d))
	}
}

func TestBytes(t *testing.T) {
	for n, want := range map[uint64]string{0: "0 B", 999: "999 B", 1234: "1.2 kB", 5_600_000: "5.6 MB", 7e12: "7000.0 GB"} {
		require.Equal(t, want, Bytes(n))
	}
}
