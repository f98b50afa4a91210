package cluster

// owners remembers who owns the keys of other servers, so that not every join has to ask the bus. It may be wrong: a
// server that is asked and does not own the key says so. Node.mu guards it.
type owners map[string]owner

// maxOwners is how many owners are remembered. If there are more, all are forgotten, and each then costs one read of
// the bus.
const maxOwners = 1 << 16

// learn remembers the owner of a key.
func (o owners) learn(key string, who owner) {
	if len(o) >= maxOwners {
		clear(o)
	}
	o[key] = who
}

// ownerOf returns the owner of a key, if it is remembered and its lease goes on. The caller holds mu.
func (n *Node) ownerOf(key string) (owner, bool) {
	who, known := n.owners[key]
	if known && !n.lives(who) {
		delete(n.owners, key)
		return owner{}, false
	}
	return who, known
}

// lives reports whether the lease of another server goes on, as far as the watch has reported. The caller holds mu.
func (n *Node) lives(who owner) bool {
	h, ok := n.living[who.lease]
	return ok && h.Process == who.process && who.process != n.process && !n.doubted[who.lease]
}

// doubts reports whether a lease may be over although the bus still has it.
func (n *Node) doubts(lease string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.doubted[lease]
}

// forgetOwner forgets the owner of a key after it has said that it does not own the key.
func (n *Node) forgetOwner(key string, who owner) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.owners[key] == who {
		delete(n.owners, key)
	}
}

// doubt is called for a lease whose holder does not answer, or whose key has disappeared. From now on the bus is
// asked whether the lease goes on, until the watch reports a renewal. Places that wait for an answer of the holder
// ask again.
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
