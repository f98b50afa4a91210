package turnserver_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/signaling/turnserver"
	"example.org/rtcpeer/testdata/bubble"
)

// The password as openssl makes it: printf 946688400:alice | openssl dgst -sha1 -hmac ... -binary | base64
func TestCredentials(t *testing.T) {
	bubble.Test(t, func(t *testing.T) { // whose clock begins at 2000-01-01
		c := turnserver.Credentials{Secret: "a secret of coturn's"}
		require.Equal(t, signaling.ICEServer{
			URLs:       []string{"turn:coturn.example.org?transport=udp"},
			Username:   "946688400:alice",
			Credential: "ThBhI89ElscEHCWjjVGDj9xvlNM=",
		}, c.ICEServer("alice", "turn:coturn.example.org?transport=udp"))
	})
}

func TestUserNamesAreVisibleASCII(t *testing.T) {
	for _, user := range []string{"", "two words", "Zoë", "line\nbreak", strings.Repeat("x", 129)} {
		name, _ := turnserver.Credentials{Secret: "s"}.For(user)
		require.Regexp(t, `^[0-9]{10}:[0-9a-f]{32}$`, name, user)
		again, _ := turnserver.Credentials{Secret: "s"}.For(user)
		require.Equal(t, name[10:], again[10:], "the same each time, for the quota")
	}
}

func TestRefusedCredentials(t *testing.T) {
	secret := "shared with coturn"
	s := serve(t, turnserver.Config{Credentials: turnserver.Credentials{Secret: secret}})
	list := s.ICEServers("a")
	good := list[1]
	old, oldPassword := turnserver.Credentials{Secret: secret, TTL: -time.Second}.For("a")
	foreign, foreignPassword := turnserver.Credentials{Secret: "someone else's secret"}.For("a")
	for name, credential := range map[string][2]string{
		"a wrong password":    {good.Username, "guess"},
		"expired":             {old, oldPassword},
		"another's secret":    {foreign, foreignPassword},
		"no expiry":           {"a", good.Credential},
		"no user":             {strings.TrimSuffix(good.Username, "a"), good.Credential},
		"a longer life":       {"9" + good.Username, good.Credential},
		"expiry out of range": {"99999999999999999999:a", good.Credential},
	} {
		t.Run(name, func(t *testing.T) {
			before := s.Stats().Refused["auth"]
			_, err := dialAs(t, list, "udp", credential[0], credential[1]).Allocate()
			require.Error(t, err)
			require.Greater(t, s.Stats().Refused["auth"], before)
		})
	}
	require.Zero(t, s.Stats().Allocated)
	shared, password := turnserver.Credentials{Secret: secret}.For("b")
	allocate(t, dialAs(t, list, "udp", shared, password))
}
