package rooms

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/signaling"
)

func keyed(t testing.TB, key string) tickets {
	t.Helper()
	k, err := newTickets([]byte(key))
	require.NoError(t, err)
	return k
}

func TestTicketSurvivesItsToken(t *testing.T) {
	long := strings.Repeat("x", signaling.MaxRoomName)
	for _, want := range []ticket{
		{Room: "r", Fixed: fixed{Topology: signaling.Mesh}, Nonce: 1, ID: 1},
		{
			Room: signaling.RoomName(long), Nonce: 1<<64 - 1, ID: signaling.MaxPeerID, origin: origin{1<<64 - 1, 1<<64 - 1}, Subject: strings.Repeat("\x00", MaxSubject), Kicked: slices.Repeat([]signaling.PeerID{signaling.MaxPeerID}, maxKickedTold),
			Issued: time.Date(9999, 12, 31, 23, 59, 59, 1e9-1, time.UTC), Expires: time.Date(9999, 12, 31, 23, 59, 59, 1e9-1, time.UTC),
			Fixed: fixed{
				Topology:   signaling.Star,
				Rules:      signaling.RoomRules{EndsWithHost: true, EndAfterSeal: 10 * time.Second},
				Public:     true,
				Sealed:     true,
				Metadata:   json.RawMessage(`"` + strings.Repeat("<", signaling.MaxMetadata-2) + `"`),
				MaxMembers: 1 << 30,
				Migrates:   true, HostTimeout: signaling.MaxHostTimeout,
				Password: password(strings.Repeat("\xff", 48)),
			},
			MayHost: true, Host: signaling.MaxPeerID, Term: 1<<31 - 1, Program: 1<<64 - 1,
			Demoted: slices.Repeat([]demotion{{Host: signaling.MaxPeerID, Guest: signaling.MaxPeerID}}, maxDemoted),
		},
	} {
		token, err := keyed(t, "key").seal(want)
		require.NoError(t, err)
		require.LessOrEqual(t, len(token), signaling.MaxToken)
		got, err := keyed(t, "key").open(token)
		require.NoError(t, err)
		require.Equal(t, want, got)
		_, err = keyed(t, "other key").open(token)
		require.ErrorIs(t, err, &signaling.Error{Code: signaling.CodeResumeRefused})
	}
}

func FuzzOpenTicket(f *testing.F) {
	keys := keyed(f, "key")
	want := ticket{Room: "r", Fixed: fixed{Topology: signaling.Star}, Nonce: 7, ID: 9}
	token, err := keys.seal(want)
	require.NoError(f, err)
	f.Add(token)
	f.Add("")
	f.Add(strings.Repeat("A", 100))
	f.Fuzz(func(t *testing.T, s string) {
		got, err := keys.open(s)
		if err != nil {
			require.ErrorIs(t, err, &signaling.Error{Code: signaling.CodeResumeRefused})
			return
		}
		require.Equal(t, want, got, "the key has sealed one token")
	})
}
