package webrtc

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"sync"
	"syscall/js"
	"time"

	"example.org/rtcpeer/rtcpeer/transport"
)

// path is one RTCPeerConnection. The page is blocked while a handler runs, so no handler blocks; they become
// events for the path's owner.
type path struct {
	// Fixed at construction.
	pc       js.Value
	lanes    []*lane
	log      dropLog
	budget   *budget
	allGone  chan struct{} // closed when every lane is closed
	silence  time.Duration // after which the path is lost; negative: as the browser decides
	handlers []js.Func     // released by Close

	// Safe for concurrent use.
	pathState
	figures figures

	mu       sync.Mutex // guards the fields below
	gone     int        // lanes that have closed
	giveUp   *time.Timer
	largest  int      // bytes of a message that the other end accepts
	overflow int      // packets of unreliable lanes that were dropped
	offer    []string // fingerprints in the offer
	answer   []string // fingerprints in the answer
	refusals []string // errors of TURN servers
}

const (
	// eventBacklog is how many candidates may wait for the owner; further ones are dropped. A host has a few
	// for each interface and server. Two more places are kept for EventOpened and EventClosed.
	eventBacklog = 64

	// silence is how long nothing must be heard for a path to be lost, unless PathConfig.LostAfter is set. It
	// is the same as for a native peer. A browser reports a disturbance after about doubt. By itself it gives
	// up half a minute later, which LostAfter cannot extend.
	silence = 10 * time.Second
	doubt   = 4 * time.Second

	// goodbye is how long Close waits for the other end to receive what was sent. It is also how long the last
	// packets of the other end may still arrive after it has closed its first lane.
	goodbye = 500 * time.Millisecond
)

func newPath(t *Transport, config transport.PathConfig) (*path, error) {
	p := &path{
		log:       dropLog{t.config.Log},
		budget:    &budget{left: t.config.ReceiveBuffer},
		pathState: newPathState(eventBacklog+2, len(config.Lanes)),
		allGone:   make(chan struct{}),
		silence:   cmp.Or(config.LostAfter, silence),
	}
	if err := try(func() { p.pc = t.constructor.New(t.settings(config)) }); err != nil {
		return nil, fmt.Errorf("webrtc: %w", err)
	}
	p.on(p.pc, "icecandidate", func(event js.Value) { p.gathered(event.Get("candidate")) })
	p.on(p.pc, "icecandidateerror", p.refused)
	p.on(p.pc, "connectionstatechange", func(js.Value) { p.stateChanged(p.pc.Get("connectionState").String()) })
	for _, c := range config.Lanes {
		if err := p.addLane(c); err != nil {
			p.hangUp()
			p.release()
			return nil, fmt.Errorf("webrtc: channel %d %q: %w", c.ID, c.Label, err)
		}
	}
	return p, nil
}

func (p *path) on(target js.Value, event string, f func(event js.Value)) {
	handler := js.FuncOf(func(_ js.Value, args []js.Value) any { f(args[0]); return nil })
	p.handlers = append(p.handlers, handler)
	target.Set("on"+event, handler)
}

// refused handles the error of an ICE server. It ignores errors of STUN servers, because a browser asks them
// from each address, and some addresses cannot reach them.
func (p *path) refused(event js.Value) {
	const most = 8
	url := event.Get("url").String()
	p.mu.Lock()
	defer p.mu.Unlock()
	if isRelay(url) && len(p.refusals) < most {
		p.refusals = append(p.refusals, fmt.Sprintf("TURN server %s: error %d %s", url, event.Get("errorCode").Int(), event.Get("errorText").String()))
	}
}

// withoutRelay returns why there is no relay, or "".
func (p *path) withoutRelay() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Join(p.refusals, "; ")
}

func (p *path) addLane(c transport.LaneConfig) error {
	init := map[string]any{"negotiated": true, "id": c.ID, "ordered": c.Mode != transport.Unreliable}
	if c.Mode != transport.Reliable {
		init["maxRetransmits"] = c.MaxRetransmits
	}
	return try(func() { p.lanes = append(p.lanes, newLane(p, p.pc.Call("createDataChannel", c.Label, init), c.Mode)) })
}

func (p *path) Offer() (string, error) { return p.describeSelf("offer", "createOffer") }

func (p *path) Answer(offer string) (string, error) {
	if err := p.describe("offer", offer); err != nil {
		return "", err
	}
	return p.describeSelf("answer", "createAnswer")
}

func (p *path) Accept(answer string) error { return p.describe("answer", answer) }

func (p *path) describeSelf(kind, method string) (string, error) {
	own, err := await(p.done, func() js.Value { return p.pc.Call(method) })
	if err == nil {
		_, err = await(p.done, func() js.Value { return p.pc.Call("setLocalDescription", own) })
	}
	if err != nil {
		return "", fmt.Errorf("webrtc: %s: %w", kind, err)
	}
	sdp := own.Get("sdp").String()
	p.noteFingerprints(kind, sdp)
	return sdp, nil
}

func (p *path) describe(kind, sdp string) error {
	sdp = fewerCandidates(sdp)
	description := map[string]any{"type": kind, "sdp": sdp}
	if _, err := await(p.done, func() js.Value { return p.pc.Call("setRemoteDescription", description) }); err != nil {
		return fmt.Errorf("webrtc: remote %s: %w", kind, err)
	}
	p.noteFingerprints(kind, sdp)
	p.accepted(sdp)
	return nil
}

func (p *path) noteFingerprints(kind, sdp string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if kind == "offer" {
		p.offer = fingerprints(sdp)
	} else {
		p.answer = fingerprints(sdp)
	}
}

// Binding contains every fingerprint of the descriptions. A browser does not say which of them the other end
// has proven. So if somebody adds a second fingerprint on the way, the text must differ.
func (p *path) Binding() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Join(slices.Concat(p.offer, p.answer), " ")
}

func (p *path) AddCandidate(c transport.Candidate) error {
	init := map[string]any{"candidate": c.Line, "sdpMid": c.Mid, "sdpMLineIndex": c.Index}
	return p.candidate(c, func() error {
		_, err := await(p.done, func() js.Value { return p.pc.Call("addIceCandidate", init) })
		return err
	})
}

func (p *path) Lane(i int) transport.Lane { return p.lanes[i] }

func (p *path) Progress() transport.Progress {
	switch ice := p.pc.Get("iceConnectionState").String(); {
	case p.opened():
		return transport.Progress{Stage: transport.StageOpen}
	case !p.described.Load():
		return transport.Progress{Stage: transport.StageSignaling, Detail: "no description from the other end"}
	case ice != "connected" && ice != "completed":
		return transport.Progress{Stage: transport.StagePath, Detail: routeDetail(ice, &p.local, &p.remote, p.withoutRelay())}
	case p.pc.Get("connectionState").String() != "connected":
		return transport.Progress{Stage: transport.StageSecurity, Detail: "connection " + p.pc.Get("connectionState").String()}
	}
	return transport.Progress{Stage: transport.StageLanes, Detail: "the handshakes are done"}
}

// Stats returns the latest figures of the browser, and asks for new ones.
func (p *path) Stats() transport.Stats {
	p.figures.refresh(p)
	return p.figures.last()
}

// Close first closes the lanes, and waits at most half a second for the other end to do so too: a browser does
// not say what has arrived, and data in flight is lost when a connection is closed. Close must not be called
// from a handler of the page.
func (p *path) Close() error {
	p.closing.Do(func() {
		close(p.done)
		for _, lane := range p.lanes {
			lane.arrived.close(transport.ErrClosed)
		}
		if p.pc.Get("connectionState").String() == "connected" && p.opened() {
			p.sayGoodbye()
		}
		p.hangUp()
		p.figures.stop()
		p.release()
		p.log.close(p.dropped())
	})
	return nil
}

func (p *path) sayGoodbye() {
	for _, lane := range p.lanes {
		lane.channel.Call("close")
	}
	timer := time.NewTimer(goodbye)
	defer timer.Stop()
	select {
	case <-p.allGone:
	case <-timer.C:
	}
}

// hangUp closes the connection. After that the browser reports no more events of it.
func (p *path) hangUp() {
	p.mu.Lock()
	if p.giveUp != nil {
		p.giveUp.Stop()
	}
	p.mu.Unlock()
	p.pc.Call("close")
	for _, lane := range p.lanes {
		lane.arrived.end(p.ended())
	}
}

// release removes and frees the handlers. The connection may outlive the path for a moment.
func (p *path) release() {
	for _, event := range []string{"onicecandidate", "onicecandidateerror", "onconnectionstatechange"} {
		p.pc.Set(event, js.Null())
	}
	for _, lane := range p.lanes {
		lane.release()
	}
	for _, h := range p.handlers {
		h.Release()
	}
}

func (p *path) gathered(c js.Value) {
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
	p.local.add(kindOf(told.Line))
	if len(p.events) < eventBacklog {
		p.emit(transport.Event{Kind: transport.EventCandidate, Candidate: told})
	}
}

func (p *path) laneOpened() {
	if p.countOpen() {
		p.setLargest(p.pc.Get("sctp").Get("maxMessageSize").Float()) // may be infinite
		p.emit(transport.Event{Kind: transport.EventOpened})
	}
}

func (p *path) setLargest(bytes float64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.largest = int(min(bytes, 1<<30))
}

func (p *path) accepts(bytes int) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return bytes <= p.largest
}

// laneClosed is called when the other end has closed a lane, or has answered this end's closing of it. The
// other lanes may still deliver what the other end sent before it closed them.
func (p *path) laneClosed() {
	p.mu.Lock()
	p.gone++
	all, first := p.gone == len(p.lanes), p.gone == 1
	p.mu.Unlock()
	p.closed(transport.ErrRemoteClosed)
	switch {
	case all:
		close(p.allGone)
	case first:
		p.giveUpAfter(goodbye, transport.ErrRemoteClosed)
	}
}

// stateChanged handles the states of the connection. It may recover from "disconnected".
func (p *path) stateChanged(state string) {
	switch state {
	case "connected":
		p.keep()
	case "disconnected":
		if p.silence >= 0 {
			p.giveUpAfter(max(p.silence-doubt, 0), transport.ErrLost)
		}
	case "failed":
		p.lose(p.failure())
	case "closed":
		p.closed(transport.ErrRemoteClosed)
	}
}

func (p *path) failure() error {
	if p.opened() {
		return transport.ErrLost
	}
	return lostBeforeOpen(p.Progress())
}

func (p *path) giveUpAfter(d time.Duration, why error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.giveUp != nil {
		p.giveUp.Stop()
	}
	p.giveUp = time.AfterFunc(d, func() { p.end(why) })
}

// keep cancels a giveUpAfter, unless a lane has closed.
func (p *path) keep() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.giveUp != nil && p.gone == 0 {
		p.giveUp.Stop()
	}
}

func (p *path) lose(why error) {
	p.lost.Store(true)
	p.end(why)
}

func (p *path) end(why error) {
	if why == transport.ErrLost {
		p.lost.Store(true)
	}
	p.closed(why)
	p.hangUp()
}
