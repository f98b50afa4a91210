package signaling_test

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/signaling"
)

// codes are all constants of type Code in error.go.
func codes(t *testing.T) (list []signaling.Code) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "error.go", nil, 0)
	require.NoError(t, err)
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if ok && len(spec.Values) == 1 && strings.HasPrefix(spec.Names[0].Name, "Code") {
			code, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
			require.NoError(t, err)
			list = append(list, signaling.Code(code))
		}
		return true
	})
	return list
}

func protocol(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile("PROTOCOL.md")
	require.NoError(t, err)
	return string(b)
}

func TestProtocolTellsTheRuleOfEachCode(t *testing.T) {
	type rule struct{ fatal, retry bool }
	told := map[signaling.Code]rule{}
	row := regexp.MustCompile("(?m)^\\| `(\\w+)` \\| (yes|no) \\| (yes|no) \\|")
	for _, m := range row.FindAllStringSubmatch(protocol(t), -1) {
		told[signaling.Code(m[1])] = rule{m[2] == "yes", m[3] == "yes"}
	}
	all := codes(t)
	require.Len(t, all, 31)
	require.Len(t, told, len(all), "codes that error.go does not have")
	for _, code := range all {
		require.Contains(t, told, code)
		require.Equal(t, told[code], rule{code.Fatal(), code.Retry()}, code)
	}
}

func TestRulesOfCodes(t *testing.T) {
	for _, code := range codes(t) {
		if code.Retry() {
			require.True(t, code.Fatal(), "%s: what does not end the session need not be tried again", code)
		}
	}
	future := signaling.Code("banned")
	require.True(t, future.Fatal())
	require.False(t, future.Retry())
}

func TestErrorsCompareByCode(t *testing.T) {
	var err error = &signaling.Error{Code: signaling.CodeSealed, Text: "room is sealed"}
	require.ErrorIs(t, err, &signaling.Error{Code: signaling.CodeSealed})
	require.ErrorIs(t, err, &signaling.Error{Code: signaling.CodeSealed, Text: "room is sealed"})
	require.NotErrorIs(t, err, &signaling.Error{Code: signaling.CodeSealed, Text: "another text"})
	require.NotErrorIs(t, err, &signaling.Error{Code: signaling.CodeRoomFull})
}

func TestProtocolsExamplesAreValid(t *testing.T) {
	told := map[string]bool{}
	block := regexp.MustCompile("(?s)```json\n(.*?)```")
	for _, m := range block.FindAllStringSubmatch(protocol(t), -1) {
		for d := json.NewDecoder(strings.NewReader(m[1])); ; {
			var example json.RawMessage
			err := d.Decode(&example)
			if err == io.EOF {
				break
			}
			require.NoError(t, err, m[1])
			told[check(t, example)] = true
		}
	}
	require.Len(t, told, 19+5, "an example of each kind, and of each type of signal: %v", told)
}

// check returns the kind of a frame, or the type of a signal's data.
func check(t *testing.T, example json.RawMessage) string {
	t.Helper()
	if !strings.Contains(string(example), `"kind"`) {
		d, err := signaling.DecodeSignalData(example)
		require.NoError(t, err, "%s", example)
		return string(d.Type)
	}
	m, err := signaling.JSON.Decode(example)
	require.NoError(t, err, "%s", example)
	return string(m.Kind())
}

// The numbers that PROTOCOL.md tells are those of this package. Those of the server's Config are
// checked where it tells its limits.
func TestProtocolTellsTheLimits(t *testing.T) {
	text := protocol(t)
	for _, part := range []string{
		"1 to " + strconv.Itoa(int(signaling.MaxPeerID)),
		"1 to " + strconv.Itoa(signaling.MaxRoomName) + " of the letters",
		"at most " + strconv.Itoa(signaling.MaxChannels),
		"at most " + strconv.Itoa(signaling.MaxMetadata) + " bytes",
		"at most " + strconv.Itoa(signaling.MaxMessage) + " bytes",
		"`" + signaling.Subprotocol + "`", "`" + signaling.SubprotocolTaken + "`",
		"of at most " + strconv.Itoa(signaling.MaxOfferedFrame) + " characters",
		strings.Join(slices.Concat([]string{signaling.Subprotocol}, signaling.OfferFrame([]byte(`{"kind":"join","room":"lobby"}`))), ", "),
		"at most " + strconv.Itoa(signaling.MaxPassword) + " bytes",
		"at most " + strconv.Itoa(signaling.MaxText) + " bytes",
		"1 to " + strconv.Itoa(signaling.MaxMatchKey) + " bytes",
		"2 to " + strconv.Itoa(signaling.MaxMatchSize),
		"at most " + strconv.Itoa(signaling.MaxFilter) + " fields",
		"at most " + strconv.Itoa(signaling.MaxFeatures) + " words of 1 to " + strconv.Itoa(signaling.MaxFeature) + " bytes",
		"a random text of at most " + strconv.Itoa(signaling.MaxIncarnation) + " bytes",
		"`link` has at most " + strconv.Itoa(signaling.MaxLink) + " bytes",
		"The words so far are `" + signaling.FeatureRepair + "`", "and `" + signaling.FeatureRelayLinks + "`",
		"then at most " + strconv.Itoa(signaling.MaxForward-signaling.ForwardHeader) + " bytes",
		"at most " + strconv.Itoa(signaling.MaxRooms) + "; left out: " + strconv.Itoa(signaling.DefaultRooms),
	} {
		require.Contains(t, text, part)
	}
}
