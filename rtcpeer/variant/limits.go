package variant

import (
	"cmp"
	"math"
)

// Limits are the limits of one value, decoded or encoded. The zero value means the defaults.
type Limits struct {
	// MaxDepth is how deep containers may be nested. Zero means 64; negative means no container at all. The engine's
	// limit is 1024, and a larger value here means 1024 too. The default is lower because programs walk decoded values
	// with recursive functions, and no game's data comes near it.
	MaxDepth int
	// MaxSize is the largest value in bytes. Zero means 8 MiB, the default of
	// PacketPeer.encode_buffer_max_size. Negative means 2 GiB - 1, the most the format can count.
	MaxSize int
}

const (
	defaultDepth = 64
	engineDepth  = 1024 // Variant::MAX_RECURSION_DEPTH
	defaultSize  = 8 << 20
)

func (l Limits) withDefaults() Limits {
	l.MaxDepth = min(cmp.Or(l.MaxDepth, defaultDepth), engineDepth)
	l.MaxSize = min(cmp.Or(l.MaxSize, defaultSize), math.MaxInt32)
	if l.MaxSize < 0 {
		l.MaxSize = math.MaxInt32
	}
	return l
}
