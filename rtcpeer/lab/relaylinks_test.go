//go:build linux

package lab

import (
	"context"
	"slices"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer/transport"
)

// only443 is a network that lets out nothing but TCP to port 443.
func only443() kind {
	return kinds[slices.IndexFunc(kinds, func(k kind) bool { return k.key == webOnly })]
}

func (w *world) startRelayed(host string) goPlayer {
	return goPlayer{w.startClient(host, "ping", "--relay-links", "--verbose", "--json", "--wait=40s", "--interval=50ms", "--count=100000", serverURL)}
}

// Where only the signaling server's port passes, and there is no TURN at all, a link goes through the signaling, if the
// server has --relay-links, and else there is none.
func TestRelayLinks(t *testing.T) {
	t.Parallel()
	need(t, "ip", "nft", "chromium")
	kit := newKit(t)
	for name, flags := range map[string][]string{"with": {"--relay-links"}, "without": nil} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pairSlots.take(t)
			w := newWorld(t, kit, plan{routers: []kind{only443(), only443()}})
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			w.startPlainServer(ctx, flags...)
			var players []goPlayer
			for i := range 2 {
				p := w.startRelayed(seatName(i + 1))
				require.NoError(t, p.joined(ctx))
				players = append(players, p)
			}
			if flags == nil {
				_, err := players[0].await(ctx, &players[0].err, "no connection|not connected after")
				require.NoError(t, err)
				return
			}
			for _, p := range players {
				require.NoError(t, p.linked(ctx))
			}
			for _, p := range players {
				wantThroughServer(t, ctx, p)
			}
		})
	}
	// The page's link is interrupted while the server stands still, and goes on after that.
	t.Run("Chromium", func(t *testing.T) {
		t.Parallel()
		pairSlots.take(t)
		w := newWorld(t, kit, plan{routers: []kind{only443(), only443()}})
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		server := w.startPlainServer(ctx, "--relay-links")
		page := w.startChromium(seatName(1), w.startPages(ctx), "&relay-links")
		require.NoError(t, page.joined(ctx))
		p := w.startRelayed(seatName(2))
		require.NoError(t, p.linked(ctx))
		wantThroughServer(t, ctx, page)
		server.signal(syscall.SIGSTOP)
		_, err := page.pages.await(ctx, &page.pages.out, `^found {"interrupted"`)
		require.NoError(t, err)
		server.signal(syscall.SIGCONT)
		_, err = page.pages.await(ctx, &page.pages.out, `^found {"resumed"`)
		require.NoError(t, err)
		wantThroughServer(t, ctx, p)
	})
}

func wantThroughServer(t *testing.T, ctx context.Context, p player) {
	t.Helper()
	end, err := p.found(ctx)
	require.NoError(t, err)
	require.Equal(t, []string{transport.Signaling, transport.Signaling}, []string{end.Local, end.Remote})
	t.Logf("connected in %.0f ms", end.ConnectMS)
}
