package variant

import (
	"encoding/binary"
	"math"
	"strings"
	"unicode/utf8"
)

// A decoder reads one value from b. After its first error it reads only zeros, so callers need not check after every
// field.
type decoder struct {
	// Fixed at construction.
	b        []byte
	maxDepth int
	cut      bool // b ends where MaxSize does, not where the input does

	off   int // offset of the first byte that was not read yet
	owed  int // bytes that the elements still to come in the open containers need at least
	depth int
	err   error

	// Of the value being decoded.
	typ  Type
	wide bool // flag64
}

func (d *decoder) fail(err error) {
	if d.err == nil {
		d.err = &Error{Op: "decode", Offset: d.off, What: d.typ.String(), Err: err}
	}
}

// left returns how many bytes the value being decoded may still use. Bytes set aside for its containers do not count.
// Otherwise each of many nested arrays could claim, and have allocated, all that is left.
func (d *decoder) left() int { return len(d.b) - d.off - d.owed }

func (d *decoder) failShort() {
	if d.cut {
		d.fail(ErrTooLarge)
	} else {
		d.fail(ErrTruncated)
	}
}

// take returns the next n bytes, or nil.
func (d *decoder) take(n int) []byte {
	if d.err != nil {
		return nil
	}
	if n > d.left() {
		d.failShort()
		return nil
	}
	d.off += n
	return d.b[d.off-n : d.off]
}

// fits returns n, or 0 if there cannot be n elements of at least size bytes.
func (d *decoder) fits(n uint32, size int) int {
	if d.err != nil {
		return 0
	}
	if uint64(n)*uint64(size) > uint64(d.left()) {
		d.failShort()
		return 0
	}
	return int(n)
}

func (d *decoder) uint32() uint32 {
	if p := d.take(4); p != nil {
		return binary.LittleEndian.Uint32(p)
	}
	return 0
}

func (d *decoder) uint64() uint64 {
	if p := d.take(8); p != nil {
		return binary.LittleEndian.Uint64(p)
	}
	return 0
}

func (d *decoder) int32() int32     { return int32(d.uint32()) }
func (d *decoder) int64() int64     { return int64(d.uint64()) }
func (d *decoder) float32() float32 { return math.Float32frombits(d.uint32()) }
func (d *decoder) float64() float64 { return math.Float64frombits(d.uint64()) }

// real reads a float or a double, as the header says.
func (d *decoder) real() float64 {
	if d.wide {
		return d.float64()
	}
	return float64(d.float32())
}

func (d *decoder) realSize() int {
	if d.wide {
		return 8
	}
	return 4
}

// bytes reads a count, that many bytes, and the padding, which may be anything.
func (d *decoder) bytes() []byte {
	n := d.fits(d.uint32(), 1)
	p := d.take(n + padding(n))
	if p == nil {
		return nil
	}
	return p[:n]
}

func (d *decoder) string() string { return d.text(d.bytes()) }

// cString reads a string of a PackedStringArray, which counts a NUL at its end. A string without one is accepted too,
// as by the engine.
func (d *decoder) cString() string {
	p := d.bytes()
	if n := len(p); n > 0 && p[n-1] == 0 {
		p = p[:n-1]
	}
	return d.text(p)
}

func (d *decoder) text(p []byte) string {
	s := string(p)
	if !isText(s) {
		d.fail(ErrString)
		return ""
	}
	return s
}

func isText(s string) bool { return utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 }

// padding returns how many bytes n lacks to a multiple of four.
func padding(n int) int { return -n & 3 }
