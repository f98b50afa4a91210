package probe

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer"
)

func TestProbe(t *testing.T) {
	node := new(rtcpeer.Offline)
	question := New(1 << 40)
	require.True(t, Answer(node, rtcpeer.Packet{Peer: 2, Data: question}))
	_, ok := Number(rtcpeer.Packet{Data: question})
	require.False(t, ok, "a question is no answer")

	reply := slices.Concat([]byte(answers), question[len(asks):])
	number, ok := Number(rtcpeer.Packet{Data: reply})
	require.True(t, ok)
	require.Equal(t, uint64(1<<40), number)
	require.False(t, Answer(node, rtcpeer.Packet{Data: reply}), "an answer is not answered")

	for _, text := range []string{"", "hello", "ping", asks, string(question) + "x", string(reply[:12])} {
		_, ok := Number(rtcpeer.Packet{Data: []byte(text)})
		require.False(t, ok || Answer(node, rtcpeer.Packet{Data: []byte(text)}), "%q", text)
	}
}
