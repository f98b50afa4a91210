package signalclient

import (
	"testing"

	"example.org/rtcpeer/signaling"

	"github.com/stretchr/testify/require"
)

func TestParseURL(t *testing.T) {
	for _, row := range []struct {
		raw, dial string
		room      signaling.RoomName
		err       string
	}{
		{raw: "ws://host:9080/lobby", dial: "ws://host:9080/lobby", room: "lobby"},
		{raw: "wss://host/a/b/lobby", dial: "wss://host/a/b/lobby", room: "lobby"},
		{raw: "http://host/lobby", dial: "ws://host/lobby", room: "lobby"},
		{raw: "HTTPS://host/lobby", dial: "wss://host/lobby", room: "lobby"},
		{raw: "ws://[::1]:9080/lobby", dial: "ws://[::1]:9080/lobby", room: "lobby"},
		{raw: "ws://host:9080", dial: "ws://host:9080"},
		{raw: "ws://host:9080/", dial: "ws://host:9080/"},
		{raw: "ws://host/lobby/", dial: "ws://host/lobby/"},
		{raw: "ws://host/l%6fbby", dial: "ws://host/l%6fbby", room: "lobby"},
		{raw: "ws://u:secret@host/lobby?key=secret#part", dial: "ws://u:secret@host/lobby?key=secret", room: "lobby"},

		{raw: "ws://host/a%20b", err: `ws://host/a%20b: signaling: bad_room: room name "a b": only letters, digits, - and _`},
		{raw: "ws://host/a%2Fb", err: `room name "a/b": only letters`},
		{raw: "ws://u:secret@host/a.b?key=secret", err: `ws://host/a.b: signaling: bad_room`},
		{raw: "", err: `"": no scheme: want ws://host:port/room`},
		{raw: "host:9080/lobby", err: `"host:9080/lobby": no scheme: want ws://host:port/room`},
		{raw: "127.0.0.1:9080/lobby?key=secret", err: `"127.0.0.1:9080/lobby": no scheme: want ws://host:port/room`},
		{raw: "ftp://host/lobby", err: `scheme "ftp": want ws://host:port/room`},
		{raw: "ws:///lobby", err: `no host: want ws://host:port/room`},
		{raw: "ws://host:90a80/lobby", err: `invalid port ":90a80" after host: want ws://host:port/room`},
		{raw: "ws://host/%zz?key=secret", err: `invalid URL escape "%zz": want`},
		{raw: "ws://u:sec/ret@host:x/lobby", err: `signalclient: "...": not a URL: want ws://host:port/room`},
		{raw: "u:secret@host/lobby", err: `signalclient: "...": no scheme: want ws://host:port/room`},
	} {
		t.Run(row.raw, func(t *testing.T) {
			dial, room, err := ParseURL(row.raw)
			if row.err != "" {
				require.ErrorContains(t, err, row.err)
				require.NotContains(t, err.Error(), "sec")
				return
			}
			require.NoError(t, err)
			require.Equal(t, row.dial, dial)
			require.Equal(t, row.room, room)
		})
	}
}

func TestRoomURL(t *testing.T) {
	for _, row := range []struct{ raw, want string }{
		{"ws://host:9080", "ws://host:9080/lobby"},
		{"ws://host:9080/", "ws://host:9080/lobby"},
		{"ws://host/signal/", "ws://host/signal/lobby"},
		{"ws://host/signal/old", "ws://host/signal/lobby"},
		{"https://host/lobby", "wss://host/lobby"},
		{"ws://u:secret@host/a%20b/x?key=secret#part", "ws://host/a%20b/lobby"},
		{"host/lobby", ""},
	} {
		t.Run(row.raw, func(t *testing.T) { require.Equal(t, row.want, RoomURL(row.raw, "lobby")) })
	}
}

// What others are given must lead into the room it was made for.
func FuzzRoomURL(f *testing.F) {
	f.Add("ws://u:secret@host:9080/a/b?key=secret")
	f.Add("https://host")
	f.Fuzz(func(t *testing.T, raw string) {
		if _, _, err := ParseURL(raw); err != nil {
			return
		}
		shared := RoomURL(raw, "lobby")
		dial, room, err := ParseURL(shared)
		require.NoError(t, err)
		require.Equal(t, signaling.RoomName("lobby"), room)
		require.Equal(t, shared, dial)
	})
}
