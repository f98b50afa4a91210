//go:build !js

package webrtc

import (
	"testing"

	"github.com/pion/ice/v4"
	"github.com/pion/stun/v4"
	"github.com/stretchr/testify/require"
)

func TestFirstRoute(t *testing.T) {
	host, err := ice.NewCandidateHost(&ice.CandidateHostConfig{Network: "udp", Address: "192.0.2.1", Port: 5000, Component: 1})
	require.NoError(t, err)
	relay, err := ice.NewCandidateRelay(&ice.CandidateRelayConfig{Network: "udp", Address: "192.0.2.2", Port: 5000, Component: 1, RelAddr: "192.0.2.1", RelPort: 5000})
	require.NoError(t, err)
	asked, answered := &ice.CandidatePair{}, &ice.CandidatePair{}
	answered.UpdateRoundTripTime(1)
	const plain, willing = "v=0\r\n", "v=0\r\n" + firstRouteLine
	for name, c := range map[string]struct {
		other         string
		local, remote ice.Candidate
		fromOther     stun.AttrType // the role of who sent the request
		pair          *ice.CandidatePair
		want          bool
	}{
		"controlled":                    {willing, host, host, stun.AttrICEControlling, asked, true},
		"controlling":                   {willing, host, host, stun.AttrICEControlled, answered, true},
		"controlling, not yet answered": {willing, host, host, stun.AttrICEControlled, asked, false},
		"the other end waits":           {plain, host, host, stun.AttrICEControlling, answered, false},
		"within another line":           {plain + "a=x" + firstRouteLine, host, host, stun.AttrICEControlling, answered, false},
		"over our relay":                {willing, relay, host, stun.AttrICEControlling, answered, false},
		"over the other end's relay":    {willing, host, relay, stun.AttrICEControlled, answered, false},
	} {
		t.Run(name, func(t *testing.T) {
			var f firstRoute
			f.described(c.other)
			request := stun.New()
			request.Add(c.fromOther, make([]byte, 8))
			require.Equal(t, c.want, f.choose(request, c.local, c.remote, c.pair))
			require.False(t, f.choose(request, c.local, c.remote, answered) && c.want, "once")
		})
	}
}
