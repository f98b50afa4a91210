package memory

import (
	"cmp"
	"time"
)

// Options are the properties of the network between any two hosts. The zero value is a perfect network: a
// packet can be read as soon as it is written. A value outside a field's range is replaced by the nearest one
// within it.
type Options struct {
	// Delay is the time from one host to the other. A round trip takes twice as long.
	Delay time.Duration
	// Jitter is the maximum of a random time that is added to Delay for each packet. So packets of an
	// unreliable lane overtake each other. On an unreliable ordered lane, packets that were overtaken are lost.
	// Packets of a reliable lane wait for the ones before them.
	Jitter time.Duration
	// Loss is the probability, 0 to 1, that a packet is lost each time it is sent. A packet of a reliable lane
	// is sent again until it arrives; the sixteenth transmission always arrives (use Partition for a network
	// that passes nothing). A packet of another lane is sent again MaxRetransmits times. Each retransmission
	// costs a round trip and 10 ms.
	Loss float64
	// Reorder is the probability, 0 to 1, that a packet is held back for another 10 ms. The effects are those
	// of Jitter.
	Reorder float64
	// Rate is how many bytes a second each direction of each path carries. Zero: no limit.
	Rate int
	// LostAfter is how long an end hears nothing before it gives up with transport.ErrLost. Zero means 10 s,
	// negative means never. PathConfig.LostAfter takes precedence.
	LostAfter time.Duration
	// Seed determines all random choices.
	Seed uint64
}

const (
	holdBack = 10 * time.Millisecond // the least delay of a packet that is reordered or sent again
	maxSends = 16                    // transmissions of one packet of a reliable lane
)

func (o Options) withDefaults() Options {
	o.Delay = max(o.Delay, 0)
	o.Jitter = max(o.Jitter, 0)
	o.Loss = min(max(o.Loss, 0), 1)
	o.Reorder = min(max(o.Reorder, 0), 1)
	o.Rate = max(o.Rate, 0)
	o.LostAfter = cmp.Or(o.LostAfter, 10*time.Second)
	return o
}

// clean reports whether a packet arrives as soon as it is written.
func (o *Options) clean() bool {
	return o.Delay == 0 && o.Jitter == 0 && o.Loss == 0 && o.Reorder == 0 && o.Rate == 0
}
