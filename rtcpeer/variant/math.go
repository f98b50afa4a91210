package variant

// These are the Godot types of the same names. A real is a float64, so that what a double-precision build of Godot sends
// is not rounded. It is encoded as float32 unless Encoder.Double is set.
type (
	Vector2 struct{ X, Y float64 }
	Vector3 struct{ X, Y, Z float64 }
	Vector4 struct{ X, Y, Z, W float64 }

	Vector2i struct{ X, Y int32 }
	Vector3i struct{ X, Y, Z int32 }
	Vector4i struct{ X, Y, Z, W int32 }

	Rect2  struct{ Position, Size Vector2 }
	Rect2i struct{ Position, Size Vector2i }
	AABB   struct{ Position, Size Vector3 }

	Plane struct {
		Normal Vector3
		D      float64
	}
	Quaternion struct{ X, Y, Z, W float64 }
)

// A Transform2D is two columns and an origin.
type Transform2D struct{ X, Y, Origin Vector2 }

// A Basis is three rows, as on the wire. GDScript's basis.x is the first column:
// Rows[0].X, Rows[1].X, Rows[2].X.
type Basis struct{ Rows [3]Vector3 }

// A Transform3D is a basis and an origin.
type Transform3D struct {
	Basis  Basis
	Origin Vector3
}

// A Projection is four columns.
type Projection struct{ Columns [4]Vector4 }

// A Color is red, green, blue and alpha, 0 to 1; above 1 is overbright. Every build of Godot has it in
// single precision.
type Color struct{ R, G, B, A float32 }
