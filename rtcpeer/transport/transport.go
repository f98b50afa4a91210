// Package transport defines what the toolkit needs of a transport: paths between two peers, each with a fixed
// set of lanes.
//
// A path is one connection. A link between two peers, which the toolkit builds on top, may use several paths:
// one after the other, or two at a time while it moves from one to the other.
//
//	A: NewPath, Offer ---- offer (through signaling) ----> B: NewPath, Answer
//	A: Accept <----------- answer ------------------------ B
//	A, B: EventCandidate -- candidates, both ways -------> AddCandidate
//	A, B: EventOpened       every lane open; Write and Read may begin
//	A, B: EventClosed       the other end closed, or nothing gets through
//
// Package webrtc implements it over Pion or a browser's WebRTC, package memory in memory with delay, loss,
// reordering and partitions, and package forwarded over a carrier such as the signaling server. Package
// transporttest has a test suite that all of them pass. Package transport imports only the standard library.
//
// The methods of Limited, Acknowledger, Checked and TryReader are optional. A type that wraps a Transport, a Path
// or a Lane has them only if it passes them on. Without them, a node makes any number of paths at once, sends
// more to notice a silence, and does not drop what has waited too long to be read.
package transport

import (
	"errors"
	"fmt"
	"time"
)

// A Mode is a transfer mode. The zero value is Reliable, so that nothing is lost if a program forgets to set a
// mode.
type Mode uint8

const (
	Reliable          Mode = iota // every packet, in order
	UnreliableOrdered             // in order, with gaps
	Unreliable                    // with gaps, in any order
)

// String returns the word that the wire and the flags use, such as "unreliable_ordered".
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
	Label string // of the data channel
	Mode  Mode
	// MaxRetransmits is how many times a lost packet is sent again in the two unreliable modes. Reliable lanes
	// ignore it.
	MaxRetransmits uint16
	// Bulk makes a reliable lane yield to others: it sends less when packets take longer than necessary, so
	// that other traffic finds no queue on the network. The other end need not set it. A transport may ignore
	// it.
	Bulk bool
}

// A PathConfig is the configuration of a path. The path keeps none of its slices.
type PathConfig struct {
	Lanes      []LaneConfig // the same at both ends, in the same order
	ICEServers []ICEServer  // in addition to the transport's own
	// LostAfter is how long the path stays open while nothing gets through. Then it closes with ErrLost. 0
	// means the transport's default, negative means forever. LostAfter does not limit the search for a route
	// before the path opens: the caller that waits for EventOpened must limit that.
	LostAfter time.Duration
	// Direct means that this end does not use a relay: it asks no TURN server for one, though it may still ask
	// STUN servers for its address. The other end may use a relay of its own, unless its path is Direct too.
	Direct bool
	// Unchecked means that the owners of both ends send often enough to notice by themselves when nothing gets through
	// any more. A transport that has many paths may then leave its route unchecked: see Checked.
	Unchecked bool
}

// An ICEServer is a STUN or TURN server.
type ICEServer struct {
	URLs       []string // "stun:host:port", "turn:host:port?transport=udp", ...
	Username   string   // only for TURN
	Credential string   // only for TURN
}

// A Transport makes paths. Its methods may be called from any goroutine.
type Transport interface {
	// NewPath returns this end of a new path. It sends nothing yet. The caller must Close it.
	NewPath(PathConfig) (Path, error)
	// OnChange calls f when the addresses of this machine have changed, as far as the system reports it, until
	// stop is called or the Transport is closed. f may be called from any goroutine, even once more while stop
	// is being called, and must not block.
	OnChange(f func()) (stop func())
	// Close frees the resources that the paths share. The paths must be closed first.
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
	// AddCandidate adds an address of the other end. It is called after Answer or Accept. An empty candidate
	// line marks the end of the list; it is legal and does nothing.
	AddCandidate(Candidate) error
	// Events returns the channel of this path's events. The path's owner must read from it until EventClosed or
	// until it has called Close. Nothing is sent after Close. The channel is never closed.
	Events() <-chan Event
	// Lane returns the i-th of PathConfig.Lanes. Valid after EventOpened.
	Lane(i int) Lane
	// Binding returns a text that identifies the two ends and is the same at both. If another host has taken
	// the place of one end, the texts differ. The ends can detect this by comparing, over the path itself, a
	// proof of a secret that includes the text. Over WebRTC it is made of the certificates that DTLS has
	// verified, that of the offering end first. "" means that the transport has no such text, so nothing can be
	// proven over it. Valid after EventOpened.
	Binding() string
	// Progress returns how far the path has come. If it does not open, this shows why.
	Progress() Progress
	// Stats returns the figures of the path. It may take locks of the network stack, so do not call it for each
	// packet.
	Stats() Stats
	// Close ends the path at once. Data that was written but not yet sent is lost. If the network still works,
	// the other end learns of it without a timeout. Close waits until nothing of the path is running. Closing
	// twice is legal.
	Close() error
}

// An Acknowledger is a Path that acknowledges packets as long as the process at its end runs, and no longer. If
// both ends are Acknowledgers, Buffered of a reliable lane falling to 0 shows that the process at the other end
// is running. A browser's path is not an Acknowledger: the browser acknowledges packets for a page that is
// frozen, and its Buffered counts only its own queue.
type Acknowledger interface {
	Path
	// Acknowledges does nothing. It marks the Path.
	Acknowledges()
}

// A Checked is an Acknowledger whose two ends check their route about once a second, even if no packets pass, as ICE
// does. If both ends are Checked, the checks show that the process at the other end is running.
type Checked interface {
	Acknowledger
	// Checks returns a number that changes when a check of the other end has come, or its answer to one of this
	// end. It does not block.
	Checks() uint64
	// Unchecked reports whether neither end checks this route, because both have so many paths that the checks would
	// take too much CPU. What the owners send should be rare, too. Valid after EventOpened.
	Unchecked() bool
}

// A Lane is one stream of packets of a path.
type Lane interface {
	// Write queues one packet and returns at once. It does not keep p. It may be called from any goroutine. The
	// queue has no limit: the caller must limit it with Buffered and Lag.
	Write(p []byte) error
	// Read waits for the next packet and copies it to p. If p is too small, it returns io.ErrShortBuffer and
	// keeps the packet for the next call. After the other end has closed, it returns the packets that had
	// arrived, and then an error. After Close of this end it returns an error at once. Only one goroutine may
	// call Read.
	Read(p []byte) (int, error)
	// Buffered returns how many bytes were written and are neither acknowledged nor, in the unreliable modes,
	// given up.
	Buffered() int
	// Lag estimates how long a packet written now would wait before it is first sent and in buffers on the way.
	Lag() time.Duration
	// NotifyLow calls f whenever Buffered falls from above bytes to bytes or below. Each call of NotifyLow
	// replaces the previous one. f must not block and may be called from any goroutine.
	NotifyLow(bytes int, f func())
}

// A TryReader is a Lane that can tell that nothing has arrived. A node uses it to drop unreliable packets that have
// waited too long to be read.
type TryReader interface {
	// TryRead is like Read, but returns ErrNoPacket where Read waits. Only the goroutine that calls Read may call it.
	TryRead(p []byte) (int, error)
}

// A Candidate is an address at which an end may be reached (RFC 8839), in the fields of the W3C's
// RTCIceCandidateInit.
type Candidate struct {
	Line  string // "candidate:..."; empty ends the list
	Mid   string // sdpMid
	Index uint16 // sdpMLineIndex
}

// An Event is a message from a path to its owner.
type Event struct {
	Kind      EventKind
	Candidate Candidate // EventCandidate
	Err       error     // EventClosed: the cause, such as ErrRemoteClosed, ErrLost, a *PathError or a *StrayError
}

// An EventKind is the kind of an Event.
type EventKind uint8

const (
	EventCandidate EventKind = iota + 1 // an address of this end, for the other one
	EventOpened                         // every lane is open; comes once
	EventClosed                         // the path is over; comes last and at most once
)

var (
	// ErrRemoteClosed means that the other end closed the path.
	ErrRemoteClosed = errors.New("transport: closed by the other end")
	// ErrLost means that nothing gets through the path any more.
	ErrLost = errors.New("transport: connection lost")
	// ErrClosed means that this end closed the path.
	ErrClosed = errors.New("transport: path closed")
	// ErrNoPacket is returned by TryRead if no packet has arrived that was not read.
	ErrNoPacket = errors.New("transport: no packet has arrived")
	// ErrTooLarge is returned by Write if the packet is larger than the other end accepts.
	ErrTooLarge = errors.New("transport: packet larger than the other end accepts")
)

// A PathError is the reason why a path cannot open, if this is known before the time limit. Neither waiting nor
// trying again at once helps.
type PathError struct {
	Stage  Stage
	Detail string // for people: what happened, to what, and what to do
}

func (e *PathError) Error() string { return fmt.Sprintf("waiting for %s: %s", e.Stage, e.Detail) }

// A StrayError means that the other end sends on a lane that this end does not have. Nobody would read these
// packets, and they would fill the buffer that all lanes share. The path can still be written to until it is
// closed.
type StrayError struct {
	ID uint16 // id of the lane; not known if Unnamed
	// Unnamed means that the transport does not report which lane it is.
	Unnamed bool
}

func (e *StrayError) Error() string {
	if e.Unnamed {
		return "transport: the other end sends on a lane that this end does not have"
	}
	return fmt.Sprintf("transport: the other end sends on lane %d, which this end does not have", e.ID)
}

// Progress is the state of a path that is being made.
type Progress struct {
	Stage Stage
	// Detail is for people: counts and kinds of the candidates, the state of the handshake.
	Detail string
}

// A Stage is what a path that is being made waits for.
type Stage uint8

const (
	StageSignaling Stage = iota // the other end's description
	StagePath                   // a route through the network, found by ICE
	StageSecurity               // the DTLS handshake
	StageLanes                  // the SCTP association and its lanes
	StageOpen                   // nothing: it is open
)

// String returns "signaling", "path", "security", "lanes" or "open".
func (s Stage) String() string {
	return [...]string{"signaling", "path", "security", "lanes", "open"}[min(s, StageOpen)]
}

// Signaling is the kind of both ends in Stats of a path that the signaling server forwards.
const Signaling = "signaling"

// Stats are figures of one path.
type Stats struct {
	RTT           time.Duration // 0 if not known
	Local, Remote string        // kind of the chosen candidates: host, srflx, prflx, relay; or Signaling; or ""
	BytesSent     uint64        // on the wire, as far as the transport knows
	BytesReceived uint64        // likewise
}
