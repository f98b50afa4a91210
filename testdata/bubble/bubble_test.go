package bubble_test

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/testdata/bubble"
)

// Many goroutines, of which each waits for timers that fire at the same time.
func TestTimersThatFireAtOnce(t *testing.T) {
	for range 1000 {
		bubble.Test(t, func(t *testing.T) {
			var goroutines sync.WaitGroup
			for range 8 {
				goroutines.Go(func() {
					for range 20 {
						a, b := time.NewTimer(time.Millisecond), time.NewTimer(time.Millisecond)
						<-a.C
						<-b.C
					}
				})
			}
			goroutines.Wait()
		})
	}
}

func TestNoTestUsesSynctestTest(t *testing.T) {
	root := os.DirFS("../..")
	require.NoError(t, fs.WalkDir(root, ".", func(path string, entry fs.DirEntry, err error) error {
		if entry.IsDir() && entry.Name() == "node_modules" {
			return fs.SkipDir
		}
		if err != nil || filepath.Ext(path) != ".go" || filepath.Dir(path) == filepath.Join("testdata", "bubble") {
			return err
		}
		source, err := fs.ReadFile(root, path)
		require.False(t, bytes.Contains(source, []byte("synctest.Test(")), "%s: use bubble.Test", path)
		return err
	}))
}
