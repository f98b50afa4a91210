package signalserver

import (
	"bytes"
	"errors"
	"io"
	"sync"
	"time"

	"github.com/gorilla/websocket"
	"golang.org/x/time/rate"

	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/signaling/rooms"
)

// A forwarder forwards the binary frames of one session (Config.RelayLinks), no faster than Config.RelayRate, the part of
// RelayTotal that its address has, and RelayTotal itself allow. Frames that have to wait do so here, at most maxForwarding bytes, so that the session's messages are
// read meanwhile. Beyond that nothing is read, and TCP pushes back.
//
//	session.readLoop -> forwarder: frames -> run: the limits -> Member.ForwardTo -> outbox of the receiver
//
// It has a goroutine, run, while it has frames. The session's finish waits for it.
type forwarder struct {
	// Fixed at construction.
	session *session
	limit   *rate.Limiter // of the member
	room    chan struct{} // a token: run has taken frames
	done    sync.WaitGroup

	mu      sync.Mutex // guards the fields below
	frames  [][]byte
	bytes   int
	running bool
}

const (
	// maxForwarding is what may wait in a forwarder, and what one sender may have waiting in front of one receiver: twice
	// what the two ends of a path have on their way.
	maxForwarding = 256 << 10
	// maxForwards is what may wait in front of one receiver, from all senders.
	maxForwards = 4 << 20
	// forwardCost is what a frame costs besides its bytes, for the limits and for memory.
	forwardCost = 64
)

// The words for frames that are not forwarded.
const (
	droppedRelayUnknown = "relay_unknown" // their receiver is not there, or does not want any
	droppedRelayFull    = "relay_full"    // their receiver reads too slowly
)

// mayForward reports whether the session's binary frames are forwarded.
func (s *session) mayForward() bool {
	m := s.member.Load()
	if m == nil && s.place.Load() != nil { // its room is on another server: nothing is forwarded, and that is no mistake of the client
		return s.server.config.RelayLinks
	}
	return s.server.config.RelayLinks && m != nil && m.Can(signaling.FeatureRelayLinks)
}

// forward takes a binary frame. It waits while too much waits already.
func (s *session) forward(frame io.Reader) error {
	b := s.server.buffers.Get().(*bytes.Buffer)
	defer s.server.buffers.Put(b)
	b.Reset()
	held, err := s.fill(b, &pieces{Reader: frame}, signaling.MaxForward)
	defer s.account.Release(held)
	if errors.Is(err, errUnread) {
		return nil // the next read tells the same
	}
	if err == nil {
		_, _, err = signaling.DecodeForward(b.Bytes())
	}
	if err != nil {
		return err
	}
	if s.forwards == nil {
		s.forwards = newForwarder(s)
	}
	s.busy.Store(true)
	defer func() {
		s.see()
		s.busy.Store(false)
	}()
	if s.account.Hold(b.Len()+forwardCost) != nil {
		s.server.counters.drop(rooms.DroppedBudget)
		s.forwards.pause(delay(s.forwards.limit, b.Len()+forwardCost)) // no faster than what is forwarded
		return nil
	}
	s.forwards.push(bytes.Clone(b.Bytes()))
	return nil
}

func newForwarder(s *session) *forwarder {
	c := &s.server.config
	return &forwarder{session: s, limit: rate.NewLimiter(rate.Limit(c.RelayRate), c.RelayBurst), room: make(chan struct{}, 1)}
}

// push adds a frame, for which the session's account has paid, and waits for room before.
func (f *forwarder) push(frame []byte) {
	for !f.tryPush(frame) {
		select {
		case <-f.room:
		case <-f.session.ended:
			f.session.account.Release(len(frame) + forwardCost)
			return
		}
	}
}

func (f *forwarder) tryPush(frame []byte) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.bytes > 0 && f.bytes+len(frame)+forwardCost > maxForwarding {
		return false
	}
	f.frames = append(f.frames, frame)
	f.bytes += len(frame) + forwardCost
	if !f.running {
		f.running = true
		f.done.Go(f.run)
	}
	return true
}

func (f *forwarder) pop() []byte {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.frames) == 0 {
		f.frames, f.running = nil, false
		return nil
	}
	frame := f.frames[0]
	f.frames[0] = nil
	f.frames = f.frames[1:]
	f.bytes -= len(frame) + forwardCost
	f.session.account.Release(len(frame) + forwardCost)
	select {
	case f.room <- struct{}{}:
	default:
	}
	return frame
}

// run forwards what waits, and ends when nothing does or the session has ended.
func (f *forwarder) run() {
	s := f.session
	for frame := f.pop(); frame != nil; frame = f.pop() {
		if !f.await(len(frame) + forwardCost) {
			continue // the session has ended
		}
		f.deliver(frame)
		s.server.counters.relayedFrames.Add(1)
		s.server.counters.relayedBytes.Add(uint64(len(frame)))
	}
}

// await waits until the limits allow n bytes. It reports false if the session has ended. What waits for the limits of the
// member and its address takes nothing of the total meanwhile, which is for those who can use it.
func (f *forwarder) await(n int) bool {
	if f.session.over() {
		return false // and takes nothing of what others can use
	}
	wait := delay(f.limit, n)
	for level := f.session.account; level != nil && level.relay != nil; level = level.wider {
		wait = max(wait, delay(level.relay, n))
	}
	if !f.pause(wait) {
		return false
	}
	total := delay(f.session.server.forwards, n)
	if wait > 0 || total > 0 {
		f.session.server.counters.relayThrottled.Add(1)
	}
	return f.pause(total)
}

// delay takes n bytes of a limit, and returns how long they have to wait.
func delay(limit *rate.Limiter, n int) time.Duration {
	now := time.Now()
	return limit.ReserveN(now, n).DelayFrom(now)
}

// pause reports false if the session has ended, or does meanwhile.
func (f *forwarder) pause(wait time.Duration) bool {
	if wait <= 0 {
		return !f.session.over()
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-f.session.ended:
		return false
	}
}

// deliver puts a frame into the outbox of its receiver.
func (f *forwarder) deliver(frame []byte) {
	s := f.session
	m := s.member.Load()
	if m == nil { // its room is on another server by now: those forward nothing
		s.server.counters.drop(droppedRelayUnknown)
		return
	}
	id, _, _ := signaling.DecodeForward(frame) // forward has checked it
	to, ok := m.ForwardTo(s, id).(*session)
	if !ok {
		s.server.counters.drop(droppedRelayUnknown)
		return
	}
	signaling.SetForwardPeer(frame, m.ID())
	wake, taken := to.outbox.pushForward(m.ID(), frame)
	if !taken {
		s.server.counters.drop(droppedRelayFull)
	}
	to.pushed(wake, "")
}

// wait waits until the forwarder has ended, as it does with the session.
func (f *forwarder) wait() {
	if f != nil {
		f.done.Wait()
	}
}

// A forwards is what waits in an outbox behind its items, to be written when there are none: binary frames of other
// members. Outbox.mu guards it.
type forwards struct {
	frames []forward
	bytes  int
	of     map[signaling.PeerID]int // bytes of each sender
}

type forward struct {
	from signaling.PeerID
	item item
}

// pushForward adds a binary frame of a member. It reports false for taken if there is no room, which costs the frame alone.
func (o *outbox) pushForward(from signaling.PeerID, frame []byte) (wake, taken bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	i := item{websocket.BinaryMessage, frame}
	f, cost := &o.forwards, i.cost()
	if o.ended || f.bytes+cost > maxForwards || f.of[from]+cost > maxForwarding || o.account.Hold(cost) != nil {
		return false, false
	}
	if f.of == nil {
		f.of = make(map[signaling.PeerID]int)
	}
	f.frames = append(f.frames, forward{from, i})
	f.bytes += cost
	f.of[from] += cost
	return o.start(), true
}

// takeForwards is the part of take for binary frames, after which what comes first goes first again.
func (o *outbox) takeForwards(b *batch) {
	f := &o.forwards
	n := 0
	for ; n < len(f.frames); n++ {
		next := f.frames[n]
		if len(b.bytes) > 0 && len(b.bytes)+maxFrameHeader+len(next.item.data) > batchBytes {
			break
		}
		b.add(next.item)
		cost := next.item.cost()
		o.taken += cost
		f.bytes -= cost
		if f.of[next.from] -= cost; f.of[next.from] == 0 {
			delete(f.of, next.from)
		}
	}
	if f.frames = f.frames[n:]; len(f.frames) == 0 {
		*f = forwards{}
	}
}

// dropForwards lets go what waits.
func (o *outbox) dropForwards() {
	o.account.Release(o.forwards.bytes)
	o.forwards = forwards{}
}

// newTotal is the limit of all members.
func newTotal(c Config) *rate.Limiter { return newRelayLimit(c, c.RelayTotal) }

// newAddressLimit is the limit of all members of an address, or of a network that may have share times as much: a
// sixteenth of the total, as of the bytes that the server keeps (budget), but at least what one member may have.
func newAddressLimit(c Config, share int) *rate.Limiter {
	if !c.RelayLinks {
		return nil
	}
	return newRelayLimit(c, share*max(c.RelayTotal/16, c.RelayRate))
}

// newRelayLimit has a burst of a quarter second, or one member's.
func newRelayLimit(c Config, bytes int) *rate.Limiter {
	return rate.NewLimiter(rate.Limit(bytes), max(bytes/4, c.RelayBurst))
}
