package signaling_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/signaling"
)

func TestOfferedFrame(t *testing.T) {
	const taken = signaling.SubprotocolTaken
	for name, c := range map[string]struct {
		offered []string
		frame   string
	}{
		"none":                        {nil, ""},
		"the subprotocol alone":       {[]string{signaling.Subprotocol}, ""},
		"a join":                      {[]string{signaling.Subprotocol, taken, "frame.e30"}, "{}"},
		"in another order":            {[]string{"frame.e30", taken, signaling.Subprotocol}, "{}"},
		"none that could be told":     {[]string{signaling.Subprotocol, "frame.e30"}, ""},
		"empty":                       {[]string{taken, "frame."}, ""},
		"padded":                      {[]string{taken, "frame.e30="}, ""},
		"of the other alphabet":       {[]string{taken, "frame.+/+/"}, ""},
		"bits left over":              {[]string{taken, "frame.e31"}, ""},
		"too large":                   {[]string{taken, "frame." + strings.Repeat("e30_", signaling.MaxOfferedFrame/4) + "e30"}, ""},
		"broken, and then a good one": {[]string{taken, "frame.!", "frame.e30"}, "{}"},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, c.frame, string(signaling.OfferedFrame(c.offered)))
		})
	}
}

func FuzzOfferFrame(f *testing.F) {
	f.Add([]byte(`{"kind":"join","room":"lobby"}`))
	f.Add([]byte(`{"kind":"join","metadata":"Ä€😀"}`))
	f.Add(make([]byte, signaling.MaxOfferedFrame*3/4+1))
	f.Fuzz(func(t *testing.T, frame []byte) {
		offered := signaling.OfferFrame(frame)
		if offered == nil {
			require.Greater(t, len(frame), signaling.MaxOfferedFrame*3/4)
			return
		}
		header := strings.Join(slices.Concat([]string{signaling.Subprotocol}, offered), ", ")
		require.NotContains(t, strings.ReplaceAll(header, ", ", ""), ",", "a token of RFC 9110 has none")
		require.Equal(t, string(frame), string(signaling.OfferedFrame(strings.Split(header, ", "))))
	})
}
