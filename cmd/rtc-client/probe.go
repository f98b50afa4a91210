package main

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
	probeAsks    = "\x00ping"
	probeAnswers = "\x00pong"
	probeSize    = len(probeAsks) + 8
)

func newProbe(number uint64) []byte {
	return binary.BigEndian.AppendUint64([]byte(probeAsks), number)
}

// answer answers p if it is a probe that asks. An answer for which there is no room is a lost one.
func answer(node rtcpeer.Peer, p rtcpeer.Packet) bool {
	number, asks := bytes.CutPrefix(p.Data, []byte(probeAsks))
	if !asks || len(p.Data) != probeSize || p.Command != rtcpeer.CommandRaw {
		return false
	}
	p.Data = append([]byte(probeAnswers), number...)
	_ = node.TrySend(p) // its source is now its target
	return true
}

// answered returns the number of a probe that answers.
func answered(p rtcpeer.Packet) (number uint64, ok bool) {
	raw, ok := bytes.CutPrefix(p.Data, []byte(probeAnswers))
	if !ok || len(p.Data) != probeSize || p.Command != rtcpeer.CommandRaw {
		return 0, false
	}
	return binary.BigEndian.Uint64(raw), true
}
