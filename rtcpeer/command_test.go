package rtcpeer

import (
	"encoding/binary"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestRemoteCallsAreGodots(t *testing.T) {
	engine := recorded(t)
	// One argument: a String, which is its type and length as four bytes each, and padded to four.
	const argument = "\x04\x00\x00\x00\x0a\x00\x00\x00rpc from 1\x00\x00"
	tests := []struct {
		name string
		data []byte
		want RemoteCall
	}{
		{"recorded, with a path", engine["rpc"], RemoteCall{Path: "Main", Method: 0, Count: 1, Args: []byte(argument)}},
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
		"another command":             engine["simplify_path"],
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
	f.Add(recorded(f)["rpc"])
	f.Add([]byte{0x90, 1, 2, 3, 9, 9})
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := ParseRemoteCall(b)
		if err == nil {
			require.LessOrEqual(t, len(c.Args)+len(c.Path), len(b))
		}
	})
}

// Every command has a number on the wire, and comes back as itself with its flags.
func TestCommands(t *testing.T) {
	for number, command := range wireCommands {
		data := []byte{byte(number) | 0xb0, 1}
		f, err := decodeFrame(data)
		require.NoError(t, err)
		require.Equal(t, command, f.command, "%v", command)
		require.NotContains(t, command.String(), "(")
		if command != CommandRaw {
			require.Equal(t, data, f.body)
			require.NoError(t, checkCommand(Packet{Command: command, Data: data}, true))
		}
		relayed, err := decodeFrame(append(binary.LittleEndian.AppendUint32([]byte{commandSys, sysRelay}, 5), data...))
		require.NoError(t, err)
		require.Equal(t, command, relayed.command)
		require.Equal(t, data, relayed.whole, "untouched")
	}
	require.Equal(t, "command(9)", Command(9).String())
	for name, bad := range map[string]Packet{
		"another command":        {Command: CommandSpawn, Data: []byte{0}},
		"an ordinary packet":     {Command: CommandSpawn, Data: []byte{3, 1}},
		"the relay's own":        {Command: CommandSync, Data: []byte{7, 1, 5, 0, 0, 0}},
		"no command":             {Command: 7, Data: []byte{7}},
		"no command by any name": {Command: 200, Data: []byte{0}},
	} {
		require.ErrorIs(t, checkCommand(bad, true), ErrCommand, name)
	}
	err := checkCommand(Packet{Command: CommandSpawn, Data: []byte{4}}, false)
	require.ErrorContains(t, err, "it needs a star, or Config.Framed")
}
