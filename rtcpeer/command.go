package rtcpeer

import (
	"errors"
	"fmt"
)

// A Command is what a packet means to Godot's SceneMultiplayer. The zero value is an ordinary packet.
//
// On the wire the command is the low three bits of the first byte, with numbers of its own; the high
// four bits are flags of the command.
type Command uint8

const (
	// CommandRaw is an ordinary packet, which Godot sends with send_bytes: Data is the program's bytes. For the other
	// commands Data is the whole command, with its first byte.
	CommandRaw          Command = iota
	CommandRemoteCall           // an RPC; see ParseRemoteCall of package multiplayer
	CommandSimplifyPath         // asks to call a node by a number from now on
	CommandConfirmPath          // agrees to that
	CommandSpawn                // of MultiplayerSpawner
	CommandDespawn              // of MultiplayerSpawner
	CommandSync                 // of MultiplayerSynchronizer
)

// String returns words such as "raw" or "remote call".
func (c Command) String() string {
	switch c {
	case CommandRaw:
		return "raw"
	case CommandRemoteCall:
		return "remote call"
	case CommandSimplifyPath:
		return "simplify path"
	case CommandConfirmPath:
		return "confirm path"
	case CommandSpawn:
		return "spawn"
	case CommandDespawn:
		return "despawn"
	case CommandSync:
		return "sync"
	}
	return fmt.Sprintf("command(%d)", uint8(c))
}

// wireCommands are the commands by their numbers on the wire (SceneMultiplayer::NetworkCommands). The eighth, SYS, is
// not available to programs: see frames.go.
var wireCommands = [...]Command{
	CommandRemoteCall, CommandSimplifyPath, CommandConfirmPath, CommandRaw, CommandSpawn, CommandDespawn, CommandSync,
}

// ErrCommand is the error for a Packet.Command that cannot be sent.
var ErrCommand = errors.New("rtcpeer: command not sent")

// checkCommand checks that a packet's data is the command that the packet claims. This way a program cannot pass off
// its bytes as the relay's.
func checkCommand(p Packet, framed bool) error {
	switch first := int(p.Data[0] & commandMask); {
	case !framed:
		return fmt.Errorf("%w: a mesh of bare packets has no commands: use a star, or set Config.Framed", ErrCommand)
	case p.Command > CommandSync:
		return fmt.Errorf("%w: unknown command %v", ErrCommand, p.Command)
	case first >= len(wireCommands) || wireCommands[first] != p.Command:
		return fmt.Errorf("%w: Packet.Data begins with %#02x, which is not %v", ErrCommand, p.Data[0], p.Command)
	}
	return nil
}
