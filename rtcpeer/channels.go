package rtcpeer

import (
	"fmt"
	"slices"
	"strconv"

	"example.org/rtcpeer/rtcpeer/transport"
	"example.org/rtcpeer/signaling"
)

// A channel is what a program names; a lane is the data channel of a link that carries it. The
// layout is Godot's (WebRTCMultiplayerPeer::add_peer): channel 0 has a lane for each mode, every
// other channel one lane.
//
//	lane   0         1                  2           3        4        ...
//	is     reliable  unreliable ordered unreliable  channel 1 channel 2
//	SCTP   1         2                  3           4        5        ...
type channels []Mode // by lane

func channelsOf(extra []Mode) channels {
	return append(channels{Reliable, UnreliableOrdered, Unreliable}, extra...)
}

// lanes returns the transport's description of the layout. bulk lists channels, not lanes.
func (c channels) lanes(maxRetransmits uint16, bulk []int) []transport.LaneConfig {
	labels := [...]string{"reliable", "ordered", "unreliable"}
	lanes := make([]transport.LaneConfig, len(c))
	for i, mode := range c {
		id := uint16(i + 1)
		label := strconv.Itoa(int(id))
		if i < len(labels) {
			label = labels[i]
		}
		lanes[i] = transport.LaneConfig{
			ID: id, Label: label, Mode: mode, MaxRetransmits: maxRetransmits,
			Bulk: i >= len(labels) && slices.Contains(bulk, c.channel(i)),
		}
	}
	return lanes
}

// controlLane is the lane on which the two ends of a link talk to each other. It comes after those of the channels, and
// exists only if both ends take part in repairs.
var controlLane = transport.LaneConfig{ID: 0, Label: "control", Mode: Reliable}

// reliable returns how many reliable lanes there are.
func (c channels) reliable() int {
	n := 0
	for _, mode := range c {
		if mode == Reliable {
			n++
		}
	}
	return n
}

// lane returns the lane of a channel and, on channel 0, a mode.
func (c channels) lane(channel int, mode Mode) (int, error) {
	if channel == 0 && mode <= Unreliable {
		return int(mode), nil // the lanes of channel 0 stand in the order of the modes
	}
	if i := channel + 2; channel > 0 && i < len(c) {
		return i, nil
	}
	if channel == 0 {
		return 0, fmt.Errorf("%w: mode %d: want Reliable, UnreliableOrdered or Unreliable", ErrUnknownChannel, mode)
	}
	return 0, fmt.Errorf("%w: %d: Config.Channels has %d besides channel 0", ErrUnknownChannel, channel, len(c)-3)
}

// channel is the inverse of lane.
func (c channels) channel(lane int) int { return max(lane-2, 0) }

// wireModes and modesOfWire translate a list of modes for signaling, where nil means that a member did not say. Our
// nodes always do.
func wireModes(modes []Mode) []signaling.Mode {
	list := make([]signaling.Mode, len(modes))
	for i, m := range modes {
		list[i] = signaling.Mode(m.String())
	}
	return list
}

func modesOfWire(list []signaling.Mode) []Mode {
	if list == nil {
		return nil
	}
	modes := make([]Mode, len(list))
	for i, m := range list {
		switch m {
		case signaling.UnreliableOrdered:
			modes[i] = UnreliableOrdered
		case signaling.Unreliable:
			modes[i] = Unreliable
		}
	}
	return modes
}
