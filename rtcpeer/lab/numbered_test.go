//go:build linux

package lab

import (
	"encoding/binary"
	"fmt"
	"time"

	"example.org/rtcpeer/rtcpeer"
)

// A numbered is the data of a recorder's packet. It has a number for each peer that it is for, so that a
// broadcast and a packet to one peer are in the same count. On the wire:
//
//	sent, in ms since 1970 (8)   last (1)   then for each peer: its id (4), epoch (2), number (4)
type numbered struct {
	sentAt  time.Time
	last    bool // no more will come
	entries []entry
}

// An entry is the number of a packet for one peer. Epoch counts the PeerConnected that the sender has had
// of that peer. Each epoch and mode has the numbers 1, 2, ...
type entry struct {
	To     rtcpeer.PeerID
	Epoch  uint16
	Number uint32
}

const headLength, entryLength = 9, 10

func (n numbered) encode() []byte {
	b := binary.BigEndian.AppendUint64(make([]byte, 0, headLength+entryLength*len(n.entries)), uint64(n.sentAt.UnixMilli()))
	if n.last {
		b = append(b, 1)
	} else {
		b = append(b, 0)
	}
	for _, e := range n.entries {
		b = binary.BigEndian.AppendUint32(b, uint32(e.To))
		b = binary.BigEndian.AppendUint16(b, e.Epoch)
		b = binary.BigEndian.AppendUint32(b, e.Number)
	}
	return b
}

func decodeNumbered(b []byte) (numbered, error) {
	if len(b) < headLength || (len(b)-headLength)%entryLength != 0 {
		return numbered{}, fmt.Errorf("a packet of %d bytes is none of a recorder", len(b))
	}
	n := numbered{sentAt: time.UnixMilli(int64(binary.BigEndian.Uint64(b))), last: b[8] == 1}
	for b := b[headLength:]; len(b) > 0; b = b[entryLength:] {
		n.entries = append(n.entries, entry{
			To:     rtcpeer.PeerID(binary.BigEndian.Uint32(b)),
			Epoch:  binary.BigEndian.Uint16(b[4:]),
			Number: binary.BigEndian.Uint32(b[6:]),
		})
	}
	return n, nil
}
