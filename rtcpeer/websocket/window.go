//go:build !js

package websocket

import (
	"encoding/binary"
	"net/http"
	"sync"
	"time"
)

// A window limits what is on its way to a game. Godot's engine reads its socket once a frame, into a buffer of 64 KiB
// and 4,096 packets, and drops what does not fit. Its pongs say what it has read: a ping follows every few packets, and
// carries how much was written before it.
//
//	packet packet packet ping(3) packet packet ping(5) ...
//	                <--- pong(3): the first three are read
//
// An end of this package drops nothing and pushes back by TCP, so it needs no window: see unbounded.
type window struct {
	start     time.Time
	unbounded bool
	moved     chan struct{} // holds a token after a pong has come

	// Owned by writeLoop.
	written mark
	pinged  mark // what was written when the last ping was sent
	blocked bool // the next packet does not fit

	mu   sync.Mutex // guards the field below
	read mark       // how much the other end has read, as it says
}

// A mark is a position in what is written.
type mark struct{ bytes, packets uint64 }

const (
	windowBytes   = 48 << 10 // three quarters of the engine's buffer, which a project may have made a little smaller
	windowPackets = 1024
	pingBytes     = windowBytes / 3
	pingPackets   = windowPackets / 3
	pingSize      = 3 * 8
)

func newWindow(start time.Time, unbounded bool) *window {
	return &window{start: start, unbounded: unbounded, moved: make(chan struct{}, 1)}
}

// fits reports whether a packet of n bytes may be written now. A packet larger than the window is written alone.
func (w *window) fits(n int) bool {
	rest := w.unread()
	w.blocked = !w.unbounded && rest.packets > 0 && (rest.bytes+uint64(n) > windowBytes || rest.packets >= windowPackets)
	return !w.blocked
}

func (w *window) wrote(n int) {
	w.written.bytes += uint64(n)
	w.written.packets++
}

// due reports whether a ping should be sent now, so that its answer comes before the window is full.
func (w *window) due() bool {
	return !w.unbounded && (w.written.bytes-w.pinged.bytes >= pingBytes || w.written.packets-w.pinged.packets >= pingPackets)
}

// asks reports whether more was written than the last ping asks about.
func (w *window) asks() bool { return w.written != w.pinged }

// unread returns how much was written that the other end has not confirmed to have read.
func (w *window) unread() mark {
	w.mu.Lock()
	defer w.mu.Unlock()
	return mark{w.written.bytes - min(w.read.bytes, w.written.bytes), w.written.packets - min(w.read.packets, w.written.packets)}
}

// ping returns what the next ping carries: when it was sent, and what was written before it.
func (w *window) ping() []byte {
	w.pinged = w.written
	b := binary.BigEndian.AppendUint64(make([]byte, 0, pingSize), uint64(time.Since(w.start)))
	b = binary.BigEndian.AppendUint64(b, w.written.bytes)
	return binary.BigEndian.AppendUint64(b, w.written.packets)
}

// pong handles a pong. It returns the round trip, or false if the pong does not answer a ping of ours. An end that
// claims to have read more than was written harms only itself, and not the counts.
func (w *window) pong(data string) (time.Duration, bool) {
	if len(data) != pingSize {
		return 0, false
	}
	b := []byte(data)
	sent := time.Duration(binary.BigEndian.Uint64(b))
	said := mark{binary.BigEndian.Uint64(b[8:]), binary.BigEndian.Uint64(b[16:])}
	now := time.Since(w.start)
	if sent < 0 || sent > now {
		return 0, false
	}
	w.mu.Lock()
	w.read.bytes = max(w.read.bytes, said.bytes)
	w.read.packets = max(w.read.packets, said.packets)
	w.mu.Unlock()
	wake(w.moved)
	return now - sent, true
}

// pushesBack is a header by which two ends of this package recognize each other. An end that sends it reads everything,
// and pushes back by TCP when its program does not receive.
const pushesBack = "Rtcpeer-Pushes-Back"

func saysPushesBack(h http.Header) bool { return h.Get(pushesBack) == "1" }
