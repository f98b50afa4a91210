package cluster

import (
	"bytes"
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
	Version int    `json:"v,omitempty"`
}

// answersOwns is the least Version of a holder that answers opOwns, and that of this one.
const answersOwns = 1

const (
	leasePrefix = "lease."
	leaseTTL    = 5 * time.Second
	leaseEvery  = time.Second
	// leaseHeld is less than leaseTTL by more than what an act takes that others see after the lease was looked at.
	leaseHeld = 3500 * time.Millisecond
	// leaseConfirm is how long after a lease's key was seen to go it counts as over: its holder may write it again if
	// somebody has emptied the bucket.
	leaseConfirm = 1500 * time.Millisecond
	// emptiedFor is how long after the bucket was emptied others are asked for what is missing in it. Each server writes
	// its rooms again meanwhile.
	emptiedFor = time.Minute
	// lackTime is how long after that a missing key tells nothing: a server that was cut off then does not act any longer.
	lackTime = leaseHeld + 500*time.Millisecond
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

func (n *Node) leaseName(number int) string {
	return processName(n.process) + "-" + strconv.Itoa(number)
}

func (n *Node) acquire(ctx context.Context) (*lease, time.Time) {
	ctx, cancel := context.WithTimeout(ctx, leaseEvery)
	defer cancel()
	n.leases++
	l := &lease{name: n.leaseName(n.leases)}
	l.value, _ = json.Marshal(holder{n.process, n.config.Server, answersOwns})
	began := time.Now()
	revision, err := n.config.Bus.Create(ctx, leasePrefix+l.name, l.value, leaseTTL)
	if err != nil {
		n.trouble("lease", err)
		return nil, began
	}
	if n.held > 0 {
		if err := n.giveBack(ctx, n.leaseName(n.held)); err != nil {
			n.trouble("earlier lease", err)
		}
	}
	n.held = n.leases
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
		case <-n.proving:
		}
		began, asked := time.Now(), n.takeProof()
		err := n.renewOnce(ctx, l)
		asked.settle(err)
		if err != nil {
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
	if errors.Is(err, ErrConflict) { // an update may have been done whose answer was lost
		value, latest, gone := n.config.Bus.Get(ctx, leasePrefix+l.name)
		switch {
		case errors.Is(gone, ErrNoKey): // somebody has emptied the bucket: unless others think that this is the end, it is not
			if revision, err = n.config.Bus.Create(ctx, leasePrefix+l.name, l.value, leaseTTL); err != nil {
				return ErrConflict
			}
			n.writeAnew()
		case gone != nil || latest <= l.revision || !bytes.Equal(value, l.value): // others may have found it to be over
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

// A proof is wanted by those who found no key where another server's may have been, before somebody emptied the bucket:
// then the key of the lease is gone as well, which its next renewal tells.
type proof struct {
	done chan struct{} // closed when the lease was renewed, or could not be
	err  error
}

// settle tells those who wait. Nil: nobody does.
func (p *proof) settle(err error) {
	if p != nil {
		p.err = err
		close(p.done)
	}
}

// prove returns when the lease was renewed by a request that began after the call, or with the reason why it was not.
func (n *Node) prove(ctx context.Context) error {
	n.mu.Lock()
	p := n.proof
	if p == nil {
		p = &proof{done: make(chan struct{})}
		n.proof = p
	}
	n.mu.Unlock()
	select {
	case n.proving <- struct{}{}:
	default:
	}
	select {
	case <-p.done:
		return p.err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// takeProof returns what those want who have asked for a proof by now, or nil.
func (n *Node) takeProof() *proof {
	n.mu.Lock()
	defer n.mu.Unlock()
	p := n.proof
	n.proof = nil
	return p
}

// writeAnew is for a bucket that was emptied, which no watch tells. The other servers write theirs, too, those that live.
func (n *Node) writeAnew() {
	n.store().Recover()
	n.mayLack()
	n.rewrite()
	n.mu.Lock()
	defer n.mu.Unlock()
	for name, h := range n.living {
		if h.Process != n.process {
			n.wg.Go(func() { n.endIfGone(name) })
		}
	}
}

// mayLack notes that keys of other servers were missing until now, perhaps, though they live: the bucket was emptied, or
// this server did not have a lease, which would tell.
func (n *Node) mayLack() { n.emptied.Store(int64(time.Since(n.began))) }

func (n *Node) sinceLack() time.Duration {
	return time.Since(n.began) - time.Duration(n.emptied.Load())
}

// gain begins to act under a lease. After the first one rooms may be missing on the bus that others are about to bring back.
func (n *Node) gain(l *lease, began time.Time) {
	if n.leases > 1 {
		n.store().Recover()
	}
	n.mayLack()
	defer n.isBack()
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

// dead reports whether a lease is over, for certain: it was given back, or its key is gone and nobody has emptied the bucket.
func (n *Node) dead(ctx context.Context, name string) (bool, error) {
	n.mu.Lock()
	known := n.buried[name] || name == "" || name != n.lease && strings.HasPrefix(name, processName(n.process)) // its own earlier one
	n.mu.Unlock()
	if known {
		return true, nil
	}
	value, _, err := n.config.Bus.Get(ctx, leasePrefix+name)
	var h holder
	switch {
	case errors.Is(err, ErrNoKey):
		if err = n.prove(ctx); err == nil && n.sinceLack() < lackTime {
			err = errMissing
		}
		if err == nil {
			_, err = n.config.Bus.Create(ctx, leasePrefix+name, over, deadTTL) // its holder cannot renew it any more
		}
		if errors.Is(err, ErrExists) {
			return false, nil
		}
	case err == nil && (json.Unmarshal(value, &h) != nil || h.Process != 0):
		return false, nil
	}
	if err != nil {
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

// giveBack ends a lease of this server for all others, who need not wait until it is over.
func (n *Node) giveBack(ctx context.Context, name string) error {
	for {
		_, revision, err := n.config.Bus.Get(ctx, leasePrefix+name)
		switch {
		case err == nil:
			_, err = n.config.Bus.Update(ctx, leasePrefix+name, over, revision, deadTTL)
		case errors.Is(err, ErrNoKey):
			_, err = n.config.Bus.Create(ctx, leasePrefix+name, over, deadTTL)
		}
		if !errors.Is(err, ErrConflict) && !errors.Is(err, ErrExists) { // or it was being renewed, or found to be over
			return err
		}
	}
}

func processName(process uint64) string { return fmt.Sprintf("%016x", process) }
