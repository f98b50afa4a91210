package rooms

import (
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/signaling/text"
)

// A room that counts too little would make a welcome too large for its receiver.
func FuzzRosterSize(f *testing.F) {
	f.Add("repair", "S3XWJ2QWB6K7QKAZJ5NWQFRYOE")
	f.Add("", "")
	f.Add("\x00\x1f\n\"\\<>&", "\u007f\u2028\u2029\u00e4\U0001f600")
	f.Fuzz(func(t *testing.T, feature, incarnation string) {
		if !utf8.ValidString(feature) || !utf8.ValidString(incarnation) {
			t.Skip("no frame may be of that")
		}
		j := signaling.Join{
			Channels: []signaling.Mode{signaling.UnreliableOrdered}, OneAttempt: true,
			Features: []string{feature, feature}, Incarnation: incarnation,
		}
		b, err := text.JSON(signaling.Member{ID: signaling.MaxPeerID, Channels: j.Channels, OneAttempt: true, Features: j.Features, Incarnation: incarnation})
		require.NoError(t, err)
		require.LessOrEqual(t, len(b)+len(","), rosterSize(j))
	})
}
