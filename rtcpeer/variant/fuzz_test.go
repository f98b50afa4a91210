package variant_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer/variant"
)

// What decodes encodes again, in double precision without loss, and is then the same; what does not
// says where and why.
func FuzzDecode(f *testing.F) {
	for _, v := range vectors {
		f.Add(unhex(f, v.hex))
	}
	for _, h := range hostile {
		f.Add(unhex(f, h.hex))
	}
	for _, c := range counted {
		for _, double := range []bool{false, true} {
			b, err := variant.Encoder{Double: double}.Append(nil, []any{c.value})
			require.NoError(f, err)
			f.Add(b)
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		v, n, err := variant.Decode(b, variant.Limits{})
		if err != nil {
			e, ok := errors.AsType[*variant.Error](err)
			require.True(t, ok)
			require.NotNil(t, e.Err)
			require.True(t, 0 <= e.Offset && e.Offset <= len(b), "offset %d", e.Offset)
			require.Nil(t, v)
			return
		}
		require.True(t, 4 <= n && n <= len(b), "%d bytes", n)
		same(t, variant.Encoder{Double: true}, v)

		single, err := variant.Marshal(v) // rounds, once
		require.NoError(t, err)
		v, err = variant.Unmarshal(single, variant.Limits{})
		require.NoError(t, err)
		same(t, variant.Encoder{}, v)
	})
}

// same compares by what is printed, for a NaN is not equal to itself.
func same(t *testing.T, enc variant.Encoder, v any) {
	t.Helper()
	b, err := enc.Append(nil, v)
	require.NoError(t, err)
	got, err := variant.Unmarshal(b, variant.Limits{})
	require.NoError(t, err)
	require.Equal(t, fmt.Sprintf("%#v", v), fmt.Sprintf("%#v", got))
	again, err := enc.Append(nil, got)
	require.NoError(t, err)
	require.Equal(t, b, again)
}
