package memory

import (
	"fmt"
	"slices"

	"example.org/rtcpeer/rtcpeer/transport"
)

// A Transport is one host of a network. It implements transport.Transport.
type Transport struct {
	// Fixed at construction.
	network *Network
	number  uint64

	// Guarded by network.mu.
	killed    bool
	closed    bool
	listeners []*listener
}

// A listener is a function given to OnChange.
type listener struct{ f func() }

var _ transport.Transport = (*Transport)(nil)

// NewPath returns this end of a new path. Its error names the lane that is not valid. After Close it wraps
// transport.ErrClosed.
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
			return fmt.Errorf("memory: PathConfig.Lanes[%d]: id %d is already used", i, c.ID)
		case c.Mode > transport.Unreliable:
			return fmt.Errorf("memory: PathConfig.Lanes[%d]: unknown mode %v", i, c.Mode)
		}
		seen[c.ID] = true
	}
	return nil
}

// OnChange makes Network.Move of this host call f, until stop is called or the Transport is closed. f must not block.
func (t *Transport) OnChange(f func()) (stop func()) {
	t.network.mu.Lock()
	defer t.network.mu.Unlock()
	added := &listener{f}
	if !t.closed {
		t.listeners = append(t.listeners, added)
	}
	return func() {
		t.network.mu.Lock()
		defer t.network.mu.Unlock()
		t.listeners = slices.DeleteFunc(t.listeners, func(l *listener) bool { return l == added })
	}
}

// changed returns the functions to call when the host's addresses have changed. The caller holds
// network.mu.
func (t *Transport) changed() []func() {
	var calls []func()
	for _, l := range t.listeners {
		calls = append(calls, l.f)
	}
	return calls
}

// Kill removes the host from the network for good, like a crash of its process or a loss of power: nothing
// passes to it or from it, and the others are not told. Its paths end with transport.ErrLost, at both ends, after
// PathConfig.LostAfter, or Options.LostAfter if that is 0. The program on this host must still close its own ends.
func (t *Transport) Kill() {
	t.network.mu.Lock()
	defer t.network.mu.Unlock()
	t.killed = true
	t.network.refresh()
}

// Close makes NewPath fail from now on, and stops the calls of functions given to OnChange. It never fails.
func (t *Transport) Close() error {
	t.network.mu.Lock()
	defer t.network.mu.Unlock()
	t.closed, t.listeners = true, nil
	return nil
}
