package transfer

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"unicode/utf8"
)

// A kind is the first byte of a frame. The package comment lists the kinds, with their fields.
type kind byte

const (
	kindOffer kind = iota + 1
	kindAccept
	kindPrefix
	kindStart
	kindData
	kindTaken
	kindEnd
	kindDone
	kindStopSending
	kindStopReceiving
)

const (
	flagAnew        = 0x01
	flagUnknownSize = 0x02
)

const (
	maxNumber = 1<<53 - 1
	maxName   = 1024 // bytes
	maxText   = 300  // bytes
	minData   = 1024 // bytes, except at the end of a file
	// MaxOffers is how many files of one peer may be offered or on their way at a time. More are refused.
	MaxOffers = 16
)

// A reason says on the wire why a transfer was stopped. Unknown reasons count as failed.
type reason byte

const (
	reasonCancelled reason = iota + 1
	reasonRefused
	reasonFailed   // the end that stops cannot read, or cannot write; the text says why
	reasonHash     // the hash of what has arrived is not the sender's
	reasonProtocol // the other end has broken the protocol
	reasonBusy     // more than MaxOffers
	reasonSendOnly // the end that stops takes no files at all
	reasonMoved    // of a sender: its star has another host
)

// A frame is one decoded frame. Each kind uses some of the fields.
type frame struct {
	kind   kind
	id     uint64
	flags  byte   // offer
	offset int64  // accept, start, data, taken
	size   int64  // offer, end
	window int64  // accept
	sum    digest // prefix, end
	reason reason // stop
	text   string // offer: the name; stop
	data   []byte // data
}

// A digest is a SHA-256.
type digest [sha256.Size]byte

// fromSender reports whether frames of this kind come from the end that sends the file.
func (k kind) fromSender() bool {
	switch k {
	case kindOffer, kindPrefix, kindData, kindEnd, kindStopSending:
		return true
	}
	return false
}

// append adds the frame's bytes to b.
func (f *frame) append(b []byte) []byte {
	b = binary.AppendUvarint(append(b, byte(f.kind)), f.id)
	switch f.kind {
	case kindOffer:
		b = binary.AppendUvarint(append(b, f.flags), uint64(f.size))
		b = append(b, f.text...)
	case kindAccept:
		b = binary.AppendUvarint(binary.AppendUvarint(b, uint64(f.offset)), uint64(f.window))
	case kindPrefix:
		b = append(b, f.sum[:]...)
	case kindStart, kindTaken:
		b = binary.AppendUvarint(b, uint64(f.offset))
	case kindData:
		b = append(binary.AppendUvarint(b, uint64(f.offset)), f.data...)
	case kindEnd:
		b = append(binary.AppendUvarint(b, uint64(f.size)), f.sum[:]...)
	case kindStopSending, kindStopReceiving:
		b = append(append(b, byte(f.reason)), f.text...)
	}
	return b
}

// decode reads a frame, whose data stays in b. It never panics, whatever the bytes.
func decode(b []byte) (*frame, error) {
	d := decoder{rest: b}
	f := &frame{kind: kind(d.byte())}
	f.id = uint64(d.number())
	switch f.kind {
	case kindOffer:
		f.flags, f.size = d.byte(), d.number()
		f.text = d.text(maxName)
		if f.text == "" || f.flags&flagUnknownSize != 0 && f.size != 0 {
			d.bad = true
		}
	case kindAccept:
		f.offset, f.window = d.number(), d.number()
		if f.window < MinWindow {
			d.bad = true
		}
	case kindPrefix:
		d.digest(&f.sum)
	case kindStart, kindTaken:
		f.offset = d.number()
	case kindData:
		f.offset = d.number()
		f.data, d.rest = d.rest, nil
		if len(f.data) == 0 || f.offset > maxNumber-int64(len(f.data)) {
			d.bad = true
		}
	case kindEnd:
		f.size = d.number()
		d.digest(&f.sum)
	case kindDone:
	case kindStopSending, kindStopReceiving:
		f.reason = reason(d.byte())
		f.text = d.text(maxText)
	default:
		return nil, fmt.Errorf("%w: kind %#02x", errBadFrame, byte(f.kind))
	}
	if d.bad || len(d.rest) > 0 || f.id == 0 {
		return nil, fmt.Errorf("%w: kind %#02x, %d bytes", errBadFrame, byte(f.kind), len(b))
	}
	return f, nil
}

var errBadFrame = errors.New("not a frame of a transfer")

// A decoder takes fields from the front of rest. Once it is bad, it returns zeros.
type decoder struct {
	rest []byte
	bad  bool
}

func (d *decoder) take(n int) []byte {
	if d.bad || len(d.rest) < n {
		d.bad = true
		return make([]byte, n)
	}
	taken := d.rest[:n]
	d.rest = d.rest[n:]
	return taken
}

func (d *decoder) byte() byte { return d.take(1)[0] }

func (d *decoder) digest(to *digest) { copy(to[:], d.take(len(to))) }

func (d *decoder) number() int64 {
	n, size := binary.Uvarint(d.rest)
	if size <= 0 || n > maxNumber || size > 1 && d.rest[size-1] == 0 {
		d.bad = true
		return 0
	}
	d.take(size)
	return int64(n)
}

func (d *decoder) text(limit int) string {
	if len(d.rest) > limit || !utf8.Valid(d.rest) {
		d.bad = true
		return ""
	}
	text := string(d.rest)
	d.rest = nil
	return text
}
