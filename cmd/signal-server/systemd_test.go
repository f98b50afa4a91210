package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// systemd-analyze finds no mistake in the unit of folder deploy, and rates its exposure at 1.5 or less. A service without any
// hardening is rated near 10.
func TestSystemdUnit(t *testing.T) {
	program := needs(t, "systemd-analyze", "systemd")
	unit := writeFile(t, t.TempDir(), "signal-server.service", []byte(example(t, "signal-server.service", "/usr/local/bin/signal-server", "/bin/true")))
	out, err := exec.Command(program, "verify", "--man=no", "--recursive-errors=no", unit).CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Empty(t, string(out))
	out, err = exec.Command(program, "security", "--offline=true", "--threshold=15", "--no-pager", unit).CombinedOutput()
	require.NoError(t, err, "%s", out)
}

// The third step of DEPLOY.md creates all files and secrets that its settings name. Whether this host has their addresses and
// ports does not matter here.
func TestInstallationStepsMatchTheSettings(t *testing.T) {
	needs(t, "openssl", "openssl")
	deploy, err := os.ReadFile("DEPLOY.md")
	require.NoError(t, err)
	_, steps, found := strings.Cut(string(deploy), "**3. On the host:**\n\n```\n")
	require.True(t, found)
	steps, _, _ = strings.Cut(steps, "```")
	root := t.TempDir()
	for _, folder := range []string{"etc/systemd/system", "usr/local/bin", "var/lib"} {
		require.NoError(t, os.MkdirAll(filepath.Join(root, folder), 0o755))
	}
	here := strings.NewReplacer(" /", " "+root+"/", ">/", ">"+root+"/")
	writeFile(t, root, "signal-server", nil)
	require.NoError(t, os.CopyFS(filepath.Join(root, "deploy"), os.DirFS("deploy")))
	bash := exec.Command("bash", "-e")
	bash.Dir, bash.Stdin = root, strings.NewReader(here.Replace(steps))
	out, err := bash.CombinedOutput()
	require.NoError(t, err, "%s", out)

	secrets, err := os.ReadFile(filepath.Join(root, "etc/signal-server/secrets.env"))
	require.NoError(t, err)
	require.Equal(t, 3, strings.Count(string(secrets), "\n"))
	settings := filepath.Join(root, "etc/signal-server/config.yaml")
	content, err := os.ReadFile(settings)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(settings, []byte(here.Replace(string(content))), 0o600))
	var said strings.Builder
	run(t.Context(), []string{"check-config", "--config=" + settings}, &said, &said, strings.Fields(string(secrets)))
	require.NotContains(t, said.String(), "no such file")
	require.NotContains(t, said.String(), "needs")
}
