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

// NewLink returns this end of a new link. Its error says which lane is not possible, or wraps
// transport.ErrClosed after Close.
func (t *Transport) NewLink(cfg transport.LinkConfig) (transport.Link, error) {
	if err := validate(cfg.Lanes); err != nil {
		return nil, err
	}
	n := t.network
	n.mu.Lock()
	defer n.mu.Unlock()
	if t.closed {
		return nil, fmt.Errorf("memory: new link of a closed transport: %w", transport.ErrClosed)
	}
	n.last++
	l := newLink(t, n.last, cfg.Lanes)
	n.links[l.id] = l
	return l, nil
}

func validate(lanes []transport.LaneConfig) error {
	seen := make(map[uint16]bool)
	for i, c := range lanes {
		switch {
		case seen[c.ID]:
			return fmt.Errorf("memory: LinkConfig.Lanes[%d]: id %d is taken", i, c.ID)
		case c.Mode > transport.Unreliable:
			return fmt.Errorf("memory: LinkConfig.Lanes[%d]: no such mode: %v", i, c.Mode)
		}
		seen[c.ID] = true
	}
	return nil
}

// Kill drops the host from the network for good, as the end of its process or of its power would:
// nothing passes to it or from it, and the others are not told. Links end with transport.ErrLost
// after Options.LostAfter, at both ends; the program on this host still has to close its own.
func (t *Transport) Kill() {
	t.network.mu.Lock()
	defer t.network.mu.Unlock()
	t.killed = true
	t.network.refresh()
}

// Close refuses new links from now on. It never fails.
func (t *Transport) Close() error {
	t.network.mu.Lock()
	defer t.network.mu.Unlock()
	t.closed = true
	return nil
}
