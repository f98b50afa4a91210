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

// A forwarder forwards the binary frames of one session (Config.RelayLinks) within three limits: Config.RelayRate,
// the share of RelayTotal for its address, and RelayTotal itself. Frames that must wait do so in the forwarder, at
// most maxForwarding bytes, so that the messages of the session are still read. When it is full, nothing more is read
// from the session, and TCP pushes back.
//
//	session.readLoop -> forwarder: frames -> run: the limits -> Member.ForwardTo -> outbox of the receiver
//
// Its goroutine, run, exists only while there are frames. session.finish waits for it.
type forwarder struct {
	// Fixed at construction.
	session *session
	limit   *rate.Limiter // of this session
	room    chan struct{} // holds a token after a frame was taken out
	done    sync.WaitGroup

	mu      sync.Mutex // guards the fields below
	frames  [][]byte
	bytes   int
	running bool
}

const (
	// maxForwarding is how many bytes may wait in a forwarder, and how many bytes of one sender may wait for one
	// receiver: twice what one end of a path has in flight.
	maxForwarding = 256 << 10
	// maxForwards is how many bytes may wait for one receiver, from all senders.
	maxForwards = 4 << 20
	// forwardCost is the cost of a frame in addition to its bytes, for the limits and for memory.
	forwardCost = 64
)

// Drop reasons of binary frames.
const (
	droppedRelayUnknown DropReason = "relay_unknown" // the receiver is not in the room, or takes no binary frames
	droppedRelayFull    DropReason = "relay_full"    // the receiver reads too slowly
)

// mayForward reports whether the session may send binary frames.
func (s *session) mayForward() bool {
	m := s.member.Load()
	if m == nil && s.place.Load() != nil { // its room is on another server: no forwarding, but no error either
		return s.server.config.RelayLinks
	}
	return s.server.config.RelayLinks && m != nil && m.Can(signaling.FeatureRelayLinks)
}

// forward takes a binary frame. It blocks while too many wait already.
func (s *session) forward(frame io.Reader) error {
	b := s.server.buffers.Get().(*bytes.Buffer)
	defer s.server.buffers.Put(b)
	b.Reset()
	held, err := s.fill(b, &pieces{Reader: frame}, signaling.MaxForward)
	defer s.account.Release(held)
	if errors.Is(err, errUnread) {
		return nil // the next read returns the same error
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
		s.forwards.pause(delay(s.forwards.limit, b.Len()+forwardCost)) // no faster than frames that are forwarded
		return nil
	}
	s.forwards.push(bytes.Clone(b.Bytes()))
	return nil
}

func newForwarder(s *session) *forwarder {
	c := &s.server.config
	return &forwarder{session: s, limit: rate.NewLimiter(rate.Limit(c.RelayRate), c.RelayBurst), room: make(chan struct{}, 1)}
}

// push adds a frame, waiting until there is room. The session's account has already paid for the frame.
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

// run forwards the waiting frames, and ends when there are none or the session has ended.
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

// await waits until the limits allow n bytes. It returns false if the session has ended. While a frame waits for the
// limits of its member and its address, it takes nothing from the total limit, which is left to those who can use it.
func (f *forwarder) await(n int) bool {
	if f.session.over() {
		return false // without taking anything from the limits that others share
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

// delay takes n bytes from a limit, and returns how long they must wait.
func delay(limit *rate.Limiter, n int) time.Duration {
	now := time.Now()
	return limit.ReserveN(now, n).DelayFrom(now)
}

// pause waits. It returns false if the session has ended or ends meanwhile.
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
	if m == nil { // its room is on another server by now: such rooms forward nothing
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

// wait waits until run has ended, which it does when the session ends.
func (f *forwarder) wait() {
	if f != nil {
		f.done.Wait()
	}
}

// A forwards holds binary frames of other members that wait in an outbox behind its items. They are written when no
// item is left. outbox.mu guards it.
type forwards struct {
	frames []forward
	bytes  int
	of     map[signaling.PeerID]int // waiting bytes of each sender
}

type forward struct {
	from signaling.PeerID
	item item
}

// pushForward adds a binary frame of a member. If there is no room, taken is false and only this frame is dropped.
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

// takeForwards is the part of take for binary frames. It keeps their order.
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

// dropForwards drops the waiting binary frames.
func (o *outbox) dropForwards() {
	o.account.Release(o.forwards.bytes)
	o.forwards = forwards{}
}

// newTotal returns the limit of all sessions together.
func newTotal(c Config) *rate.Limiter { return newRelayLimit(c, c.RelayTotal) }

// newAddressLimit returns the limit of all members of an address, or of a network whose limits are share times as
// large. It is a sixteenth of the total, as in budget, but at least the limit of one member.
func newAddressLimit(c Config, share int) *rate.Limiter {
	if !c.RelayLinks {
		return nil
	}
	return newRelayLimit(c, share*max(c.RelayTotal/16, c.RelayRate))
}

// newRelayLimit returns a limit with a burst of a quarter of a second, but at least the burst of one member.
func newRelayLimit(c Config, bytes int) *rate.Limiter {
	return rate.NewLimiter(rate.Limit(bytes), max(bytes/4, c.RelayBurst))
}
