package variant

import (
	"errors"
	"fmt"
)

var (
	// ErrTruncated is the error for a value, or a count of elements, for which there are not enough bytes.
	ErrTruncated = errors.New("truncated")
	// ErrTrailing is Unmarshal's error for bytes after the value.
	ErrTrailing = errors.New("bytes after the value")
	// ErrTooDeep is the error for containers nested deeper than Limits.MaxDepth, and for a Go value that contains
	// itself.
	ErrTooDeep = errors.New("nested too deeply")
	// ErrTooLarge is the error for a value of more than Limits.MaxSize bytes.
	ErrTooLarge = errors.New("too large")
	// ErrObject is the error for an Object, as an id or in full, and for a container typed with a class or script. Send
	// the object's properties instead.
	ErrObject = errors.New("objects are not decoded")
	// ErrType is the error for a type number that Godot 4 does not have, for an element that is not of its container's
	// type, and for a Go type that stands for no Godot type.
	ErrType = errors.New("wrong type")
	// ErrString is the error for a string that is not UTF-8 or contains a NUL. No Godot string does.
	ErrString = errors.New("string is not UTF-8, or contains a NUL byte")
	// ErrFormat is the error for a form that no Godot 4 writes: header bits that are not known, or a NodePath in the
	// form of Godot 2.
	ErrFormat = errors.New("unknown encoding: want that of Godot 4")
)

// An Error says where decoding or encoding ended. It wraps one of the errors above.
type Error struct {
	Op     string // "decode", "encode"
	Offset int    // in bytes from the beginning of the value
	What   string // the Type that was being decoded, or the Go type that was being encoded
	Err    error
}

func (e *Error) Error() string {
	return fmt.Sprintf("variant: %s %s at byte %d: %v", e.Op, e.What, e.Offset, e.Err)
}

// Unwrap returns Err.
func (e *Error) Unwrap() error { return e.Err }
