package godot_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/signaling/godot"
)

// The engine's WebSocket (wslay, wslay_event.c) takes a close frame with any other code for a breach of the
// protocol. Games speak either dialect: the demo's, or that of the addon.
func TestEngineAcceptsEveryCloseCode(t *testing.T) {
	accepted := func(code int) bool {
		return 1000 <= code && code <= 1011 && (code < 1004 || code > 1006) || 3000 <= code && code <= 4999
	}
	for name, dialect := range map[string]*signaling.Dialect{"addon": signaling.V1(), "demo": godot.Server()} {
		for _, code := range []signaling.Code{
			signaling.CodeServerFull, signaling.CodeJoinTimeout, signaling.CodeSlow, signaling.CodeLocked, signaling.CodeRateLimited,
			signaling.CodeInternal, signaling.CodeRoomFull, signaling.CodeShuttingDown, signaling.CodeKicked, signaling.CodeBadMessage,
			signaling.CodeSealComplete, signaling.CodeHostLeft, "of a later version",
		} {
			closed, _, ends := dialect.Close(&signaling.Error{Code: code})
			require.True(t, ends, code)
			require.True(t, accepted(closed), "%s: %s is close code %d", name, code, closed)
		}
	}
}
