package rtcpeer

import (
	"encoding/hex"
	"encoding/json"
	"os"
	"strings"
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
		if f.reason != 0 {
			return append(appendSys(nil, sysDelPeer, f.peer), f.reason)
		}
		return appendSys(nil, sysDelPeer, f.peer)
	case frameRelay:
		return appendInner(appendSys(nil, sysRelay, f.peer), Packet{Data: f.body, Command: f.command})
	case frameAuth:
		return appendAuth(nil, f.body)
	}
	return appendInner(nil, Packet{Data: f.body, Command: f.command})
}

// A vector is one entry of testdata/wire/frames.json, which the JavaScript module's tests read too.
type vector struct {
	Name, Hex, Kind, Command, Body string
	Peer                           PeerID
	Bad                            bool
}

func vectors(t testing.TB) (list []vector) {
	t.Helper()
	raw, err := os.ReadFile("../testdata/wire/frames.json")
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(raw, &list))
	require.NotEmpty(t, list)
	return list
}

func (v vector) bytes(t testing.TB) []byte { return unhex(t, v.Hex) }

// frame is what the vector's bytes mean.
func (v vector) frame(t testing.TB) frame {
	kinds := map[string]frameKind{
		"packet": framePacket, "auth": frameAuth, "add_peer": frameAddPeer, "del_peer": frameDelPeer, "relay": frameRelay,
	}
	f := frame{kind: kinds[v.Kind], peer: v.Peer, body: unhex(t, v.Body)}
	require.NotZero(t, f.kind, v.Kind)
	for _, c := range wireCommands {
		if strings.ReplaceAll(c.String(), " ", "_") == v.Command {
			f.command = c
		}
	}
	require.Equal(t, v.Command == "", f.command == CommandRaw, v.Command)
	return f
}

func unhex(t testing.TB, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(text)
	require.NoError(t, err)
	return b
}

func TestFrameVectors(t *testing.T) {
	for _, v := range vectors(t) {
		t.Run(v.Name, func(t *testing.T) {
			got, err := decodeFrame(v.bytes(t))
			if v.Bad {
				require.ErrorIs(t, err, errBadFrame)
				return
			}
			require.NoError(t, err)
			want := v.frame(t)
			require.Equal(t, want.body, append([]byte{}, got.body...))
			require.Equal(t, [3]any{want.kind, want.command, want.peer}, [3]any{got.kind, got.command, got.peer})
			require.Equal(t, v.Hex, hex.EncodeToString(encode(got)), "encoded again")
		})
	}
}

func TestReasonOfAPeerThatIsGone(t *testing.T) {
	gone := func(reason ...byte) []byte { return append(appendSys(nil, sysDelPeer, 5), reason...) }
	tests := []struct {
		frame []byte
		want  DisconnectReason
	}{
		{gone(), ByPeer}, // Godot's
		{gone(0), ByPeer},
		{gone(1), ByPeer},
		{gone(2), Lost},
		{gone(3), Misbehaved},
		{gone(4), Slow},
		{gone(5), Kicked},
		{gone(77), ByPeer},
		{gone(5, 1, 2), Kicked}, // with what later versions may say
	}
	for _, tt := range tests {
		f, err := decodeFrame(tt.frame)
		require.NoError(t, err)
		require.Equal(t, frameDelPeer, f.kind)
		require.Equal(t, tt.want, goneFor(f.reason), "% x", tt.frame)
	}
}

func FuzzDecodeFrame(f *testing.F) {
	for _, b := range recorded(f) {
		f.Add(b)
	}
	for _, v := range vectors(f) {
		f.Add(v.bytes(f))
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
