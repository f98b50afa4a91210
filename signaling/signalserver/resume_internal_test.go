package signalserver

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/signaling"
)

func TestTicketSurvivesItsToken(t *testing.T) {
	for _, want := range []ticket{
		{room: "r", topology: signaling.Mesh, nonce: 1, id: 1},
		{room: signaling.RoomName(strings.Repeat("x", signaling.MaxRoomName)), topology: signaling.Star, nonce: 1<<64 - 1, id: signaling.MaxPeerID},
	} {
		token := want.seal([]byte("key"))
		require.LessOrEqual(t, len(token), 160)
		got, err := openTicket([]byte("key"), token)
		require.NoError(t, err)
		require.Equal(t, want, got)
		_, err = openTicket([]byte("other key"), token)
		require.ErrorIs(t, err, &signaling.Error{Code: signaling.CodeResumeRefused})
	}
}

func FuzzOpenTicket(f *testing.F) {
	key := []byte("key")
	token := ticket{room: "r", topology: signaling.Star, nonce: 7, id: 9}.seal(key)
	f.Add(token)
	f.Add("")
	f.Add(strings.Repeat("A", 100))
	f.Fuzz(func(t *testing.T, s string) {
		got, err := openTicket(key, s)
		if err != nil {
			require.ErrorIs(t, err, &signaling.Error{Code: signaling.CodeResumeRefused})
			return
		}
		require.Equal(t, token, got.seal(key), "the key has sealed one token")
	})
}
