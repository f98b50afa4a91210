package rtcpeer

import (
	"encoding/hex"
	"encoding/json"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

// recorded are packets of a real Godot engine; testdata/godot/packets.json says of which.
func recorded(t testing.TB) map[string][]byte {
	t.Helper()
	raw, err := os.ReadFile("../testdata/godot/packets.json")
	require.NoError(t, err)
	var file struct {
		Packets []struct{ Name, Hex string }
	}
	require.NoError(t, json.Unmarshal(raw, &file))
	packets := make(map[string][]byte)
	for _, p := range file.Packets {
		packets[p.Name], err = hex.DecodeString(p.Hex)
		require.NoError(t, err)
	}
	return packets
}

func TestFramesAreGodots(t *testing.T) {
	const other PeerID = 1677583863 // in the recording
	engine := recorded(t)
	tests := []struct {
		name string
		want frame
	}{
		{"send_bytes unreliable", frame{kind: framePacket, body: []byte("hello m0 from 1")}},
		{"send_bytes ordered", frame{kind: framePacket, body: []byte("hello m1 from 1")}},
		{"send_bytes reliable", frame{kind: framePacket, body: []byte("hello m2 from 1")}},
		{"simplify_path", frame{kind: framePacket, command: CommandSimplifyPath, body: engine["simplify_path"]}},
		{"rpc", frame{kind: framePacket, command: CommandRemoteCall, body: engine["rpc"]}},
		{"add_peer", frame{kind: frameAddPeer, peer: other}},
		{"relay raw reliable", frame{kind: frameRelay, peer: other, body: []byte("hello m2 from 1677583863")}},
		{"relay raw unreliable", frame{kind: frameRelay, peer: other, body: []byte("hello m0 from 1677583863")}},
		{"relay raw ordered", frame{kind: frameRelay, peer: other, body: []byte("hello m1 from 1677583863")}},
		{"relay rpc", frame{kind: frameRelay, command: CommandRemoteCall, peer: other, body: engine["relay rpc"][sysSize:]}},
		{"broadcast by client", frame{kind: frameRelay, peer: Broadcast, body: []byte("relayed by godot")}},
	}
	require.Len(t, tests, len(engine), "every recorded packet is here")
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := decodeFrame(engine[tt.name])
			require.NoError(t, err)
			if tt.want.kind == frameRelay {
				tt.want.whole = engine[tt.name][sysSize:]
			}
			require.Equal(t, tt.want, got)
			require.Equal(t, engine[tt.name], encode(got), "encoded again")
		})
	}
}

// encode is the inverse of decodeFrame, by the functions that sending uses.
func encode(f frame) []byte {
	switch f.kind {
	case frameAddPeer:
		return appendSys(nil, sysAddPeer, f.peer)
	case frameDelPeer:
		return appendSys(nil, sysDelPeer, f.peer)
	case frameRelay:
		return appendInner(appendSys(nil, sysRelay, f.peer), Packet{Data: f.body, Command: f.command})
	case frameAuth:
		return appendAuth(nil, f.body)
	}
	return appendInner(nil, Packet{Data: f.body, Command: f.command})
}

func TestBadFrames(t *testing.T) {
	for _, bad := range []string{
		"",           // nothing
		"03",         // a packet without payload
		"07", "0701", // SYS cut short
		"0701000000",                   // an id cut short
		"070100000000",                 // the id 0
		"0702ffffffff",                 // a negative id
		"070405000000",                 // no such subcommand
		"070305000000",                 // nothing to relay
		"07030500000003",               // an empty packet relayed
		"07030500000007030500000003aa", // SYS within SYS
		"0703050000000700",             // AUTH within SYS
	} {
		b, err := hex.DecodeString(bad)
		require.NoError(t, err)
		_, err = decodeFrame(b)
		require.ErrorIs(t, err, errBadFrame, bad)
	}
}

func FuzzDecodeFrame(f *testing.F) {
	for _, b := range recorded(f) {
		f.Add(b)
	}
	f.Add([]byte{commandSys, sysDelPeer, 5, 0, 0, 0})
	f.Add([]byte{commandSys, sysAuth})
	f.Add([]byte{commandSys, sysAuth, 's'})
	for first := range byte(8) { // every command
		f.Add([]byte{first, 1, 2, 3})
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		decoded, err := decodeFrame(b)
		if err != nil {
			return
		}
		again, err := decodeFrame(encode(decoded))
		require.NoError(t, err)
		if decoded.kind == frameRelay { // the flag bits of a RAW command are not kept
			decoded.whole, again.whole = nil, nil
		}
		require.Equal(t, decoded, again)
	})
}
