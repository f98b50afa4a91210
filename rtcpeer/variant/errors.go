package variant

import (
	"errors"
	"fmt"
)

var (
	// ErrTruncated is the error of a value, or of a count of elements, for which the bytes do not suffice.
	ErrTruncated = errors.New("truncated")
	// ErrTrailing is Unmarshal's error of bytes after the value.
	ErrTrailing = errors.New("bytes after the value")
	// ErrTooDeep is the error of containers nested deeper than Limits.MaxDepth; also of a Go value
	// that contains itself.
	ErrTooDeep = errors.New("nested too deep")
	// ErrTooLarge is the error of a value of more than Limits.MaxSize bytes.
	ErrTooLarge = errors.New("too large")
	// ErrObject is the error of an Object, as an id or in full, and of a container typed with a class
	// or script. Send its properties instead.
	ErrObject = errors.New("objects are not decoded")
	// ErrType is the error of a type number that Godot 4 does not have, of an element that is not of
	// its container's type, and of a Go type that stands for no type of Godot's.
	ErrType = errors.New("wrong type")
	// ErrString is the error of a string that is not UTF-8 or holds a NUL: no Godot string does.
	ErrString = errors.New("not UTF-8, or with a NUL in it")
	// ErrFormat is the error of a form that no Godot 4 writes: header bits that are not known, or a
	// NodePath in the form of Godot 2.
	ErrFormat = errors.New("not a form of Godot 4")
)

// An Error says where decoding or encoding ended. It wraps one of the errors above.
type Error struct {
	Op     string // "decode", "encode"
	Offset int    // in bytes from the beginning of the value
	What   string // the Type that was being decoded, the Go type that was to be encoded
	Err    error
}

func (e *Error) Error() string {
	return fmt.Sprintf("variant: %s %s at byte %d: %v", e.Op, e.What, e.Offset, e.Err)
}
func (e *Error) Unwrap() error { return e.Err }
