package rtcpeer

import (
	"encoding/binary"
	"errors"
)

// These are the frames of a star, and of a mesh with Config.Framed. They are those of SceneMultiplayer
// (modules/multiplayer/scene_multiplayer.cpp), unchanged since Godot 4.0. The low three bits of the first byte are the
// command; ids are little-endian int32.
//
//	03 payload            a packet
//	07 00 data            authentication: data for the other end, which is not admitted yet
//	07 00                 authentication: the other end is accepted
//	07 01 id              host to guest: id is connected
//	07 02 id [reason]     host to guest: id is gone, for the reason of a bye (control.go)
//	07 03 target inner    guest to host: relay inner to the target (0 all, N, -N all but N)
//	07 03 source inner    host to guest: inner comes from the source
//
// inner is a packet or another command of the engine, but never 07. A mesh has no 07 except 07 00. Only guests that
// take part in repairs get a reason; Godot does without. testdata/wire/frames.json has examples, for this package's
// tests and for those of rtcpeer.js.
const (
	commandMask = 0x07
	commandRaw  = 0x03
	commandSys  = 0x07

	sysAuth    = 0x00
	sysAddPeer = 0x01
	sysDelPeer = 0x02
	sysRelay   = 0x03

	sysSize = 6 // command, subcommand, id
)

// A frameKind says what a frame is.
type frameKind uint8

const (
	framePacket  frameKind = iota + 1 // command, body
	frameAuth                         // body is data for the other end; none: the other end is accepted
	frameAddPeer                      // peer
	frameDelPeer                      // peer
	frameRelay                        // peer is the target or source; command and body are inner's
)

// frame is one decoded frame; body is part of what was decoded.
type frame struct {
	kind    frameKind
	command Command
	peer    PeerID
	reason  byte   // frameDelPeer: the reason of a bye, or 0
	body    []byte // the payload without its command; for a command other than CommandRaw, all of it
	whole   []byte // frameRelay: inner with its command, to be passed on
}

var errBadFrame = errors.New("rtcpeer: not a frame of the relay")

// decodeFrame decodes a frame. It never panics, whatever the bytes.
func decodeFrame(b []byte) (frame, error) {
	if len(b) == 0 {
		return frame{}, errBadFrame
	}
	if b[0]&commandMask != commandSys {
		return decodeInner(b)
	}
	if len(b) >= 2 && b[1] == sysAuth {
		return frame{kind: frameAuth, body: b[2:]}, nil
	}
	if len(b) < sysSize {
		return frame{}, errBadFrame
	}
	f := frame{peer: PeerID(binary.LittleEndian.Uint32(b[2:]))}
	switch b[1] {
	case sysAddPeer, sysDelPeer:
		f.kind = frameAddPeer
		if b[1] == sysDelPeer {
			f.kind = frameDelPeer
			if len(b) > sysSize {
				f.reason = b[sysSize]
			}
		}
		if !f.peer.Valid() {
			return frame{}, errBadFrame
		}
		return f, nil
	case sysRelay:
		inner, err := decodeInner(b[sysSize:])
		if err != nil {
			return frame{}, err
		}
		f.kind, f.command, f.body, f.whole = frameRelay, inner.command, inner.body, b[sysSize:]
		return f, nil
	}
	return frame{}, errBadFrame
}

// decodeInner decodes what may stand inside a relayed frame: anything but SYS.
func decodeInner(b []byte) (frame, error) {
	switch {
	case len(b) == 0 || b[0]&commandMask == commandSys:
		return frame{}, errBadFrame
	case b[0]&commandMask != commandRaw:
		return frame{kind: framePacket, command: wireCommands[b[0]&commandMask], body: b}, nil
	case len(b) == 1:
		return frame{}, errBadFrame // SceneMultiplayer sends no empty packets
	}
	return frame{kind: framePacket, body: b[1:]}, nil
}

// appendInner appends a program's packet as a command.
func appendInner(b []byte, p Packet) []byte {
	if p.Command == CommandRaw {
		b = append(b, commandRaw)
	}
	return append(b, p.Data...)
}

// appendAuth appends data for the other end or, without data, the message that the other end is accepted.
func appendAuth(b, data []byte) []byte {
	return append(append(b, commandSys, sysAuth), data...)
}

func appendSys(b []byte, sub byte, peer PeerID) []byte {
	b = append(b, commandSys, sub)
	return binary.LittleEndian.AppendUint32(b, uint32(peer))
}
