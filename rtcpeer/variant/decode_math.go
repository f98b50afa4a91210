package variant

func (d *decoder) math(t Type) any {
	switch t {
	case TypeVector2:
		return d.vector2()
	case TypeVector2i:
		return d.vector2i()
	case TypeRect2:
		return Rect2{d.vector2(), d.vector2()}
	case TypeRect2i:
		return Rect2i{d.vector2i(), d.vector2i()}
	case TypeVector3:
		return d.vector3()
	case TypeVector3i:
		return Vector3i{d.int32(), d.int32(), d.int32()}
	case TypeTransform2D:
		return Transform2D{d.vector2(), d.vector2(), d.vector2()}
	case TypeVector4:
		return d.vector4()
	case TypeVector4i:
		return Vector4i{d.int32(), d.int32(), d.int32(), d.int32()}
	case TypePlane:
		return Plane{d.vector3(), d.real()}
	case TypeQuaternion:
		return Quaternion(d.vector4())
	case TypeAABB:
		return AABB{d.vector3(), d.vector3()}
	case TypeBasis:
		return d.basis()
	case TypeTransform3D:
		return Transform3D{d.basis(), d.vector3()}
	}
	return Projection{[4]Vector4{d.vector4(), d.vector4(), d.vector4(), d.vector4()}}
}

func (d *decoder) vector2() Vector2   { return Vector2{d.real(), d.real()} }
func (d *decoder) vector2i() Vector2i { return Vector2i{d.int32(), d.int32()} }
func (d *decoder) vector3() Vector3   { return Vector3{d.real(), d.real(), d.real()} }
func (d *decoder) vector4() Vector4   { return Vector4{d.real(), d.real(), d.real(), d.real()} }
func (d *decoder) basis() Basis       { return Basis{[3]Vector3{d.vector3(), d.vector3(), d.vector3()}} }
func (d *decoder) color() Color {
	return Color{d.float32(), d.float32(), d.float32(), d.float32()}
}
