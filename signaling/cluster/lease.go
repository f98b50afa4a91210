package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// A lease is what makes a server an owner: a key with a time to live that it renews. It ends when it could not be renewed
// for leaseHeld, by the server's own clocks; others may take its rooms when the key is gone, which is later. Then
// the server needs another lease, and its rooms are no longer its own.
type lease struct {
	name     string // of the key, without its prefix; unique for ever
	revision uint64
	value    []byte
}

// over is the value of a lease that was given back, or that others have found to be over.
var over = []byte("{}")

// A holder is what the key of a lease tells.
type holder struct {
	Process uint64 `json:"process"`
	Server  string `json:"server"` // for people
}

const (
	leasePrefix = "lease."
	leaseTTL    = 5 * time.Second
	leaseEvery  = time.Second
	// leaseHeld is less than leaseTTL by more than what an act takes that others see after the lease was looked at.
	leaseHeld = 3500 * time.Millisecond
	// leaseConfirm is how long after a lease's key was seen to go it counts as over: its holder may write it again if
	// somebody has emptied the bucket.
	leaseConfirm = 1500 * time.Millisecond
	// deadTTL is how long the proof is kept that a lease is over.
	deadTTL = time.Minute
)

// keep holds leases until ctx ends, one after the other.
func (n *Node) keep(ctx context.Context) {
	backoff := 100 * time.Millisecond
	for ctx.Err() == nil {
		if l, began := n.acquire(ctx); l != nil {
			backoff = 100 * time.Millisecond
			n.gain(l, began)
			n.renew(ctx, l)
			select {
			case <-n.released:
				return // HandOver does the rest
			default:
				n.lose()
			}
		}
		select {
		case <-time.After(backoff):
			backoff = min(2*backoff, leaseEvery/2)
		case <-n.released:
			return
		case <-ctx.Done():
		}
	}
}

func (n *Node) acquire(ctx context.Context) (*lease, time.Time) {
	ctx, cancel := context.WithTimeout(ctx, leaseEvery)
	defer cancel()
	n.leases++
	l := &lease{name: processName(n.process) + "-" + strconv.Itoa(n.leases)}
	l.value, _ = json.Marshal(holder{n.process, n.config.Server})
	began := time.Now()
	revision, err := n.config.Bus.Create(ctx, leasePrefix+l.name, l.value, leaseTTL)
	if err != nil {
		n.trouble("lease", err)
		return nil, began
	}
	l.revision = revision
	return l, began
}

// renew returns when the lease is lost or given back, or ctx ends.
func (n *Node) renew(ctx context.Context, l *lease) {
	ticker := time.NewTicker(leaseEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-n.released:
			return
		case <-ticker.C:
		case <-n.missing:
		}
		began := time.Now()
		if err := n.renewOnce(ctx, l); err != nil {
			n.trouble("lease", err)
			if errors.Is(err, ErrConflict) || !n.acts() {
				return
			}
			continue
		}
		if !n.extend(began) {
			return
		}
	}
}

func (n *Node) renewOnce(ctx context.Context, l *lease) error {
	ctx, cancel := context.WithTimeout(ctx, leaseEvery)
	defer cancel()
	revision, err := n.config.Bus.Update(ctx, leasePrefix+l.name, l.value, l.revision, leaseTTL)
	if errors.Is(err, ErrConflict) { // an update may have been done whose answer was lost: nobody else writes this key
		_, latest, gone := n.config.Bus.Get(ctx, leasePrefix+l.name)
		switch {
		case errors.Is(gone, ErrNoKey): // somebody has emptied the bucket: unless others think that this is the end, it is not
			if revision, err = n.config.Bus.Create(ctx, leasePrefix+l.name, l.value, leaseTTL); err != nil {
				return ErrConflict
			}
			n.rewrite()
		case gone != nil || latest <= l.revision:
			return err
		default:
			revision, err = n.config.Bus.Update(ctx, leasePrefix+l.name, l.value, latest, leaseTTL)
		}
	}
	if err == nil {
		l.revision = revision
	}
	return err
}

// gain begins to act under a lease. After the first one rooms may be missing on the bus that others are about to bring back.
func (n *Node) gain(l *lease, began time.Time) {
	if n.leases > 1 {
		n.store().Recover()
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.config.Log.Info("lease", "server", n.config.Server, "lease", l.name)
	n.lease = l.name
	for _, p := range n.pipes {
		p.hurry()
	}
	n.actFrom(began)
}

// extend is for a lease that was renewed by a request that began then. It is lost if its time was over before the answer.
func (n *Node) extend(began time.Time) bool {
	if !n.acts() {
		return false
	}
	n.actFrom(began)
	n.counters.renewed.Add(1)
	if n.config.Observe != nil {
		n.config.Observe(time.Since(began))
	}
	return true
}

// actFrom is for a lease that was written by a request that began then.
func (n *Node) actFrom(began time.Time) {
	n.dateline.Store(began.Add(leaseHeld).UnixNano())
	n.deadline.Store(int64(began.Sub(n.began) + leaseHeld))
}

// acts reports whether this server may do what others see, as the owner of its rooms. It is asked before each such act.
// The monotonic clock stands still while Linux sleeps, and the wall clock may be set: the lease ends by the first of both.
// A wall clock that is set forward costs the lease; one that is set back, or differs from the others', nothing.
func (n *Node) acts() bool {
	now := time.Now()
	return int64(now.Sub(n.began)) < n.deadline.Load() && now.UnixNano() < n.dateline.Load()
}

// dead reports whether a lease is over, for certain: its key can be created, so its holder cannot renew it.
func (n *Node) dead(ctx context.Context, name string) (bool, error) {
	n.mu.Lock()
	known := n.buried[name] || name == "" || name != n.lease && strings.HasPrefix(name, processName(n.process)) // its own earlier one
	n.mu.Unlock()
	if known {
		return true, nil
	}
	_, err := n.config.Bus.Create(ctx, leasePrefix+name, over, deadTTL)
	switch {
	case errors.Is(err, ErrExists):
		value, _, err := n.config.Bus.Get(ctx, leasePrefix+name)
		var h holder
		if err != nil || json.Unmarshal(value, &h) != nil || h.Process != 0 {
			return false, nil
		}
	case err != nil:
		return false, fmt.Errorf("cluster: lease %s: %w", name, err)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.buried) > 1024 {
		clear(n.buried)
	}
	n.buried[name] = true
	return true, nil
}

func processName(process uint64) string { return fmt.Sprintf("%016x", process) }
