// Package probe makes and answers the pings that peers send to each other as packets.
package probe

import (
	"bytes"
	"encoding/binary"

	"example.org/rtcpeer/rtcpeer"
)

// A probe is the packet of a ping: a NUL, "ping" or "pong", and a number that the asking end chose. No
// line of a chat begins with a NUL, so a chat answers probes and never shows them. Nor does a packet of a
// game look like one by chance: its commands, some of which begin with a NUL, are no probes.
//
//	asks      00 'p' 'i' 'n' 'g' number      8 bytes, big-endian
//	answers   00 'p' 'o' 'n' 'g' number      in the same mode, to the one who asked
const (
	asks    = "\x00ping"
	answers = "\x00pong"
	size    = len(asks) + 8
)

// New returns a probe that asks, with a number by which its answer is known.
func New(number uint64) []byte {
	return binary.BigEndian.AppendUint64([]byte(asks), number)
}

// Answer answers p if it is a probe that asks, and reports whether it is one. It does not block: an answer for which
// there is no room is lost.
func Answer(node rtcpeer.Peer, p rtcpeer.Packet) bool {
	number, found := bytes.CutPrefix(p.Data, []byte(asks))
	if !found || len(p.Data) != size || p.Command != rtcpeer.CommandRaw {
		return false
	}
	p.Data = append([]byte(answers), number...)
	_ = node.TrySend(p) // its source is now its target
	return true
}

// Number returns the number of a probe that answers.
func Number(p rtcpeer.Packet) (number uint64, ok bool) {
	raw, ok := bytes.CutPrefix(p.Data, []byte(answers))
	if !ok || len(p.Data) != size || p.Command != rtcpeer.CommandRaw {
		return 0, false
	}
	return binary.BigEndian.Uint64(raw), true
}
