package signaling_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/signaling"
)

// What is not valid is refused before it is sent, too. The rules themselves are in the golden frames.
func TestEncodeRefusesWhatIsNotValid(t *testing.T) {
	for want, m := range map[string]signaling.Message{
		`signaling: bad_room: room name "": want 1 to 64 letters, digits, - and _`:                                 signaling.Welcome{},
		`signaling: bad_room: room name "` + strings.Repeat("x", 65) + `": want 1 to 64 letters, digits, - and _`:  signaling.Join{Room: signaling.RoomName(strings.Repeat("x", 65))},
		`signaling: bad_message: join: topology "ring": want mesh or star`:                                         signaling.Join{Topology: "ring"},
		`signaling: bad_message: join: channel 2 has mode "fast": want reliable, unreliable_ordered or unreliable`: signaling.Join{Channels: []signaling.Mode{signaling.Reliable, "fast"}},
		`signaling: bad_message: join: metadata of 1025 bytes: at most 1024`:                                       signaling.Join{Metadata: []byte(`"` + strings.Repeat("x", 1023) + `"`)},
		`signaling: bad_message: join: 17 features: at most 16`:                                                    signaling.Join{Features: make([]string, 17)},
		`signaling: bad_message: join: feature of 0 bytes: want 1 to 32`:                                           signaling.Join{Features: []string{signaling.FeatureRepair, ""}},
		`signaling: bad_message: joined: feature of 33 bytes: want 1 to 32`:                                        signaling.Joined{Member: signaling.Member{ID: 7, Features: []string{strings.Repeat("x", 33)}}},
		`signaling: bad_message: join: incarnation of 65 bytes: at most 64`:                                        signaling.Join{Incarnation: strings.Repeat("x", 65)},
		`signaling: encode disconnected: it is never sent`:                                                         signaling.Disconnected{},
		`signaling: bad_message: signal: want to (from a member) or from (from the server)`:                        signaling.Signal{Data: []byte("1")},
		`signaling: bad_message: signal: no data`:                                                                  signaling.Signal{To: 1},
		`signaling: bad_message: joined: member id 0`:                                                              signaling.Joined{},
		`signaling: bad_message: left: id -1`:                                                                      signaling.Left{ID: -1},
		`signaling: bad_message: error: no code`:                                                                   &signaling.Error{},
	} {
		_, err := signaling.JSON.Encode(m)
		require.EqualError(t, err, want)
	}
}

// Metadata at its limit for the sender is within it for the receivers.
func TestMetadataIsNotEscaped(t *testing.T) {
	metadata := []byte(`"` + strings.Repeat("<", signaling.MaxMetadata-2) + `"`)
	frame, err := signaling.JSON.Encode(signaling.Joined{Member: signaling.Member{ID: 7, Metadata: metadata}})
	require.NoError(t, err)
	m, err := signaling.JSON.Decode(frame)
	require.NoError(t, err)
	require.Equal(t, metadata, []byte(m.(signaling.Joined).Member.Metadata))
}

func TestMemberCan(t *testing.T) {
	m := signaling.Member{ID: 7, Features: []string{"migrate", signaling.FeatureRepair}}
	require.True(t, m.Can("repair"))
	require.False(t, m.Can("rep"))
	require.False(t, signaling.Member{ID: 7}.Can("repair"))
}

// That a connection was lost is for the program, and no frame can claim it.
func TestDisconnectedIsLocal(t *testing.T) {
	_, err := signaling.V1().Encode(signaling.Disconnected{Err: errors.New("gone")})
	require.EqualError(t, err, "signaling: encode disconnected: it is never sent")
	_, err = signaling.V1Client().Encode(signaling.Disconnected{})
	require.Error(t, err)
	_, err = signaling.JSON.Decode([]byte(`{"kind":"disconnected"}`))
	require.ErrorIs(t, err, &signaling.Error{Code: signaling.CodeUnknownKind})
}

func TestEncodeRefusesMetadataThatIsNotJSON(t *testing.T) {
	_, err := signaling.JSON.Encode(signaling.Join{Metadata: []byte("{")})
	require.ErrorContains(t, err, "signaling: encode join: ")
}

func TestRandomID(t *testing.T) {
	seen := make(map[signaling.PeerID]bool)
	for range 1000 {
		id := signaling.RandomID()
		require.Greater(t, id, signaling.Host)
		seen[id] = true
	}
	require.Greater(t, len(seen), 990)
}
