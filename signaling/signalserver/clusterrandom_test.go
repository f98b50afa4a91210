package signalserver_test

import (
	"cmp"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/signaling/cluster"
	membus "example.org/rtcpeer/signaling/cluster/memory"
	"example.org/rtcpeer/signaling/signalserver"
	"example.org/rtcpeer/testdata/bubble"
	"example.org/rtcpeer/testdata/skip"
)

var (
	schedules = flag.Int("schedules", 0, "number of schedules of TestRandomSchedules; 0: 8, or 40 with RTCPEER_LONG=1")
	schedule  = flag.Uint64("schedule", 1, "the first of them")
)

// Members come, go and talk in one room of three servers, while the servers are cut off, paused, killed and handed over at
// random. When all is well again, each member knows exactly who is in the room, and reaches everybody.
func TestRandomSchedules(t *testing.T) {
	count := cmp.Or(*schedules, 4)
	if *schedules == 0 && !skip.ShortRun() {
		count = 40
	}
	for i := range count {
		seed := *schedule + uint64(i)
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
			bubble.Test(t, func(t *testing.T) {
				w := newWorld(t, seed)
				for range 20 + w.random.IntN(60) {
					w.step()
				}
				w.heal()
				w.check()
			})
		})
	}
}

// worldGrace is far longer than a schedule, so that nobody loses a place because it was away for long.
const worldGrace = 5 * time.Minute

// A world is one schedule: some servers, and members of one room. The goroutine of the test owns it.
type world struct {
	t       *testing.T
	random  *rand.Rand
	hub     *membus.Hub
	config  signalserver.Config
	servers []*stage
	members []*actor
	names   int
	log     []string
	began   time.Time
	stops   []chan struct{}
}

// A stage is a server of a world.
type stage struct {
	*sharing
	name  string
	pause *pausedBus
	until time.Time // when its fault is over; zero: it has none
}

// An actor is a member of a world, and what it knows.
type actor struct {
	name    string
	at      *stage
	client  *client // nil: it is away
	out     chan signaling.Message
	joining bool // it waits for its welcome
	back    time.Time
	token   string
	id      signaling.PeerID
	over    bool // it has left or was kicked
	kicked  bool // the host was asked to take it out
	knows   map[signaling.PeerID]bool
	locked  bool
	sent    map[signaling.PeerID]int
	heard   map[signaling.PeerID]int
}

func newWorld(t *testing.T, seed uint64) *world {
	w := &world{t: t, random: rand.New(rand.NewPCG(seed, 1)), hub: new(membus.Hub), began: time.Now(),
		config: signalserver.Config{Grace: worldGrace, RebuildTime: time.Hour, MessageRate: -1}}
	t.Cleanup(func() {
		if t.Failed() {
			for _, line := range w.log {
				t.Log(line)
			}
		}
	})
	for range 3 {
		w.start()
	}
	for _, s := range w.servers {
		s.wantReady(t)
	}
	for range 3 {
		w.join()
		w.wait(time.Second)
	}
	return w
}

func (w *world) note(format string, args ...any) {
	w.log = append(w.log, fmt.Sprintf("%8.3f ", time.Since(w.began).Seconds())+fmt.Sprintf(format, args...))
}

// start adds a server.
func (w *world) start() {
	s := &stage{name: "s" + strconv.Itoa(w.names)}
	w.names++
	far := []time.Duration{0, time.Millisecond, 5 * time.Millisecond, 20 * time.Millisecond}[w.random.IntN(4)]
	bus := w.hub.Bus()
	s.sharing = shareOver(w.t, bus, func(b cluster.Bus) cluster.Bus {
		s.pause = &pausedBus{Bus: newFarBus(w.t, b, far)}
		return s.pause
	}, s.name, w.config)
	w.t.Cleanup(func() { // before the shutdown
		s.bus.Cut(false)
		s.pause.set(false)
	})
	w.servers = append(w.servers, s)
}

// any returns one of the servers.
func (w *world) any() *stage { return w.servers[w.random.IntN(len(w.servers))] }

// here returns a member that has its welcome, or nil.
func (w *world) here() *actor {
	var list []*actor
	for _, a := range w.members {
		if !a.over && a.client != nil && !a.joining {
			list = append(list, a)
		}
	}
	if len(list) == 0 {
		return nil
	}
	return list[w.random.IntN(len(list))]
}

// step does one thing, and waits a while.
func (w *world) step() {
	a := w.here()
	switch n := w.random.IntN(20); {
	case n < 3 && w.living() < 8:
		w.join()
	case n < 8 && a != nil:
		w.talk(a)
	case n < 10 && a != nil && a.id != signaling.Host:
		w.leave(a)
	case n < 12 && a != nil:
		w.note("%s vanishes", a.name)
		w.lose(a)
	case n < 13 && a != nil:
		w.kick(a)
	case n < 14 && a != nil:
		w.lock()
	case n < 16:
		w.fault(w.any())
	case n < 17:
		w.handOver(w.any())
	case n < 18:
		w.kill(w.any())
	}
	w.wait([]time.Duration{0, time.Millisecond, 10 * time.Millisecond, 100 * time.Millisecond, time.Second, 5 * time.Second}[w.random.IntN(6)])
}

func (w *world) living() (n int) {
	for _, a := range w.members {
		if !a.over {
			n++
		}
	}
	return n
}

func (w *world) join() {
	a := &actor{name: "m" + strconv.Itoa(len(w.members)), knows: make(map[signaling.PeerID]bool),
		sent: make(map[signaling.PeerID]int), heard: make(map[signaling.PeerID]int)}
	w.members = append(w.members, a)
	w.enter(a)
}

// enter connects a member to one of the servers.
func (w *world) enter(a *actor) {
	a.connect(w.t, w.any())
	a.joining = true
	w.note("%s enters at %s, id %d", a.name, a.at.name, a.id)
	a.write(signaling.Join{Room: "r", Resume: a.token})
}

// write queues a message. It is lost if the connection ends before.
func (a *actor) write(m signaling.Message) { a.out <- m }

// connect gives a member a connection, and a goroutine that writes to it until the test ends. A server may take its time to
// read.
func (a *actor) connect(t *testing.T, s *stage) {
	client, out, done := s.client(t), make(chan signaling.Message, 4096), make(chan struct{})
	a.at, a.client, a.out = s, client, out
	go func() {
		defer close(done)
		for m := range out {
			if frame, err := signaling.JSON.Encode(m); err == nil {
				_ = client.conn.WriteMessage(websocket.TextMessage, frame)
			}
		}
	}()
	t.Cleanup(func() {
		client.vanish()
		close(out)
		<-done
	})
}

func (w *world) talk(a *actor) {
	for id := range a.knows {
		for range 1 + w.random.IntN(3) {
			a.sent[id]++
			a.write(signaling.Signal{To: id, Data: []byte(strconv.Itoa(a.sent[id]))})
		}
	}
}

func (w *world) leave(a *actor) {
	w.note("%s leaves", a.name)
	a.over = true
	a.write(signaling.Leave{})
	if w.random.IntN(2) == 0 {
		synctest.Wait()
		a.client.vanish()
	}
}

func (w *world) host() *actor {
	for _, a := range w.members {
		if a.id == signaling.Host && !a.over && a.client != nil && !a.joining {
			return a
		}
	}
	return nil
}

// kick has the host take a member out. The member is over when it hears of it.
func (w *world) kick(a *actor) {
	if host := w.host(); host != nil && host != a && host.knows[a.id] {
		w.note("%s kicks %s", host.name, a.name)
		a.kicked = true
		host.write(signaling.Kick{ID: a.id})
	}
}

func (w *world) lock() {
	if host := w.host(); host != nil {
		w.note("lock and open")
		host.write(signaling.Lock{})
		host.write(signaling.Lock{Open: true})
	}
}

// lose ends a member's connection. It comes back after a while.
func (w *world) lose(a *actor) {
	if a.client != nil {
		a.client.vanish()
		a.client = nil
	}
	a.joining = false
	a.back = time.Now().Add(time.Duration(w.random.IntN(8)) * time.Second)
}

// fault cuts a server off, or pauses it, for a while.
func (w *world) fault(s *stage) {
	if !s.until.IsZero() {
		return
	}
	d := []time.Duration{50 * time.Millisecond, time.Second, 3 * time.Second, 5 * time.Second, 8 * time.Second, 20 * time.Second}[w.random.IntN(6)]
	s.until = time.Now().Add(d)
	switch w.random.IntN(3) {
	case 0:
		w.note("%s is cut off for %v", s.name, d)
		s.bus.Cut(true)
	case 1:
		w.note("%s is paused for %v", s.name, d)
		s.pause.set(true)
	case 2:
		w.note("%s loses a fifth for %v", s.name, d)
		s.bus.Slow(50*time.Millisecond, 0.2)
	}
}

func (w *world) mend(s *stage) {
	w.note("%s is well", s.name)
	s.until = time.Time{}
	s.bus.Cut(false)
	s.pause.set(false)
	s.bus.Slow(0, 0)
}

// remove replaces a server by another one.
func (w *world) remove(s *stage) {
	w.start()
	w.servers = slices.DeleteFunc(w.servers, func(other *stage) bool { return other == s })
}

func (w *world) handOver(s *stage) {
	if !s.until.IsZero() {
		return
	}
	w.note("%s hands over", s.name)
	w.remove(s)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = s.Shutdown(context.Background())
	}()
	w.stops = append(w.stops, done)
}

// kill cuts a server off for good, and its clients lose their connections.
func (w *world) kill(s *stage) {
	w.note("%s is killed", s.name)
	w.remove(s)
	s.bus.Cut(true)
	s.pause.set(false)
	for _, a := range w.members {
		if a.at == s && a.client != nil {
			w.lose(a)
		}
	}
}

// wait lets time pass. Meanwhile members hear what they are told, and come back, and faults end.
func (w *world) wait(d time.Duration) {
	for until := time.Now().Add(d); ; {
		synctest.Wait()
		for _, a := range w.members {
			w.hear(a)
		}
		now := time.Now()
		for _, s := range w.servers {
			if !s.until.IsZero() && now.After(s.until) {
				w.mend(s)
			}
		}
		for _, a := range w.members {
			if !a.over && a.client == nil && now.After(a.back) {
				w.enter(a)
			}
		}
		if !now.Before(until) {
			return
		}
		time.Sleep(min(until.Sub(now), 100*time.Millisecond)) // of fake time
	}
}

// hear handles what a member was told.
func (w *world) hear(a *actor) {
	for a.client != nil {
		select {
		case m, ok := <-a.client.received:
			if !ok {
				w.note("%s: %v", a.name, <-a.client.closed)
				w.lose(a)
				return
			}
			w.told(a, m)
		default:
			return
		}
	}
}

func (w *world) told(a *actor, m signaling.Message) {
	switch m := m.(type) {
	case signaling.Welcome:
		w.note("%s is %d, with %d others", a.name, m.ID, len(m.Members))
		if a.token != "" {
			require.Equal(w.t, a.id, m.ID)
		}
		a.id, a.token, a.joining, a.locked = m.ID, m.Resume, false, m.Locked
		clear(a.knows)
		for _, other := range m.Members {
			a.knows[other.ID] = true
		}
	case signaling.Resume:
		a.token = m.Token
	case signaling.Joined:
		w.note("%s hears that %d is there", a.name, m.Member.ID)
		require.False(w.t, a.knows[m.Member.ID], "%s hears twice that %d is there", a.name, m.Member.ID)
		a.knows[m.Member.ID] = true
	case signaling.Left:
		w.note("%s hears that %d has left: %s", a.name, m.ID, m.Reason)
		require.True(w.t, a.knows[m.ID] || m.Reason == signaling.LeftKicked, "%s hears that %d has left, which it does not know", a.name, m.ID)
		delete(a.knows, m.ID)
	case signaling.Lock:
		a.locked = !m.Open
	case signaling.Signal:
		var number int
		require.NoError(w.t, json.Unmarshal(m.Data, &number))
		require.True(w.t, a.knows[m.From], "%s hears from %d, which it does not know", a.name, m.From)
		require.Greater(w.t, number, a.heard[m.From], "%s hears from %d", a.name, m.From)
		a.heard[m.From] = number
	case *signaling.Error:
		w.note("%s: %v", a.name, m)
		switch m.Code {
		case signaling.CodeKicked:
			a.over = true
		case signaling.CodeResumeRefused:
			require.True(w.t, a.over || a.kicked, "%s: %v", a.name, m)
			a.over = true
		case signaling.CodeUnknownPeer, signaling.CodeNotHost:
		default:
			require.True(w.t, a.over || m.Code.Retry() || m.RetryMillis > 0 || m.Code == signaling.CodeReplaced ||
				m.Code == signaling.CodeLocked && a.token == "", "%s: %v", a.name, m)
		}
		if a.joining { // some errors leave the connection open
			w.lose(a)
		}
	}
}

// heal ends all faults, and waits until the places of those that did not come back are over.
func (w *world) heal() {
	for _, s := range w.servers {
		w.mend(s)
	}
	for _, done := range w.stops {
		<-done
	}
	w.note("all is well")
	w.wait(time.Minute)
	w.note("a minute later")
	if host := w.host(); host != nil { // that it was opened may be lost with a server
		host.write(signaling.Lock{Open: true})
	}
	w.wait(worldGrace + time.Minute)
}

func (w *world) check() {
	ids := make(map[signaling.PeerID]bool)
	var here []*actor
	for _, a := range w.members {
		if !a.over {
			require.False(w.t, a.client == nil || a.joining, a.name)
			ids[a.id] = true
			here = append(here, a)
		}
	}
	require.Len(w.t, here, len(ids))
	if len(ids) == 0 {
		return
	}
	for _, s := range w.servers {
		list, ok := s.Members("r")
		require.True(w.t, ok)
		var room []signaling.PeerID
		for _, m := range list {
			require.True(w.t, m.Connected, "%d", m.ID)
			room = append(room, m.ID)
		}
		require.ElementsMatch(w.t, slices.Collect(maps.Keys(ids)), room, "the room as %s has it", s.name)
	}
	for _, a := range here {
		want := maps.Clone(ids)
		delete(want, a.id)
		require.Equal(w.t, want, a.knows, "what %s knows, which is %d", a.name, a.id)
		require.Equal(w.t, here[0].locked, a.locked, "whether %s finds the room locked", a.name)
	}
	for _, a := range here {
		for id := range a.knows {
			a.sent[id]++
			a.write(signaling.Signal{To: id, Data: []byte(strconv.Itoa(a.sent[id]))})
		}
	}
	w.wait(10 * time.Second)
	for _, a := range here {
		for _, b := range here {
			if a != b {
				require.Equal(w.t, a.sent[b.id], b.heard[a.id], "%s to %s", a.name, b.name)
			}
		}
	}
}

// A pausedBus lets nothing pass while it is paused, and then all that has waited.
type pausedBus struct {
	cluster.Bus
	gate gate
}

func (b *pausedBus) set(paused bool) { b.gate.set(paused) }

func (b *pausedBus) Create(ctx context.Context, key string, value []byte, ttl time.Duration) (uint64, error) {
	if err := b.gate.pass(ctx); err != nil {
		return 0, err
	}
	return b.Bus.Create(ctx, key, value, ttl)
}

func (b *pausedBus) Update(ctx context.Context, key string, value []byte, revision uint64, ttl time.Duration) (uint64, error) {
	if err := b.gate.pass(ctx); err != nil {
		return 0, err
	}
	return b.Bus.Update(ctx, key, value, revision, ttl)
}

func (b *pausedBus) Delete(ctx context.Context, key string, revision uint64) error {
	if err := b.gate.pass(ctx); err != nil {
		return err
	}
	return b.Bus.Delete(ctx, key, revision)
}

func (b *pausedBus) Get(ctx context.Context, key string) ([]byte, uint64, error) {
	if err := b.gate.pass(ctx); err != nil {
		return nil, 0, err
	}
	return b.Bus.Get(ctx, key)
}

func (b *pausedBus) Watch(ctx context.Context, prefix string, changed func(key string, value []byte)) error {
	return b.Bus.Watch(ctx, prefix, func(key string, value []byte) {
		_ = b.gate.pass(ctx)
		changed(key, value)
	})
}

func (b *pausedBus) Publish(subject string, data []byte) error {
	data = slices.Clone(data)
	b.gate.later(func() { _ = b.Bus.Publish(subject, data) })
	return nil
}

func (b *pausedBus) Subscribe(subject string, receive func(data []byte)) (stop func(), err error) {
	return b.Bus.Subscribe(subject, func(data []byte) {
		_ = b.gate.pass(context.Background())
		receive(data)
	})
}

// A gate is open or shut.
type gate struct {
	mu      sync.Mutex    // guards the fields below
	open    chan struct{} // closed when the gate opens; nil: it is open
	waiting []func()
}

func (g *gate) set(shut bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if shut && g.open == nil {
		g.open = make(chan struct{})
	}
	if !shut && g.open != nil {
		close(g.open)
		g.open = nil
		for _, do := range g.waiting {
			do()
		}
		g.waiting = nil
	}
}

// pass waits until the gate is open.
func (g *gate) pass(ctx context.Context) error {
	g.mu.Lock()
	open := g.open
	g.mu.Unlock()
	if open == nil {
		return nil
	}
	select {
	case <-open:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// later calls do now, or when the gate opens.
func (g *gate) later(do func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.open == nil {
		do()
		return
	}
	g.waiting = append(g.waiting, do)
}
