package variant

import (
	"encoding/binary"
	"math"
)

// An encoder appends one value to b. After its first error it appends only up to the next value.
type encoder struct {
	// Fixed at construction.
	base     int // where the value begins in b
	double   bool
	maxDepth int
	maxSize  int

	b     []byte
	depth int
	err   error
}

func (e *encoder) header(t Type) {
	h := uint32(t)
	if e.double && t.ofReals() {
		h |= flag64
	}
	e.uint32(h)
}

func (e *encoder) uint32(u uint32)   { e.b = binary.LittleEndian.AppendUint32(e.b, u) }
func (e *encoder) uint64(u uint64)   { e.b = binary.LittleEndian.AppendUint64(e.b, u) }
func (e *encoder) int32(i int32)     { e.uint32(uint32(i)) }
func (e *encoder) int64(i int64)     { e.uint64(uint64(i)) }
func (e *encoder) float32(f float32) { e.uint32(math.Float32bits(f)) }
func (e *encoder) float64(f float64) { e.uint64(math.Float64bits(f)) }

func (e *encoder) bool(b bool) {
	if b {
		e.uint32(1)
	} else {
		e.uint32(0)
	}
}

func (e *encoder) real(f float64) {
	if e.double {
		e.float64(f)
	} else {
		e.float32(float32(f))
	}
}

func (e *encoder) string(s string) {
	if !isText(s) {
		e.fail(s, ErrString)
		return
	}
	e.uint32(uint32(len(s)))
	e.b = append(e.b, s...)
	e.pad(len(s))
}

// cString writes a string of a PackedStringArray.
func (e *encoder) cString(s string) {
	if !isText(s) {
		e.fail(s, ErrString)
		return
	}
	e.uint32(uint32(len(s) + 1))
	e.b = append(append(e.b, s...), 0)
	e.pad(len(s) + 1)
}

func (e *encoder) pad(n int) { e.b = append(e.b, "\x00\x00\x00"[:padding(n)]...) }
