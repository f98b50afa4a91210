package memory

// Move gives a host another address. Its paths carry nothing any more, in either direction, and Heal does not
// restore them. Paths made from now on work. Move calls the functions that were given to OnChange of the host's
// Transport before it returns.
func (n *Network) Move(t *Transport) {
	n.mu.Lock()
	n.kill(func(p *path) bool { return p.host == t || p.far() == t })
	changed := t.changed()
	n.mu.Unlock()
	for _, f := range changed {
		f()
	}
}

// Forget acts like a NAT between two hosts that has lost its mappings. Their paths carry nothing any more, in
// either direction, and Heal does not restore them. Paths made from now on work. No host is told.
func (n *Network) Forget(a, b *Transport) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.kill(func(p *path) bool { return p.host == a && p.far() == b || p.host == b && p.far() == a })
}

// RelayOnly sets whether two hosts can reach each other only through a relay. Paths that open meanwhile are
// relayed, as Stats shows. Paths with PathConfig.Direct at either end do not open. Paths that are already open
// do not change.
func (n *Network) RelayOnly(a, b *Transport, only bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.relays[way{a, b}], n.relays[way{b, a}] = only, only
	n.refresh()
}

// BreakRelays acts like a restart of all relays. Relayed paths carry nothing any more, and Heal does not
// restore them. Paths made from now on work. No host is told.
func (n *Network) BreakRelays() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.kill(func(p *path) bool { return p.relayed })
}

// kill makes the matching paths carry nothing any more, without telling their ends. The caller holds n.mu.
func (n *Network) kill(match func(*path) bool) {
	for _, p := range n.paths {
		if match(p) {
			p.dead = true
		}
	}
	n.refresh()
}
