package variant

import "strings"

// A StringName is a string that the engine interns: &"name" in GDScript.
type StringName string

// A NodePath is the way to a node and into its properties: ^"/root/Main:position:x" is absolute, with
// the names root and Main and the subnames position and x.
type NodePath struct {
	Names, Subnames []string
	Absolute        bool
}

// String returns the path as GDScript writes it.
func (p NodePath) String() string {
	var b strings.Builder
	if p.Absolute {
		b.WriteByte('/')
	}
	b.WriteString(strings.Join(p.Names, "/"))
	for _, s := range p.Subnames {
		b.WriteString(":" + s)
	}
	return b.String()
}

// A RID names a resource inside one engine; elsewhere it is a number.
type RID uint64

// A Callable is empty: the engine writes none of it and reads an empty one.
type Callable struct{}

// A Signal is a signal's name and the id of its object, which means something only in the engine it
// came from.
type Signal struct {
	Name   string
	Object uint64
}
