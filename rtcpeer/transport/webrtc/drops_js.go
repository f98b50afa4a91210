package webrtc

import "log/slog"

// dropLog logs, once for a path, that arriving packets did not fit into its buffer.
type dropLog struct{ log *slog.Logger }

func (d dropLog) full() {
	d.log.Warn("path closed: the program reads reliable packets too slowly, and a browser cannot push back", "remedy", "call Receive more often, or raise WebRTC.ReceiveBuffer")
}

func (d dropLog) close(dropped int) {
	if dropped > 0 {
		d.log.Warn("unreliable packets dropped: the receive buffer is full", "dropped", dropped)
	}
}

func (p *path) drop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.overflow++
}

func (p *path) dropped() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.overflow
}
