package multiplayer

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// rpc is a call that Godot has sent: "rpc" of testdata/godot/packets.json.
const rpc = "\x20\x1b\x00\x00\x80\x00\x01\x04\x00\x00\x00\x0a\x00\x00\x00rpc from 1\x00\x00Main\x00"

func TestParseRemoteCall(t *testing.T) {
	// One argument: a String, which is its type and length as four bytes each, and padded to four.
	const argument = "\x04\x00\x00\x00\x0a\x00\x00\x00rpc from 1\x00\x00"
	tests := []struct {
		name string
		data []byte
		want RemoteCall
	}{
		{"recorded, with a path", []byte(rpc), RemoteCall{Path: "Main", Method: 0, Count: 1, Args: []byte(argument)}},
		{"a node of one byte, no arguments", []byte{0x80, 7, 2}, RemoteCall{Node: 7, Method: 2, Bytes: true, Args: []byte{}}},
		{"a node of two bytes, bytes", []byte{0x90, 1, 2, 3, 9, 9}, RemoteCall{Node: 0x201, Method: 3, Bytes: true, Count: 1, Args: []byte{9, 9}}},
		{"a node of four bytes, a method of two", []byte{0x60, 1, 0, 0, 0, 3, 0x80, 0}, RemoteCall{Node: 1, Method: 0x8003, Args: []byte{}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ParseRemoteCall(tt.data)
			require.NoError(t, err)
			require.Equal(t, tt.want, got)
		})
	}
	for name, bad := range map[string][]byte{
		"nothing":                     nil,
		"another command":             []byte("\x01d\x00\x01\x00\x00\x00Main\x00"),
		"no size of the node":         {0x30, 1, 2, 3, 4, 5, 6},
		"cut short":                   {0x20, 1, 0, 0, 0},
		"no count of the arguments":   {0x00, 1, 2},
		"a path inside the head":      {0x20, 5, 0, 0, 0x80, 1, 0, 'M'},
		"a path behind the end":       {0x20, 8, 0, 0, 0x80, 1, 0, 'M'},
		"a path far behind the end":   {0x20, 255, 255, 255, 255, 1, 0, 'M'},
		"a path, and then no count":   {0x20, 6, 0, 0, 0x80, 1, 'M'},
		"a method of which half is":   {0x40, 1, 2},
		"a command and nothing after": {0x00},
	} {
		_, err := ParseRemoteCall(bad)
		require.ErrorIs(t, err, errNoRemoteCall, name)
	}
}

func FuzzParseRemoteCall(f *testing.F) {
	f.Add([]byte(rpc))
	f.Add([]byte{0x90, 1, 2, 3, 9, 9})
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := ParseRemoteCall(b)
		if err == nil {
			require.LessOrEqual(t, len(c.Args)+len(c.Path), len(b))
		}
	})
}
