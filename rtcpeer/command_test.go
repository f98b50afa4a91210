package rtcpeer

import (
	"encoding/binary"
	"testing"

	"github.com/stretchr/testify/require"
)

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
	require.ErrorContains(t, err, "use a star, or set Config.Framed")
}
