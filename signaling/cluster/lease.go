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

// A lease makes a server an owner. It is a key with a time to live that the server renews. It ends when the server
// could not renew it for leaseHeld, by its own clocks. Other servers may take its rooms only when the key is gone,
// which is later. Then the server needs another lease, and no longer owns its rooms.
type lease struct {
	name     string // the key without its prefix; unique forever
	revision uint64
	value    []byte
}

// over is the value of a lease that was given back, or that other servers have found to be over. If its holder has given
// it back because it stops, the value is handedOver.
var over, handedOver = []byte("{}"), []byte(`{"stopped":true}`)

// A holder is the content of the key of a lease.
type holder struct {
	Process uint64 `json:"process"`
	Server  string `json:"server"` // for people
	Version int    `json:"v,omitempty"`
	Key     string `json:"key,omitempty"`     // Config.Key
	Stopped bool   `json:"stopped,omitempty"` // the only field of a lease that was given back by HandOver
}

// answersOwns is the least Version of a holder that answers opOwns. It is also the Version of this server.
const answersOwns = 1

const (
	leasePrefix = "lease."
	leaseTTL    = 5 * time.Second
	leaseEvery  = time.Second
	// leaseHeld is less than leaseTTL. The difference is more than the time between a check of the lease and the
	// moment when other servers see the act that was checked.
	leaseHeld = 3500 * time.Millisecond
	// leaseConfirm is how long after the key of a lease has disappeared the lease counts as over. If somebody has
	// emptied the bucket, the holder may write the key again within that time.
	leaseConfirm = 1500 * time.Millisecond
	// emptiedFor is how long after the bucket was emptied a server asks others about missing keys. Meanwhile each
	// server writes its keys again.
	emptiedFor = time.Minute
	// missingTime is how long after the bucket was emptied a missing key proves nothing. A server that was cut off at
	// that moment no longer acts after this time.
	missingTime = leaseHeld + 500*time.Millisecond
	// deadTTL is how long the proof that a lease is over is kept.
	deadTTL = time.Minute
)

// keep holds one lease after another until ctx ends.
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
	l.value, _ = json.Marshal(holder{Process: n.process, Server: n.config.Server, Version: answersOwns, Key: n.config.Key})
	began := time.Now()
	revision, err := n.config.Bus.Create(ctx, leasePrefix+l.name, l.value, leaseTTL)
	if err != nil {
		n.logError("lease", err)
		return nil, began
	}
	if n.held > 0 {
		if err := n.giveBack(ctx, n.leaseName(n.held), over); err != nil {
			n.logError("earlier lease", err)
		}
	}
	n.held = n.leases
	l.revision = revision
	return l, began
}

// renew renews the lease. It returns when the lease is lost or given back, or when ctx ends.
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
			n.logError("lease", err)
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
	if errors.Is(err, ErrConflict) { // an earlier update may have succeeded although its answer was lost
		value, latest, gone := n.config.Bus.Get(ctx, leasePrefix+l.name)
		switch {
		case errors.Is(gone, ErrNoKey): // somebody has emptied the bucket: write the key again
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

// A proof is for callers that found no key although another server may own it, because somebody may have emptied the
// bucket. In that case the key of this server's lease is gone, too, which its next renewal shows.
type proof struct {
	done chan struct{} // closed when a renewal has succeeded or failed
	err  error
}

// settle tells the waiting callers the result. p may be nil.
func (p *proof) settle(err error) {
	if p != nil {
		p.err = err
		close(p.done)
	}
}

// prove waits for a renewal of the lease by a request that began after the call. It returns why the renewal failed,
// if it did.
func (n *Node) prove(ctx context.Context) error {
	n.mu.Lock()
	p := n.proof
	if p == nil {
		p = &proof{done: make(chan struct{})}
		n.proof = p
	}
	n.mu.Unlock()
	notify(n.proving)
	select {
	case <-p.done:
		return p.err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// takeProof returns the proof for the callers that have asked for one by now, or nil.
func (n *Node) takeProof() *proof {
	n.mu.Lock()
	defer n.mu.Unlock()
	p := n.proof
	n.proof = nil
	return p
}

// writeAnew is called when the bucket was emptied, which no watch reports. The other living servers also write their
// keys again.
func (n *Node) writeAnew() {
	n.store().Recover()
	n.keysMayBeMissing()
	n.rewrite()
	n.mu.Lock()
	defer n.mu.Unlock()
	for name, h := range n.living {
		if h.Process != n.process {
			n.wg.Go(func() { n.endIfGone(name) })
		}
	}
}

// keysMayBeMissing notes that up to now keys of other, living servers may have been missing, because the bucket was
// emptied or because this server had no lease that would have shown it.
func (n *Node) keysMayBeMissing() { n.emptied.Store(int64(time.Since(n.began))) }

// sinceMissing returns how long ago keysMayBeMissing was last called.
func (n *Node) sinceMissing() time.Duration {
	return time.Since(n.began) - time.Duration(n.emptied.Load())
}

// gain starts to act under a lease. Keys that other servers are about to write again may be missing on the bus. If this
// is not the first lease, members may have to restore rooms, too.
func (n *Node) gain(l *lease, began time.Time) {
	if n.leases > 1 {
		n.store().Recover()
	}
	n.keysMayBeMissing()
	defer n.isBack()
	n.mu.Lock()
	defer n.mu.Unlock()
	n.config.Log.Info("lease gained", "server", n.config.Server, "lease", l.name)
	n.lease = l.name
	for _, p := range n.pipes {
		p.hurry()
	}
	n.actFrom(began)
}

// extend is called when the lease was renewed by a request that began at began. It returns false if the lease had
// ended before the answer came.
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

// actFrom lets the server act for leaseHeld from began, when the request began that wrote the lease.
func (n *Node) actFrom(began time.Time) {
	n.dateline.Store(began.Add(leaseHeld).UnixNano())
	n.deadline.Store(int64(began.Sub(n.began) + leaseHeld))
}

// acts reports whether this server may act as the owner of its rooms. It is called before each act that others see.
// The monotonic clock stops while Linux sleeps, and the wall clock may be set, so the lease ends when either of them
// says so. If the wall clock is set forward, the lease is lost. A wall clock that is set back, or that differs from
// those of the other servers, does no harm.
func (n *Node) acts() bool {
	now := time.Now()
	return int64(now.Sub(n.began)) < n.deadline.Load() && now.UnixNano() < n.dateline.Load()
}

// dead reports whether a lease is certainly over: it was given back, or its key is gone and nobody has emptied the
// bucket.
func (n *Node) dead(ctx context.Context, name string) (bool, error) {
	n.mu.Lock()
	// An earlier lease of this server is over, too.
	known := n.buried[name] || name == "" || name != n.lease && strings.HasPrefix(name, processName(n.process))
	n.mu.Unlock()
	if known {
		return true, nil
	}
	for {
		value, _, err := n.config.Bus.Get(ctx, leasePrefix+name)
		switch {
		case errors.Is(err, ErrNoKey):
			if err = n.prove(ctx); err == nil && n.sinceMissing() < missingTime {
				err = errMissing
			}
			if err == nil {
				_, err = n.config.Bus.Create(ctx, leasePrefix+name, over, deadTTL) // after this its holder cannot renew it
			}
		case err == nil && !saysOver(value):
			return false, nil
		}
		if errors.Is(err, ErrExists) { // another server was first, or the holder is back: read which
			if err = pause(ctx, 10*time.Millisecond); err == nil {
				continue
			}
		}
		if err != nil {
			return false, fmt.Errorf("cluster: lease %s: %w", name, err)
		}
		n.bury(name)
		return true, nil
	}
}

// saysOver reports whether the value of a lease says that it is over.
func saysOver(value []byte) bool {
	var h holder
	return json.Unmarshal(value, &h) == nil && h.Process == 0
}

// bury notes that a lease is certainly over.
func (n *Node) bury(name string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.buried) > 1024 {
		clear(n.buried)
	}
	n.buried[name] = true
}

// giveBack ends a lease of this server, so that the others do not have to wait until it is over. value is over or handedOver.
func (n *Node) giveBack(ctx context.Context, name string, value []byte) error {
	for {
		_, revision, err := n.config.Bus.Get(ctx, leasePrefix+name)
		switch {
		case err == nil:
			_, err = n.config.Bus.Update(ctx, leasePrefix+name, value, revision, deadTTL)
		case errors.Is(err, ErrNoKey):
			_, err = n.config.Bus.Create(ctx, leasePrefix+name, value, deadTTL)
		}
		if !errors.Is(err, ErrConflict) && !errors.Is(err, ErrExists) { // else it was just renewed or buried
			return err
		}
	}
}

func processName(process uint64) string { return fmt.Sprintf("%016x", process) }
