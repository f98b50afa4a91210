package godot_test

import (
	"os"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

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
			signaling.CodeSealComplete, signaling.CodeHostLeft, signaling.CodeTopologyMismatch, signaling.CodeSealed,
			signaling.CodeResumeRefused, signaling.CodeReplaced, signaling.CodeWrongPassword, "of a later version",
		} {
			closed, reason, ends := dialect.Close(&signaling.Error{Code: code})
			require.True(t, ends, code)
			require.True(t, accepted(closed), "%s: %s is close code %d", name, code, closed)
			if name == "addon" { // the engine drops the error itself when the close frame comes with it
				require.Equal(t, string(code), reason)
			}
		}
	}
}

// A game that is taken out of its room by the demo's protocol is told why, as far as a close frame has room for it.
func TestKickedWithAReason(t *testing.T) {
	for text, want := range map[string]string{
		"":                       "kicked",
		"no more than 2 players": "kicked: no more than 2 players",
		strings.Repeat("é", 100): "kicked: " + strings.Repeat("é", 57),
	} {
		code, reason, ends := godot.Server().Close(&signaling.Error{Code: signaling.CodeKicked, Text: text})
		require.True(t, ends)
		require.Equal(t, 4000, code)
		require.Equal(t, want, reason)
		require.LessOrEqual(t, len(reason), 123)
		why := godot.Client().Closed(code, reason)
		require.Equal(t, signaling.CodeKicked, why.Code)
	}
}

// The addon has lists of its own: of the errors after which the session goes on, and of those after which it tries to come back.
func TestAddonErrorLists(t *testing.T) {
	script, err := os.ReadFile("addon/rtcpeer/rtcpeer_client.gd")
	require.NoError(t, err)
	list := func(name string) (codes []signaling.Code) {
		found := regexp.MustCompile(`const ` + name + ` := \[(.*)\]`).FindSubmatch(script)
		require.NotNil(t, found, name)
		for _, quoted := range regexp.MustCompile(`"(\w+)"`).FindAllSubmatch(found[1], -1) {
			codes = append(codes, signaling.Code(quoted[1]))
		}
		return codes
	}
	var goesOn, again []signaling.Code
	for _, code := range allCodes(t) {
		if !code.Fatal() {
			goesOn = append(goesOn, code)
		}
		if code.Retry() {
			again = append(again, code)
		}
	}
	require.ElementsMatch(t, goesOn, list("NOT_FATAL"))
	require.ElementsMatch(t, again, list("RETRY"))
}

// allCodes reads the codes of errors from the source, so that none that is added later is missing.
func allCodes(t *testing.T) (codes []signaling.Code) {
	source, err := os.ReadFile("../error.go")
	require.NoError(t, err)
	for _, found := range regexp.MustCompile(`Code[A-Za-z]+ +(?:Code )?= "([a-z_]+)"`).FindAllSubmatch(source, -1) {
		codes = append(codes, signaling.Code(found[1]))
	}
	require.Greater(t, len(codes), 20)
	return codes
}

// The list of codes above may lack one that is added later: here they are read from the source.
func TestEngineAcceptsTheCloseCodeOfEachError(t *testing.T) {
	for _, dialect := range []*signaling.Dialect{signaling.V1(), godot.Server()} {
		for _, code := range allCodes(t) {
			closed, reason, ends := dialect.Close(&signaling.Error{Code: code, Text: strings.Repeat("é", 300)})
			if ends {
				require.True(t, closed == 1000 || closed == 1001 || closed == 1008 || closed == 1009 || closed == 1011 || 3000 <= closed && closed <= 4999, "%s: %d", code, closed)
			}
			require.LessOrEqual(t, len(reason), 123, code)
			require.True(t, utf8.ValidString(reason), code)
		}
	}
}
