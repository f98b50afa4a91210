package multiplayer

import (
	"fmt"

	"example.org/rtcpeer/rtcpeer/variant"
)

// This file has put_var and get_var of Godot's PacketPeer: one packet is one value, in the form of package variant.

const (
	defaultEncodeBuffer = 8 << 20
	minEncodeBuffer     = 1 << 10
	maxEncodeBuffer     = 256 << 20
)

// PutVar sends a value, of one of the Go types that package variant lists, as PutPacket does. Errors: a *variant.Error
// for a value that Godot does not have (objects are refused) or that is larger than GetEncodeBufferMaxSize, and those
// of PutPacket. A value is one packet, so rtcpeer.Config.MaxPacket bounds it too.
func (m *Peer) PutVar(v any) error {
	data, err := variant.Encoder{Limits: m.limits()}.Append(nil, v)
	if err != nil {
		return err
	}
	return m.PutPacket(data)
}

// GetVar takes the next packet and returns its value. If the packet is not a value, it is taken all the same, and the
// error is a *variant.Error. Without a packet the error is ErrUnavailable. GetPacketError returns the same error, as
// the class reference says.
func (m *Peer) GetVar() (any, error) {
	data, err := m.GetPacket()
	if err != nil {
		return nil, err
	}
	v, err := variant.Unmarshal(data, m.limits())
	m.packetErr = err
	return v, err
}

// SetEncodeBufferMaxSize bounds, in bytes, the values of PutVar and GetVar: 1 KiB to 256 MiB, rounded up
// to a power of two. Any other size is an error and changes nothing.
func (m *Peer) SetEncodeBufferMaxSize(bytes int) error {
	if bytes < minEncodeBuffer || bytes > maxEncodeBuffer {
		return fmt.Errorf("multiplayer: encode buffer of %d bytes: want %d to %d", bytes, minEncodeBuffer, maxEncodeBuffer)
	}
	m.encodeBuffer = minEncodeBuffer
	for m.encodeBuffer < bytes {
		m.encodeBuffer *= 2
	}
	return nil
}

// GetEncodeBufferMaxSize returns the limit of PutVar and GetVar in bytes: 8 MiB unless set.
func (m *Peer) GetEncodeBufferMaxSize() int { return m.encodeBuffer }

func (m *Peer) limits() variant.Limits { return variant.Limits{MaxSize: m.encodeBuffer} }
