package rooms

import "slices"

// recent holds the last items of some kind, at most maxRecent; a new item replaces the oldest.
type recent[T comparable] []T

const maxRecent = 256

func (r *recent[T]) add(one T) {
	if len(*r) == maxRecent {
		*r = slices.Delete(*r, 0, 1)
	}
	*r = append(*r, one)
}

func (r recent[T]) has(one T) bool { return slices.Contains(r, one) }
