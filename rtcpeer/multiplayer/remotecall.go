package multiplayer

import (
	"bytes"
	"encoding/binary"
	"errors"
)

// A RemoteCall is the content of a Godot RPC. An RPC has numbers instead of names: only a program with the same scripts
// knows which method a number means, and what the arguments are.
type RemoteCall struct {
	// Node is the number of the node, whose path an earlier rtcpeer.CommandSimplifyPath has sent. Until that is
	// confirmed, it is 0 and Path is set instead.
	Node uint32
	Path string
	// Method is the method's place among the node's RPCs in alphabetical order, with bit 15 set for those that are not
	// from its script.
	Method uint16
	// Args are the arguments: Count encoded Variants or, if Bytes is true, a single PackedByteArray as it is, or
	// nothing. They are part of what was parsed.
	Args  []byte
	Count int
	Bytes bool
}

// The flags of a remote call (modules/multiplayer/scene_rpc_interface.cpp), and the bit of a 32-bit node which says
// that the rest of it is the offset of a path.
const (
	callMask        = 7 // the bits of the command, which is 0
	callNodeShift   = 4 // two bits: the node has 1, 2 or 4 bytes
	callWideMethod  = 1 << 6
	callBytes       = 1 << 7
	callPathFollows = 1 << 31
)

var errNoRemoteCall = errors.New("multiplayer: not a remote call")

// ParseRemoteCall reads the Data of a packet whose Command is rtcpeer.CommandRemoteCall.
func ParseRemoteCall(data []byte) (RemoteCall, error) {
	nodeSize, methodSize := 0, 1
	if len(data) > 0 && data[0]&callMask == 0 {
		nodeSize = [...]int{1, 2, 4, 0}[data[0]>>callNodeShift&3]
	}
	if nodeSize > 0 && data[0]&callWideMethod != 0 {
		methodSize = 2
	}
	head := 1 + nodeSize + methodSize
	if nodeSize == 0 || len(data) < head {
		return RemoteCall{}, errNoRemoteCall
	}
	c := RemoteCall{Node: uint32(littleEndian(data[1 : 1+nodeSize])), Method: uint16(littleEndian(data[1+nodeSize : head]))}
	end := len(data)
	if c.Node&callPathFollows != 0 { // the path comes last, and may end with a NUL
		end = int(c.Node &^ callPathFollows)
		if end < head || end >= len(data) {
			return RemoteCall{}, errNoRemoteCall
		}
		c.Node, c.Path = 0, string(bytes.TrimRight(data[end:], "\x00"))
	}
	c.Args, c.Bytes = data[head:end], data[0]&callBytes != 0
	switch {
	case c.Bytes:
		c.Count = min(len(c.Args), 1)
	case len(c.Args) == 0:
		return RemoteCall{}, errNoRemoteCall
	default:
		c.Count, c.Args = int(c.Args[0]), c.Args[1:]
	}
	return c, nil
}

// littleEndian reads up to eight bytes.
func littleEndian(b []byte) uint64 {
	var wide [8]byte
	copy(wide[:], b)
	return binary.LittleEndian.Uint64(wide[:])
}
