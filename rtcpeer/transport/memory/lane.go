package memory

import (
	"errors"
	"time"

	"example.org/rtcpeer/rtcpeer/transport"
)

// errNotOpen is the error of Read and Write before EventOpened.
var errNotOpen = errors.New("memory: path not open")

// A lane is one end of a lane: one flow in each direction.
type lane struct {
	cfg transport.LaneConfig
	out *flow
	in  *flow // set before EventOpened
}

func (l *lane) Write(p []byte) error { return l.out.write(p) }

func (l *lane) Read(p []byte) (int, error) {
	if l.in == nil {
		return 0, errNotOpen
	}
	return l.in.read(p, true)
}

func (l *lane) TryRead(p []byte) (int, error) {
	if l.in == nil {
		return 0, errNotOpen
	}
	return l.in.read(p, false)
}

func (l *lane) Buffered() int { return l.out.waiting() }

func (l *lane) Lag() time.Duration { return l.out.pipe.lag() }

func (l *lane) NotifyLow(bytes int, f func()) { l.out.notifyLow(bytes, f) }
