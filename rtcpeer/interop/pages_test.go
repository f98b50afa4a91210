//go:build unix

package interop

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer"
	"example.org/rtcpeer/testdata/skip"
)

// The suite that every transport passes, over the browser's WebRTC, with addresses hidden behind mDNS
// as a browser does by default.
func TestConformance(t *testing.T) {
	t.Parallel()
	skip.Long(t)
	runInPage(t, newLab(t), "example.org/rtcpeer/rtcpeer/transport/webrtc", page{Args: []string{"-test.v", "-test.timeout=2m"}})
}

func TestPageIsRefused(t *testing.T) {
	skip.Long(t)
	t.Parallel()
	s, l := startServer(t), newLab(t)
	node, err := rtcpeer.Join(t.Context(), s.url("mesh"), config(rtcpeer.Mesh, ""))
	require.NoError(t, err)
	defer node.Close()
	runInPage(t, l, ".", page{Args: []string{"-test.v", "-test.run=^TestJoinRefused$"}, Env: map[string]string{
		"URL": s.url("mesh"), "PAGE": strings.Replace(l.web.URL, "http", "ws", 1),
	}})
}

// runInPage has a Chromium run the js tests of a package, which must pass.
func runInPage(t *testing.T, l *lab, pkg string, p page) {
	t.Helper()
	need(t, inWasm)
	p.Wasm = "tests.wasm"
	require.NoError(t, l.compile(p.Wasm, pkg))
	h, err := l.host(inWasm)
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	r, err := l.open(ctx, h, p)
	require.NoError(t, err)
	err = r.exited(ctx)
	require.NoError(t, r.end())
	require.NoError(t, err)
	t.Logf("in the page:\n%s", r.exit.Output)
	require.NotContains(t, r.exit.Output, "call to released function")
}
