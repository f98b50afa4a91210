// Package variant is Godot 4's binary form of values: what put_var sends, get_var reads and
// var_to_bytes makes.
//
//	GDScript: peer.put_var({"hp": 10})  ---- one packet ---->  Unmarshal   Dictionary{{"hp", int64(10)}}
//	GDScript: peer.get_var()            <--- one packet -----  Marshal     map[string]any{"hp": 10}
//
// Every value is a header of four bytes, little-endian, and a body padded to four:
//
//	bits 0-7    the Type
//	bit  16     int, float: 64 bits, not 32; what is made of reals: double, not single
//	bits 16-17  Array: 0 untyped, 1 its elements' Type follows, 2 a class name, 3 a script
//	bits 16-17  Dictionary: the same for its keys, and bits 18-19 for its values
//
// Type says which Go type stands for which of Godot's. An Object is never decoded nor encoded, not
// even as an id: it means nothing outside the engine it lives in, and full objects run code. Decoding
// makes no assumption about the bytes: it does not panic, it nests no deeper and reads no further than
// its Limits, and it allocates only for elements that have their bytes in the input: at most about five
// bytes for each that it was given.
//
// The arguments of an RPC and the properties of a MultiplayerSynchronizer are packed further by
// SceneMultiplayer, in bytes this package does not read.
//
// # Versions of the engine
//
// Up to 4.2 a typed array is written as an untyped one, and one with a type is misread (godot#76841,
// godot#78219, in 4.3). Typed dictionaries came with 4.4 (godot#78656), PackedVector4Array with 4.3.
// To speak to older engines, encode plain []any and Dictionary; all else has stayed the same since 4.0.
//
// The facts are from core/io/marshalls.cpp as of Godot 4.5 and from tutorials/io/binary_serialization_api.rst
// of godot-docs 00eaffdace35. Where they differ the source is followed: each string of a
// PackedStringArray counts a NUL at its end (godot#39911), and what pads a NodePath is not always zero
// (godot#44999).
//
// The functions keep neither what they are given nor what they return, and may be called from any goroutine.
package variant
