package rtcpeer

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"unicode/utf8"

	"example.org/rtcpeer/signaling"
)

// The frames of the control lane: SCTP stream 0, reliable and ordered, opened only between two members that both take
// part in repairs (signaling.FeatureRepair). The first byte is the type; numbers are unsigned varints (encoding/binary)
// in their shortest form. signaling/PROTOCOL.md says what each frame is for; testdata/wire/control.json has examples.
//
//	01 random[32] kept        hello: half of the link's secret, and how many bytes its sender keeps for each lane
//	02 mac[32]                prove: the sender knows the secret of the link
//	03 counts                 take: the link goes over this path from now on; what was delivered so far
//	04 flags counts [times]   beat: the sender is there; what was delivered so far; for timing
//	05 reason [code text]     bye: the link is over; the rest, if there is any, is the program's
//
// Counts are those of the reliable lanes, in the order of the lanes: how many packets of each lane the frame's sender
// has taken since the link began.
const (
	frameHello = 0x01
	frameProve = 0x02
	frameTake  = 0x03
	frameBeat  = 0x04
	frameBye   = 0x05

	beatAsks    = 0x01 // the receiver is to answer at once
	beatAnswers = 0x02
	beatCounts  = 0x04 // its sender takes acknowledgements of its beats as signs that the receiver is there
	beatRests   = 0x08 // its sender acknowledges beats as long as it is there, and so sends none on an idle link
	beatTimes   = 0x10 // its sender understands times in beats
	beatChecks  = 0x20 // its sender takes checks of the route for beats, and makes them as long as it is there
)

const (
	secretSize = 32
	macSize    = sha256.Size
	// maxControlFrame is the size of the largest control frame: a beat with the most lanes and times.
	maxControlFrame = 2 + (3+255+3+3*maxTold)*binary.MaxVarintLen64
)

// A control is one decoded control frame.
type control struct {
	kind   byte
	random [secretSize]byte // hello
	kept   uint64           // hello
	mac    [macSize]byte    // prove
	flags  byte             // beat
	counts []uint64         // take, beat
	times  []uint64         // beat; empty, or clock, origin, held, and id, round trip, offset of each guest told of
	reason byte             // bye
	bye    *signaling.Bye   // bye; nil: the program has said nothing
}

var errBadControl = errors.New("not a control frame")

// decodeControl decodes a control frame. It never panics, whatever the bytes. lanes is how many reliable lanes there
// are. The memory of counts is used for the counts and times if it is large enough.
func decodeControl(b []byte, lanes int, counts []uint64) (control, error) {
	if len(b) == 0 {
		return control{}, errBadControl
	}
	c, body := control{kind: b[0]}, b[1:]
	var ok bool
	switch c.kind {
	case frameHello:
		if ok = len(body) > secretSize; ok {
			body = body[copy(c.random[:], body):]
			c.kept, body, ok = cutUvarint(body)
		}
	case frameProve:
		ok = len(body) >= macSize
		body = body[copy(c.mac[:], body):]
	case frameTake:
		c.counts, body, ok = cutCounts(body, lanes, counts)
	case frameBeat:
		if ok = len(body) > 0; ok {
			c.flags = body[0]
			if c.counts, body, ok = cutCounts(body[1:], lanes, counts); ok {
				c.counts, c.times, body, ok = cutTimes(body, c.counts)
			}
		}
	case frameBye:
		if ok = len(body) > 0; ok {
			c.reason, body = body[0], body[1:]
			if len(body) > 0 {
				c.bye, body, ok = cutBye(body)
			}
		}
	}
	if !ok || len(body) > 0 {
		return control{}, fmt.Errorf("%w: %d bytes of type %d", errBadControl, len(b), b[0])
	}
	return c, nil
}

func cutUvarint(b []byte) (uint64, []byte, bool) {
	v, n := binary.Uvarint(b)
	if n <= 0 || n > 1 && b[n-1] == 0 { // too short, too large, or longer than necessary
		return 0, b, false
	}
	return v, b[n:], true
}

func cutCounts(b []byte, lanes int, counts []uint64) ([]uint64, []byte, bool) {
	counts = counts[:0]
	for range lanes {
		v, rest, ok := cutUvarint(b)
		if !ok {
			return nil, b, false
		}
		counts, b = append(counts, v), rest
	}
	return counts, b, true
}

// cutTimes cuts the times that follow the counts, if there are any. It puts them after the counts in memory, too.
func cutTimes(b []byte, counts []uint64) (_, times []uint64, rest []byte, ok bool) {
	all, ok := counts, true
	for ok && len(b) > 0 && len(times) < 3+3*maxTold {
		var v uint64
		v, b, ok = cutUvarint(b)
		ok = ok && v <= maxTime
		all = append(all, v)
		times = all[len(counts):]
	}
	return all[:len(counts)], times, b, ok && len(times)%3 == 0
}

// cutBye cuts the code and text of a program, which are the rest of a bye. Code 0 with an empty text is invalid: such a bye
// ends after its reason.
func cutBye(b []byte) (said *signaling.Bye, rest []byte, ok bool) {
	code, text, ok := cutUvarint(b)
	ok = ok && code <= math.MaxUint16 && len(text) <= signaling.MaxText && utf8.Valid(text) && (code != 0 || len(text) > 0)
	return &signaling.Bye{Code: uint16(code), Text: string(text)}, nil, ok
}

func appendHello(b []byte, random [secretSize]byte, kept int) []byte {
	b = append(append(b, frameHello), random[:]...)
	return binary.AppendUvarint(b, uint64(kept))
}

func appendProve(b []byte, mac [macSize]byte) []byte { return append(append(b, frameProve), mac[:]...) }

func appendTake(b []byte, counts []uint64) []byte { return appendCounts(append(b, frameTake), counts) }

// appendBeat appends a beat, with times or without.
func appendBeat(b []byte, flags byte, counts []uint64, times ...uint64) []byte {
	return appendCounts(appendCounts(append(b, frameBeat, flags), counts), times)
}

// appendBye appends a bye. said is what the program says, or nil.
func appendBye(b []byte, reason byte, said *signaling.Bye) []byte {
	b = append(b, frameBye, reason)
	if said == nil {
		return b
	}
	return append(binary.AppendUvarint(b, uint64(said.Code)), said.Text...)
}

func appendCounts(b []byte, counts []uint64) []byte {
	for _, c := range counts {
		b = binary.AppendUvarint(b, c)
	}
	return b
}

// byeReasons are the reasons of a bye, by their numbers on the wire: why its sender ends the link. 0 means none.
// HostGone is said by a member that leaves the room, or follows another host.
var byeReasons = [...]DisconnectReason{0, ByUs, Lost, Misbehaved, Slow, Kicked, Unauthorized, HostGone}

// byeOf returns the number of the reason for which this end ends a link.
func byeOf(r DisconnectReason) byte {
	for n, other := range byeReasons {
		if n > 0 && other == r {
			return byte(n)
		}
	}
	return 1
}

// endedBy returns the reason that this end reports for a link that the other end has ended. It keeps Lost, Slow, Kicked
// and Unauthorized, which this end has to know. If the other end left, or found that this one misbehaved, the reason is
// ByPeer.
func endedBy(bye byte) DisconnectReason {
	if int(bye) >= len(byeReasons) {
		return ByPeer
	}
	switch r := byeReasons[bye]; r {
	case Lost, Slow, Kicked, Unauthorized:
		return r
	}
	return ByPeer
}

// goneFor returns why a peer behind the host is gone. It is the reason that the host gives, except ByUs, which concerns
// only the host.
func goneFor(bye byte) DisconnectReason {
	if int(bye) < len(byeReasons) && byeReasons[bye] != 0 && byeReasons[bye] != ByUs {
		return byeReasons[bye]
	}
	return ByPeer
}

// A secret is known to both ends of a link and to nobody else. Each end contributes half of it on the first path, whose
// encryption (DTLS, or that of package forwarded) hides it from the signaling server.
type secret [sha256.Size]byte

// newRandom returns one end's half of the secret.
func newRandom() (half [secretSize]byte) {
	rand.Read(half[:]) // never fails (crypto/rand)
	return half
}

func newSecret(link string, offering, answering [secretSize]byte) secret {
	mac := hmac.New(sha256.New, append(offering[:], answering[:]...))
	mac.Write([]byte("rtcpeer link secret 1 " + link))
	return secret(mac.Sum(nil))
}

// prove returns the proof of one end that it knows the secret. The proof is for one path alone: binding names the
// certificates of both ends, so that nobody can stand between them and pass proofs on.
func (s secret) prove(offers bool, attempt int, binding string) [macSize]byte {
	role := "answer"
	if offers {
		role = "offer"
	}
	mac := hmac.New(sha256.New, s[:])
	fmt.Fprintf(mac, "rtcpeer path 1 %s %d %s", role, attempt, binding)
	return [macSize]byte(mac.Sum(nil))
}

// proves reports whether mac is what prove returns for the same end, attempt and binding.
func (s secret) proves(mac [macSize]byte, offers bool, attempt int, binding string) bool {
	want := s.prove(offers, attempt, binding)
	return hmac.Equal(mac[:], want[:])
}
