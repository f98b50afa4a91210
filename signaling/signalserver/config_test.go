package signalserver_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/signaling/signalserver"
)

func TestConfigErrorsNameFieldAndValue(t *testing.T) {
	for want, c := range map[string]signalserver.Config{
		"signalserver: Config.MaxMessage -1: want 1 to 262144, or 0 for 65536":                       {MaxMessage: -1},
		"signalserver: Config.MaxMessage 262145: want 1 to 262144, or 0 for 65536":                   {MaxMessage: signaling.MaxMessage + 1},
		"signalserver: Config.MessageBurst -5: want 1 to 1073741824, or 0 for 500":                   {MessageBurst: -5},
		"signalserver: Config.OutboxFrames -1: want 1 to 1073741824, or 0 for 1024":                  {OutboxFrames: -1},
		"signalserver: Config.OutboxBytes -1: want 1 to 1073741824, or 0 for 1048576":                {OutboxBytes: -1},
		"signalserver: Config.MaxRooms -1: want 1 to 1073741824, or 0 for 10000":                     {MaxRooms: -1},
		"signalserver: Config.MaxMembers -1: want 1 to 1073741824, or 0 for 1024":                    {MaxMembers: -1},
		"signalserver: Config.MaxSessions -1: want 1 to 1073741824, or 0 for 15000":                  {MaxSessions: -1},
		"signalserver: Config.ResumeKey has 5 bytes: want at least 16":                               {ResumeKey: []byte("short")},
		"signalserver: Config.ICEServers: 20029 bytes of JSON: want at most 16384":                   {ICEServers: []signaling.ICEServer{{Username: strings.Repeat("x", 20000)}}},
		"signalserver: Config.Plain: want Encode, Decode and Close, and a RoomNameLength of 0 to 26": {Plain: &signaling.Dialect{}},
	} {
		_, err := signalserver.New(c)
		require.EqualError(t, err, want)
	}
}
