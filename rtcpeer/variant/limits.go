package variant

import (
	"cmp"
	"math"
)

// Limits bound one value, decoded or encoded. The zero value has the defaults.
type Limits struct {
	// MaxDepth is how many containers may stand inside one another. Zero means 64; negative means
	// none, not even one. The engine stops beyond 1024, and so does any larger value here. The
	// default is lower because programs walk what they decode with functions that call themselves,
	// and no game's data goes near it.
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
