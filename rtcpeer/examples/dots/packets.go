package main

import (
	"encoding/binary"
	"encoding/json"

	"example.org/rtcpeer/rtcpeer"
)

// A place is a point of the field. Both coordinates are from 0 to 1. On the wire it is 4 bytes.
type place struct{ X, Y float64 }

func (p place) inField() place { return place{min(max(p.X, 0), 1), min(max(p.Y, 0), 1)} }

func (p place) encode() []byte {
	b := binary.LittleEndian.AppendUint16(nil, uint16(p.X*0xffff))
	return binary.LittleEndian.AppendUint16(b, uint16(p.Y*0xffff))
}

func decodePlace(b []byte) (place, bool) {
	if len(b) != 4 {
		return place{}, false
	}
	return place{
		X: float64(binary.LittleEndian.Uint16(b)) / 0xffff,
		Y: float64(binary.LittleEndian.Uint16(b[2:])) / 0xffff,
	}, true
}

// A board is the state that the referee sends: the coin and the scores. On the wire it is JSON.
type board struct {
	Coin   place
	Scores map[rtcpeer.PeerID]int
}

// points returns the sum of all scores.
func (b board) points() (sum int) {
	for _, n := range b.Scores {
		sum += n
	}
	return sum
}

func (b board) encode() []byte {
	data, _ := json.Marshal(b) // only numbers: cannot fail
	return data
}

func decodeBoard(data []byte) (board, bool) {
	var b board
	if err := json.Unmarshal(data, &b); err != nil || b.Scores == nil {
		return board{}, false
	}
	b.Coin = b.Coin.inField()
	return b, true
}
