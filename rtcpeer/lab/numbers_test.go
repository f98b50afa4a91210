//go:build linux

package lab

import (
	"testing"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer"
)

// A count is what is wrong with the numbers of a stream.
type count struct{ lost, repeated, swapped int }

// countNumbers looks at each connection of the receiver and epoch of the sender by itself. Numbers begin at 1 in
// the first connection that has packets of an epoch. In a later one, whose packets were sent before the sender
// was told of the end, they may begin anywhere.
func countNumbers(stream []arrival) (c count) {
	type group struct{ connection, epoch uint16 }
	var (
		now     group
		last    uint32
		missing map[uint32]bool
		known   = make(map[uint16]bool) // epochs
	)
	for _, a := range stream {
		if g := (group{a.Connection, a.Epoch}); g != now {
			c.lost += len(missing)
			now, last, missing = g, 0, make(map[uint32]bool)
			if known[a.Epoch] {
				last = a.Number - 1
			}
			known[a.Epoch] = true
		}
		switch {
		case a.Number > last:
			for n := last + 1; n < a.Number; n++ {
				missing[n] = true
			}
			last = a.Number
		case missing[a.Number]:
			delete(missing, a.Number)
			c.swapped++
		default:
			c.repeated++
		}
	}
	c.lost += len(missing)
	return c
}

// addTail counts what was sent and not received in the end, if both ends are still connected and the sender's
// epoch is the one of the last packets.
func (c *count) addTail(stream []arrival, sender, receiver sent, mode rtcpeer.Mode) {
	if !sender.Connected || !receiver.Connected {
		return
	}
	var got uint32
	for _, a := range stream {
		if a.Epoch == sender.Epoch && a.Connection == receiver.Epoch {
			got = max(got, a.Number)
		}
	}
	c.lost += int(sender.Last[mode] - got)
}

func TestCountNumbers(t *testing.T) {
	type numbers = []arrival
	of := func(connection, epoch uint16, all ...uint32) (stream numbers) {
		for _, n := range all {
			stream = append(stream, arrival{Connection: connection, Epoch: epoch, Number: n})
		}
		return stream
	}
	for name, c := range map[string]struct {
		stream numbers
		want   count
	}{
		"whole":            {of(1, 1, 1, 2, 3), count{}},
		"first lost":       {of(1, 1, 2, 3), count{lost: 1}},
		"two lost":         {of(1, 1, 1, 4), count{lost: 2}},
		"repeated":         {of(1, 1, 1, 2, 2, 1), count{repeated: 2}},
		"swapped":          {of(1, 1, 1, 3, 2, 4), count{swapped: 1}},
		"another epoch":    {append(of(1, 1, 1, 2), of(2, 2, 1, 2)...), count{}},
		"late after a gap": {append(of(1, 1, 1, 2), append(of(2, 1, 9), of(2, 2, 1)...)...), count{}},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, c.want, countNumbers(c.stream)) })
	}
}
