package variant

// packed writes v if it is of the Go type of a packed array.
func (e *encoder) packed(v any) bool {
	switch v := v.(type) {
	case []byte:
		e.header(TypePackedByteArray)
		e.uint32(uint32(len(v)))
		e.b = append(e.b, v...)
		e.pad(len(v))
	case []int32:
		packList(e, TypePackedInt32Array, v, e.int32)
	case []int64:
		packList(e, TypePackedInt64Array, v, e.int64)
	case []float32:
		packList(e, TypePackedFloat32Array, v, e.float32)
	case []float64:
		packList(e, TypePackedFloat64Array, v, e.float64)
	case []string:
		packList(e, TypePackedStringArray, v, e.cString)
	case []Vector2:
		packList(e, TypePackedVector2Array, v, e.vector2)
	case []Vector3:
		packList(e, TypePackedVector3Array, v, e.vector3)
	case []Color:
		packList(e, TypePackedColorArray, v, e.color)
	case []Vector4:
		packList(e, TypePackedVector4Array, v, e.vector4)
	default:
		return false
	}
	return true
}

func packList[T any](e *encoder, t Type, list []T, write func(T)) {
	e.header(t)
	e.uint32(uint32(len(list)))
	for _, v := range list {
		write(v)
	}
}
