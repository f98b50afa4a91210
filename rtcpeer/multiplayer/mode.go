package multiplayer

import (
	"fmt"

	"example.org/rtcpeer/rtcpeer"
)

// A TransferMode is Godot's, with its numbers, which are not those of rtcpeer.Mode.
type TransferMode int

const (
	TransferModeUnreliable        TransferMode = 0 // rtcpeer.Unreliable
	TransferModeUnreliableOrdered TransferMode = 1 // rtcpeer.UnreliableOrdered
	TransferModeReliable          TransferMode = 2 // rtcpeer.Reliable
)

func (t TransferMode) mode() (rtcpeer.Mode, error) {
	switch t {
	case TransferModeUnreliable:
		return rtcpeer.Unreliable, nil
	case TransferModeUnreliableOrdered:
		return rtcpeer.UnreliableOrdered, nil
	case TransferModeReliable:
		return rtcpeer.Reliable, nil
	}
	return rtcpeer.Reliable, fmt.Errorf("%w: transfer mode %d: want 0, 1 or 2", rtcpeer.ErrUnknownChannel, int(t))
}

func transferMode(m rtcpeer.Mode) TransferMode {
	switch m {
	case rtcpeer.Unreliable:
		return TransferModeUnreliable
	case rtcpeer.UnreliableOrdered:
		return TransferModeUnreliableOrdered
	}
	return TransferModeReliable
}
