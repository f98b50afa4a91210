package main

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/testdata/skip"
)

// Whatever strangers do, as signaling/attack plays it, honest members of other addresses come and go: none of them is
// refused, none of them hears nothing for ten seconds, and at the end the server is as alive as before.
func TestAttacks(t *testing.T) {
	skip.Long(t)
	program := filepath.Join(t.TempDir(), "attack")
	out, err := exec.Command("go", "build", "-o", program, "../../signaling/attack").CombinedOutput()
	require.NoError(t, err, "%s", out)
	d := launchDaemon(t, append(append([]string{}, turnHere...), "--proxy-protocol", "--trusted-proxy=127.0.0.1", "--relay-links")...)
	cmd := exec.Command(program, "--for=500ms", d.url)
	out, err = cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Equal(t, 19, strings.Count(string(out), "\n"), "a row for each attack: %s", out)
	t.Logf("\n%s", out)
}
