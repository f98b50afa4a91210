package variant_test

import (
	"bytes"
	"errors"
	"runtime"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer/variant"
)

// hostile is what no engine sends, or what is refused though one does.
var hostile = []struct {
	name   string
	hex    string
	err    error
	offset int
}{
	// The two of tests/core/io/test_marshalls.h.
	{name: "less than a header", hex: "00", err: variant.ErrTruncated},
	{name: "type beyond the last", hex: "ff000000", err: variant.ErrType, offset: 4},

	{name: "nothing", hex: "", err: variant.ErrTruncated},
	{name: "first type beyond", hex: "27000000", err: variant.ErrType, offset: 4},
	{name: "byte 1 is in use", hex: "00010000", err: variant.ErrFormat, offset: 4},
	{name: "unknown flag", hex: "02000200 00000000", err: variant.ErrFormat, offset: 4},
	{name: "color in double", hex: "14000100" + zeros(32), err: variant.ErrFormat, offset: 4},
	{name: "object as an id", hex: "18000100 0700000000000000", err: variant.ErrObject, offset: 4},
	{name: "object in full", hex: "18000000 04000000 4e6f6465 00000000", err: variant.ErrObject, offset: 4},
	{name: "object in an array", hex: "1c000000 01000000 18000100 0700000000000000", err: variant.ErrObject, offset: 12},
	{name: "array of objects", hex: "1c000100 18000000 00000000", err: variant.ErrObject, offset: 8},
	{name: "array of a class", hex: "1c000200 04000000 4e6f6465 00000000", err: variant.ErrObject, offset: 4},
	{name: "array of a script", hex: "1c000300 04000000 4e6f6465 00000000", err: variant.ErrObject, offset: 4},
	{name: "dictionary of a class", hex: "1b000800 04000000 4e6f6465 00000000", err: variant.ErrObject, offset: 4},
	{name: "array of no type there is", hex: "1c000100 27000000 00000000", err: variant.ErrType, offset: 8},
	{name: "array of a type beyond a byte", hex: "1c000100 02010000 00000000", err: variant.ErrType, offset: 8},
	{name: "element of another type", hex: "1c000100 02000000 01000000 00000000", err: variant.ErrType, offset: 16},
	{name: "key of another type", hex: "1b000100 02000000 01000000 00000000 00000000", err: variant.ErrType, offset: 16},
	{name: "int cut short", hex: "02000000 000000", err: variant.ErrTruncated, offset: 4},
	{name: "string longer than the input", hex: "04000000 05000000 61626364", err: variant.ErrTruncated, offset: 8},
	{name: "string without its padding", hex: "04000000 01000000 61", err: variant.ErrTruncated, offset: 8},
	{name: "string of 4 GiB", hex: "04000000 ffffffff 61626364", err: variant.ErrTruncated, offset: 8},
	{name: "string that is not UTF-8", hex: "04000000 01000000 ff000000", err: variant.ErrString, offset: 12},
	{name: "string with a surrogate", hex: "04000000 03000000 eda08000", err: variant.ErrString, offset: 12},
	{name: "string with a NUL", hex: "04000000 02000000 61000000", err: variant.ErrString, offset: 12},
	{name: "strings with two NULs", hex: "22000000 01000000 02000000 00000000", err: variant.ErrString, offset: 16},
	{name: "array of 2^31-1", hex: "1c000000 ffffff7f", err: variant.ErrTruncated, offset: 8},
	{name: "dictionary of 2^31-1", hex: "1b000000 ffffffff", err: variant.ErrTruncated, offset: 8},
	{name: "dictionary without its last value", hex: "1b000000 01000000 00000000", err: variant.ErrTruncated, offset: 8},
	{name: "inner array that takes its outer's elements", hex: "1c000000 02000000 1c000000 01000000 00000000", err: variant.ErrTruncated, offset: 16},
	{name: "float64s of 2^32-1", hex: "21000000 ffffffff", err: variant.ErrTruncated, offset: 8},
	{name: "vectors by the single, flagged double", hex: "23000100 01000000 0000000000000000", err: variant.ErrTruncated, offset: 8},
	{name: "strings of 2^32-1", hex: "22000000 ffffffff 00000000", err: variant.ErrTruncated, offset: 8},
	{name: "node path of Godot 2", hex: "16000000 04000000 726f6f74 00000000", err: variant.ErrFormat, offset: 16},
	{name: "node path with an unknown flag", hex: "16000000 00000080 00000000 04000000", err: variant.ErrFormat, offset: 16},
	{name: "node path of 2^32 subnames", hex: "16000000 00000080 ffffffff 02000000", err: variant.ErrTruncated, offset: 16},
	{name: "two values", hex: "00000000 00000000", err: variant.ErrTrailing, offset: 4},
}

func TestHostileBytes(t *testing.T) {
	for _, h := range hostile {
		t.Run(h.name, func(t *testing.T) {
			v, err := variant.Unmarshal(unhex(t, h.hex), variant.Limits{})
			require.ErrorIs(t, err, h.err)
			require.Nil(t, v)
			e, ok := errors.AsType[*variant.Error](err)
			require.True(t, ok)
			require.Equal(t, h.offset, e.Offset)
		})
	}
}

// A message that stops anywhere is an error and not a shorter message.
func TestEveryPrefixIsTruncated(t *testing.T) {
	for _, v := range vectors {
		b := unhex(t, v.hex)
		for n := range len(b) {
			_, _, err := variant.Decode(b[:n], variant.Limits{})
			require.ErrorIs(t, err, variant.ErrTruncated, "%s, %d bytes", v.name, n)
		}
	}
}

func TestDepth(t *testing.T) {
	for _, c := range []struct{ limit, most int }{{0, 64}, {3, 3}, {-1, 0}, {1 << 20, 1024}} {
		limits := variant.Limits{MaxDepth: c.limit}
		enc := variant.Encoder{Limits: limits}

		b, err := enc.Append(nil, nested(c.most))
		require.NoError(t, err)
		v, err := variant.Unmarshal(b, limits)
		require.NoError(t, err)
		require.Equal(t, nested(c.most), v)

		_, err = enc.Append(nil, nested(c.most+1))
		require.ErrorIs(t, err, variant.ErrTooDeep)
		_, err = variant.Unmarshal(slices.Concat(unhex(t, "1c00000001000000"), b), limits)
		require.ErrorIs(t, err, variant.ErrTooDeep)
	}
}

// nested returns so many arrays, one in another.
func nested(depth int) (v any) {
	for range depth {
		v = []any{v}
	}
	return v
}

func TestSize(t *testing.T) {
	limits := variant.Limits{MaxSize: 16}
	enc := variant.Encoder{Limits: limits}
	b, err := enc.Append([]byte("not part of it"), "12345678")
	require.NoError(t, err)
	b = b[len("not part of it"):]
	v, n, err := variant.Decode(append(b, "more"...), limits)
	require.NoError(t, err)
	require.Equal(t, 16, n, "what comes after does not count")
	require.Equal(t, "12345678", v)

	_, err = enc.Append(nil, "123456789")
	require.ErrorIs(t, err, variant.ErrTooLarge)
	b, err = variant.Marshal("123456789")
	require.NoError(t, err)
	_, _, err = variant.Decode(b, limits)
	require.ErrorIs(t, err, variant.ErrTooLarge)

	big := make([]byte, 8<<20)
	_, err = variant.Marshal(big)
	require.ErrorIs(t, err, variant.ErrTooLarge)
	b, err = variant.Encoder{Limits: variant.Limits{MaxSize: -1}}.Append(nil, big)
	require.NoError(t, err)
	_, err = variant.Unmarshal(b, variant.Limits{})
	require.ErrorIs(t, err, variant.ErrTooLarge)
	_, err = variant.Unmarshal(b, variant.Limits{MaxSize: -1})
	require.NoError(t, err)
}

func TestWhatCannotBeEncoded(t *testing.T) {
	self := []any{nil, nil}
	self[0], self[1] = self, self
	shared := any([]any{})
	for range 60 { // 2^60 arrays, of 60 in memory
		shared = []any{shared, shared}
	}
	for _, c := range []struct {
		name  string
		value any
		err   error
	}{
		{"a channel", make(chan int), variant.ErrType},
		{"a uint64, which may not fit", uint64(1), variant.ErrType},
		{"a map with other keys", map[int]any{}, variant.ErrType},
		{"a struct in a map", map[string]any{"a": struct{}{}}, variant.ErrType},
		{"a string that is not UTF-8", "\xff", variant.ErrString},
		{"a NUL in a name", variant.StringName("a\x00"), variant.ErrString},
		{"a NUL in a path", variant.NodePath{Names: []string{"\x00"}}, variant.ErrString},
		{"a NUL among strings", []string{"\x00"}, variant.ErrString},
		{"a string in an array of ints", variant.TypedArray{Elem: variant.TypeInt, Items: []any{"1"}}, variant.ErrType},
		{"an array of objects", variant.TypedArray{Elem: variant.TypeObject}, variant.ErrObject},
		{"an array of no type there is", variant.TypedArray{Elem: 39}, variant.ErrType},
		{
			"a nil in a dictionary of strings",
			variant.TypedDictionary{Value: variant.TypeString, Pairs: variant.Dictionary{{"a", nil}}}, variant.ErrType,
		},
		{"an array in itself", self, variant.ErrTooDeep},
		{"an array that doubles", shared, variant.ErrTooLarge},
	} {
		t.Run(c.name, func(t *testing.T) {
			b, err := variant.Marshal(c.value)
			require.ErrorIs(t, err, c.err)
			require.Nil(t, b)
			_, ok := errors.AsType[*variant.Error](err)
			require.True(t, ok)
		})
	}
}

// The error for a Go type that has no counterpart in Godot says which type to use instead (fault A7).
func TestMarshalSaysWhatToUse(t *testing.T) {
	for _, c := range []struct {
		value any
		want  string
	}{
		{map[any]any{}, "variant: encode map[interface {}]interface {} at byte 0: wrong type: want map[string]any, or Dictionary"},
		{uint64(1), "want int64"},
		{[]any{struct{ HP int }{10}}, "want map[string]any or Dictionary, with the fields"},
		{[]bool{true}, "want []any, TypedArray or a packed array"},
		{make(chan int), "want nil, bool, an integer"},
	} {
		_, err := variant.Marshal(c.value)
		require.ErrorIs(t, err, variant.ErrType)
		require.ErrorContains(t, err, c.want)
	}
}

// A count is believed only as far as there are bytes for it, however the counts are nested.
func TestMemoryIsBoundedByTheInput(t *testing.T) {
	const size = 1 << 20
	fill := func(head, unit string) []byte {
		b := unhex(t, head)
		return append(b, bytes.Repeat(unhex(t, unit), (size-len(b))/len(unhex(t, unit)))...)
	}
	claim := func(head string, n int) []byte { // n times head, which claims all there is, and zeros
		return append(bytes.Repeat(unhex(t, head), n), make([]byte, size)...)
	}
	for name, b := range map[string][]byte{
		"nested claims":          claim("1c000000 00f00300", 64),
		"nested dictionaries":    claim("1b000000 00f00100", 64),
		"one true claim":         fill("1c000000 fcff0300", "00000000"),
		"empty arrays":           fill("1c000000 feff0100", "1c000000 00000000"),
		"empty packed arrays":    fill("1c000000 feff0100", "21000000 00000000"),
		"empty strings":          fill("22000000 fcff0300", "00000000"),
		"empty node paths":       fill("1c000000 fcff0000", "16000000 00000080 00000000 00000000"),
		"empty typed containers": fill("1c000000 54550100", "1c000100 02000000 00000000"),
	} {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			v, _, err := variant.Decode(b, variant.Limits{})
			runtime.ReadMemStats(&after)
			t.Logf("%.2f bytes for one; error %v", float64(after.TotalAlloc-before.TotalAlloc)/float64(len(b)), err)
			require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(6*len(b)))
			runtime.KeepAlive(v)
		})
	}
}

func zeros(n int) string { return string(bytes.Repeat([]byte("00"), n)) }
