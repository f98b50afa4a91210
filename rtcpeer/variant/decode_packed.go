package variant

func (d *decoder) packed(t Type) any {
	switch t {
	case TypePackedByteArray:
		return append([]byte{}, d.bytes()...)
	case TypePackedInt32Array:
		return packedOf(d, 4, d.int32)
	case TypePackedInt64Array:
		return packedOf(d, 8, d.int64)
	case TypePackedFloat32Array:
		return packedOf(d, 4, d.float32)
	case TypePackedFloat64Array:
		return packedOf(d, 8, d.float64)
	case TypePackedStringArray:
		return packedOf(d, minElement, d.cString)
	case TypePackedVector2Array:
		return packedOf(d, 2*d.realSize(), d.vector2)
	case TypePackedVector3Array:
		return packedOf(d, 3*d.realSize(), d.vector3)
	case TypePackedColorArray:
		return packedOf(d, 16, d.color)
	}
	return packedOf(d, 4*d.realSize(), d.vector4)
}

// packedOf reads a count, and that many elements of at least size bytes each.
func packedOf[T any](d *decoder, size int, read func() T) []T {
	n := d.fits(d.uint32(), size)
	list := make([]T, 0, n)
	for range n {
		list = append(list, read())
	}
	return list
}
