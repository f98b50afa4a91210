//go:build unix

package js_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/testdata/skip"
)

// pack packs the npm package, as testdata/release does, and returns the path of the tarball.
func pack(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	command(t, "", program(t, "npm", "npm"), "pack", "--silent", "--ignore-scripts", "--pack-destination", folder)
	packed, err := filepath.Glob(filepath.Join(folder, "*.tgz"))
	require.NoError(t, err)
	require.Len(t, packed, 1)
	return packed[0]
}

func command(t *testing.T, folder, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir = folder
	cmd.Env = append(os.Environ(), "NO_COLOR=1")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s %q: %s", name, args, out)
	return string(out)
}

// The package is what npm, bundlers and TypeScript expect of one, by publint and by "Are the types wrong?". It has no form for
// require, so that the profile is that of packages which are ES modules.
func TestPackage(t *testing.T) {
	skip.Long(t)
	t.Parallel()
	packages(t, ".")
	tarball := pack(t)
	command(t, "", "node_modules/.bin/publint", "run", tarball, "--strict")
	command(t, "", "node_modules/.bin/attw", tarball, "--profile", "esm-only", "--no-emoji")
}

// The fields that name the project's home have the module's path in them, which the command of README.md replaces in
// package.json as in go.mod.
func TestPackageNamesItsHome(t *testing.T) {
	text, err := os.ReadFile("package.json")
	require.NoError(t, err)
	var fields struct {
		Homepage   string
		Repository struct{ URL string }
	}
	require.NoError(t, json.Unmarshal(text, &fields))
	module, err := os.ReadFile("../../go.mod")
	require.NoError(t, err)
	path := regexp.MustCompile(`(?m)^module (\S+)$`).FindSubmatch(module)
	require.NotNil(t, path)
	require.Equal(t, "https://"+string(path[1]), fields.Homepage)
	require.Equal(t, "git+https://"+string(path[1])+".git", fields.Repository.URL)
	readme, err := os.ReadFile("../../README.md")
	require.NoError(t, err)
	require.Regexp(t, `grep -rl `+regexp.QuoteMeta(string(path[1]))+` .*--include=package\.json.* \| xargs sed`, string(readme))
}

// A program with all modules of the packed package passes the strictest settings of TypeScript, and Vite makes a bundle of it.
func TestBundledByVite(t *testing.T) {
	skip.Long(t)
	t.Parallel()
	packages(t, ".")
	tools := cached(t, "vite")
	folder := t.TempDir()
	for _, name := range []string{"index.html", "main.ts", "tsconfig.json"} {
		text, err := os.ReadFile(filepath.Join("test", "vite", name))
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), text, 0o600))
	}
	into := filepath.Join(folder, "node_modules", "rtcpeer")
	require.NoError(t, os.MkdirAll(into, 0o700))
	command(t, "", "tar", "-xzf", pack(t), "--strip-components=1", "-C", into)

	here, err := os.Getwd()
	require.NoError(t, err)
	tsc := filepath.Join(here, "node_modules", ".bin", "tsc")
	command(t, folder, tsc, "--project", folder)
	vite := filepath.Join(tools, "node_modules", "vite", "bin", "vite.js")
	command(t, folder, program(t, "node", "Node 20.19 or later"), vite, "build", "--target", "es2022", "--logLevel", "warn")
	scripts, err := filepath.Glob(filepath.Join(folder, "dist", "assets", "*.js"))
	require.NoError(t, err)
	require.Len(t, scripts, 1)
	bundle, err := os.ReadFile(scripts[0])
	require.NoError(t, err)
	require.Contains(t, string(bundle), "rtcpeer.v1", "the module is in it")
	require.NotRegexp(t, `from\s*"rtcpeer`, string(bundle))

	// What is wrong is an error there, too.
	wrong := filepath.Join(folder, "main.ts")
	right, err := os.ReadFile(wrong)
	require.NoError(t, err)
	for is, misspelt := range map[string]string{`"room_full"`: `"room_ful"`, `topology: "star"`: `topology: "ring"`, `mode: "reliable"`: `mode: "certain"`, `node.peers[0]`: `node.peerz[0]`, `error.code === "timeout"`: `error.code === "late"`} {
		text := regexp.MustCompile(regexp.QuoteMeta(is)).ReplaceAllLiteralString(string(right), misspelt)
		require.NotEqual(t, string(right), text, is)
		require.NoError(t, os.WriteFile(wrong, []byte(text), 0o600))
		out, err := exec.CommandContext(t.Context(), tsc, "--project", folder).CombinedOutput()
		require.Error(t, err, misspelt)
		require.Contains(t, string(out), "main.ts", "%s", out)
	}
}
