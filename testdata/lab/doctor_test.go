package lab

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

// rtc-client doctor sees through each kind of router, with a single server to ask.
func TestDoctor(t *testing.T) {
	need(t, "ip", "nft")
	removeAbandoned(t)
	programs := build(t)
	mappings := map[string]string{"public": "none", "preserving": "endpoint-independent", symmetric: "symmetric", blocked: "blocked"}
	for _, k := range kinds {
		t.Run(k.key, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			w := newWorld(t, plan{routers: [2]kind{k}, oneHouse: true})
			w.startServer(ctx, programs.server)
			p := w.start(seat(1), nil, programs.client, "doctor", "--json", "--timeout=2s", serverURL)
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
			require.Contains(t, got.Outlook, "everybody")
			require.NotEmpty(t, got.Checks)
			for _, c := range got.Checks {
				require.Equal(t, c.Over != "udp" || k.key != blocked, c.OK, "%+v", c)
			}
		})
	}
}
