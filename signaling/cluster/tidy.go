package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"time"
)

// tidyAfter is how long at least the keys of a lease that is over are kept if no server claims them.
const tidyAfter = 2 * time.Minute

// tidy deletes the keys of leases that are over, until ctx ends. It looks at all keys some time after the start, and
// after each end of a lease. It deletes the keys of leases that two looks in a row have found to be over. Errors of the
// bus only delay that.
func (n *Node) tidy(ctx context.Context) {
	var doomed map[string][]string // keys found by the last look, by lease
	for {
		if len(doomed) == 0 {
			select {
			case <-n.untidy:
			case <-ctx.Done():
				return
			}
		}
		if pause(ctx, tidyAfter+rand.N(tidyAfter/4)) != nil {
			return
		}
		found, err := n.keysLeft(ctx)
		if err != nil {
			n.logError("tidy", err)
			n.tidyAgain()
			continue
		}
		for lease := range doomed {
			if len(found[lease]) > 0 && n.deleteKeys(ctx, lease, found[lease]) {
				delete(found, lease)
			}
		}
		doomed = found
	}
}

// tidyAgain makes tidy look again.
func (n *Node) tidyAgain() {
	notify(n.untidy)
}

// keysLeft returns the keys of rooms and matches whose leases seem to be over, by lease.
func (n *Node) keysLeft(ctx context.Context) (map[string][]string, error) {
	left := make(map[string][]string)
	for _, prefix := range []string{roomPrefix, matchPrefix} {
		whole := false
		looking, stop := context.WithCancel(ctx)
		err := n.config.Bus.Watch(looking, prefix, func(key string, value []byte) {
			if key == "" {
				whole = true
				stop()
			}
			if lease, ok := leaseOf(value); ok && !whole && !n.goesOn(lease) {
				left[lease] = append(left[lease], key)
			}
		})
		stop()
		if !whole {
			return nil, errors.Join(err, errNotWhole)
		}
	}
	return left, nil
}

var errNotWhole = errors.New("cluster: the list of keys is not complete")

// leaseOf returns the lease in the value of a key that is owned.
func leaseOf(value []byte) (lease string, ok bool) {
	var o struct {
		Lease string `json:"lease"`
	}
	err := json.Unmarshal(value, &o)
	return o.Lease, err == nil
}

// goesOn reports whether a lease goes on, as far as the watch has reported.
func (n *Node) goesOn(lease string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	_, lives := n.living[lease]
	return lives || lease == n.lease
}

// deleteKeys deletes keys of a lease if it is certainly over, and reports whether none is left.
func (n *Node) deleteKeys(ctx context.Context, lease string, keys []string) (done bool) {
	dead, err := n.dead(ctx, lease)
	if err != nil || !dead {
		return false
	}
	for _, key := range keys {
		value, revision, err := n.config.Bus.Get(ctx, key)
		if now, ok := leaseOf(value); err == nil && ok && now == lease {
			err = n.config.Bus.Delete(ctx, key, revision)
		}
		if err != nil && !errors.Is(err, ErrNoKey) && !errors.Is(err, ErrConflict) { // these: another server was faster
			n.logError("tidy", err)
			return false
		}
	}
	return true
}
