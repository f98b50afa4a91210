package webrtc

import (
	"fmt"
	"sync"
	"syscall/js"
	"time"

	"example.org/rtcpeer/rtcpeer/transport"
)

// link is one RTCPeerConnection. The page stands still while a handler runs, so none of them blocks;
// each turns into an event for the link's owner.
type link struct {
	// Fixed at construction.
	pc       js.Value
	lanes    []*lane
	log      dropLog
	budget   *budget
	allGone  chan struct{} // closed when every lane is closed
	handlers []js.Func     // released by Close

	// Safe for all.
	life
	figures figures

	mu       sync.Mutex // guards the fields below
	gone     int        // lanes that have closed
	giveUp   *time.Timer
	largest  int // bytes of a message that the other end accepts
	overflow int // packets of unreliable lanes that found no room
}

const (
	// eventBacklog is how many candidates wait for the owner; more are not told. A host has a few
	// for each interface and server. Two places are kept for EventOpened and EventClosed.
	eventBacklog = 64

	// failedAfter is how long a disturbed path may take to come back until it counts as lost. Left
	// alone, Chromium waits for half a minute, and a native peer for 6 s.
	failedAfter = 6 * time.Second

	// goodbye is how long Close waits for the other end to have what was sent, and how long the
	// last packets of an end that closes may follow the first lane that it has closed.
	goodbye = 500 * time.Millisecond
)

func newLink(t *Transport, config transport.LinkConfig) (*link, error) {
	l := &link{
		log:     dropLog{t.config.Log},
		budget:  &budget{left: t.config.ReceiveBuffer},
		life:    newLife(eventBacklog + 2),
		allGone: make(chan struct{}),
	}
	if err := try(func() { l.pc = t.constructor.New(t.settings(config.ICEServers)) }); err != nil {
		return nil, fmt.Errorf("webrtc: %w", err)
	}
	l.on(l.pc, "icecandidate", func(event js.Value) { l.gathered(event.Get("candidate")) })
	l.on(l.pc, "connectionstatechange", func(js.Value) { l.stateChanged(l.pc.Get("connectionState").String()) })
	for _, c := range config.Lanes {
		if err := l.addLane(c); err != nil {
			l.hangUp()
			l.release()
			return nil, fmt.Errorf("webrtc: channel %d %q: %w", c.ID, c.Label, err)
		}
	}
	return l, nil
}

func (l *link) on(target js.Value, event string, f func(event js.Value)) {
	handler := js.FuncOf(func(_ js.Value, args []js.Value) any { f(args[0]); return nil })
	l.handlers = append(l.handlers, handler)
	target.Set("on"+event, handler)
}

func (l *link) addLane(c transport.LaneConfig) error {
	init := map[string]any{"negotiated": true, "id": c.ID, "ordered": c.Mode != transport.Unreliable}
	if c.Mode != transport.Reliable {
		init["maxRetransmits"] = c.MaxRetransmits
	}
	return try(func() { l.lanes = append(l.lanes, newLane(l, l.pc.Call("createDataChannel", c.Label, init), c.Mode)) })
}

func (l *link) Offer() (string, error) { return l.describeSelf("offer", "createOffer") }

func (l *link) Answer(offer string) (string, error) {
	if err := l.describe("offer", offer); err != nil {
		return "", err
	}
	return l.describeSelf("answer", "createAnswer")
}

func (l *link) Accept(answer string) error { return l.describe("answer", answer) }

func (l *link) describeSelf(kind, method string) (string, error) {
	own, err := await(l.done, func() js.Value { return l.pc.Call(method) })
	if err == nil {
		_, err = await(l.done, func() js.Value { return l.pc.Call("setLocalDescription", own) })
	}
	if err != nil {
		return "", fmt.Errorf("webrtc: %s: %w", kind, err)
	}
	return own.Get("sdp").String(), nil
}

func (l *link) describe(kind, sdp string) error {
	description := map[string]any{"type": kind, "sdp": sdp}
	if _, err := await(l.done, func() js.Value { return l.pc.Call("setRemoteDescription", description) }); err != nil {
		return fmt.Errorf("webrtc: remote %s: %w", kind, err)
	}
	l.accepted(sdp)
	return nil
}

func (l *link) AddCandidate(c transport.Candidate) error {
	init := map[string]any{"candidate": c.Line, "sdpMid": c.Mid, "sdpMLineIndex": c.Index}
	return l.candidate(c, func() error {
		_, err := await(l.done, func() js.Value { return l.pc.Call("addIceCandidate", init) })
		return err
	})
}

func (l *link) Lane(i int) transport.Lane { return l.lanes[i] }

func (l *link) Progress() transport.Progress {
	switch ice := l.pc.Get("iceConnectionState").String(); {
	case l.opened():
		return transport.Progress{Stage: transport.StageOpen}
	case !l.described.Load():
		return transport.Progress{Stage: transport.StageSignaling, Detail: "no description from the other end"}
	case ice != "connected" && ice != "completed":
		return transport.Progress{Stage: transport.StagePath, Detail: pathDetail(ice, &l.local, &l.remote)}
	case l.pc.Get("connectionState").String() != "connected":
		return transport.Progress{Stage: transport.StageSecurity, Detail: "connection " + l.pc.Get("connectionState").String()}
	}
	return transport.Progress{Stage: transport.StageLanes, Detail: "the handshakes are done"}
}

// Stats returns the figures that the browser gave last, and asks for new ones.
func (l *link) Stats() transport.Stats {
	l.figures.refresh(l)
	return l.figures.last()
}

// Close first closes the lanes, and waits half a second at most for the other end to do so too: a
// browser does not tell what has arrived, and what is on its way when a connection is closed is
// lost. It must not be called from a handler of the page.
func (l *link) Close() error {
	l.closing.Do(func() {
		close(l.done)
		for _, lane := range l.lanes {
			lane.arrived.close(transport.ErrClosed)
		}
		if l.pc.Get("connectionState").String() == "connected" && l.opened() {
			l.sayGoodbye()
		}
		l.hangUp()
		l.figures.stop()
		l.release()
		l.log.close(l.dropped())
	})
	return nil
}

func (l *link) sayGoodbye() {
	for _, lane := range l.lanes {
		lane.channel.Call("close")
	}
	timer := time.NewTimer(goodbye)
	defer timer.Stop()
	select {
	case <-l.allGone:
	case <-timer.C:
	}
}

// hangUp closes the connection, of which the browser then tells nothing more.
func (l *link) hangUp() {
	l.mu.Lock()
	if l.giveUp != nil {
		l.giveUp.Stop()
	}
	l.mu.Unlock()
	l.pc.Call("close")
	for _, lane := range l.lanes {
		lane.arrived.end(l.ended())
	}
}

// release parts the handlers from the connection, which may outlive the link for a moment.
func (l *link) release() {
	for _, event := range []string{"onicecandidate", "onconnectionstatechange"} {
		l.pc.Set(event, js.Null())
	}
	for _, lane := range l.lanes {
		lane.release()
	}
	for _, h := range l.handlers {
		h.Release()
	}
}

func (l *link) gathered(c js.Value) {
	if !c.Truthy() || c.Get("candidate").String() == "" {
		return
	}
	told := transport.Candidate{Line: c.Get("candidate").String()}
	if mid := c.Get("sdpMid"); mid.Type() == js.TypeString {
		told.Mid = mid.String()
	}
	if index := c.Get("sdpMLineIndex"); index.Type() == js.TypeNumber {
		told.Index = uint16(index.Int())
	}
	l.local.add(kindOf(told.Line))
	if len(l.events) < eventBacklog {
		l.emit(transport.Event{Kind: transport.EventCandidate, Candidate: told})
	}
}

func (l *link) laneOpened() {
	if int(l.open.Add(1)) == len(l.lanes) {
		l.setLargest(l.pc.Get("sctp").Get("maxMessageSize").Float()) // may be infinite
		l.emit(transport.Event{Kind: transport.EventOpened})
	}
}

func (l *link) setLargest(bytes float64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.largest = int(min(bytes, 1<<30))
}

func (l *link) accepts(bytes int) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return bytes <= l.largest
}

func (l *link) opened() bool { return int(l.open.Load()) == len(l.lanes) }

// laneClosed is told by the browser when the other end has closed a lane, or has answered our
// closing of it. The other lanes may still bring what the other end sent before it closed them.
func (l *link) laneClosed() {
	l.mu.Lock()
	l.gone++
	all, first := l.gone == len(l.lanes), l.gone == 1
	l.mu.Unlock()
	l.closed(transport.ErrRemoteClosed)
	switch {
	case all:
		close(l.allGone)
	case first:
		l.giveUpAfter(goodbye, transport.ErrRemoteClosed)
	}
}

// stateChanged watches the path. "disconnected" may pass.
func (l *link) stateChanged(state string) {
	switch state {
	case "connected":
		l.keep()
	case "disconnected":
		l.giveUpAfter(failedAfter, transport.ErrLost)
	case "failed":
		l.lose(l.failure())
	case "closed":
		l.closed(transport.ErrRemoteClosed)
	}
}

func (l *link) failure() error {
	if l.opened() {
		return transport.ErrLost
	}
	return lostBeforeOpen(l.Progress())
}

func (l *link) giveUpAfter(d time.Duration, why error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.giveUp != nil {
		l.giveUp.Stop()
	}
	l.giveUp = time.AfterFunc(d, func() { l.end(why) })
}

// keep takes a giveUpAfter back.
func (l *link) keep() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.giveUp != nil && l.gone == 0 {
		l.giveUp.Stop()
	}
}

func (l *link) lose(why error) {
	l.lost.Store(true)
	l.end(why)
}

func (l *link) end(why error) {
	if why == transport.ErrLost {
		l.lost.Store(true)
	}
	l.closed(why)
	l.hangUp()
}
