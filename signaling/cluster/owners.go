package cluster

// Owners remembers who owns the keys of other servers, so that not each join asks the bus. It may be wrong: whoever is
// asked and does not own the key says so. Node.mu guards it.
type owners map[string]owner

// maxOwners is how many are remembered. When there are more all are forgotten: each costs one read of the bus.
const maxOwners = 1 << 16

// learn remembers the owner of a key.
func (o owners) learn(key string, who owner) {
	if len(o) >= maxOwners {
		clear(o)
	}
	o[key] = who
}

// ownerOf returns the owner of a key, if one is remembered whose lease goes on. mu is held.
func (n *Node) ownerOf(key string) (owner, bool) {
	who, known := n.owners[key]
	if known && !n.lives(who) {
		delete(n.owners, key)
		return owner{}, false
	}
	return who, known
}

// lives reports whether the lease of another server goes on, as far as the watch has told. mu is held.
func (n *Node) lives(who owner) bool {
	h, ok := n.living[who.lease]
	return ok && h.Process == who.process && who.process != n.process && !n.doubted[who.lease]
}

// doubts reports whether a lease may be over, which the bus does not tell yet.
func (n *Node) doubts(lease string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.doubted[lease]
}

// mistaken forgets an owner of a key, which says that it does not own it.
func (n *Node) mistaken(key string, who owner) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.owners[key] == who {
		delete(n.owners, key)
	}
}

// doubt is for a lease whose holder does not answer, or whose key was seen to go: whether it goes on is asked of the bus
// from now on, until the watch tells that it was renewed. Those who wait for an answer ask again.
func (n *Node) doubt(lease string) {
	n.mu.Lock()
	if _, known := n.living[lease]; known {
		n.doubted[lease] = true
	}
	places := n.allPlaces()
	n.mu.Unlock()
	for _, p := range places {
		p.doubt(lease)
	}
}
