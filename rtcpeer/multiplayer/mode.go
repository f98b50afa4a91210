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

// String returns the word that rtcpeer.Mode has for the mode, such as "unreliable_ordered".
func (t TransferMode) String() string {
	mode, err := t.mode()
	if err != nil {
		return fmt.Sprintf("mode(%d)", int(t))
	}
	return mode.String()
}

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
