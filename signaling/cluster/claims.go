package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"net/netip"
	"strings"
	"sync"
	"time"

	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/signaling/rooms"
	"example.org/rtcpeer/signaling/text"
)

// A claim is a key that this server owns under its lease: a room, or the queue for one kind of match.
type claim struct {
	key   string
	fresh bool // no other server can own it yet (a random room name), or it does not matter (the queue of a match)

	ready chan struct{} // closed when the claim has succeeded or failed

	// Guarded by Node.mu.
	lease string
	users int // joins in progress, which keep the claim
	over  bool
	dirty bool

	writing  semaphore // held while its key is written
	revision uint64    // guarded by writing
}

// A semaphore is held by one goroutine at a time, which may wait for the bus meanwhile. A mutex is not for that.
type semaphore chan struct{}

func (s semaphore) acquire() { s <- struct{}{} }
func (s semaphore) release() { <-s }

// An owned is the value of a key that is owned.
type owned struct {
	Lease   string        `json:"lease"`
	Process uint64        `json:"process"`
	Record  *rooms.Record `json:"record,omitempty"`
}

// An owner identifies the owner of a key.
type owner struct {
	lease   string
	process uint64
}

const (
	roomPrefix  = "room."
	matchPrefix = "match."
)

func roomKey(name signaling.RoomName) string { return roomPrefix + string(name) }

// roomOf returns the name of the room of a key, and false if it is not the key of a room.
func roomOf(key string) (signaling.RoomName, bool) {
	name, ok := strings.CutPrefix(key, roomPrefix)
	return signaling.RoomName(name), ok
}

var errNoLease = &signaling.Error{Code: signaling.CodeInternal, Text: "this server cannot reach the other servers: try again", RetryMillis: 5000}

// claim makes this server the owner of a key, unless a living server owns it. If this server is the owner, the claim
// is not nil, and the caller must end its use with done. For a fresh key, claim does not ask other servers that may
// own it without having written it.
func (n *Node) claim(ctx context.Context, key string, fresh bool) (*claim, owner, error) {
	for {
		n.mu.Lock()
		if n.lease == "" || !n.acts() {
			n.mu.Unlock()
			return nil, owner{}, errNoLease
		}
		c := n.claims[key]
		if who, known := n.ownerOf(key); known && c == nil {
			n.mu.Unlock()
			return nil, who, nil
		}
		if c == nil {
			c = &claim{key: key, fresh: fresh, lease: n.lease, users: 1, ready: make(chan struct{}), writing: make(semaphore, 1)}
			n.claims[key] = c
			n.mu.Unlock()
			return n.decide(ctx, c)
		}
		if !c.over {
			c.users++
		}
		over, ready := c.over, c.ready
		n.mu.Unlock()
		select {
		case <-ready:
		case <-ctx.Done():
			if !over {
				n.done(c)
			}
			return nil, owner{}, context.Cause(ctx)
		}
		if over {
			continue
		}
		n.mu.Lock()
		if !c.over && n.claims[key] == c {
			n.mu.Unlock()
			return c, owner{c.lease, n.process}, nil
		}
		c.users--
		n.mu.Unlock()
	}
}

// decide tries to own the key of a new claim.
func (n *Node) decide(ctx context.Context, c *claim) (*claim, owner, error) {
	who, record, err := n.take(ctx, c)
	if name, ok := roomOf(c.key); ok && err == nil && who.lease == c.lease {
		n.adopt(c, name, record)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if err == nil && who.lease == c.lease && n.lease == c.lease {
		close(c.ready)
		return c, who, nil
	}
	c.over = true
	if n.claims[c.key] == c {
		delete(n.claims, c.key)
	}
	close(c.ready)
	switch {
	case err == nil && who.lease == c.lease:
		err = errNoLease
	case err == nil:
		n.owners.learn(c.key, who)
	}
	return nil, who, err
}

// adopt takes over the room of a new claim. record may be nil. If the lease was lost while the bus was asked, lose has
// given up all rooms, and would not find this one: it would stay here without a claim.
func (n *Node) adopt(c *claim, name signaling.RoomName, record *rooms.Record) {
	n.adopting.Lock()
	defer n.adopting.Unlock()
	if n.leaseNow() != c.lease {
		return
	}
	n.store().Surrender(name) // left from an earlier claim, if there is any: the record is newer
	if record != nil {
		n.store().Adopt(name, *record, n.config.Account(netip.Addr{}))
	}
}

// take decides who owns the key of a claim. It returns the owner, and the record of the room if there was one. The
// value that it reads may be old. In that case the owner that it finds says so, or the bus refuses the write.
func (n *Node) take(ctx context.Context, c *claim) (owner, *rooms.Record, error) {
	mine := owner{c.lease, n.process}
	c.writing.acquire()
	defer c.writing.release()
	for wait := time.Millisecond; ; wait = min(2*wait, 50*time.Millisecond) {
		old, revision, err := n.config.Bus.Get(ctx, c.key)
		var was owned
		switch {
		case errors.Is(err, ErrNoKey):
			if !c.fresh {
				if who, err := n.missed(ctx, c.key); err != nil || who != (owner{}) {
					return who, nil, err
				}
			}
			revision, err = n.config.Bus.Create(ctx, c.key, encodeOwned(owned{Lease: mine.lease, Process: mine.process}), 0)
		case err == nil:
			if json.Unmarshal(old, &was) == nil && was.Lease != mine.lease {
				who := owner{was.Lease, was.Process}
				dead, err := n.isOver(ctx, who)
				if err == nil && !dead && n.doubts(who.lease) {
					err = errDoubt
				}
				if err != nil || !dead {
					return who, nil, err
				}
				if was.Record == nil {
					n.store().Recover() // its owner died before it wrote who is in the room
				}
			}
			revision, err = n.config.Bus.Update(ctx, c.key, encodeOwned(owned{mine.lease, mine.process, was.Record}), revision, 0)
		}
		switch {
		case err == nil:
			c.revision = revision
			return mine, was.Record, nil
		case !errors.Is(err, ErrConflict) && !errors.Is(err, ErrExists):
			return owner{}, nil, err
		}
		if err := pause(ctx, wait); err != nil { // what was read is old, but will soon be up to date
			return owner{}, nil, err
		}
	}
}

// missed returns the owner of a room whose key is missing because somebody emptied the bucket and the owner has not
// written the key again yet. The zero owner means that nobody owns the room.
func (n *Node) missed(ctx context.Context, key string) (owner, error) {
	if err := n.prove(ctx); err != nil {
		return owner{}, err
	}
	since := n.sinceMissing()
	if since > emptiedFor {
		return owner{}, nil
	}
	ctx, cancel := context.WithTimeout(ctx, ownsTime)
	defer cancel()
	answers, all := n.ask(ctx, opOwns, key, func(h holder) bool { return h.Version >= answersOwns })
	for _, b := range answers {
		var o owned
		if json.Unmarshal(b, &o) == nil && o.Process != 0 {
			return owner{o.Lease, o.Process}, nil
		}
	}
	if !all || since < missingTime {
		return owner{}, errMissing
	}
	return owner{}, nil
}

// errDoubt is returned instead of waiting for a server that may be gone: its lease will soon be over or renewed.
var errDoubt = errors.New("cluster: the room's server does not answer, but its lease is still valid")

var errMissing = errors.New("cluster: another server may own the room: keys may be missing, because the bucket was emptied or this server has just got its lease")

const (
	// opOwns asks whether a server owns a key, which is the body. The answer is an owned.
	opOwns = "owns"
	// ownsTime is how long other servers may take to answer opOwns.
	ownsTime = time.Second
)

// answerOwns answers opOwns. The zero value means that this server does not own the key.
func (n *Node) answerOwns(body json.RawMessage) (o owned) {
	var key string
	if json.Unmarshal(body, &key) != nil {
		return o
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if c := n.claims[key]; n.good(c) {
		o = owned{Lease: c.lease, Process: n.process}
	}
	return o
}

// good reports whether a claim has succeeded and still holds. c may be nil. The caller holds mu.
func (n *Node) good(c *claim) bool {
	if c == nil || c.over || c.lease != n.lease || !n.acts() {
		return false
	}
	select {
	case <-c.ready:
		return true
	default:
		return false
	}
}

// isOver reports whether an owner's lease is certainly over.
func (n *Node) isOver(ctx context.Context, who owner) (bool, error) {
	n.mu.Lock()
	lives := n.lives(who)
	n.mu.Unlock()
	if lives {
		return false, nil // if it is over, its owner does not answer: see doubt
	}
	return n.dead(ctx, who.lease)
}

func encodeOwned(o owned) []byte {
	b, _ := text.JSON(o) // an owned holds nothing that JSON cannot encode
	return b
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// done ends the use of a claim. write then writes its record, or gives the claim up if it holds nothing.
func (n *Node) done(c *claim) {
	n.mu.Lock()
	defer n.mu.Unlock()
	c.users--
	n.mark(c)
}

// holds reports whether a claim still holds.
func (n *Node) holds(c *claim) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return !c.over && c.lease == n.lease && n.acts()
}

// owns reports whether this server owns a room.
func (n *Node) owns(name signaling.RoomName) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	c := n.claims[roomKey(name)]
	return c != nil && !c.over && c.lease == n.lease
}

// changed notes that the record of a room must be written. A match creates a room without a claim, which gets one
// here.
func (n *Node) changed(name signaling.RoomName) {
	n.mu.Lock()
	defer n.mu.Unlock()
	c := n.claims[roomKey(name)]
	if c == nil {
		if n.lease == "" || n.surrendering {
			return
		}
		c = &claim{key: roomKey(name), lease: n.lease, ready: make(chan struct{}), writing: make(semaphore, 1)}
		close(c.ready)
		n.claims[c.key] = c
	}
	n.mark(c)
}

// mark notes that a claim must be written. The caller holds mu.
func (n *Node) mark(c *claim) {
	if c.dirty || c.over {
		return
	}
	c.dirty = true
	n.dirty = append(n.dirty, c)
	notify(n.wake)
}

// rewrite marks all claims, so that write writes their keys again.
func (n *Node) rewrite() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, c := range n.claims {
		n.mark(c)
	}
}

const (
	// writeEvery is the least time between two writes of a record. The next owner may not know the changes of that
	// time.
	writeEvery = 50 * time.Millisecond
	// writers is how many keys are written at a time.
	writers = 16
)

// write writes the records of rooms that have changed, until ctx ends.
func (n *Node) write(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-n.wake:
		}
		n.flush(ctx)
		if pause(ctx, writeEvery) != nil {
			return
		}
	}
}

func (n *Node) flush(ctx context.Context) {
	n.flushing.acquire()
	defer n.flushing.release()
	n.mu.Lock()
	list := n.dirty
	n.dirty = nil
	n.mu.Unlock()
	each(writers, list, func(c *claim) {
		ctx, cancel := context.WithTimeout(ctx, leaseTTL)
		defer cancel()
		n.writeOne(ctx, c)
	})
}

// each calls do for all elements of a list, atOnce at a time.
func each[T any](atOnce int, list []T, do func(T)) {
	var wg sync.WaitGroup
	next := make(chan T)
	for range min(atOnce, len(list)) {
		wg.Go(func() {
			for one := range next {
				do(one)
			}
		})
	}
	for _, one := range list {
		next <- one
	}
	close(next)
	wg.Wait()
}

func (n *Node) writeOne(ctx context.Context, c *claim) {
	c.writing.acquire()
	defer c.writing.release()
	n.mu.Lock()
	c.dirty = false // a later change marks the claim again
	n.mu.Unlock()
	var record *rooms.Record
	needed := false
	name, isRoom := roomOf(c.key)
	if isRoom {
		if r, ok := n.store().Record(name); ok {
			record = &r
		}
		needed = n.store().Has(name) // true also for a room that is asleep
	}
	n.mu.Lock()
	if c.over || n.claims[c.key] != c {
		n.mu.Unlock()
		return
	}
	empty := !needed && c.users == 0 && !c.dirty
	if empty {
		c.over = true // other callers of claim wait until the key is given up
		c.ready = make(chan struct{})
	}
	n.mu.Unlock()
	if empty {
		n.giveUp(ctx, c)
		return
	}
	if record == nil && isRoom {
		return // it is about to be created
	}
	value := encodeOwned(owned{c.lease, n.process, record})
	err := n.put(ctx, c, value)
	switch {
	case err != nil:
		n.logError("record", err)
		n.later(c)
	case record != nil:
		record.Written()
	}
}

// giveUp deletes the key of a claim that holds nothing.
func (n *Node) giveUp(ctx context.Context, c *claim) {
	if c.revision != 0 {
		if err := n.config.Bus.Delete(ctx, c.key, c.revision); err != nil && !errors.Is(err, ErrConflict) && !errors.Is(err, ErrNoKey) {
			n.logError("release", err) // tidy deletes it when this lease is over
		}
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.claims[c.key] == c {
		delete(n.claims, c.key)
	}
	close(c.ready)
}

// put writes the value of a claim. If another server owns the key by now, put abandons the claim. The caller holds
// c.writing.
func (n *Node) put(ctx context.Context, c *claim, value []byte) error {
	for range 3 {
		var revision uint64
		var err error
		if c.revision == 0 {
			revision, err = n.config.Bus.Create(ctx, c.key, value, 0)
		} else {
			revision, err = n.config.Bus.Update(ctx, c.key, value, c.revision, 0)
		}
		if err == nil {
			c.revision = revision
			return nil
		}
		if !errors.Is(err, ErrConflict) && !errors.Is(err, ErrExists) {
			return err
		}
		old, revision, err := n.config.Bus.Get(ctx, c.key)
		var was owned
		switch {
		case errors.Is(err, ErrNoKey): // somebody has emptied the bucket
			c.revision = 0
		case err != nil:
			return err
		case json.Unmarshal(old, &was) == nil && was.Lease != c.lease:
			n.abandon(c)
			return nil
		default:
			c.revision = revision
		}
	}
	return ErrConflict
}

// later marks a claim again after a while.
func (n *Node) later(c *claim) {
	time.AfterFunc(leaseEvery, func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		if n.claims[c.key] == c {
			n.mark(c)
		}
	})
}
