package signalserver

import (
	"slices"
	"sync"

	"github.com/gorilla/websocket"

	"example.org/rtcpeer/signaling/rooms"
)

// An item is one WebSocket frame to be written. Data may be shared between sessions.
type item struct {
	kind int // websocket.TextMessage, BinaryMessage, PingMessage, PongMessage or CloseMessage
	data []byte
}

// cost is what an item takes from a budget: its bytes and an overhead. A control frame counts with its largest size,
// because a later pong may replace it.
func (i item) cost() int {
	if i.kind != websocket.TextMessage && i.kind != websocket.BinaryMessage {
		return itemOverhead + 125 // RFC 6455, 5.5
	}
	return itemOverhead + len(i.data)
}

// itemOverhead is the memory of an item and of the allocation of its data, in addition to the bytes.
const itemOverhead = 64

// An outbox holds at most maxFrames items and maxBytes bytes for one session. A push that does not fit fails and ends
// the session as slow, because signals cannot be skipped. An empty outbox takes a message of any size that the budget
// allows.
//
// There is a writer only while there is something to write. If a push or an end returns wake, the new writer is
// already counted and the caller must start it. The writer calls take until take returns nothing.
type outbox struct {
	// Fixed at construction.
	maxFrames, maxBytes int
	account             *address // pays for waiting items; nil: nobody

	writers sync.WaitGroup // Add under mu, and never after the outbox has ended and is empty

	mu      sync.Mutex // guards the fields below
	items   []item     // those before head have been written
	head    int
	bytes   int
	cost    int  // of the waiting items, held from account
	taken   int  // cost of the items that are being written
	writing bool // a writer runs
	ended   bool // no more items are accepted

	forwards forwards // they wait behind the items
}

// push adds the frames of one message, or returns the drop reason if they do not fit. After the end it adds nothing
// and reports no problem.
func (o *outbox) push(kind int, frames ...[]byte) (wake bool, full DropReason) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.ended {
		return false, ""
	}
	waiting, bytes, cost := len(o.items)-o.head, o.bytes, 0
	for _, data := range frames {
		bytes += len(data)
		cost += item{kind, data}.cost()
	}
	if waiting > 0 && (waiting+len(frames) > o.maxFrames || bytes > o.maxBytes) {
		return false, droppedSlow
	}
	if o.account.Hold(cost) != nil {
		return false, rooms.DroppedBudget
	}
	for _, data := range frames {
		wake = o.add(item{kind, data}) || wake
	}
	return wake, ""
}

// pong adds the answer to a ping. It replaces an answer that still waits (RFC 6455, 5.5.3), so pings cannot fill an
// outbox.
func (o *outbox) pong(data []byte) (wake bool, full DropReason) {
	o.mu.Lock()
	waiting := o.items[o.head:]
	i := slices.IndexFunc(waiting, func(i item) bool { return i.kind == websocket.PongMessage })
	if i >= 0 && !o.ended {
		o.bytes += len(data) - len(waiting[i].data)
		waiting[i].data = data
	}
	o.mu.Unlock()
	if i >= 0 {
		return false, ""
	}
	return o.push(websocket.PongMessage, data)
}

// end makes the given items the last ones. With drop, all waiting items are dropped first. After the first end,
// another call can only drop.
func (o *outbox) end(drop bool, last ...item) (wake, first bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if drop {
		o.account.Release(o.cost)
		o.items, o.head, o.bytes, o.cost = nil, 0, 0, 0
	}
	if o.ended {
		return false, false
	}
	o.ended = true
	o.dropForwards()
	for _, i := range last {
		o.account.Force(i.cost())
		wake = o.add(i) || wake
	}
	return wake, true
}

func (o *outbox) add(i item) (wake bool) {
	o.items = append(o.items, i)
	o.bytes += len(i.data)
	o.cost += i.cost()
	return o.start()
}

// start reports whether the caller must start a writer. If so, the writer is already counted.
func (o *outbox) start() (wake bool) {
	if o.writing {
		return false
	}
	o.writing = true
	o.writers.Add(1)
	return true
}

const (
	// keptItems is the largest array that an empty outbox keeps for later. Most bursts are a few frames, and most
	// sessions are idle.
	keptItems = 4
	// batchBytes is how much is written with one call, unless a single frame is larger. It is the size of a TLS
	// record.
	batchBytes = 16 << 10
)

// take moves as many of the oldest items as fit into an empty batch. The items of the previous batch have been
// written. If there are no items, the batch stays empty and the writer no longer counts.
func (o *outbox) take(b *batch) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.account.Release(o.taken)
	o.taken = 0
	for ; o.head < len(o.items); o.head++ {
		i := o.items[o.head]
		if len(b.bytes) > 0 && len(b.bytes)+maxFrameHeader+len(i.data) > batchBytes {
			break
		}
		b.add(i)
		o.bytes -= len(i.data)
		o.cost -= i.cost()
		o.taken += i.cost()
		o.items[o.head] = item{}
	}
	if o.head == len(o.items) {
		o.takeForwards(b)
	}
	switch {
	case len(b.bytes) == 0:
		o.items, o.head = o.items[:0], 0
		if cap(o.items) > keptItems {
			o.items = nil
		}
		o.writing = false
		o.writers.Done()
	case o.head > len(o.items)/2 && o.head > keptItems:
		o.items = append(o.items[:0], o.items[o.head:]...)
		o.head = 0
	}
}
