// Package memory is a cluster.Bus in memory, for servers in one process. It is for tests, with delay, loss and
// partitions.
package memory

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"example.org/rtcpeer/signaling/cluster"
)

// A Hub connects the buses of all servers. Its zero value is ready to use. It is safe for concurrent use.
type Hub struct {
	mu       sync.Mutex // guards the fields below
	revision uint64
	keys     map[string]*entry
	watchers map[*watcher]bool
	readers  map[*reader]bool
}

type entry struct {
	value    []byte
	revision uint64
	expires  *time.Timer // nil: no time to live
}

// A Bus is the bus of one server.
type Bus struct {
	hub *Hub

	mu    sync.Mutex // guards the fields below
	cut   bool
	deaf  bool
	delay time.Duration
	loss  float64
	down  chan struct{} // closed when the bus is cut
}

var _ cluster.Bus = (*Bus)(nil)

// errTooLarge is the error of Publish for messages of more than MaxMessage bytes.
var errTooLarge = errors.New("memory: the message is too large")

// errCut is the error of a bus that is cut.
var errCut = errors.New("memory: the bus is unreachable")

// Bus returns another bus of the hub.
func (h *Hub) Bus() *Bus { return &Bus{hub: h, down: make(chan struct{})} }

// Cut disconnects the bus from its server, or connects it again.
func (b *Bus) Cut(cut bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if cut && !b.cut {
		close(b.down)
	}
	if !cut && b.cut {
		b.down = make(chan struct{})
	}
	b.cut = cut
}

// Deaf starts or stops dropping all messages to the server.
func (b *Bus) Deaf(deaf bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.deaf = deaf
}

// Slow delays everything that the server reads, writes or sends by a random time up to delay, and drops a share loss of
// the messages.
func (b *Bus) Slow(delay time.Duration, loss float64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.delay, b.loss = delay, loss
}

// Empty deletes all keys. No watch reports this.
func (h *Hub) Empty() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, e := range h.keys {
		if e.expires != nil {
			e.expires.Stop()
		}
	}
	clear(h.keys)
}

// pass waits for the delay of the bus, and returns an error if it is cut.
func (b *Bus) pass(ctx context.Context) error {
	b.mu.Lock()
	cut, delay := b.cut, b.delay
	b.mu.Unlock()
	if cut {
		return errCut
	}
	if delay > 0 {
		select {
		case <-time.After(rand.N(delay)):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return ctx.Err()
}

// Create writes a key that does not exist: see cluster.Bus.
func (b *Bus) Create(ctx context.Context, key string, value []byte, ttl time.Duration) (uint64, error) {
	return b.write(ctx, key, value, 0, ttl, cluster.ErrExists)
}

// Update replaces the given revision of a key: see cluster.Bus.
func (b *Bus) Update(ctx context.Context, key string, value []byte, revision uint64, ttl time.Duration) (uint64, error) {
	return b.write(ctx, key, value, revision, ttl, cluster.ErrConflict)
}

func (b *Bus) write(ctx context.Context, key string, value []byte, was uint64, ttl time.Duration, refused error) (uint64, error) {
	if err := b.pass(ctx); err != nil {
		return 0, err
	}
	h := b.hub
	h.mu.Lock()
	var present uint64
	if e := h.keys[key]; e != nil {
		present = e.revision
	}
	if present != was {
		h.mu.Unlock()
		return 0, refused
	}
	revision := h.put(key, value, ttl)
	h.mu.Unlock()
	return revision, b.pass(ctx) // the answer may be lost
}

// put writes a key. The caller holds mu.
func (h *Hub) put(key string, value []byte, ttl time.Duration) uint64 {
	if h.keys == nil {
		h.keys = make(map[string]*entry)
	}
	if old := h.keys[key]; old != nil && old.expires != nil {
		old.expires.Stop()
	}
	h.revision++
	e := &entry{value: bytes.Clone(value), revision: h.revision}
	if ttl > 0 {
		e.expires = time.AfterFunc(ttl, func() {
			h.mu.Lock()
			defer h.mu.Unlock()
			if h.keys[key] == e {
				h.remove(key)
			}
		})
	}
	h.keys[key] = e
	h.tell(key, e.value)
	return e.revision
}

// remove deletes a key. The caller holds mu.
func (h *Hub) remove(key string) {
	if e := h.keys[key]; e.expires != nil {
		e.expires.Stop()
	}
	delete(h.keys, key)
	h.revision++
	h.tell(key, nil)
}

// Delete removes the given revision of a key: see cluster.Bus.
func (b *Bus) Delete(ctx context.Context, key string, revision uint64) error {
	if err := b.pass(ctx); err != nil {
		return err
	}
	h := b.hub
	h.mu.Lock()
	defer h.mu.Unlock()
	if e := h.keys[key]; e == nil || e.revision != revision {
		return cluster.ErrConflict
	}
	h.remove(key)
	return nil
}

// Get returns a value and its revision: see cluster.Bus.
func (b *Bus) Get(ctx context.Context, key string) ([]byte, uint64, error) {
	if err := b.pass(ctx); err != nil {
		return nil, 0, err
	}
	b.hub.mu.Lock()
	defer b.hub.mu.Unlock()
	e := b.hub.keys[key]
	if e == nil {
		return nil, 0, cluster.ErrNoKey
	}
	return bytes.Clone(e.value), e.revision, nil
}

// A watcher waits for changes.
type watcher struct {
	prefix  string
	changes chan change
}

type change struct {
	key   string
	value []byte
}

// maxChanges is how many changes may wait for a watcher. A slower watcher must begin again.
const maxChanges = 1 << 13

var errBehind = errors.New("memory: the watch is too slow")

// tell reports a change to the watchers. The caller holds mu.
func (h *Hub) tell(key string, value []byte) {
	for w := range h.watchers {
		if !strings.HasPrefix(key, w.prefix) {
			continue
		}
		select {
		case w.changes <- change{key, value}:
		default:
			delete(h.watchers, w)
			close(w.changes)
		}
	}
}

// Watch calls changed for each key with a prefix, and for each change, until ctx ends: see cluster.Bus.
func (b *Bus) Watch(ctx context.Context, prefix string, changed func(key string, value []byte)) error {
	b.mu.Lock()
	down, cut := b.down, b.cut
	b.mu.Unlock()
	if cut {
		return errCut
	}
	w := &watcher{prefix, make(chan change, maxChanges)}
	h := b.hub
	h.mu.Lock()
	var first []change
	for key, e := range h.keys {
		if strings.HasPrefix(key, prefix) {
			first = append(first, change{key, e.value})
		}
	}
	if h.watchers == nil {
		h.watchers = make(map[*watcher]bool)
	}
	h.watchers[w] = true
	h.mu.Unlock()
	defer func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		delete(h.watchers, w)
	}()
	for _, c := range first {
		changed(c.key, bytes.Clone(c.value))
	}
	changed("", nil)
	for {
		select {
		case c, ok := <-w.changes:
			if !ok {
				return errBehind
			}
			changed(c.key, bytes.Clone(c.value))
		case <-down:
			return errCut
		case <-ctx.Done():
			return nil
		}
	}
}

// A reader is one subscription. Its queue holds maxQueue messages; further ones are lost, as on a real bus.
type reader struct {
	bus     *Bus
	subject string
	queue   chan []byte
}

const maxQueue = 1 << 13

// Publish sends a message, at most once, and does not wait: see cluster.Bus.
func (b *Bus) Publish(subject string, data []byte) error {
	if len(data) > b.MaxMessage() {
		return errTooLarge
	}
	b.mu.Lock()
	cut, delay, loss := b.cut, b.delay, b.loss
	b.mu.Unlock()
	if cut || loss > 0 && rand.Float64() < loss {
		return nil // the sender does not learn of the loss
	}
	data = bytes.Clone(data)
	if delay > 0 {
		time.AfterFunc(rand.N(delay), func() { b.hub.publish(subject, data) })
		return nil
	}
	b.hub.publish(subject, data)
	return nil
}

func (h *Hub) publish(subject string, data []byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for r := range h.readers {
		if r.subject != subject || r.bus.hearsNothing() {
			continue
		}
		select {
		case r.queue <- data:
		default:
		}
	}
}

func (b *Bus) hearsNothing() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.cut || b.deaf
}

// Subscribe calls receive for the messages to a subject until stop is called: see cluster.Bus.
func (b *Bus) Subscribe(subject string, receive func(data []byte)) (stop func(), err error) {
	r := &reader{b, subject, make(chan []byte, maxQueue)}
	h := b.hub
	h.mu.Lock()
	if h.readers == nil {
		h.readers = make(map[*reader]bool)
	}
	h.readers[r] = true
	h.mu.Unlock()
	var wg sync.WaitGroup
	wg.Go(func() {
		for data := range r.queue {
			receive(data)
		}
	})
	return sync.OnceFunc(func() {
		h.mu.Lock()
		delete(h.readers, r)
		close(r.queue)
		h.mu.Unlock()
		wg.Wait()
	}), nil
}

// MaxMessage returns the largest message, in bytes.
func (b *Bus) MaxMessage() int { return 1 << 20 }
