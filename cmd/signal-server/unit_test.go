package main

import (
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"
)

// The unit of deploy has no word that systemd does not know, and lets the program do little: of the 10
// that systemd gives a service without any hardening, 1.5 are left.
func TestUnit(t *testing.T) {
	program := needs(t, "systemd-analyze", "systemd")
	unit := writeFile(t, t.TempDir(), "signal-server.service", []byte(example(t, "signal-server.service", "/usr/local/bin/signal-server", "/bin/true")))
	out, err := exec.Command(program, "verify", "--man=no", "--recursive-errors=no", unit).CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Empty(t, string(out))
	out, err = exec.Command(program, "security", "--offline=true", "--threshold=15", "--no-pager", unit).CombinedOutput()
	require.NoError(t, err, "%s", out)
}
