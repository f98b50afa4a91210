package variant_test

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer/variant"
)

// vectors are values and what the engine writes for them; both directions must agree. A vector whose
// engine form is not ours, or not the only one, is read only.
var vectors = []struct {
	name     string
	hex      string
	value    any
	readOnly bool
}{
	// Values and bytes of Godot's own tests: tests/core/io/test_marshalls.h at 213cd35b48c9.
	{name: "nil", hex: "00000000", value: nil},
	{name: "int of 32 bits", hex: "02000000 78563412", value: int64(0x12345678)},
	{name: "int of 64 bits", hex: "02000100 efcdab89674523f1", value: -int64(0x0edcba9876543211)},
	{name: "float, single", hex: "03000000 0000203e", value: 0.15625},
	{name: "float, double", hex: "03000100 555555555555d53f", value: 0.33333333333333333},
	{
		name: "typed array", hex: "1c000100 02000000 01000000 02000100 efcdab89674523f1",
		value: variant.TypedArray{Elem: variant.TypeInt, Items: []any{-int64(0x0edcba9876543211)}},
	},
	{
		name: "typed dictionary",
		hex:  "1b000500 02000000 02000000 01000000 02000100 efcdab89674523f1 02000100 efcdab89674523f1",
		value: variant.TypedDictionary{
			Key: variant.TypeInt, Value: variant.TypeInt,
			Pairs: variant.Dictionary{{-int64(0x0edcba9876543211), -int64(0x0edcba9876543211)}},
		},
	},

	// What running engines wrote.
	{name: "rpc argument of Godot 4.4", hex: "04000000 0a000000 7270632066726f6d203100 00", value: "rpc from 1"},
	{
		name: "relayed rpc argument of Godot 4.4", hex: "04000000 13000000 7270632066726f6d203136373735383338363300",
		value: "rpc from 1677583863",
	},
	{name: "RID of Godot 4.4, godot-docs#10662", hex: "17000000 0d00000000000000", value: variant.RID(13)},
	// The two below are of Godot 3, with the type numbers of 4: the bodies have not changed.
	{
		name: "strings count their NUL, godot#39911", hex: "22000000 01000000 05000000 7465737400000000",
		value: []string{"test"},
	},
	{
		name: "strings without NUL, godot#17230", hex: "22000000 01000000 04000000 74657374",
		value: []string{"test"}, readOnly: true,
	},
	{
		name: "node path padded with whatever was there, godot#44999",
		hex: "16000000 03000080 02000000 00000000 06000000 506174683244 3041 0c000000 50617468466f6c6c6f773244" +
			"06000000 537072697465 703f 08000000 706f736974696f6e 01000000 78004040",
		value:    variant.NodePath{Names: []string{"Path2D", "PathFollow2D", "Sprite"}, Subnames: []string{"position", "x"}},
		readOnly: true,
	},

	// From the layout alone.
	{name: "false", hex: "01000000 00000000", value: false},
	{name: "true", hex: "01000000 01000000", value: true},
	{name: "any other bool is true", hex: "01000000 00010000", value: true, readOnly: true},
	{name: "least int of 32 bits", hex: "02000000 00000080", value: int64(math.MinInt32)},
	{name: "one less", hex: "02000100 ffffff7fffffffff", value: int64(math.MinInt32) - 1},
	{name: "int wider than it need be", hex: "02000100 0100000000000000", value: int64(1), readOnly: true},
	{name: "infinity", hex: "03000000 0000807f", value: math.Inf(1)},
	{name: "beyond a single", hex: "03000100 9c7500883ce4377e", value: 1e300},
	{name: "empty string", hex: "04000000 00000000", value: ""},
	{name: "string of two bytes", hex: "04000000 02000000 c3a90000", value: "é"},
	{name: "color", hex: "14000000 0000803f 0000003f 00000000 0000803e", value: variant.Color{1, 0.5, 0, 0.25}},
	{name: "string name", hex: "15000000 02000000 68700000", value: variant.StringName("hp")},
	{
		name: "absolute node path", hex: "16000000 01000080 00000000 01000000 04000000 726f6f74",
		value: variant.NodePath{Names: []string{"root"}, Absolute: true},
	},
	{
		name: "obsolete property of a node path", hex: "16000000 00000080 00000000 02000000 01000000 78000000",
		value: variant.NodePath{Subnames: []string{"x"}}, readOnly: true,
	},
	{name: "callable", hex: "19000000", value: variant.Callable{}},
	{
		name: "signal", hex: "1a000000 03000000 68697400 0700000000000000",
		value: variant.Signal{Name: "hit", Object: 7},
	},
	{
		name: "dictionary in order", hex: "1b000000 02000000 04000000 01000000 62000000 00000000 02000000 01000000 01000000 01000000",
		value: variant.Dictionary{{"b", nil}, {int64(1), true}},
	},
	{
		name: "dictionary typed by key alone", hex: "1b000100 04000000 01000000 04000000 01000000 61000000 00000000",
		value: variant.TypedDictionary{Key: variant.TypeString, Pairs: variant.Dictionary{{"a", nil}}},
	},
	{
		name: "dictionary typed by value alone", hex: "1b000400 02000000 01000000 00000000 02000000 01000000",
		value: variant.TypedDictionary{Value: variant.TypeInt, Pairs: variant.Dictionary{{nil, int64(1)}}},
	},
	{name: "empty array", hex: "1c000000 00000000", value: []any{}},
	{name: "array in an array", hex: "1c000000 02000000 1c000000 01000000 00000000 00000000", value: []any{[]any{nil}, nil}},
	{name: "array marked shared", hex: "1c000000 01000080 00000000", value: []any{nil}, readOnly: true},
	{name: "array typed with no type", hex: "1c000100 00000000 01000000 00000000", value: []any{nil}, readOnly: true},
	{name: "bytes", hex: "1d000000 05000000 0102030405000000", value: []byte{1, 2, 3, 4, 5}},
	{name: "no bytes", hex: "1d000000 00000000", value: []byte{}},
	{name: "int32s", hex: "1e000000 02000000 01000000 ffffffff", value: []int32{1, -1}},
	{name: "int64s", hex: "1f000000 01000000 ffffffffffffffff", value: []int64{-1}},
	{name: "float32s", hex: "20000000 01000000 0000803f", value: []float32{1}},
	{name: "float64s", hex: "21000000 01000000 000000000000f03f", value: []float64{1}},
	{name: "no strings", hex: "22000000 00000000", value: []string{}},
	{name: "an empty string among strings", hex: "22000000 01000000 01000000 00000000", value: []string{""}},
	{name: "colors", hex: "25000000 01000000 0000803f 0000003f 00000000 0000803e", value: []variant.Color{{1, 0.5, 0, 0.25}}},
}

func TestVectors(t *testing.T) {
	for _, v := range vectors {
		t.Run(v.name, func(t *testing.T) {
			b := unhex(t, v.hex)
			got, err := variant.Unmarshal(b, variant.Limits{})
			require.NoError(t, err)
			require.Equal(t, v.value, got)
			if v.readOnly {
				return
			}
			enc, err := variant.Marshal(v.value)
			require.NoError(t, err)
			require.Equal(t, hex.EncodeToString(b), hex.EncodeToString(enc))
		})
	}
}

// Each of these has the components 1, 2, 3, ... in the order in which the engine writes them.
var counted = []struct {
	typ      variant.Type
	value    any
	integers bool
	packed   bool
}{
	{typ: variant.TypeVector2, value: variant.Vector2{1, 2}},
	{typ: variant.TypeVector2i, value: variant.Vector2i{1, 2}, integers: true},
	{typ: variant.TypeRect2, value: variant.Rect2{variant.Vector2{1, 2}, variant.Vector2{3, 4}}},
	{typ: variant.TypeRect2i, value: variant.Rect2i{variant.Vector2i{1, 2}, variant.Vector2i{3, 4}}, integers: true},
	{typ: variant.TypeVector3, value: variant.Vector3{1, 2, 3}},
	{typ: variant.TypeVector3i, value: variant.Vector3i{1, 2, 3}, integers: true},
	{typ: variant.TypeTransform2D, value: variant.Transform2D{variant.Vector2{1, 2}, variant.Vector2{3, 4}, variant.Vector2{5, 6}}},
	{typ: variant.TypeVector4, value: variant.Vector4{1, 2, 3, 4}},
	{typ: variant.TypeVector4i, value: variant.Vector4i{1, 2, 3, 4}, integers: true},
	{typ: variant.TypePlane, value: variant.Plane{variant.Vector3{1, 2, 3}, 4}},
	{typ: variant.TypeQuaternion, value: variant.Quaternion{1, 2, 3, 4}},
	{typ: variant.TypeAABB, value: variant.AABB{variant.Vector3{1, 2, 3}, variant.Vector3{4, 5, 6}}},
	{typ: variant.TypeBasis, value: basis},
	{typ: variant.TypeTransform3D, value: variant.Transform3D{basis, variant.Vector3{10, 11, 12}}},
	{typ: variant.TypeProjection, value: variant.Projection{[4]variant.Vector4{{1, 2, 3, 4}, {5, 6, 7, 8}, {9, 10, 11, 12}, {13, 14, 15, 16}}}},
	{typ: variant.TypePackedVector2Array, value: []variant.Vector2{{1, 2}, {3, 4}}, packed: true},
	{typ: variant.TypePackedVector3Array, value: []variant.Vector3{{1, 2, 3}, {4, 5, 6}}, packed: true},
	{typ: variant.TypePackedVector4Array, value: []variant.Vector4{{1, 2, 3, 4}, {5, 6, 7, 8}}, packed: true},
}

var basis = variant.Basis{Rows: [3]variant.Vector3{{1, 2, 3}, {4, 5, 6}, {7, 8, 9}}}

func TestMathTypesInSingleAndDouble(t *testing.T) {
	for _, c := range counted {
		for _, double := range []bool{false, true} {
			t.Run(fmt.Sprintf("%v double=%v", c.typ, double), func(t *testing.T) {
				b, err := variant.Encoder{Double: double}.Append(nil, c.value)
				require.NoError(t, err)
				got, err := variant.Unmarshal(b, variant.Limits{})
				require.NoError(t, err)
				require.Equal(t, c.value, got)

				require.Equal(t, byte(c.typ), b[0])
				require.Equal(t, double && !c.integers, b[2] == 1, "the flag of 64 bits")
				body := b[4:]
				if c.packed {
					require.EqualValues(t, 2, binary.LittleEndian.Uint32(body))
					body = body[4:]
				}
				for i, x := range components(body, c.integers, double) {
					require.EqualValues(t, i+1, x)
				}
			})
		}
	}
}

func components(b []byte, integers, double bool) []float64 {
	var list []float64
	for len(b) > 0 {
		switch {
		case integers:
			list, b = append(list, float64(int32(binary.LittleEndian.Uint32(b)))), b[4:]
		case double:
			list, b = append(list, math.Float64frombits(binary.LittleEndian.Uint64(b))), b[8:]
		default:
			list, b = append(list, float64(math.Float32frombits(binary.LittleEndian.Uint32(b)))), b[4:]
		}
	}
	return list
}

// A program's own numbers and maps go out as the engine's.
func TestConvenientGoTypes(t *testing.T) {
	for _, v := range []any{5, int8(5), int16(5), int32(5), int64(5), uint8(5), uint16(5), uint32(5)} {
		require.Equal(t, int64(5), through(t, v), "%T", v)
	}
	require.Equal(t, int64(math.MaxUint32), through(t, uint32(math.MaxUint32)))
	require.Equal(t, 0.5, through(t, float32(0.5)))
	require.Equal(t, variant.Dictionary{{"a", int64(1)}, {"b", variant.Dictionary{}}, {"c", []any{}}},
		through(t, map[string]any{"c": []any(nil), "b": map[string]any(nil), "a": 1}))
	require.True(t, math.IsNaN(through(t, math.NaN()).(float64)))
	require.Equal(t, []any{}, through(t, variant.TypedArray{}), "an array typed with nothing is untyped")
}

// What needs more than single precision survives in double only.
func TestDoublePrecision(t *testing.T) {
	v := variant.Vector2{X: 0.1, Y: 1e10 + 1}
	b, err := variant.Encoder{Double: true}.Append(nil, v)
	require.NoError(t, err)
	got, err := variant.Unmarshal(b, variant.Limits{})
	require.NoError(t, err)
	require.Equal(t, v, got)

	require.Equal(t, variant.Vector2{X: float64(float32(0.1)), Y: 1e10}, through(t, v))
}

func TestDictionaryGet(t *testing.T) {
	d := variant.Dictionary{
		{"hp", int64(1)}, {[]byte("hp"), "no"}, {variant.StringName("name"), "Ada"}, {"hp", int64(2)},
	}
	hp, ok := d.Get("hp")
	require.True(t, ok)
	require.Equal(t, int64(2), hp, "of two the later, as in Godot")
	name, ok := d.Get("name")
	require.True(t, ok)
	require.Equal(t, "Ada", name, "a StringName is the same key")
	_, ok = d.Get("xp")
	require.False(t, ok)
}

func TestNames(t *testing.T) {
	require.Equal(t, "/root/Main:position:x", variant.NodePath{
		Names: []string{"root", "Main"}, Subnames: []string{"position", "x"}, Absolute: true,
	}.String())
	require.Equal(t, "PackedVector4Array", variant.TypePackedVector4Array.String())
	require.Equal(t, "Type(39)", variant.Type(39).String())
	// Variant.Type in core/variant/variant.h.
	require.EqualValues(t, 24, variant.TypeObject)
	require.EqualValues(t, 38, variant.TypePackedVector4Array)
}

// Append leaves what was there before, and on an error leaves it alone; Decode leaves what comes after.
func TestConsecutiveValues(t *testing.T) {
	b, err := variant.Append([]byte("odd"), "one")
	require.NoError(t, err)
	b, err = variant.Append(b, 2)
	require.NoError(t, err)
	kept, err := variant.Append(b, []any{1, make(chan int)})
	require.ErrorIs(t, err, variant.ErrType)
	require.Equal(t, b, kept)

	b, ok := bytes.CutPrefix(b, []byte("odd"))
	require.True(t, ok)
	v, n, err := variant.Decode(b, variant.Limits{})
	require.NoError(t, err)
	require.Equal(t, "one", v)
	v, m, err := variant.Decode(b[n:], variant.Limits{})
	require.NoError(t, err)
	require.Equal(t, int64(2), v)
	require.Len(t, b, n+m)
}

// What was decoded does not change when the packet's bytes do.
func TestDecodedOwnsItsBytes(t *testing.T) {
	b, err := variant.Marshal([]any{"text", []byte("bytes")})
	require.NoError(t, err)
	v, err := variant.Unmarshal(b, variant.Limits{})
	require.NoError(t, err)
	clear(b)
	require.Equal(t, []any{"text", []byte("bytes")}, v)
}

func through(t *testing.T, v any) any {
	t.Helper()
	b, err := variant.Marshal(v)
	require.NoError(t, err)
	require.Zero(t, len(b)%4)
	got, err := variant.Unmarshal(b, variant.Limits{})
	require.NoError(t, err)
	return got
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	require.NoError(t, err)
	return b
}
