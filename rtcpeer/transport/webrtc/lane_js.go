package webrtc

import (
	"fmt"
	"sync"
	"syscall/js"
	"time"

	"example.org/rtcpeer/rtcpeer/transport"
)

// lane is one RTCDataChannel. Its handlers belong to the path.
type lane struct {
	// Fixed at construction.
	path    *path
	channel js.Value
	mode    transport.Mode
	arrived *queue

	mu  sync.Mutex // guards the fields below
	lag lag
	low func()
}

var uint8Array = js.Global().Get("Uint8Array")

func newLane(p *path, channel js.Value, mode transport.Mode) *lane {
	lane := &lane{path: p, channel: channel, mode: mode, arrived: newQueue(p.budget)}
	channel.Set("binaryType", "arraybuffer") // a Blob would be read asynchronously and out of order
	p.on(channel, "open", func(js.Value) { p.laneOpened() })
	p.on(channel, "message", func(event js.Value) { lane.receive(event.Get("data")) })
	p.on(channel, "bufferedamountlow", func(js.Value) { lane.fallen() })
	p.on(channel, "close", func(js.Value) {
		lane.arrived.end(p.ended())
		p.laneClosed()
	})
	return lane
}

func (l *lane) release() {
	for _, event := range []string{"onopen", "onmessage", "onbufferedamountlow", "onclose"} {
		l.channel.Set(event, js.Null())
	}
}

// receive copies a message at once. If it stayed in JavaScript, Go's garbage collector would decide when it is
// freed, without knowing its size.
func (l *lane) receive(data js.Value) {
	var packet []byte
	if data.Type() == js.TypeString {
		packet = []byte(data.String())
	} else {
		bytes := uint8Array.New(data)
		packet = make([]byte, bytes.Length())
		js.CopyBytesToGo(packet, bytes)
	}
	switch {
	case l.arrived.push(packet):
	case l.mode == transport.Reliable:
		l.path.log.full()
		l.path.lose(fmt.Errorf("%w: packets arrive faster than the program reads them", transport.ErrLost))
	default:
		l.path.drop()
	}
}

func (l *lane) Write(p []byte) error {
	switch {
	case l.path.over.Load(): // this lane may still be open
		return l.path.ended()
	case !l.path.accepts(len(p)):
		return fmt.Errorf("%w: %d bytes", transport.ErrTooLarge, len(p))
	}
	bytes := uint8Array.New(len(p))
	js.CopyBytesToJS(bytes, p)
	if err := try(func() { l.channel.Call("send", bytes) }); err != nil {
		if l.channel.Get("readyState").String() == "open" { // the browser's queue is full, at 16 MB in Chromium
			return fmt.Errorf("webrtc: send: %w", err)
		}
		return l.path.ended()
	}
	if l.mode != transport.Reliable {
		l.mu.Lock()
		l.lag.wrote(len(p), l.Buffered(), time.Now())
		l.mu.Unlock()
	}
	return nil
}

func (l *lane) Read(p []byte) (int, error) { return l.arrived.pop(p) }

func (l *lane) TryRead(p []byte) (int, error) {
	n, err, ok := l.arrived.tryPop(p)
	if !ok {
		return 0, transport.ErrNoPacket
	}
	return n, err
}

// Buffered returns the bytes that the browser has not yet sent. It does not include bytes in flight.
func (l *lane) Buffered() int { return l.channel.Get("bufferedAmount").Int() }

// Lag returns how long the oldest unsent byte of an unreliable lane has been waiting. For a reliable lane it
// returns 0.
func (l *lane) Lag() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lag.of(l.Buffered(), time.Now())
}

func (l *lane) NotifyLow(bytes int, f func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.low = f
	l.channel.Set("bufferedAmountLowThreshold", bytes)
}

func (l *lane) fallen() {
	l.mu.Lock()
	f := l.low
	l.mu.Unlock()
	if f != nil {
		f()
	}
}
