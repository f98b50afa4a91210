// Package probe makes and answers the pings that peers send to each other as packets.
package probe

import (
	"bytes"
	"encoding/binary"

	"example.org/rtcpeer/rtcpeer"
)

// A probe is the packet of a ping: a NUL, "ping" or "pong", and a number that the asking end chose. No line of
// a chat begins with a NUL, so a chat answers probes and never prints them. A packet of a game is not taken for
// a probe: its commands, some of which begin with a NUL, have another Packet.Command than CommandRaw.
//
//	asks      00 'p' 'i' 'n' 'g' number      8 bytes, big-endian
//	answers   00 'p' 'o' 'n' 'g' number      in the same mode, to the one who asked
const (
	asks    = "\x00ping"
	answers = "\x00pong"
	size    = len(asks) + 8
)

// New returns a probe that asks. The answer carries the same number.
func New(number uint64) []byte {
	return binary.BigEndian.AppendUint64([]byte(asks), number)
}

// Answer answers p if it is a probe that asks, and reports whether it is one. Answer does not block: if the
// peer's buffer is full, the answer is lost.
func Answer(node rtcpeer.Peer, p rtcpeer.Packet) bool {
	number, found := bytes.CutPrefix(p.Data, []byte(asks))
	if !found || len(p.Data) != size || p.Command != rtcpeer.CommandRaw {
		return false
	}
	p.Data = append([]byte(answers), number...)
	_ = node.TrySend(p) // p.Peer, the sender, is now the receiver
	return true
}

// Number returns the number in an answer. ok is false if p is not an answer.
func Number(p rtcpeer.Packet) (number uint64, ok bool) {
	raw, ok := bytes.CutPrefix(p.Data, []byte(answers))
	if !ok || len(p.Data) != size || p.Command != rtcpeer.CommandRaw {
		return 0, false
	}
	return binary.BigEndian.Uint64(raw), true
}
