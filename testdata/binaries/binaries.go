// Package binaries builds the two programs of this module for tests.
package binaries

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/testdata/filelock"
)

// Build returns the folder in which rtc-client and signal-server are. All packages share it, so that the programs are linked
// once after a change of their source: go build leaves alone what is up to date.
func Build(t testing.TB) string {
	t.Helper()
	root := moduleRoot(t)
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	checkout := sha256.Sum256([]byte(root))
	folder := filepath.Join(cache, "rtcpeer", "binaries-"+hex.EncodeToString(checkout[:8]))
	require.NoError(t, os.MkdirAll(folder, 0o755))

	locked, err := filelock.Open(folder)
	require.NoError(t, err)
	defer locked.Close()
	build := exec.Command("go", "build", "-o", folder+string(filepath.Separator), "./cmd/rtc-client", "./cmd/signal-server")
	build.Dir = root
	out, err := build.CombinedOutput()
	require.NoError(t, err, "go build: %s", out)
	return folder
}

// moduleRoot returns the folder of go.mod, for a test whose working directory is the one of its package.
func moduleRoot(t testing.TB) string {
	t.Helper()
	folder, err := os.Getwd()
	require.NoError(t, err)
	for {
		if _, err := os.Stat(filepath.Join(folder, "go.mod")); err == nil {
			return folder
		}
		parent := filepath.Dir(folder)
		require.NotEqual(t, folder, parent, "no go.mod")
		folder = parent
	}
}
