package lab

import (
	"context"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer/transport"
)

// Where only the signaling server's port passes, and there is no TURN at all, a link goes through the signaling, if the
// server has --relay-links, and else there is none.
func TestRelayLinks(t *testing.T) {
	need(t, "ip", "nft")
	removeAbandoned(t)
	kit := newKit(t)
	only443 := kinds[slices.IndexFunc(kinds, func(k kind) bool { return k.key == webOnly })]
	for name, flags := range map[string][]string{"with": {"--relay-links"}, "without": nil} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pairSites.take(t)
			w := newWorld(t, kit, plan{routers: []kind{only443, only443}})
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			w.startPlainServer(ctx, flags...)
			var players []goPlayer
			for i := range 2 {
				p := goPlayer{w.startClient(seat(i+1), "ping", "--relay-links", "--verbose", "--json", "--wait=40s", "--interval=50ms", "--count=100000", serverURL)}
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
				end, err := p.found(ctx)
				require.NoError(t, err)
				require.Equal(t, []string{transport.Signaling, transport.Signaling}, []string{end.Local, end.Remote})
				t.Logf("connected in %.0f ms", end.ConnectMS)
			}
		})
	}
}
