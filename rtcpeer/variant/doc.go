// Package variant is Godot 4's binary form of values: what put_var sends, get_var reads and
// var_to_bytes makes.
//
//	GDScript: peer.put_var({"hp": 10})  ---- one packet ---->  Unmarshal   Dictionary{{"hp", int64(10)}}
//	GDScript: peer.get_var()            <--- one packet -----  Marshal     map[string]any{"hp": 10}
//
// Every value is a header of four bytes, little-endian, and a body that is padded to a multiple of four bytes:
//
//	bits 0-7    the Type
//	bit  16     int, float: 64 bits, not 32; types made of reals: double, not single
//	bits 16-17  Array: 0 untyped, 1 its elements' Type follows, 2 a class name, 3 a script
//	bits 16-17  Dictionary: the same for its keys, and bits 18-19 for its values
//
// Type lists which Go type stands for which Godot type. An Object is never decoded or encoded, not even as an id: it
// means nothing outside the engine that it lives in, and full objects run code. Decoding makes no assumption about the
// bytes: it does not panic, it nests no deeper and reads no further than its Limits, and it allocates only for elements
// that have their bytes in the input: at most about five bytes for each byte of input.
//
// SceneMultiplayer packs the arguments of an RPC and the properties of a MultiplayerSynchronizer further, in a form
// that this package does not read.
//
// # Versions of the engine
//
// Up to 4.2 a typed array is written as an untyped one, and a typed one on the wire is misread (godot#76841,
// godot#78219, in 4.3). Typed dictionaries came with 4.4 (godot#78656), PackedVector4Array with 4.3. For older engines,
// encode plain []any and Dictionary; everything else has stayed the same since 4.0.
//
// The sources are core/io/marshalls.cpp as of Godot 4.5 and tutorials/io/binary_serialization_api.rst of godot-docs
// 00eaffdace35. Where they differ, this package follows marshalls.cpp: each string of a PackedStringArray counts a NUL
// at its end (godot#39911), and the padding of a NodePath is not always zero (godot#44999).
//
// The functions do not keep their arguments or results, and may be called from any goroutine.
package variant
