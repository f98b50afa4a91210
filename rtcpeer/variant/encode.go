package variant

import (
	"fmt"
	"reflect"
)

// An Encoder encodes values. The zero value encodes as a common build of Godot does.
type Encoder struct {
	Limits Limits
	// Double encodes types made of reals in double precision, as a build of Godot with precision=double does, which
	// loses nothing of a float64. Every engine decodes both.
	Double bool
}

// Marshal encodes v as Encoder{} does.
func Marshal(v any) ([]byte, error) { return Append(nil, v) }

// Append appends v, as Encoder{} encodes it, to b.
func Append(b []byte, v any) ([]byte, error) { return Encoder{}.Append(b, v) }

// Append appends v, encoded, to b. If it cannot, it returns b as it was. Type lists the types that v and its parts may
// have. An int takes 32 bits if it fits. So does a float if that is exact, which for a NaN it never is. The engine does
// the same. A map is encoded in the order of its keys. The errors are of type *Error.
func (enc Encoder) Append(b []byte, v any) ([]byte, error) {
	limits := enc.Limits.withDefaults()
	e := encoder{b: b, base: len(b), double: enc.Double, maxDepth: limits.MaxDepth, maxSize: limits.MaxSize}
	e.value(v)
	if e.err != nil {
		return b, e.err
	}
	return e.b, nil
}

// value writes a header and the value that it announces. It checks the size after every value, so that a value that
// repeats a part very often, which costs no memory in Go, ends in time.
func (e *encoder) value(v any) {
	if e.err != nil {
		return
	}
	if !e.plain(v) && !e.math(v) && !e.packed(v) && !e.container(v) {
		e.fail(v, wrongGoType(v))
	}
	if len(e.b)-e.base > e.maxSize {
		e.fail(v, ErrTooLarge)
	}
}

// wrongGoType returns the ErrType for a Go type that stands for no Godot type. Its text says what to use instead.
func wrongGoType(v any) error {
	instead := "nil, bool, an integer, float32, float64, string, []byte, []any, map[string]any, Dictionary, or a type of package variant"
	switch kind := reflect.TypeOf(v).Kind(); kind {
	case reflect.Uint, reflect.Uint64, reflect.Uintptr:
		instead = "int64, the integer of Godot"
	case reflect.Map:
		instead = "map[string]any, or Dictionary for keys that are not strings"
	case reflect.Struct, reflect.Pointer:
		instead = "map[string]any or Dictionary, with the fields to send"
	case reflect.Slice, reflect.Array:
		instead = "[]any, TypedArray or a packed array: []byte, []int32, []int64, []float32, []float64, []string"
	}
	return fmt.Errorf("%w: want %s", ErrType, instead)
}

// plain writes v if it is not of a type of math.go, an array or a dictionary.
func (e *encoder) plain(v any) bool {
	switch v := v.(type) {
	case nil:
		e.header(TypeNil)
	case bool:
		e.header(TypeBool)
		e.bool(v)
	case int:
		e.integer(int64(v))
	case int8:
		e.integer(int64(v))
	case int16:
		e.integer(int64(v))
	case int32:
		e.integer(int64(v))
	case int64:
		e.integer(v)
	case uint8:
		e.integer(int64(v))
	case uint16:
		e.integer(int64(v))
	case uint32:
		e.integer(int64(v))
	case float32:
		e.float(float64(v))
	case float64:
		e.float(v)
	case string:
		e.header(TypeString)
		e.string(v)
	case Color:
		e.header(TypeColor)
		e.color(v)
	case StringName:
		e.header(TypeStringName)
		e.string(string(v))
	case NodePath:
		e.header(TypeNodePath)
		e.nodePath(v)
	case RID:
		e.header(TypeRID)
		e.uint64(uint64(v))
	case Callable:
		e.header(TypeCallable)
	case Signal:
		e.header(TypeSignal)
		e.string(v.Name)
		e.uint64(v.Object)
	default:
		return false
	}
	return true
}

func (e *encoder) integer(i int64) {
	if i == int64(int32(i)) {
		e.uint32(uint32(TypeInt))
		e.uint32(uint32(i))
	} else {
		e.uint32(uint32(TypeInt) | flag64)
		e.uint64(uint64(i))
	}
}

func (e *encoder) float(f float64) {
	if f == float64(float32(f)) {
		e.uint32(uint32(TypeFloat))
		e.float32(float32(f))
	} else {
		e.uint32(uint32(TypeFloat) | flag64)
		e.float64(f)
	}
}

func (e *encoder) nodePath(p NodePath) {
	e.uint32(uint32(len(p.Names)) | pathNew)
	e.uint32(uint32(len(p.Subnames)))
	e.bool(p.Absolute)
	for _, s := range p.Names {
		e.string(s)
	}
	for _, s := range p.Subnames {
		e.string(s)
	}
}

func (e *encoder) fail(v any, err error) {
	if e.err == nil {
		e.err = &Error{Op: "encode", Offset: len(e.b) - e.base, What: fmt.Sprintf("%T", v), Err: err}
	}
}
