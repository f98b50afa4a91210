package cluster

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/signaling/rooms"
)

// What comes from the bus, of whatever version or sender, is refused or is as the code behind it trusts.
func FuzzDecode(f *testing.F) {
	for _, m := range []*message{
		{Kind: kindHello},
		{Kind: kindJoin, Session: 1, Attempt: 2, Lease: "l", Key: "room.r", Guest: &guest{Dialect: signaling.Subprotocol}, Join: &signaling.Join{Room: "r"}, Grant: &rooms.Grant{MayHost: true}},
		{Kind: kindDeliver, Session: 1, Attempt: 2, Lease: "l", frames: [][]byte{[]byte("{}"), nil, bytes.Repeat([]byte("x"), 300)}},
		{Kind: kindFail, Error: &signaling.Error{Code: signaling.CodeKicked}},
		{Kind: "of a newer version", Op: "x"},
		{Kind: kindPart, More: true, frames: [][]byte{[]byte("part")}},
	} {
		b, err := m.encode()
		require.NoError(f, err)
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := decode(b)
		if err != nil {
			return
		}
		require.NoError(t, m.validate())
		again, err := m.encode()
		require.NoError(t, err)
		twice, err := decode(again)
		require.NoError(t, err)
		require.Equal(t, m.Kind, twice.Kind)
		require.Len(t, twice.frames, len(m.frames))
		for i := range m.frames {
			require.True(t, bytes.Equal(m.frames[i], twice.frames[i]))
		}
	})
}

// A node bears whatever is published to it.
func FuzzReceive(f *testing.F) {
	p := newPipe(2, 1, func([]byte) error { return nil }, new(counters))
	gone, err := (&message{Kind: kindGone}).encode()
	require.NoError(f, err)
	f.Add(p.stamp(p.datagram(1, gone)))
	f.Add(p.stamp(p.datagram(0, nil)))
	f.Fuzz(func(t *testing.T, b []byte) {
		from, ok := senderOf(b, 1)
		if !ok {
			return
		}
		in := newPipe(1, from, func([]byte) error { return nil }, new(counters))
		in.send([]byte("x"))
		for range 2 {
			if data, _ := in.receive(bytes.Clone(b)); data != nil {
				_, _ = decode(data)
			}
		}
	})
}
