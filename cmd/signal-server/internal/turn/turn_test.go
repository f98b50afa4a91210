package turn

import (
	"testing"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/cmd/signal-server/internal/certs"
	"example.org/rtcpeer/cmd/signal-server/internal/keytest"
	"example.org/rtcpeer/signaling/turnserver"
)

func TestTURNOverTLS(t *testing.T) {
	o := Options{On: true, Listen: ":3478", ListenTLS: ":5349"}
	cert, key, _ := keytest.Certificate(t, t.TempDir(), 1)
	c, err := (&certs.Options{Cert: cert, Key: key}).Certificates(nil)
	require.NoError(t, err)
	require.Equal(t, ":5349", o.config(c.Config, "game.example", nil).TLS)
	require.Equal(t, turnserver.Off, o.config(c.Config, "", nil).TLS, "the certificate does not name an address")
	require.Equal(t, turnserver.Off, o.config(nil, "game.example", nil).TLS)
}
