package variant

import "fmt"

// A Type is the kind of a value, numbered as Variant.Type in Godot 4.
type Type uint8

const (
	TypeNil                Type = iota // nil
	TypeBool                           // bool
	TypeInt                            // int64; encoded also from int, the smaller int and the uint below 64 bits
	TypeFloat                          // float64; encoded also from float32
	TypeString                         // string
	TypeVector2                        // Vector2
	TypeVector2i                       // Vector2i
	TypeRect2                          // Rect2
	TypeRect2i                         // Rect2i
	TypeVector3                        // Vector3
	TypeVector3i                       // Vector3i
	TypeTransform2D                    // Transform2D
	TypeVector4                        // Vector4
	TypeVector4i                       // Vector4i
	TypePlane                          // Plane
	TypeQuaternion                     // Quaternion
	TypeAABB                           // AABB
	TypeBasis                          // Basis
	TypeTransform3D                    // Transform3D
	TypeProjection                     // Projection
	TypeColor                          // Color
	TypeStringName                     // StringName
	TypeNodePath                       // NodePath
	TypeRID                            // RID
	TypeObject                         // ErrObject
	TypeCallable                       // Callable
	TypeSignal                         // Signal
	TypeDictionary                     // Dictionary, TypedDictionary; encoded also from map[string]any
	TypeArray                          // []any, TypedArray
	TypePackedByteArray                // []byte
	TypePackedInt32Array               // []int32
	TypePackedInt64Array               // []int64
	TypePackedFloat32Array             // []float32
	TypePackedFloat64Array             // []float64
	TypePackedStringArray              // []string
	TypePackedVector2Array             // []Vector2
	TypePackedVector3Array             // []Vector3
	TypePackedColorArray               // []Color
	TypePackedVector4Array             // []Vector4

	typeEnd
)

var typeNames = [typeEnd]string{
	"Nil", "bool", "int", "float", "String",
	"Vector2", "Vector2i", "Rect2", "Rect2i", "Vector3", "Vector3i", "Transform2D", "Vector4", "Vector4i",
	"Plane", "Quaternion", "AABB", "Basis", "Transform3D", "Projection",
	"Color", "StringName", "NodePath", "RID", "Object", "Callable", "Signal", "Dictionary", "Array",
	"PackedByteArray", "PackedInt32Array", "PackedInt64Array", "PackedFloat32Array", "PackedFloat64Array",
	"PackedStringArray", "PackedVector2Array", "PackedVector3Array", "PackedColorArray", "PackedVector4Array",
}

// String returns GDScript's name of the type.
func (t Type) String() string {
	if t < typeEnd {
		return typeNames[t]
	}
	return fmt.Sprintf("Type(%d)", uint8(t))
}

// The bits of a header above the type.
const (
	flag64     = 1 << 16
	kindShift  = 16 // of an array's elements, of a dictionary's keys
	valueShift = 18 // of a dictionary's values
	kindMask   = 3
)

// The kinds of element type that follow a container's header, by two of its bits.
const (
	kindNone    = iota // nothing: any type
	kindBuiltin        // a Type
	kindClass          // a string: the name of a class
	kindScript         // a string: the path of a script
)

// flags returns the bits above the type that a header of t may have. Unknown bits are refused: those that were added in
// the past, for typed containers, changed what follows.
func (t Type) flags() uint32 {
	switch t {
	case TypeInt, TypeFloat:
		return flag64
	case TypeArray:
		return kindMask << kindShift
	case TypeDictionary:
		return kindMask<<kindShift | kindMask<<valueShift
	}
	if t.ofReals() {
		return flag64
	}
	return 0
}

// ofReals reports whether t is made of reals (real_t), which are float in most builds of Godot and double in some.
// Color is not: it is always single.
func (t Type) ofReals() bool {
	switch t {
	case TypeVector2, TypeVector3, TypeVector4, TypeRect2, TypeTransform2D, TypePlane, TypeQuaternion,
		TypeAABB, TypeBasis, TypeTransform3D, TypeProjection,
		TypePackedVector2Array, TypePackedVector3Array, TypePackedVector4Array:
		return true
	}
	return false
}
