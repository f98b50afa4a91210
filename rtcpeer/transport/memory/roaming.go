package memory

// Move gives a host another address: the paths that it has carry nothing any more, in either direction,
// and no Heal brings them back. Paths that are made from now on work. The functions that the host's
// Transport was given with OnChange are called before Move returns.
func (n *Network) Move(t *Transport) {
	n.mu.Lock()
	n.kill(func(p *path) bool { return p.host == t || p.far() == t })
	changed := t.changed()
	n.mu.Unlock()
	for _, f := range changed {
		f()
	}
}

// Forget has a NAT between two hosts forget them: their paths carry nothing any more, in either
// direction, and no Heal brings them back. Paths that are made from now on work. No host is told.
func (n *Network) Forget(a, b *Transport) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.kill(func(p *path) bool { return p.host == a && p.far() == b || p.host == b && p.far() == a })
}

// RelayOnly says whether two hosts have no route to each other but a relay's. Paths that open while they
// have none are relayed, as Stats tells, and those made with PathConfig.Direct at either end do not open.
// Paths that are open stay as they are.
func (n *Network) RelayOnly(a, b *Transport, only bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.relays[way{a, b}], n.relays[way{b, a}] = only, only
	n.refresh()
}

// BreakRelays restarts all relays: the paths that are relayed carry nothing any more, and no Heal brings
// them back. Paths that are made from now on work. No host is told.
func (n *Network) BreakRelays() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.kill(func(p *path) bool { return p.relayed })
}

// kill ends what the matching paths carry. Their ends do not know. The caller holds n.mu.
func (n *Network) kill(match func(*path) bool) {
	for _, p := range n.paths {
		if match(p) {
			p.dead = true
		}
	}
	n.refresh()
}
