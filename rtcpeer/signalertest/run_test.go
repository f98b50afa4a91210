package signalertest_test

import (
	"context"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"example.org/rtcpeer/rtcpeer"
	"example.org/rtcpeer/rtcpeer/signalertest"
	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/signaling/signalclient"
	"example.org/rtcpeer/signaling/signalserver"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// The Signaler that Join uses passes, over a server's sockets.
func TestClientAndServer(t *testing.T) {
	signalertest.Run(t, func(t *testing.T) signalertest.Join {
		server, err := signalserver.New(signalserver.Config{})
		require.NoError(t, err)
		web := httptest.NewServer(server)
		t.Cleanup(func() {
			require.NoError(t, server.Shutdown(context.WithoutCancel(t.Context())))
			web.Close()
		})
		url := "ws" + strings.TrimPrefix(web.URL, "http")
		return func(ctx context.Context, j signaling.Join) (rtcpeer.Signaler, error) {
			c, err := signalclient.Dial(ctx, url, j, signalclient.Config{})
			if err != nil {
				return nil, err
			}
			return c, nil
		}
	})
}
