package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"time"
)

// In this file a server follows the leases of the others.
//
//	Bus.Watch --> leaseSeen --+-- a value: the lease goes on
//	                          +-- over: end --> its rooms have no owner, its sessions are lost
//	                          +-- its key is gone: confirm --> doubt, and end unless it comes back

// watch follows the leases of all servers until ctx ends.
func (n *Node) watch(ctx context.Context) {
	for ctx.Err() == nil {
		seen := make(map[string]bool)
		begun := false
		err := n.config.Bus.Watch(ctx, leasePrefix, func(key string, value []byte) {
			if key == "" {
				begun = true
				n.forgetUnseen(seen)
				return
			}
			if !begun {
				seen[key[len(leasePrefix):]] = true
			}
			n.leaseSeen(key[len(leasePrefix):], value, begun)
		})
		if err != nil {
			n.logError("watch", err)
		}
		_ = pause(ctx, 200*time.Millisecond)
	}
}

// leaseSeen handles a lease that the watch reports. Nil means that its key is gone. changed is false for what the watch
// found when it began, which may have been written long before.
func (n *Node) leaseSeen(name string, value []byte, changed bool) {
	var h holder
	if value == nil {
		n.wg.Go(func() { n.confirm(name) })
		return
	}
	if saysOver(value) {
		n.bury(name)
	}
	if json.Unmarshal(value, &h) != nil || h.Process == 0 {
		n.end(name, false, h.Stopped)
		return
	}
	n.mu.Lock()
	_, known := n.living[name]
	n.living[name] = h
	if changed {
		delete(n.doubted, name)
	}
	n.mu.Unlock()
	if !known && h.Key != n.config.Key && h.Key != "" && n.config.Key != "" {
		n.config.Log.Error("the servers have different resume keys: members of one cannot return through the other", "server", n.config.Server, "other", h.Server)
	}
}

// confirm ends a lease whose key is gone, unless the key comes back.
func (n *Node) confirm(name string) {
	n.mu.Lock()
	mine := name == n.lease
	n.mu.Unlock()
	if mine {
		notify(n.missing)
		return
	}
	n.doubt(name)
	n.endIfGone(name)
}

// endIfGone ends a lease if its key is still gone after leaseConfirm. It asks until the bus answers: the watch reports
// only once that a key is gone, and until the lease ends, sessions here wait for an owner that may be dead.
func (n *Node) endIfGone(name string) {
	for n.hasSeen(name) && pause(n.life, leaseConfirm) == nil {
		ctx, cancel := context.WithTimeout(n.life, answerTime)
		_, _, err := n.config.Bus.Get(ctx, leasePrefix+name)
		cancel()
		if errors.Is(err, ErrNoKey) {
			n.end(name, true, false)
		}
		if err == nil || errors.Is(err, ErrNoKey) {
			return
		}
	}
}

// hasSeen reports whether the watch has reported a lease that has not ended.
func (n *Node) hasSeen(name string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	_, ok := n.living[name]
	return ok
}

// end is called when a lease is over. With died, its holder has not given it back. With stopped, its holder has said that
// it stops: its sessions end.
func (n *Node) end(name string, died, stopped bool) {
	n.mu.Lock()
	h, known := n.living[name]
	delete(n.living, name)
	delete(n.doubted, name)
	n.mu.Unlock()
	if known {
		n.leaseOver(name, h.Process, died, stopped)
	}
}

func (n *Node) forgetUnseen(seen map[string]bool) {
	n.watched.Store(true)
	n.isBack()
	n.mu.Lock()
	var gone []string
	for name := range n.living {
		if !seen[name] {
			gone = append(gone, name)
		}
	}
	n.mu.Unlock()
	for _, name := range gone {
		n.wg.Go(func() { n.confirm(name) })
	}
}

// leaseOver handles the end of another server's lease: its rooms have no owner, and its sessions are lost.
func (n *Node) leaseOver(name string, process uint64, died, stopped bool) {
	if process == n.process {
		return
	}
	n.mu.Lock()
	var places []*Place
	for _, p := range n.places {
		if p.ownedUnder(name) {
			places = append(places, p)
		}
	}
	var visitors []*visitor
	for _, v := range n.visitors {
		if v.home == name {
			visitors = append(visitors, v)
		}
	}
	n.mu.Unlock()
	for _, v := range visitors {
		if stopped {
			v.detach()
		} else {
			v.miss()
		}
		v.forget() // after that: welcome must find it if its server attaches the session again
	}
	if died {
		for _, p := range places {
			p.expectNothing()
		}
	}
	n.reattach(places)
	if !died {
		n.recall(process, make(chan struct{})) // it waits for that: see Close
	}
	n.tidyAgain()
}
