package memory

import (
	"cmp"
	"time"
)

// Options are the properties of the network between any two hosts. The zero value is a perfect one:
// what is written can be read at once. Values outside a field's range are taken as the nearest within.
type Options struct {
	// Delay is the time from one host to the other; a round trip takes two of it.
	Delay time.Duration
	// Jitter is added to Delay, from nothing to all of it, for each packet alone: packets of an
	// unreliable lane overtake each other, those of an unreliable ordered lane that were overtaken
	// are lost, and those of a reliable lane wait for the ones before them.
	Jitter time.Duration
	// Loss is the probability, 0 to 1, that a packet is lost each time it is sent. A packet of a
	// reliable lane is sent again until it arrives, with the sixteenth time at the latest
	// (Partition is for a network that passes nothing), and one of another lane MaxRetransmits
	// times. Each time costs a round trip and 10 ms.
	Loss float64
	// Reorder is the probability, 0 to 1, that a packet is held back for another 10 ms, which has
	// the effects of Jitter.
	Reorder float64
	// Rate is how many bytes a second each direction of each path carries. Zero: no limit.
	Rate int
	// LostAfter is how long an end hears nothing before it gives up with transport.ErrLost. Zero
	// means 10 s, negative never. PathConfig.LostAfter goes before it.
	LostAfter time.Duration
	// Seed is where all random choices come from. NewNetwork alone reads it.
	Seed uint64
}

const (
	holdBack = 10 * time.Millisecond // what a packet that is reordered, or sent again, loses at least
	maxSends = 16                    // of one packet of a reliable lane
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
