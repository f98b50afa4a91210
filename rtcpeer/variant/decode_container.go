package variant

// minElement is the size of the smallest value: a header alone. A string is no smaller: a count alone.
const minElement = 4

// countMask leaves out the highest bit of a container's count. It once said that the container is shared; the engine
// ignores it.
const countMask = 1<<31 - 1

func (d *decoder) array(flags uint32) any {
	elem := d.containerType(flags >> kindShift)
	n := d.open(1)
	items := make([]any, 0, n)
	for range n {
		items = append(items, d.element(elem))
		if d.err != nil {
			return nil
		}
	}
	d.depth--
	if elem == TypeNil {
		return items
	}
	return TypedArray{Elem: elem, Items: items}
}

func (d *decoder) dictionary(flags uint32) any {
	key, value := d.containerType(flags>>kindShift), d.containerType(flags>>valueShift)
	n := d.open(2)
	pairs := make(Dictionary, 0, n)
	for range n {
		pairs = append(pairs, Pair{d.element(key), d.element(value)})
		if d.err != nil {
			return nil
		}
	}
	d.depth--
	if key == TypeNil && value == TypeNil {
		return pairs
	}
	return TypedDictionary{Key: key, Value: value, Pairs: pairs}
}

// containerType reads the type of a container's elements; TypeNil means any.
func (d *decoder) containerType(kind uint32) Type {
	switch kind & kindMask {
	case kindNone:
		return TypeNil
	case kindClass, kindScript:
		d.fail(ErrObject)
		return TypeNil
	}
	t := d.uint32()
	switch {
	case t >= uint32(typeEnd):
		d.fail(ErrType)
	case Type(t) == TypeObject:
		d.fail(ErrObject)
	}
	return Type(t)
}

// open goes one container deeper and reads its count of entries, each of which has the given number of values. It sets
// aside the bytes that these values need at least.
func (d *decoder) open(values int) int {
	if d.depth++; d.depth > d.maxDepth {
		d.fail(ErrTooDeep)
	}
	n := d.fits(d.uint32()&countMask, values*minElement)
	d.owed += n * values * minElement
	return n
}

// element reads a value for which open has set bytes aside.
func (d *decoder) element(want Type) any {
	d.owed -= minElement
	v, t := d.value()
	if want != TypeNil && t != want {
		d.fail(ErrType)
	}
	return v
}
