package main

import (
	"context"
	"crypto/tls"
	"errors"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/testdata/skip"
)

// Two servers behind a balancer are restarted one after the other, and nobody who connects meanwhile notices: not one
// connection is refused. HAProxy and Caddy ask /readyz; HAProxy passes TCP on with a PROXY header. nginx does not ask, and
// tries the next server where one refuses: a few who connect to the old one in its last moment are sent away once they are
// in, and come back, as all its members do.
func TestRollingRestart(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		start func(t *testing.T, servers []string) (url string, trust *tls.Config)
		args  []string
		asks  bool // whether servers are ready
		long  bool // the short form has one proxy that asks
	}{
		{"haproxy", func(t *testing.T, servers []string) (string, *tls.Config) {
			return "ws://" + startHAProxy(t, "send-proxy-v2", servers...), nil
		}, []string{"--proxy-protocol", "--drain-delay=3s"}, true, false},
		{"nginx", func(t *testing.T, servers []string) (string, *tls.Config) {
			address, trust := startNginx(t, servers...)
			return "wss://" + address, trust
		}, []string{"--drain-delay=3s"}, false, true},
		{"caddy", func(t *testing.T, servers []string) (string, *tls.Config) {
			address, trust := startCaddy(t, servers...)
			return "wss://" + address, trust
		}, []string{"--drain-delay=8s"}, true, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.long {
				skip.Long(t)
			}
			t.Parallel()
			servers := []string{freeAddress(t), freeAddress(t)}
			launch := func(address string) *daemon {
				return launchDaemon(t, append(c.args, "--listen="+address, "--trusted-proxy=127.0.0.1",
					"--metrics-listen=127.0.0.1:0")...)
			}
			daemons := []*daemon{launch(servers[0]), launch(servers[1])}
			url, trust := c.start(t, servers)

			joins, stop := keepJoining(t, url, trust, !c.asks)
			for i, d := range daemons {
				awaitJoins(t, daemons, stop)
				require.NoError(t, d.cmd.Process.Signal(syscall.SIGTERM))
				for range d.log { // until its end
				}
				require.NoError(t, d.cmd.Wait())
				daemons[i] = launch(servers[i])
			}
			awaitJoins(t, daemons, stop)
			require.NoError(t, stop())
			require.Positive(t, joins())
			t.Logf("%d joins, none refused", joins())
		})
	}
}

// awaitJoins waits until the balancer leads to each server.
func awaitJoins(t *testing.T, daemons []*daemon, stop func() error) {
	t.Helper()
	for _, d := range daemons {
		figures := d.other(t, "--metrics-listen") + "/metrics"
		if !eventually(t.Context(), func() bool { return scrape(t, figures)["joins_total"] > 0 }) {
			require.NoError(t, stop())
			require.Fail(t, "no joins come here")
		}
	}
}

// keepJoining joins rooms at a URL, one after the other, by three clients at the same time. stop returns what went
// wrong first; that they are sent away is not wrong where they may be.
func keepJoining(t *testing.T, url string, trust *tls.Config, maybeSentAway bool) (joins func() int64, stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancelCause(t.Context())
	var count atomic.Int64
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			for ctx.Err() == nil {
				err := joinOnce(url, trust)
				if errors.Is(err, errSentAway) && maybeSentAway {
					continue
				}
				if err != nil {
					cancel(err)
					return
				}
				count.Add(1)
			}
		})
	}
	return count.Load, func() error {
		cancel(errEnough)
		wg.Wait()
		if err := context.Cause(ctx); !errors.Is(err, errEnough) {
			return err
		}
		return nil
	}
}

var (
	errEnough   = errors.New("enough")
	errSentAway = errors.New("sent away")
)

// joinOnce becomes a member of a room of its own, and leaves.
func joinOnce(url string, trust *tls.Config) error {
	d := websocket.Dialer{Subprotocols: []string{signaling.Subprotocol}, TLSClientConfig: trust}
	conn, res, err := d.Dial(url, nil)
	if err != nil {
		if res != nil {
			err = errors.Join(err, errors.New(res.Status))
		}
		return err
	}
	defer conn.Close()
	if err := conn.WriteMessage(websocket.TextMessage, []byte(`{"kind":"join"}`)); err != nil {
		return errors.Join(err, errSentAway)
	}
	_, frame, err := conn.ReadMessage()
	if err != nil || strings.Contains(string(frame), string(signaling.CodeShuttingDown)) {
		return errors.Join(err, errSentAway)
	}
	if !strings.Contains(string(frame), `"welcome"`) {
		return errors.New(string(frame))
	}
	return nil
}

// After SIGTERM the server is first not ready, while it serves as before; then it refuses newcomers and sends members
// away; then it closes.
func TestDrainDelay(t *testing.T) {
	t.Parallel()
	p := start(t, nil, "--drain-delay=10s") // within which all of what follows happens
	member := call(t, p.url, nil)
	member.join(signaling.Join{Room: "lobby"})
	code := make(chan int, 1)
	go func() { code <- p.stop() }()
	require.True(t, eventually(t.Context(), func() bool {
		status, _ := fetch(t, pageOf(p)+"readyz")
		return status == http.StatusServiceUnavailable
	}))
	status, _ := fetch(t, pageOf(p)+"healthz")
	require.Equal(t, http.StatusOK, status, "it is alive")
	late := call(t, p.url, nil)
	w := late.join(signaling.Join{Room: "lobby"})
	require.Equal(t, w.ID, member.receive().(signaling.Joined).Member.ID)

	require.Equal(t, signaling.CodeShuttingDown, member.receive().(*signaling.Error).Code)
	require.Equal(t, signaling.CodeShuttingDown, late.receive().(*signaling.Error).Code)
	for _, c := range []*caller{member, late} {
		_, _, err := c.conn.ReadMessage()
		require.Error(t, err)
	}
	require.Equal(t, exitOK, <-code)
}
