package memory

import (
	"fmt"

	"example.org/rtcpeer/rtcpeer/transport"
)

// A Transport is one host of a network. It implements transport.Transport.
type Transport struct {
	// Fixed at construction.
	network *Network
	number  uint64

	// Guarded by network.mu.
	killed bool
	closed bool
}

var _ transport.Transport = (*Transport)(nil)

// NewPath returns this end of a new path. Its error says which lane is not possible, or wraps
// transport.ErrClosed after Close.
func (t *Transport) NewPath(cfg transport.PathConfig) (transport.Path, error) {
	if err := validate(cfg.Lanes); err != nil {
		return nil, err
	}
	n := t.network
	n.mu.Lock()
	defer n.mu.Unlock()
	if t.closed {
		return nil, fmt.Errorf("memory: new path of a closed transport: %w", transport.ErrClosed)
	}
	n.last++
	p := newPath(t, n.last, cfg)
	n.paths[p.id] = p
	return p, nil
}

func validate(lanes []transport.LaneConfig) error {
	seen := make(map[uint16]bool)
	for i, c := range lanes {
		switch {
		case seen[c.ID]:
			return fmt.Errorf("memory: PathConfig.Lanes[%d]: id %d is taken", i, c.ID)
		case c.Mode > transport.Unreliable:
			return fmt.Errorf("memory: PathConfig.Lanes[%d]: no such mode: %v", i, c.Mode)
		}
		seen[c.ID] = true
	}
	return nil
}

// Kill drops the host from the network for good, as the end of its process or of its power would:
// nothing passes to it or from it, and the others are not told. Paths end with transport.ErrLost
// after Options.LostAfter, at both ends; the program on this host still has to close its own.
func (t *Transport) Kill() {
	t.network.mu.Lock()
	defer t.network.mu.Unlock()
	t.killed = true
	t.network.refresh()
}

// Close refuses new paths from now on. It never fails.
func (t *Transport) Close() error {
	t.network.mu.Lock()
	defer t.network.mu.Unlock()
	t.closed = true
	return nil
}
