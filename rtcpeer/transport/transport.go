// Package transport is what the toolkit asks of a transport: paths between two peers, each with a
// fixed set of lanes.
//
// A path is one connection. The link between two peers, which is the toolkit's own, may go over several paths:
// one after the other, and two at a time while it moves.
//
//	A: NewPath, Offer ---- offer (through signaling) ----> B: NewPath, Answer
//	A: Accept <----------- answer ------------------------ B
//	A, B: EventCandidate -- candidates, both ways -------> AddCandidate
//	A, B: EventOpened       every lane open; Write and Read may begin
//	A, B: EventClosed       the other end closed, or nothing gets through
//
// Package webrtc implements it over Pion, package memory in memory with delay, loss, reordering and
// partition, package forwarded over a carrier such as the signaling server; transporttest holds the one suite that all pass. The package imports the standard
// library alone.
package transport

import (
	"errors"
	"fmt"
	"time"
)

// A Mode is a transfer mode. The zero value is Reliable, so that a mode someone forgot to set loses
// nothing.
type Mode uint8

const (
	Reliable          Mode = iota // every packet, in order
	UnreliableOrdered             // in order, with gaps
	Unreliable                    // with gaps, in any order
)

func (m Mode) String() string {
	switch m {
	case Reliable:
		return "reliable"
	case UnreliableOrdered:
		return "unreliable_ordered"
	case Unreliable:
		return "unreliable"
	}
	return fmt.Sprintf("mode(%d)", uint8(m))
}

// A LaneConfig describes one lane. Both ends of a path must be given the same lanes.
type LaneConfig struct {
	ID    uint16 // SCTP stream id; unique within the path
	Label string
	Mode  Mode
	// MaxRetransmits is how often a lost packet is sent again in the two unreliable modes.
	// Reliable lanes ignore it.
	MaxRetransmits uint16
	// Bulk has a reliable lane yield: it sends less when packets take longer than they have to, so that what the others
	// send finds no queue on the network. The other end need not know. A transport may ignore it.
	Bulk bool
}

// A PathConfig is what NewPath is told of a path. The path keeps none of its slices.
type PathConfig struct {
	Lanes      []LaneConfig
	ICEServers []ICEServer // in addition to the transport's own
	// LostAfter is how long the path stays while nothing gets through, until it closes with ErrLost.
	// 0 means the transport's default, negative means for ever. It does not limit the search for a
	// route, before which nothing has got through: that is for whoever waits for EventOpened.
	LostAfter time.Duration
	// Direct leaves relays out: this end asks no TURN server for one, though it may still ask STUN
	// servers for its address. The other end can come over a relay of its own unless its path is
	// Direct too.
	Direct bool
}

// An ICEServer is a STUN or TURN server.
type ICEServer struct {
	URLs       []string // "stun:host:port", "turn:host:port?transport=udp", ...
	Username   string
	Credential string
}

// A Transport makes paths. Its methods may be called from any goroutine.
type Transport interface {
	// NewPath returns this end of a new path. It sends nothing yet. The caller must Close it.
	NewPath(PathConfig) (Path, error)
	// OnChange has f called when the addresses of this machine have changed, as far as the system
	// tells, until stop is called or the Transport is closed. f may be called from any goroutine,
	// also once more while stop is being called, and must not block.
	OnChange(f func()) (stop func())
	// Close frees what the paths share. The paths must have been closed before.
	Close() error
}

// A Path is one end of a connection to one peer. Offer, Answer, Accept and AddCandidate are called
// from one goroutine at a time; the other methods from any.
type Path interface {
	// Offer begins the path at this end and returns the description for the other end.
	Offer() (sdp string, err error)
	// Answer begins the path at this end with the other's offer and returns the answer to it.
	Answer(offer string) (answer string, err error)
	// Accept completes the offering end with the other's answer.
	Accept(answer string) error
	// AddCandidate adds an address of the other end, after Answer or Accept. An empty candidate
	// line, which ends the list, is legal and does nothing.
	AddCandidate(Candidate) error
	// Events returns the channel of this path's events. Its owner reads until EventClosed or
	// until it has called Close; after Close nothing more is sent. It is never closed.
	Events() <-chan Event
	// Lane returns the i-th of PathConfig.Lanes. Valid after EventOpened.
	Lane(i int) Lane
	// Binding returns text that names the two ends to each other, and is the same at both. An end
	// that another host has taken the place of gives another text: the ends can tell by comparing,
	// over the path itself, a proof of a secret that includes it. Over WebRTC it is made of the
	// certificates that DTLS has verified, those of the offering end first. "" means that the
	// transport has nothing of the kind, so that nothing can be proven over it. Valid after EventOpened.
	Binding() string
	// Progress tells how far the path has come, which is the cause when it comes no further.
	Progress() Progress
	// Stats may take locks of the network stack; it is for people, not for each packet.
	Stats() Stats
	// Close ends the path at once; what was written and not yet sent is lost. The other end
	// learns of it without a time-out where the network still works. It waits until nothing of the
	// path is running. Closing twice is legal.
	Close() error
}

// An Acknowledger is a Path that acknowledges what comes for as long as the process at its end runs, and no longer.
// Between two of them, that Buffered of a reliable lane has fallen to 0 says that the process at the other end is there.
// A browser's path is none: it acknowledges for a page that is frozen, and its Buffered tells of its own queue.
type Acknowledger interface {
	Path
	Acknowledges()
}

// A Lane is one stream of packets of a path.
type Lane interface {
	// Write queues one packet and returns at once. It does not keep p. It may be called from any
	// goroutine. The queue has no bound: Buffered and Lag are for the caller to keep one.
	Write(p []byte) error
	// Read waits for the next packet and copies it to p. If p is too small it returns
	// io.ErrShortBuffer and keeps the packet for the next call. After the other end has closed it
	// returns what had arrived, and then an error; after Close of this end the error at once. One
	// goroutine reads.
	Read(p []byte) (int, error)
	// Buffered returns how many bytes were written and are not yet acknowledged (in the
	// unreliable modes: nor given up).
	Buffered() int
	// Lag estimates how long a packet written now waits, before it is first sent and in buffers on the way.
	Lag() time.Duration
	// NotifyLow has f called whenever Buffered falls from above bytes to bytes or below. It
	// replaces the earlier one. f must not block and may be called from any goroutine.
	NotifyLow(bytes int, f func())
}

// A Candidate is an address at which an end may be reached (RFC 8839), in the fields of the W3C's
// RTCIceCandidateInit.
type Candidate struct {
	Line  string // "candidate:..."; empty ends the list
	Mid   string
	Index uint16
}

// An Event is something that a path tells its owner.
type Event struct {
	Kind      EventKind
	Candidate Candidate // EventCandidate
	Err       error     // EventClosed: why, ErrRemoteClosed, ErrLost, a *StrayError or another
}

// An EventKind says what an Event tells.
type EventKind uint8

const (
	EventCandidate EventKind = iota + 1 // an address of this end, for the other one
	EventOpened                         // every lane is open; comes once
	EventClosed                         // the path is over; comes last and at most once
)

var (
	// ErrRemoteClosed is the reason of a path that the other end closed.
	ErrRemoteClosed = errors.New("transport: closed by the other end")
	// ErrLost is the reason of a path over which nothing gets through any more.
	ErrLost = errors.New("transport: connection lost")
	// ErrClosed is the reason of a path that this end closed.
	ErrClosed = errors.New("transport: path closed")
	// ErrTooLarge is the error of a Write of more than the other end accepts in one packet.
	ErrTooLarge = errors.New("transport: packet larger than the other end accepts")
)

// A PathError is the reason of a path that cannot open, as is known before its time is over: to wait, or to try again
// at once, does not help.
type PathError struct {
	Stage  Stage
	Detail string // for people: what happened, to what, and what to do
}

func (e *PathError) Error() string { return fmt.Sprintf("waiting for %s: %s", e.Stage, e.Detail) }

// A StrayError is the reason of a path whose other end sends on a lane that this end does not have. Nobody would read it,
// and it would take the room of all others. The path can still be written to until it is closed.
type StrayError struct {
	ID uint16 // of the lane; not known if Unnamed
	// Unnamed says that the transport does not tell which lane it is.
	Unnamed bool
}

func (e *StrayError) Error() string {
	if e.Unnamed {
		return "transport: the other end sends on a lane that is not here"
	}
	return fmt.Sprintf("transport: the other end sends on lane %d, which is not here", e.ID)
}

// Progress is the state of a path that is being made.
type Progress struct {
	Stage Stage
	// Detail is for people: counts and kinds of the candidates, the state of the handshake.
	Detail string
}

// A Stage is what a path is waiting for.
type Stage uint8

const (
	StageSignaling Stage = iota // the other end's description
	StagePath                   // a route through the network, found by ICE
	StageSecurity               // the DTLS handshake
	StageLanes                  // the SCTP association and its lanes
	StageOpen                   // nothing: it is open
)

func (s Stage) String() string {
	return [...]string{"signaling", "path", "security", "lanes", "open"}[min(s, StageOpen)]
}

// Signaling is the kind of both ends of a path that the signaling server forwards.
const Signaling = "signaling"

// Stats are figures of one path.
type Stats struct {
	RTT           time.Duration // 0 if not known
	Local, Remote string        // kind of the chosen candidates: host, srflx, prflx, relay; Signaling; "" if not known
	BytesSent     uint64        // on the wire, as far as the transport knows
	BytesReceived uint64
}
