//go:build unix

package js_test

import (
	"bytes"
	"flag"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/evanw/esbuild/pkg/api"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the modules, their source maps and their gzipped forms")

// What is shipped is what is made of the source today.
func TestBundle(t *testing.T) {
	t.Parallel()
	node := program(t, "node", "Node 20.14 or later")
	packages(t, ".")
	shorten := "^(" + strings.Join(ours(t), "|") + ")$"
	names := make(map[string]any) // that rtcpeer.js has for its members, for those modules that use them
	bundled := slices.Concat(
		bundle(t, shorten, names, "src/rtcpeer.js"),
		bundle(t, shorten, names, "src/relay-links.js", "src/times.js", "src/migration.js"),
		bundle(t, "", nil, "src/requests.js", "src/transfer.js"),
	)
	require.Len(t, bundled, 12)
	folder := t.TempDir()
	for _, file := range bundled {
		require.NoError(t, os.WriteFile(filepath.Join(folder, filepath.Base(file.Path)), file.Contents, 0o600))
	}
	out, err := exec.CommandContext(t.Context(), node, "finish.js", folder).CombinedOutput()
	require.NoError(t, err, "%s", out)
	finished, err := os.ReadDir(folder)
	require.NoError(t, err)
	require.Len(t, finished, 18)
	for _, file := range finished {
		made, err := os.ReadFile(filepath.Join(folder, file.Name()))
		require.NoError(t, err)
		if *update {
			require.NoError(t, os.WriteFile(file.Name(), made, 0o644))
		}
		shipped, err := os.ReadFile(file.Name())
		require.NoError(t, err)
		require.True(t, bytes.Equal(made, shipped), "%s is not up to date: go generate ./rtcpeer/js", file.Name())
	}
}

// bundle makes modules and their source maps. Members whose names match shorten get short ones, those of names if they are
// there, and new ones are added to it.
func bundle(t *testing.T, shorten string, names map[string]any, sources ...string) []api.OutputFile {
	t.Helper()
	result := api.Build(api.BuildOptions{
		EntryPoints:       sources,
		Outdir:            ".",
		Bundle:            true,
		Format:            api.FormatESModule,
		Target:            api.ES2022,
		MinifyWhitespace:  true,
		MinifyIdentifiers: true,
		MinifySyntax:      true,
		MangleProps:       shorten,
		MangleCache:       names,
		Sourcemap:         api.SourceMapLinked,
	})
	require.Empty(t, result.Errors)
	require.Empty(t, result.Warnings)
	maps.Copy(names, result.MangleCache)
	return result.OutputFiles
}

var (
	comments   = regexp.MustCompile(`(?s)/\*.*?\*/|//[^\n]*`)
	quoted     = regexp.MustCompile(`"[^"\n]*"`)
	words      = regexp.MustCompile(`\w+`)
	used       = regexp.MustCompile(`\.(\w+)|(\w+):`)
	declared   = regexp.MustCompile(`(?m)^  (?:async |get |set )? ?(\w+)(?:\(| =|;)|this\.(\w+) = `)
	shipped    = regexp.MustCompile(`\bPlayer\b|\brtcpeer[ .,]`)
	ofPlatform = regexp.MustCompile(`(?m)^\s*(?:readonly |get |set |declare |var |function )*(\w+)\??[:(<]`)
)

// ownToo are members that parts of the platform have as well with which the source has nothing to do.
var ownToo = strings.Fields("before binding bound enqueue entry fallback finish finished first flush head held hint layout moveTo onend part progress " +
	"put queue rate release sample silent since states step tag timing use wait written")

// ours returns the members of the source's classes with which neither programs nor tests, nor the browser or the wire,
// have to do. They get short names, which saves 5 % of what is served.
func ours(t *testing.T) []string {
	names := make(map[string]bool)
	for _, text := range append(sources(t, "src/*.js"), sources(t, "src/forwarded/*.js")...) {
		for _, match := range declared.FindAllStringSubmatch(text, -1) {
			names[match[1]+match[2]] = true
		}
	}
	for pattern, members := range map[string]*regexp.Regexp{
		"rtcpeer.d.ts": words, "src/wire.js": words, "times.d.ts": words, "migration.d.ts": words, "test/*.js": used, "node_modules/@typescript/*/lib/lib.[de]*.d.ts": ofPlatform,
	} {
		for _, text := range sources(t, pattern) {
			switch {
			case members == used && !shipped.MatchString(text):
				continue // it tests the source
			case strings.HasSuffix(pattern, ".d.ts"):
				text = quoted.ReplaceAllString(text, "") // "lost" is a value, and names no member
			}
			for _, match := range members.FindAllStringSubmatch(text, -1) {
				for _, name := range match {
					if members != ofPlatform || !slices.Contains(ownToo, name) {
						delete(names, name)
					}
				}
			}
		}
	}
	require.NotEmpty(t, names)
	return slices.Sorted(maps.Keys(names))
}

// sources returns the files of a pattern without their comments.
func sources(t *testing.T, pattern string) []string {
	files, err := filepath.Glob(pattern)
	require.NoError(t, err)
	require.NotEmpty(t, files, pattern)
	var texts []string
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		texts = append(texts, comments.ReplaceAllString(string(text), ""))
	}
	return texts
}
