//go:build linux

package lab

import (
	"context"
	"encoding/json"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer/doctor"
)

// rtc-client doctor sees through each kind of router, with a single server to ask.
func TestDoctor(t *testing.T) {
	need(t, "ip", "nft")
	kit := newKit(t)
	mappings := map[string]string{"public": "none", "preserving": "endpoint-independent", symmetric: "symmetric", blocked: "blocked", webOnly: "blocked"}
	for _, k := range kinds {
		t.Run(k.key, func(t *testing.T) {
			t.Parallel()
			pairSlots.take(t)
			w := newWorld(t, kit, plan{routers: []kind{k}, oneHouse: true})
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			w.startServer(ctx)
			p := w.startClient(seatName(1), "doctor", "--json", "--timeout=5s", serverURL)
			object, err := p.await(ctx, &p.out, `^{.*}$`)
			require.NoError(t, err)
			t.Log(object)
			var got struct {
				Mapping, Outlook string
				Checks           []struct {
					Over string
					OK   bool
				}
			}
			require.NoError(t, json.Unmarshal([]byte(object), &got))
			require.Equal(t, mappings[k.key], got.Mapping)
			require.Equal(t, string(doctor.Everybody), got.Outlook)
			seen := make(map[string]bool)
			for _, c := range got.Checks {
				seen[c.Over] = true
				require.Equal(t, !slices.Contains(k.without, c.Over), c.OK, "%+v", c)
			}
			require.Equal(t, map[string]bool{"udp": true, "tcp": true, "tls": true}, seen)
		})
	}
}
