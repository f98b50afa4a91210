package variant

import (
	"maps"
	"slices"
)

// container writes v if it is an array or a dictionary that holds values of any type.
func (e *encoder) container(v any) bool {
	switch v := v.(type) {
	case []any:
		e.array(TypedArray{Items: v})
	case TypedArray:
		e.array(v)
	case map[string]any:
		e.dictionary(TypedDictionary{Pairs: sorted(v)})
	case Dictionary:
		e.dictionary(TypedDictionary{Pairs: v})
	case TypedDictionary:
		e.dictionary(v)
	default:
		return false
	}
	return true
}

func sorted(m map[string]any) Dictionary {
	d := make(Dictionary, 0, len(m))
	for _, k := range slices.Sorted(maps.Keys(m)) {
		d = append(d, Pair{k, m[k]})
	}
	return d
}

func (e *encoder) array(a TypedArray) {
	e.uint32(uint32(TypeArray) | kindOf(a.Elem)<<kindShift)
	e.containerType(a.Elem)
	e.uint32(uint32(len(a.Items)))
	if e.open(a) {
		for _, v := range a.Items {
			e.element(v, a.Elem)
		}
	}
	e.depth--
}

func (e *encoder) dictionary(d TypedDictionary) {
	e.uint32(uint32(TypeDictionary) | kindOf(d.Key)<<kindShift | kindOf(d.Value)<<valueShift)
	e.containerType(d.Key)
	e.containerType(d.Value)
	e.uint32(uint32(len(d.Pairs)))
	if e.open(d) {
		for _, p := range d.Pairs {
			e.element(p.Key, d.Key)
			e.element(p.Value, d.Value)
		}
	}
	e.depth--
}

// open goes one container deeper. A value that contains itself ends here.
func (e *encoder) open(v any) bool {
	e.depth++
	if e.depth > e.maxDepth {
		e.fail(v, ErrTooDeep)
	}
	return e.err == nil
}

func kindOf(t Type) uint32 {
	if t == TypeNil {
		return kindNone
	}
	return kindBuiltin
}

func (e *encoder) containerType(t Type) {
	switch {
	case t == TypeNil:
		return
	case t == TypeObject:
		e.fail(t, ErrObject)
	case t >= typeEnd:
		e.fail(t, ErrType)
	}
	e.uint32(uint32(t))
}

// element writes a value. It must be of type want, unless that is TypeNil. The type of a value is in its header.
func (e *encoder) element(v any, want Type) {
	at := len(e.b)
	e.value(v)
	if e.err == nil && want != TypeNil && Type(e.b[at]) != want {
		e.fail(v, ErrType)
	}
}
