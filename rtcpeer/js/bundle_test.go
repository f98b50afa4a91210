package js_test

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/evanw/esbuild/pkg/api"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write rtcpeer.js and its source map")

// What is shipped is what the bundler makes of the source today.
func TestBundle(t *testing.T) {
	result := api.Build(api.BuildOptions{
		EntryPoints:       []string{"src/rtcpeer.js"},
		Outfile:           "rtcpeer.js",
		Bundle:            true,
		Format:            api.FormatESModule,
		Target:            api.ES2022,
		MinifyWhitespace:  true,
		MinifyIdentifiers: true,
		MinifySyntax:      true,
		Sourcemap:         api.SourceMapLinked,
	})
	require.Empty(t, result.Errors)
	require.Empty(t, result.Warnings)
	require.Len(t, result.OutputFiles, 2)
	for _, file := range result.OutputFiles {
		name := filepath.Base(file.Path)
		if *update {
			require.NoError(t, os.WriteFile(name, file.Contents, 0o644))
			continue
		}
		shipped, err := os.ReadFile(name)
		require.NoError(t, err)
		require.True(t, string(file.Contents) == string(shipped), "%s is not up to date: go generate ./rtcpeer/js", name)
	}
}
