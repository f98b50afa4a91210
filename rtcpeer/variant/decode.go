package variant

// Unmarshal decodes b, which must be one value and nothing else. It does not keep b. Its errors are of
// type *Error.
func Unmarshal(b []byte, limits Limits) (any, error) {
	v, n, err := Decode(b, limits)
	if err == nil && n < len(b) {
		return nil, &Error{Op: "decode", Offset: n, What: "value", Err: ErrTrailing}
	}
	return v, err
}

// Decode decodes the value at the beginning of b and returns how many bytes it took. It does not keep
// b. Its errors are of type *Error.
func Decode(b []byte, limits Limits) (v any, n int, err error) {
	limits = limits.withDefaults()
	d := decoder{b: b, maxDepth: limits.MaxDepth}
	if len(b) > limits.MaxSize {
		d.b, d.cut = b[:limits.MaxSize], true
	}
	v, _ = d.value()
	if d.err != nil {
		return nil, 0, d.err
	}
	return v, d.off, nil
}

// value reads a header and the value that it announces.
func (d *decoder) value() (any, Type) {
	t, flags := d.header()
	if d.err != nil {
		return nil, t
	}
	d.wide = flags&flag64 != 0
	switch t {
	case TypeDictionary:
		return d.dictionary(flags), t
	case TypeArray:
		return d.array(flags), t
	}
	if t >= TypePackedByteArray {
		return d.packed(t), t
	}
	if t >= TypeVector2 && t <= TypeProjection {
		return d.math(t), t
	}
	return d.plain(t), t
}

func (d *decoder) header() (Type, uint32) {
	h := d.uint32()
	t, flags := Type(h), h&^0xFF
	d.typ = t
	switch {
	case d.err != nil:
	case t >= typeEnd:
		d.fail(ErrType)
	case t == TypeObject:
		d.fail(ErrObject)
	case flags&^t.flags() != 0:
		d.fail(ErrFormat)
	}
	return t, flags
}

func (d *decoder) plain(t Type) any {
	switch t {
	case TypeBool:
		return d.uint32() != 0
	case TypeInt:
		if d.wide {
			return d.int64()
		}
		return int64(d.int32())
	case TypeFloat:
		return d.real()
	case TypeString:
		return d.string()
	case TypeColor:
		return d.color()
	case TypeStringName:
		return StringName(d.string())
	case TypeNodePath:
		return d.nodePath()
	case TypeRID:
		return RID(d.uint64())
	case TypeCallable:
		return Callable{}
	case TypeSignal:
		return Signal{Name: d.string(), Object: d.uint64()}
	}
	return nil // TypeNil
}

const (
	pathNew      = 1 << 31 // in the count of names: not the form of Godot 2, which was one string
	pathAbsolute = 1 << 0
	pathProperty = 1 << 1 // obsolete: one more subname than counted
)

func (d *decoder) nodePath() any {
	names, subnames, flags := d.uint32(), uint64(d.uint32()), d.uint32()
	if d.err == nil && (names&pathNew == 0 || flags&^(pathAbsolute|pathProperty) != 0) {
		d.fail(ErrFormat)
	}
	if flags&pathProperty != 0 {
		subnames++
	}
	p := NodePath{Absolute: flags&pathAbsolute != 0}
	p.Names = d.strings(uint64(names &^ pathNew))
	p.Subnames = d.strings(subnames)
	return p
}

// strings reads n strings, or returns nil if n is 0.
func (d *decoder) strings(n uint64) []string {
	if n == 0 {
		return nil
	}
	fits := d.fits(uint32(min(n, 1<<32-1)), minElement)
	list := make([]string, 0, fits)
	for range fits {
		list = append(list, d.string())
	}
	return list
}
