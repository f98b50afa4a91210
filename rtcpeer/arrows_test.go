package rtcpeer_test

import (
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const module = "example.org/rtcpeer/"

// The arrows between the packages point down only, and each third-party module has one gate.
func TestArrows(t *testing.T) {
	may := map[string][]string{ // of this module; nothing else
		"signaling/text":                  nil,
		"signaling/drop":                  nil,
		"signaling":                       {"signaling/text"},
		"signaling/loglimit":              nil,
		"signaling/clock":                 nil,
		"signaling/networks":              nil,
		"signaling/rooms":                 {"signaling/text", "signaling", "signaling/clock", "signaling/drop"},
		"signaling/cluster":               {"signaling/text", "signaling", "signaling/drop", "signaling/rooms"},
		"signaling/cluster/bustest":       {"signaling/cluster"},
		"signaling/cluster/memory":        {"signaling/cluster"},
		"signaling/cluster/natsbus":       {"signaling/cluster"},
		"signaling/cluster/natsnode":      nil,
		"signaling/memory":                {"signaling", "signaling/clock", "signaling/drop", "signaling/rooms"},
		"signaling/signalserver":          {"signaling", "signaling/clock", "signaling/cluster", "signaling/drop", "signaling/loglimit", "signaling/networks", "signaling/rooms", "signaling/text"},
		"signaling/signalclient":          {"signaling/text", "signaling"},
		"signaling/attack":                {"signaling"},
		"signaling/load":                  nil,
		"signaling/godot":                 {"signaling/text", "signaling"},
		"signaling/turnserver":            {"signaling", "signaling/drop", "signaling/loglimit", "signaling/networks"},
		"rtcpeer/transport":               nil,
		"rtcpeer/transport/transporttest": {"rtcpeer/transport"},
		"rtcpeer/transport/memory":        {"rtcpeer/transport"},
		"rtcpeer/transport/forwarded":     {"rtcpeer/transport", "signaling/drop"},
		"rtcpeer/transport/webrtc":        {"rtcpeer/transport"},
		"rtcpeer/doctor":                  {"rtcpeer/transport"},
		"rtcpeer/js":                      nil,
		"rtcpeer/variant":                 nil,
		"rtcpeer/internal/ring":           nil,
		"rtcpeer":                         {"signaling/drop", "signaling/text", "rtcpeer/internal/ring", "rtcpeer/transport", "rtcpeer/transport/forwarded", "rtcpeer/transport/webrtc", "signaling", "signaling/godot", "signaling/signalclient"},
		"rtcpeer/multiplayer":             {"rtcpeer", "rtcpeer/internal/ring", "rtcpeer/variant", "signaling"},
		"rtcpeer/signalertest":            {"rtcpeer", "rtcpeer/transport/memory", "signaling"},
		"rtcpeer/transfer":                {"signaling/text", "rtcpeer"},
		"rtcpeer/interop":                 nil,
		"rtcpeer/lab":                     nil,
		"rtcpeer/websocket":               {"rtcpeer", "rtcpeer/transport", "signaling"},
		"rtcpeer/examples/arena":          {"rtcpeer", "rtcpeer/js"},
		"rtcpeer/examples/dots":           {"rtcpeer"},

		"cmd/signal-server":                    {"cmd/internal/cli", "cmd/signal-server/internal/admission", "cmd/signal-server/internal/logqueue", "cmd/signal-server/internal/process", "cmd/signal-server/internal/server", "cmd/signal-server/internal/settings", "signaling/cluster/natsnode"},
		"cmd/signal-server/internal/admin":     {"cmd/signal-server/internal/limits", "cmd/signal-server/internal/metrics", "cmd/signal-server/internal/proxy", "cmd/signal-server/internal/settings", "cmd/signal-server/internal/static", "cmd/signal-server/internal/turn", "signaling", "signaling/signalserver"},
		"cmd/signal-server/internal/admission": {"cmd/internal/cli", "cmd/signal-server/internal/limits", "cmd/signal-server/internal/process", "cmd/signal-server/internal/settings", "signaling", "signaling/signalserver"},
		"cmd/signal-server/internal/bus":       {"cmd/internal/cli", "cmd/signal-server/internal/settings", "signaling/cluster/natsbus", "signaling/cluster/natsnode"},
		"cmd/signal-server/internal/certs":     {"cmd/signal-server/internal/settings"},
		"cmd/signal-server/internal/connlimit": {"cmd/signal-server/internal/proxy", "signaling/drop", "signaling/networks"},
		"cmd/signal-server/internal/front":     {"cmd/signal-server/internal/connlimit"},
		"cmd/signal-server/internal/keytest":   nil,
		"cmd/signal-server/internal/limits":    {"cmd/signal-server/internal/settings", "signaling", "signaling/signalserver"},
		"cmd/signal-server/internal/logqueue":  nil,
		"cmd/signal-server/internal/metrics":   {"cmd/signal-server/internal/connlimit", "cmd/signal-server/internal/logqueue", "cmd/signal-server/internal/settings", "signaling/signalserver", "signaling/turnserver"},
		"cmd/signal-server/internal/page":      {"cmd/signal-server/internal/static", "rtcpeer/js", "signaling"},
		"cmd/signal-server/internal/process":   {"cmd/signal-server/internal/logqueue", "cmd/signal-server/internal/settings"},
		"cmd/signal-server/internal/proxy":     {"cmd/signal-server/internal/settings", "signaling/networks"},
		"cmd/signal-server/internal/server":    {"cmd/internal/cli", "cmd/signal-server/internal/admin", "cmd/signal-server/internal/admission", "cmd/signal-server/internal/bus", "cmd/signal-server/internal/certs", "cmd/signal-server/internal/connlimit", "cmd/signal-server/internal/front", "cmd/signal-server/internal/limits", "cmd/signal-server/internal/logqueue", "cmd/signal-server/internal/metrics", "cmd/signal-server/internal/page", "cmd/signal-server/internal/process", "cmd/signal-server/internal/proxy", "cmd/signal-server/internal/settings", "cmd/signal-server/internal/turn", "signaling", "signaling/godot", "signaling/loglimit", "signaling/signalserver"},
		"cmd/signal-server/internal/settings":  {"cmd/internal/cli"},
		"cmd/signal-server/internal/static":    nil,
		"cmd/signal-server/internal/turn":      {"cmd/signal-server/internal/certs", "cmd/signal-server/internal/settings", "signaling", "signaling/turnserver"},
		"cmd/internal/cli":                     nil,
		"cmd/rtc-client":                       {"cmd/internal/cli", "cmd/rtc-client/internal/chat", "cmd/rtc-client/internal/console", "cmd/rtc-client/internal/demo", "cmd/rtc-client/internal/doctor", "cmd/rtc-client/internal/entry", "cmd/rtc-client/internal/files", "cmd/rtc-client/internal/format", "cmd/rtc-client/internal/list", "cmd/rtc-client/internal/load", "cmd/rtc-client/internal/ping", "cmd/rtc-client/internal/relay"},
		"cmd/rtc-client/internal/chat":         {"cmd/internal/cli", "cmd/rtc-client/internal/console", "cmd/rtc-client/internal/entry", "cmd/rtc-client/internal/format", "cmd/rtc-client/internal/linklog", "cmd/rtc-client/internal/probe", "rtcpeer"},
		"cmd/rtc-client/internal/console":      {"cmd/rtc-client/internal/format"},
		"cmd/rtc-client/internal/demo":         {"cmd/internal/cli", "cmd/rtc-client/internal/console", "cmd/rtc-client/internal/format", "cmd/rtc-client/internal/linklog", "cmd/rtc-client/internal/modes", "cmd/rtc-client/internal/probe", "cmd/rtc-client/internal/progress", "cmd/rtc-client/internal/roundtrip", "rtcpeer", "rtcpeer/transport/webrtc", "signaling/signalserver"},
		"cmd/rtc-client/internal/doctor":       {"cmd/internal/cli", "cmd/rtc-client/internal/console", "cmd/rtc-client/internal/entry", "cmd/rtc-client/internal/format", "rtcpeer/doctor", "rtcpeer/transport", "signaling"},
		"cmd/rtc-client/internal/entry":        {"cmd/internal/cli", "cmd/rtc-client/internal/console", "cmd/rtc-client/internal/format", "cmd/rtc-client/internal/modes", "rtcpeer", "rtcpeer/transport", "signaling", "signaling/godot", "signaling/signalclient"},
		"cmd/rtc-client/internal/files":        {"cmd/internal/cli", "cmd/rtc-client/internal/console", "cmd/rtc-client/internal/entry", "cmd/rtc-client/internal/format", "cmd/rtc-client/internal/linklog", "cmd/rtc-client/internal/probe", "cmd/rtc-client/internal/progress", "rtcpeer", "rtcpeer/transfer"},
		"cmd/rtc-client/internal/format":       {"rtcpeer", "signaling"},
		"cmd/rtc-client/internal/linklog":      {"cmd/rtc-client/internal/console", "cmd/rtc-client/internal/format", "rtcpeer"},
		"cmd/rtc-client/internal/list":         {"cmd/internal/cli", "cmd/rtc-client/internal/console", "cmd/rtc-client/internal/entry", "cmd/rtc-client/internal/format", "signaling/text", "rtcpeer", "signaling", "signaling/signalclient"},
		"cmd/rtc-client/internal/load":         {"cmd/internal/cli", "cmd/rtc-client/internal/console", "cmd/rtc-client/internal/entry", "cmd/rtc-client/internal/format", "cmd/rtc-client/internal/progress", "signaling", "signaling/signalclient"},
		"cmd/rtc-client/internal/modes":        {"rtcpeer"},
		"cmd/rtc-client/internal/pairtest":     {"rtcpeer", "rtcpeer/transport/memory", "signaling/memory"},
		"cmd/rtc-client/internal/ping":         {"cmd/internal/cli", "cmd/rtc-client/internal/console", "cmd/rtc-client/internal/entry", "cmd/rtc-client/internal/format", "cmd/rtc-client/internal/linklog", "cmd/rtc-client/internal/modes", "cmd/rtc-client/internal/probe", "cmd/rtc-client/internal/roundtrip", "rtcpeer", "rtcpeer/transport"},
		"cmd/rtc-client/internal/probe":        {"rtcpeer"},
		"cmd/rtc-client/internal/progress":     {"cmd/rtc-client/internal/console", "cmd/rtc-client/internal/format"},
		"cmd/rtc-client/internal/relay":        {"cmd/internal/cli", "cmd/rtc-client/internal/console", "cmd/rtc-client/internal/entry", "cmd/rtc-client/internal/format", "cmd/rtc-client/internal/linklog", "cmd/rtc-client/internal/probe", "rtcpeer", "signaling"},
		"cmd/rtc-client/internal/roundtrip":    nil,
	}
	gates := map[string][]string{
		"github.com/pion/":               {"rtcpeer/transport/webrtc", "rtcpeer/doctor", "signaling/attack", "signaling/turnserver"},
		"github.com/gorilla/websocket":   {"signaling/signalserver", "signaling/signalclient", "signaling/attack", "rtcpeer/websocket"},
		"golang.org/x/time/":             {"rtcpeer", "signaling/loglimit", "signaling/signalserver", "signaling/turnserver"},
		"github.com/alecthomas/kong":     {"cmd/internal/cli", "cmd/signal-server", "cmd/signal-server/internal/settings", "cmd/rtc-client"},
		"github.com/schollz/progressbar": {"cmd/rtc-client/internal/progress"},
		"github.com/stretchr/testify":    {"rtcpeer/signalertest", "rtcpeer/transport/transporttest", "signaling/cluster/bustest", "cmd/rtc-client/internal/pairtest", "cmd/signal-server/internal/keytest"},
		"github.com/evanw/esbuild/":      {"rtcpeer/js"},
		"github.com/nats-io/nats.go":     {"signaling/cluster/natsbus"},
		"github.com/nats-io/nats-server": {"signaling/cluster/natsnode"},
		"github.com/prometheus/":         {"cmd/signal-server/internal/metrics"},
		"github.com/golang-jwt/":         {"cmd/signal-server/internal/admission"},
		"github.com/pires/go-proxyproto": {"cmd/signal-server/internal/front", "signaling/attack"},
		"golang.org/x/crypto/":           {"cmd/signal-server/internal/certs"},
		"go.yaml.in/yaml/":               {"cmd/signal-server/internal/settings"},
	}
	imports := directImports(t)
	for pkg, list := range imports {
		allowed, known := may[pkg]
		require.True(t, known, "%s is a new package: add it, and what it may import", pkg)
		for _, path := range list {
			if ours, ok := strings.CutPrefix(path, module); ok {
				require.Contains(t, allowed, ours, "%s imports %s", pkg, ours)
				continue
			}
			if gate := gateOf(gates, path); gate != nil {
				require.Contains(t, gate, pkg, "%s imports %s", pkg, path)
			} else {
				require.NotContains(t, strings.Split(path, "/")[0], ".", "%s imports %s, which has no gate yet", pkg, path)
			}
		}
	}
	require.Len(t, imports, len(may), "a package here is gone")
}

func gateOf(gates map[string][]string, path string) []string {
	for prefix, gate := range gates {
		if strings.HasPrefix(path, prefix) {
			return gate
		}
	}
	return nil
}

// directImports returns what each package of this module imports, tests left out.
func directImports(t *testing.T) map[string][]string {
	t.Helper()
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}} {{join .Imports " "}}`, module+"...").CombinedOutput()
	require.NoError(t, err, "go list: %s", out)
	imports := make(map[string][]string)
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		imports[strings.TrimPrefix(fields[0], module)] = slices.Clone(fields[1:])
	}
	return imports
}
