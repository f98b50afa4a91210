package main

import (
	"encoding/binary"
	"encoding/json"

	"example.org/rtcpeer/rtcpeer"
)

// The packets, little-endian. A place has two coordinates of 16 bits.
//
//	input      player to server, unreliable ordered     dx, dy int8
//	snapshot   server to all, unreliable ordered        tick u32, coin 2 x u16, then for each player: id u32, place 2 x u16, score u16
//	names      server to one or all, reliable           JSON: {"id": "name", ...}, "" for a player that has left

// An input is the direction and speed of a player: -127 to 127 for each coordinate.
type input struct{ dx, dy int8 }

const inputSize = 2

func (i input) encode() []byte { return []byte{byte(i.dx), byte(i.dy)} }

func decodeInput(b []byte) (input, bool) {
	if len(b) != inputSize {
		return input{}, false
	}
	return input{int8(b[0]), int8(b[1])}, true
}

const (
	snapshotHead = 8
	playerSize   = 10
)

// appendSnapshot appends the state of the world.
func (w *world) appendSnapshot(b []byte) []byte {
	b = binary.LittleEndian.AppendUint32(b, w.tick)
	b = w.coin.append(b)
	for id, p := range w.players {
		b = binary.LittleEndian.AppendUint32(b, uint32(id))
		b = p.at.append(b)
		b = binary.LittleEndian.AppendUint16(b, p.score)
	}
	return b
}

func (p place) append(b []byte) []byte {
	b = binary.LittleEndian.AppendUint16(b, uint16(p.x*0xffff))
	return binary.LittleEndian.AppendUint16(b, uint16(p.y*0xffff))
}

func decodePlace(b []byte) place {
	return place{float64(binary.LittleEndian.Uint16(b)) / 0xffff, float64(binary.LittleEndian.Uint16(b[2:])) / 0xffff}
}

// A snapshot is the state of the world that players get.
type snapshot struct {
	tick    uint32
	coin    place
	players map[rtcpeer.PeerID]player
}

func decodeSnapshot(b []byte) (snapshot, bool) {
	if len(b) < snapshotHead || (len(b)-snapshotHead)%playerSize != 0 {
		return snapshot{}, false
	}
	s := snapshot{tick: binary.LittleEndian.Uint32(b), coin: decodePlace(b[4:]), players: make(map[rtcpeer.PeerID]player)}
	for b = b[snapshotHead:]; len(b) > 0; b = b[playerSize:] {
		s.players[rtcpeer.PeerID(binary.LittleEndian.Uint32(b))] = player{at: decodePlace(b[4:]), score: binary.LittleEndian.Uint16(b[8:])}
	}
	return s, true
}

type names map[rtcpeer.PeerID]string

func (n names) encode() []byte {
	data, _ := json.Marshal(n) // only numbers and strings: cannot fail
	return data
}
