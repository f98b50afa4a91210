package webrtc

import "log/slog"

// dropLog says once for a link that packets found no room.
type dropLog struct{ log *slog.Logger }

func (d dropLog) full() {
	d.log.Warn("a link ends: reliable packets arrive and are not read, and a browser cannot push back", "remedy", "call Receive more often, or set WebRTC.ReceiveBuffer")
}

func (d dropLog) close(dropped int) {
	if dropped > 0 {
		d.log.Warn("unreliable packets found no room", "dropped", dropped)
	}
}

func (l *link) drop() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.overflow++
}

func (l *link) dropped() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.overflow
}
