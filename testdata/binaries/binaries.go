// Package binaries builds the two programs of this module for tests.
package binaries

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/testdata/filelock"
)

// Build returns the folder in which rtc-client and signal-server are. All packages share it, so that the programs are linked
// once after a change of their source: go build leaves alone what is up to date. The folder is in the user's cache. It is
// removed after a test of another checkout if it has not been used for keptFor.
func Build(t testing.TB) string {
	t.Helper()
	root := moduleRoot(t)
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	checkout := sha256.Sum256([]byte(root))
	folders := filepath.Join(cache, "rtcpeer", "binaries-")
	folder := folders + hex.EncodeToString(checkout[:8])
	require.NoError(t, os.MkdirAll(folder, 0o755))
	require.NoError(t, os.Chtimes(folder, time.Time{}, time.Now()))
	removeUnused(t, folders+"*")

	locked, err := filelock.Open(folder)
	require.NoError(t, err)
	defer locked.Close()
	build := exec.Command("go", "build", "-o", folder+string(filepath.Separator), "./cmd/rtc-client", "./cmd/signal-server")
	build.Dir = root
	out, err := build.CombinedOutput()
	require.NoError(t, err, "go build: %s", out)
	return folder
}

// keptFor is as long as Go keeps what it has built.
const keptFor = 5 * 24 * time.Hour

// removeUnused removes the folders of checkouts that are perhaps gone.
func removeUnused(t testing.TB, pattern string) {
	t.Helper()
	folders, err := filepath.Glob(pattern)
	require.NoError(t, err)
	for _, folder := range folders {
		if at, err := os.Stat(folder); err == nil && time.Since(at.ModTime()) > keptFor {
			_ = os.RemoveAll(folder)
		}
	}
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
