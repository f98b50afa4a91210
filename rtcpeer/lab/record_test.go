//go:build linux

package lab

import (
	"encoding/gob"
	"os"
	"time"

	"example.org/rtcpeer/rtcpeer"
)

// A record is all that one recorder has seen, in the order in which it was seen.
type record struct {
	ID       rtcpeer.PeerID
	Events   []happening
	Arrivals []arrival
	Sent     []sent         // to each peer that was connected at some time
	Refused  map[string]int // packets that were not sent, by the error
	Stopped  time.Time      // when it sent its last packet
}

// A happening is an event that is not a packet.
type happening struct {
	At     time.Time
	Kind   rtcpeer.EventKind // 0: Receive has returned Error, and the node has ended
	Peer   rtcpeer.PeerID
	Reason rtcpeer.DisconnectReason
	Error  string
}

// An arrival is a packet that was received.
type arrival struct {
	From       rtcpeer.PeerID
	Mode       rtcpeer.Mode
	Connection uint16 // counts the PeerConnected that the receiver has had of this peer
	Epoch      uint16
	Number     uint32
	SentAt, At time.Time
}

// Sent says how far the numbers of a sender have come towards one peer.
type sent struct {
	To        rtcpeer.PeerID
	Epoch     uint16
	Last      [modes]uint32
	Connected bool // in the end
}

// modes is how many transfer modes there are, each with numbers of its own.
const modes = 3

func (r *record) write(path string) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	if err := gob.NewEncoder(f).Encode(r); err != nil {
		return err
	}
	return f.Close()
}

func readRecord(path string) (r record, err error) {
	f, err := os.Open(path)
	if err != nil {
		return r, err
	}
	defer f.Close()
	return r, gob.NewDecoder(f).Decode(&r)
}
