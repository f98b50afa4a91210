package variant

// math writes v if it is of one of the types of math.go.
func (e *encoder) math(v any) bool {
	switch v := v.(type) {
	case Vector2:
		e.reals(TypeVector2, v.X, v.Y)
	case Vector2i:
		e.ints(TypeVector2i, v.X, v.Y)
	case Rect2:
		e.reals(TypeRect2, v.Position.X, v.Position.Y, v.Size.X, v.Size.Y)
	case Rect2i:
		e.ints(TypeRect2i, v.Position.X, v.Position.Y, v.Size.X, v.Size.Y)
	case Vector3:
		e.reals(TypeVector3, v.X, v.Y, v.Z)
	case Vector3i:
		e.ints(TypeVector3i, v.X, v.Y, v.Z)
	case Transform2D:
		e.reals(TypeTransform2D, v.X.X, v.X.Y, v.Y.X, v.Y.Y, v.Origin.X, v.Origin.Y)
	case Vector4:
		e.reals(TypeVector4, v.X, v.Y, v.Z, v.W)
	case Vector4i:
		e.ints(TypeVector4i, v.X, v.Y, v.Z, v.W)
	case Plane:
		e.reals(TypePlane, v.Normal.X, v.Normal.Y, v.Normal.Z, v.D)
	case Quaternion:
		e.reals(TypeQuaternion, v.X, v.Y, v.Z, v.W)
	case AABB:
		e.reals(TypeAABB, v.Position.X, v.Position.Y, v.Position.Z, v.Size.X, v.Size.Y, v.Size.Z)
	case Basis:
		e.header(TypeBasis)
		e.basis(v)
	case Transform3D:
		e.header(TypeTransform3D)
		e.basis(v.Basis)
		e.vector3(v.Origin)
	case Projection:
		e.header(TypeProjection)
		for _, c := range v.Columns {
			e.vector4(c)
		}
	default:
		return false
	}
	return true
}

func (e *encoder) reals(t Type, list ...float64) {
	e.header(t)
	for _, f := range list {
		e.real(f)
	}
}

func (e *encoder) ints(t Type, list ...int32) {
	e.header(t)
	for _, i := range list {
		e.int32(i)
	}
}

func (e *encoder) basis(b Basis) {
	for _, row := range b.Rows {
		e.vector3(row)
	}
}

func (e *encoder) vector2(v Vector2) {
	e.real(v.X)
	e.real(v.Y)
}

func (e *encoder) vector3(v Vector3) {
	e.real(v.X)
	e.real(v.Y)
	e.real(v.Z)
}

func (e *encoder) vector4(v Vector4) {
	e.real(v.X)
	e.real(v.Y)
	e.real(v.Z)
	e.real(v.W)
}

func (e *encoder) color(c Color) {
	e.float32(c.R)
	e.float32(c.G)
	e.float32(c.B)
	e.float32(c.A)
}
