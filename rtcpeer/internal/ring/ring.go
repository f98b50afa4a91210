// Package ring is a first-in, first-out queue that reuses its memory. It has no limit of its own: package rtcpeer limits
// what it pushes into its inbox and its queues.
package ring

// A Ring is a queue. The zero value is empty. It is not safe for concurrent use.
type Ring[T any] struct {
	items []T // len is the capacity, a power of two
	head  int // index of the oldest
	n     int
}

// Len returns the number of items.
func (r *Ring[T]) Len() int { return r.n }

// Push adds an item.
func (r *Ring[T]) Push(item T) {
	if r.n == len(r.items) {
		grown := make([]T, max(16, 2*len(r.items)))
		copied := copy(grown, r.items[r.head:])
		copy(grown[copied:], r.items[:r.head])
		r.items, r.head = grown, 0
	}
	r.items[(r.head+r.n)&(len(r.items)-1)] = item
	r.n++
}

// Peek returns the oldest item; the ring must not be empty.
func (r *Ring[T]) Peek() T { return r.items[r.head] }

// Pop removes the oldest item; the ring must not be empty. The memory of a burst is given back once
// it is over.
func (r *Ring[T]) Pop() T {
	var zero T
	item := r.items[r.head]
	r.items[r.head] = zero
	r.head = (r.head + 1) & (len(r.items) - 1)
	r.n--
	const keep = 1024 // items
	if r.n == 0 && len(r.items) > keep {
		*r = Ring[T]{}
	}
	return item
}
