package signalserver

import "sync"

// An item is one WebSocket frame to be written. Data may be shared between sessions.
type item struct {
	kind int // websocket.TextMessage, PingMessage or CloseMessage
	data []byte
}

// An outbox holds at most maxFrames items and maxBytes bytes for one session. A push that does not
// fit fails, and ends the session as slow: signals cannot be skipped. Into an empty one a message of
// any size fits.
//
// There is a writer only while there is something to write: a push or an end that returns wake has
// counted one, and its caller starts it. It calls next until that returns false.
type outbox struct {
	// Fixed at construction.
	maxFrames, maxBytes int

	writers sync.WaitGroup // Add under mu, and never once ended and empty

	mu      sync.Mutex // guards the fields below
	items   []item     // those before head are written
	head    int
	bytes   int
	writing bool // a writer runs
	ended   bool // nothing more is taken
}

// push adds the frames of one message. After the end it takes nothing and reports that all is well.
func (o *outbox) push(kind int, frames ...[]byte) (wake, fits bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.ended {
		return false, true
	}
	waiting, bytes := len(o.items)-o.head, o.bytes
	for _, data := range frames {
		bytes += len(data)
	}
	if waiting > 0 && (waiting+len(frames) > o.maxFrames || bytes > o.maxBytes) {
		return false, false
	}
	for _, data := range frames {
		wake = o.add(item{kind, data}) || wake
	}
	return wake, true
}

// end makes the given items the last ones. With drop, those that wait are dropped first. After the
// first end a further one can only drop.
func (o *outbox) end(drop bool, last ...item) (wake, first bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if drop {
		o.items, o.head, o.bytes = nil, 0, 0
	}
	if o.ended {
		return false, false
	}
	o.ended = true
	for _, i := range last {
		wake = o.add(i) || wake
	}
	return wake, true
}

func (o *outbox) add(i item) (wake bool) {
	o.items = append(o.items, i)
	o.bytes += len(i.data)
	if o.writing {
		return false
	}
	o.writing = true
	o.writers.Add(1)
	return true
}

// keptItems is the largest array that an empty outbox keeps for the next time. Most bursts are a
// few frames, and most sessions are idle.
const keptItems = 4

// next returns the oldest item. When there is none it returns false, and the writer has ended.
func (o *outbox) next() (i item, ok bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.head == len(o.items) {
		o.items, o.head = o.items[:0], 0
		if cap(o.items) > keptItems {
			o.items = nil
		}
		o.writing = false
		o.writers.Done()
		return item{}, false
	}
	i = o.items[o.head]
	o.items[o.head] = item{}
	o.head++
	o.bytes -= len(i.data)
	if o.head > len(o.items)/2 && o.head > keptItems {
		o.items = append(o.items[:0], o.items[o.head:]...)
		o.head = 0
	}
	return i, true
}
