package variant

// A Dictionary is a list of pairs in the order in which they were inserted, as in Godot. A key may be any value. If a
// key comes twice on the wire, both pairs are here; for Godot the later one counts.
type Dictionary []Pair

// A Pair is an entry of a Dictionary.
type Pair struct{ Key, Value any }

// Get returns the value of a key that is a string or a StringName, which for Godot are the same key.
func (d Dictionary) Get(name string) (value any, ok bool) {
	for i := len(d) - 1; i >= 0; i-- {
		if k := d[i].Key; k == name || k == StringName(name) {
			return d[i].Value, true
		}
	}
	return nil, false
}

// A TypedDictionary is a Dictionary[Key, Value] of Godot 4.4 and later. TypeNil means any type; if both are TypeNil it
// is encoded as an untyped one.
type TypedDictionary struct {
	Key, Value Type
	Pairs      Dictionary
}

// A TypedArray is an Array[Elem] of Godot 4.3 and later. If Elem is TypeNil it is encoded as an untyped one.
type TypedArray struct {
	Elem  Type
	Items []any
}
