package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/signaling/rooms"
)

// A Node is one server of a cluster.
type Node struct {
	// Fixed at construction.
	config  Config
	process uint64 // a random number
	began   time.Time
	life    context.Context // ends with Close
	cancel  context.CancelFunc
	stop    func() // of the subscription; set by Start

	wg       sync.WaitGroup
	leases   int           // owned by keep: number of leases that it has tried to get
	held     int           // owned by keep: number of the latest lease that it got
	released chan struct{} // closed when the lease is given back
	wake     chan struct{} // holds a token when claims are dirty
	missing  chan struct{} // holds a token when the key of the lease has disappeared
	proving  chan struct{} // holds a token when a proof is wanted
	mending  chan struct{} // holds a token when places are loose
	back     chan struct{} // holds a token when this server may have been cut off
	untidy   chan struct{} // holds a token when there may be keys of leases that are over
	stirred  chan struct{} // holds a token when another server was heard after HandOver

	// Safe for concurrent use.
	rooms    atomic.Pointer[rooms.Store]
	deadline atomic.Int64 // since began: the server acts until then
	dateline atomic.Int64 // the same by the wall clock, which goes on while the machine sleeps; in Unix nanoseconds
	watched  atomic.Bool  // the leases of the others are known
	emptied  atomic.Int64 // since began: when keys of others may last have been missing; see keysMayBeMissing
	joining  atomic.Int64 // joins and questions of other servers in progress
	handed   atomic.Int64 // since began: when HandOver had given back the lease; 0: it has not
	lastSaid atomic.Int64
	counters counters

	flushing semaphore  // held while records are written
	adopting sync.Mutex // held while a room is adopted under a lease, and while lose gives all rooms up

	mu           sync.Mutex // guards the fields below
	lease        string     // empty: none
	proof        *proof     // settled by the next renewal; nil: nobody wants one
	surrendering bool       // rooms are being given up and must not be claimed again
	claims       map[string]*claim
	dirty        []*claim
	buried       map[string]bool   // leases that are over
	living       map[string]holder // leases that the watch has reported
	doubted      map[string]bool   // leases in living that may be over
	owners       owners
	places       map[uint64]*Place // sessions of this server, by number
	lastPlace    uint64
	visitors     map[visit]*visitor // sessions of other servers in rooms of this one
	pipes        map[uint64]*pipe
	ended        map[uint64]uint32 // epochs of the pipes to processes that have ended
	loose        []*Place
	recallers    map[uint64]bool // servers that have asked opRecall since HandOver
	asks         map[uint64]chan json.RawMessage
	lastAsk      uint64
}

// A Config configures a Node.
type Config struct {
	// Bus connects the servers. The node does not close it.
	Bus Bus
	// Server is the name of this server, for people.
	Server string
	// Dialects are the dialects that sessions may speak, by names that are the same on all servers.
	Dialects map[string]*signaling.Dialect
	// Account returns the account that pays for sessions of other servers from an address. If the address is invalid,
	// it returns the account for rooms that were taken over.
	Account func(remote netip.Addr) rooms.Account
	// Answer answers a question of another server, in its own goroutine. After an error, the answer is null.
	Answer func(op string, body json.RawMessage) (any, error)
	// Observe is called with the time that the bus took to renew the lease. Nil means none.
	Observe func(time.Duration)
	// Key is a fingerprint of the key for resume tokens, which must be the same on all servers. If a server with
	// another one is found, the log says so. Empty means that it is not compared.
	Key string
	// Log gets a line for each lease that is gained or lost, and for errors of the bus.
	Log *slog.Logger
}

// New returns a node. Its methods Owns, Acts and Changed belong into the Config of the Store that is passed to Start.
func New(config Config) *Node {
	life, cancel := context.WithCancel(context.Background())
	n := &Node{
		life:      life,
		cancel:    cancel,
		mending:   make(chan struct{}, 1),
		back:      make(chan struct{}, 1),
		untidy:    make(chan struct{}, 1),
		stirred:   make(chan struct{}, 1),
		missing:   make(chan struct{}, 1),
		proving:   make(chan struct{}, 1),
		config:    config,
		process:   1 + rand.Uint64N(1<<63),
		began:     time.Now(),
		released:  make(chan struct{}),
		wake:      make(chan struct{}, 1),
		flushing:  make(semaphore, 1),
		claims:    make(map[string]*claim),
		buried:    make(map[string]bool),
		living:    make(map[string]holder),
		doubted:   make(map[string]bool),
		owners:    make(owners),
		places:    make(map[uint64]*Place),
		visitors:  make(map[visit]*visitor),
		pipes:     make(map[uint64]*pipe),
		ended:     make(map[uint64]uint32),
		recallers: make(map[uint64]bool),
		asks:      make(map[uint64]chan json.RawMessage),
	}
	n.tidyAgain() // servers may have died before
	return n
}

// Owns is for the field Owns of rooms.Config.
func (n *Node) Owns(name signaling.RoomName) bool { return n.owns(name) }

// Acts is for the field Acts of rooms.Config.
func (n *Node) Acts() bool { return n.acts() }

// Changed is for the field Changed of rooms.Config.
func (n *Node) Changed(name signaling.RoomName) { n.changed(name) }

func (n *Node) store() *rooms.Store { return n.rooms.Load() }

// subjectOf returns the subject to which a server subscribes.
func subjectOf(process uint64) string { return "server." + processName(process) }

// Start begins to take part in the cluster, with the store of this server. Close ends what it starts.
func (n *Node) Start(store *rooms.Store) error {
	n.rooms.Store(store)
	stop, err := n.config.Bus.Subscribe(subjectOf(n.process), n.receive)
	if err != nil {
		return err
	}
	n.stop = stop
	n.wg.Go(func() { n.keep(n.life) })
	n.wg.Go(func() { n.write(n.life) })
	n.wg.Go(func() { n.watch(n.life) })
	n.wg.Go(func() { n.tick(n.life) })
	n.wg.Go(func() { n.mend(n.life) })
	n.wg.Go(func() { n.tidy(n.life) })
	return nil
}

// Ready returns nil if this server can take members, or why not.
func (n *Node) Ready() error {
	if !n.watched.Load() || !n.acts() {
		return errors.New("no lease: the bus (NATS) does not answer, or has only just answered again")
	}
	return nil
}

// Back gets a value whenever this server has a lease and knows the leases of the others again, after it had lacked one
// of these. Messages to or from other servers may have been lost meanwhile.
func (n *Node) Back() <-chan struct{} { return n.back }

// isBack is called when this server has got a lease, or has learned the leases of the others.
func (n *Node) isBack() {
	if n.Ready() != nil {
		return
	}
	notify(n.back)
}

// lingerTime is how long at most after HandOver a node goes on to return frames that other servers had sent before they
// learned of it.
const lingerTime = 500 * time.Millisecond

// Close ends what Start began. It does not hand over the rooms: call HandOver before. After HandOver it first waits until
// the other servers have got back the frames that they had sent to the rooms, but at most half a second.
func (n *Node) Close() {
	n.linger()
	n.mu.Lock()
	for _, p := range n.pipes {
		p.close()
	}
	n.mu.Unlock()
	n.cancel()
	n.stop()
	n.wg.Wait()
}

func (n *Node) linger() {
	at := n.handed.Load()
	if at == 0 {
		return
	}
	enough := time.NewTimer(time.Duration(at) + lingerTime - time.Since(n.began))
	defer enough.Stop()
	for !n.recalled() {
		select {
		case <-n.stirred:
		case <-enough.C:
			return
		}
	}
}

// recalled reports whether all other living servers have asked opRecall since HandOver, and have all that was sent to them.
func (n *Node) recalled() bool {
	for _, process := range n.others(func(holder) bool { return true }) {
		n.mu.Lock()
		asked := n.recallers[process]
		n.mu.Unlock()
		if !asked || !n.pipeTo(process).empty() {
			return false
		}
	}
	return true
}

// opRecall asks a server to answer when it has handled all that was sent to it before. The answer comes after all that it
// has returned.
const opRecall = "recall"

// recall asks opRecall. It closes done with the answer, or after lingerTime.
func (n *Node) recall(process uint64, done chan struct{}) {
	n.wg.Go(func() {
		defer close(done)
		ctx, cancel := context.WithTimeout(n.life, lingerTime)
		defer cancel()
		n.askOf(ctx, []uint64{process}, opRecall, nil)
	})
}

// HandOver gives up all rooms at once, together with the lease, so that other servers take them over. From then on
// this server accepts no members, and its sessions must end: the other servers do not expect them to go on. HandOver
// returns when the rooms are given up, or with an error of the bus or of ctx.
func (n *Node) HandOver(ctx context.Context) error {
	n.mu.Lock()
	name := n.lease
	select {
	case <-n.released:
		n.mu.Unlock()
		return nil
	default:
	}
	close(n.released)
	n.mu.Unlock()
	n.deadline.Store(0) // nothing changes any more, except for acts that have begun
	n.store().Settle()
	n.flush(ctx)
	n.lose()
	if name == "" {
		return nil
	}
	err := n.giveBack(ctx, name, handedOver)
	if err == nil {
		n.handed.Store(int64(time.Since(n.began)))
	}
	return err
}

// lose stops acting as an owner at once, and makes the sessions look for the new owners of their rooms.
func (n *Node) lose() {
	n.deadline.Store(0)
	n.mu.Lock()
	was := n.lease
	n.lease, n.surrendering = "", true
	claims := n.claims
	n.claims, n.dirty = make(map[string]*claim), nil
	for _, c := range claims {
		c.over = true
	}
	visitors := n.visitors
	n.visitors = make(map[visit]*visitor)
	places := n.allPlaces()
	n.mu.Unlock()
	n.takeProof().settle(errNoLease)
	for _, p := range places {
		p.loosenLocal()
	}
	for _, v := range visitors {
		v.end()
	}
	n.adopting.Lock()
	for _, name := range n.store().Owned() {
		n.store().Surrender(name)
	}
	n.adopting.Unlock()
	n.mu.Lock()
	n.surrendering = false
	n.mu.Unlock()
	if was != "" {
		select {
		case <-n.released:
		default:
			n.counters.leasesLost.Add(1)
		}
		n.config.Log.Warn("lease lost", "server", n.config.Server, "lease", was, "rooms", len(claims))
	}
	n.reattach(places)
}

// abandon gives up a room that another server now owns.
func (n *Node) abandon(c *claim) {
	name, _ := roomOf(c.key)
	n.counters.claimsLost.Add(1)
	n.mu.Lock()
	c.over = true
	if n.claims[c.key] == c {
		delete(n.claims, c.key)
	}
	var visitors []*visitor
	for at, v := range n.visitors {
		if v.key == c.key {
			delete(n.visitors, at)
			visitors = append(visitors, v)
		}
	}
	var places []*Place
	for _, p := range n.allPlaces() {
		if p.keyNow() == c.key {
			places = append(places, p)
		}
	}
	n.mu.Unlock()
	for _, p := range places {
		p.loosenLocal()
	}
	for _, v := range visitors {
		v.notMine()
	}
	n.store().Surrender(name)
	n.reattach(places)
}

func (n *Node) allPlaces() []*Place {
	list := make([]*Place, 0, len(n.places))
	for _, p := range n.places {
		list = append(list, p)
	}
	return list
}

// lost handles the loss of messages to or from another server. The sessions of that server are lost until it attaches
// them again, and the sessions of this one are attached again. With restart, the pipe begins anew, and tells the other
// server of the loss: that server may have nothing to say, and would not attach its sessions.
func (n *Node) lost(process uint64, restart bool) {
	n.mu.Lock()
	var visitors []*visitor
	for at, v := range n.visitors {
		if at.process == process {
			visitors = append(visitors, v)
		}
	}
	var places []*Place
	for _, p := range n.places {
		if p.ownedBy(process) {
			places = append(places, p)
		}
	}
	p := n.pipes[process]
	n.mu.Unlock()
	for _, v := range visitors {
		v.miss()
		v.forget() // as in leaseOver
	}
	if p != nil && restart {
		p.restart()
		n.sendOver(p, &message{Kind: kindHello})
	}
	n.reattach(places)
}

// pipeTo returns the pipe to another server.
func (n *Node) pipeTo(process uint64) *pipe {
	n.mu.Lock()
	defer n.mu.Unlock()
	p := n.pipes[process]
	if p == nil {
		subject := subjectOf(process)
		p = newPipe(n.process, process, func(b []byte) error { return n.config.Bus.Publish(subject, b) }, &n.counters)
		p.epoch += n.ended[process]
		n.pipes[process] = p
	}
	return p
}

// send queues a message for another server, and never blocks. If there is no room for it, the pipe breaks.
func (n *Node) send(process uint64, m *message) { n.sendOver(n.pipeTo(process), m) }

// sendOver is send for callers that have the pipe, which may hold Place.mu.
func (n *Node) sendOver(p *pipe, m *message) {
	b, err := m.encode()
	if err != nil {
		n.logError("encode", err)
		return
	}
	if len(b) > maxWhole {
		n.counters.drop(DropTooLarge, 1)
		n.logError("send", fmt.Errorf("cluster: %s %s has %d bytes: want at most %d", m.Kind, m.Op, len(b), maxWhole))
		return
	}
	p.send(partsOf(b, n.config.Bus.MaxMessage()-datagramHeader)...)
}

// receive handles one datagram. The bus calls it.
func (n *Node) receive(b []byte) {
	from, ok := senderOf(b, n.process)
	if !ok {
		return
	}
	p := n.pipeTo(from)
	if n.handed.Load() != 0 {
		defer notify(n.stirred)
	}
	data, restarted := p.receive(b)
	if restarted {
		p.parts = nil
		n.lost(from, false)
	}
	if data == nil {
		return
	}
	n.counters.received.Add(1)
	m, err := decode(data)
	if err == nil && m.Kind == kindPart {
		if m, err = p.join(m); m == nil && err == nil {
			return
		}
	}
	if err != nil {
		n.counters.drop(DropMalformed, 1)
		n.logError("message", err)
		return
	}
	n.handle(from, m)
}

// tick serves the pipes, and does what is due for visitors.
func (n *Node) tick(ctx context.Context) {
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	for i := 0; ; i++ {
		select {
		case <-ctx.Done():
			return
		case now := <-ticker.C:
			n.mu.Lock()
			pipes := make([]*pipe, 0, len(n.pipes))
			for _, p := range n.pipes {
				pipes = append(pipes, p)
			}
			var visitors []*visitor
			if i%20 == 0 {
				for _, v := range n.visitors {
					visitors = append(visitors, v)
				}
			}
			n.mu.Unlock()
			for _, p := range pipes {
				if p.tick(now, !p.alone.IsZero() || !n.acts()) {
					n.lost(p.peer, true)
				}
			}
			for _, v := range visitors {
				v.wakeIfDue()
			}
			if i%20 == 0 {
				n.findOrphans()
				n.closePipes(now)
			}
		}
	}
}

// pipeKept is how long the pipe to a process without a lease is kept.
const pipeKept = 10 * time.Minute

// closePipes closes the pipes to processes that seem to have ended. If such a process comes back, its pipe begins
// another epoch. tick calls closePipes.
func (n *Node) closePipes(now time.Time) {
	n.mu.Lock()
	defer n.mu.Unlock()
	alive := make(map[uint64]bool)
	for _, h := range n.living {
		alive[h.Process] = true
	}
	for process, p := range n.pipes {
		switch {
		case alive[process]:
			p.alone = time.Time{}
		case p.alone.IsZero():
			p.alone = now
		case now.Sub(p.alone) > pipeKept:
			p.close()
			delete(n.pipes, process)
			if len(n.ended) >= maxEnded {
				clear(n.ended)
			}
			n.ended[process] = p.epochNow()
		}
	}
}

// maxEnded is how many ended processes are remembered.
const maxEnded = 1024

// findOrphans reattaches places that have lost their owner without any event. It ends places whose Leave could not be
// delivered in time.
func (n *Node) findOrphans() {
	n.mu.Lock()
	var orphans, late []*Place
	for _, p := range n.places {
		if at := p.departedAt(); !at.IsZero() && time.Since(at) > leaveTime {
			late = append(late, p)
		} else if p.orphaned(func(lease string) bool { _, ok := n.living[lease]; return ok }) {
			orphans = append(orphans, p)
		}
	}
	n.mu.Unlock()
	for _, p := range late {
		p.finish()
	}
	n.reattach(orphans)
}

func (n *Node) leaseNow() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.lease
}

// logError logs an error, at most once a second.
func (n *Node) logError(doing string, err error) {
	now := time.Since(n.began)
	if last := n.lastSaid.Load(); now-time.Duration(last) > time.Second && n.lastSaid.CompareAndSwap(last, int64(now)) {
		n.config.Log.Warn("cluster error", "server", n.config.Server, "operation", doing, "err", err)
	}
}

// notify puts a token into a channel that holds one, if it is not there already.
func notify(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
