package rtcpeer

import "time"

// The control frames, for tests of the contract that speak them by hand.

const (
	BeatAsks        = beatAsks
	BeatAnswers     = beatAnswers
	BeatTimes       = beatTimes
	MaxBeats        = maxBeats
	MaxControlFrame = maxControlFrame
	MaxControl      = maxControl
	MaxRelayed      = maxRelayed
	SignalBacklog   = signalBacklog
)

// SetClock sets the node's clock, as if its machine had another time.
func (n *Node) SetClock(ahead time.Duration) { n.clock.ahead.Store(int64(ahead)) }

// AfterPeers has f called the next time that something has asked the route which peers are connected.
func (n *Node) AfterPeers(f func()) { n.setRoute(&overheard{route: n.route(), after: f}) }

type overheard struct {
	route
	after func()
}

func (r *overheard) peers() []PeerID {
	ids := r.route.peers()
	if after := r.after; after != nil {
		r.after = nil
		after()
	}
	return ids
}

// Secret is what both ends of a link know.
type Secret = secret

// NewSecret makes one from the halves of both ends.
func NewSecret(link string, offering, answering [secretSize]byte) Secret {
	return newSecret(link, offering, answering)
}

// Proof is what one end proves itself with.
func (s secret) Proof(offers bool, attempt int, binding string) [macSize]byte {
	return s.prove(offers, attempt, binding)
}

func Hello(random [secretSize]byte, kept int) []byte { return appendHello(nil, random, kept) }
func Prove(mac [macSize]byte) []byte                 { return appendProve(nil, mac) }
func Take(counts ...uint64) []byte                   { return appendTake(nil, counts) }
func Beat(flags byte, counts ...uint64) []byte       { return appendBeat(nil, flags, counts) }
func TimedBeat(flags byte, count uint64, times ...uint64) []byte {
	return appendBeat(nil, flags, []uint64{count}, times...)
}
func Bye(reason byte, rest ...byte) []byte { return append(appendBye(nil, reason, nil), rest...) }

// A Frame is a decoded control frame.
type Frame struct {
	Kind   string
	Random [secretSize]byte
	MAC    [macSize]byte
	Flags  byte
	Counts []uint64
	Times  []uint64
	Reason byte
}

// DecodeFrame decodes a control frame of a link with one reliable lane.
func DecodeFrame(b []byte) (Frame, error) {
	c, err := decodeControl(b, 1, nil)
	kind := map[byte]string{frameHello: "hello", frameProve: "prove", frameTake: "take", frameBeat: "beat", frameBye: "bye"}[c.kind]
	return Frame{Kind: kind, Random: c.random, MAC: c.mac, Flags: c.flags, Counts: c.counts, Times: c.times, Reason: c.reason}, err
}
