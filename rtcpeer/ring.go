package rtcpeer

// ring is a queue that reuses its memory. The zero value is empty.
type ring[T any] struct {
	items []T // len is the capacity, a power of two
	head  int // index of the oldest
	n     int
}

func (r *ring[T]) len() int { return r.n }

func (r *ring[T]) push(item T) {
	if r.n == len(r.items) {
		grown := make([]T, max(16, 2*len(r.items)))
		copied := copy(grown, r.items[r.head:])
		copy(grown[copied:], r.items[:r.head])
		r.items, r.head = grown, 0
	}
	r.items[(r.head+r.n)&(len(r.items)-1)] = item
	r.n++
}

// peek returns the oldest item; the ring must not be empty.
func (r *ring[T]) peek() T { return r.items[r.head] }

// pop removes the oldest item; the ring must not be empty. The memory of a burst is given back once
// it is over.
func (r *ring[T]) pop() T {
	var zero T
	item := r.items[r.head]
	r.items[r.head] = zero
	r.head = (r.head + 1) & (len(r.items) - 1)
	r.n--
	const keep = 1024 // items
	if r.n == 0 && len(r.items) > keep {
		*r = ring[T]{}
	}
	return item
}
