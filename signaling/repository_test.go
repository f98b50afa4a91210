package signaling_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// What the documents tell a reader to run exists: go test says nothing where -run or -bench matches no test.
func TestCommandsOfTheDocuments(t *testing.T) {
	command := regexp.MustCompile("go test ([^`\n]*)")
	argument := regexp.MustCompile(`'[^']*'|\S+`)
	said := 0
	for path, text := range files(t, "..", ".md") {
		for _, found := range command.FindAllStringSubmatch(text, -1) {
			args := argument.FindAllString(found[1], -1)
			var patterns, folders []string
			for i, arg := range args {
				flag, value, joined := strings.Cut(arg, "=")
				if flag == "-run" || flag == "-bench" {
					if !joined && i+1 < len(args) {
						value = args[i+1]
					}
					if value = strings.Trim(value, "'"); value != "^$" {
						patterns = append(patterns, value)
					}
				}
				if strings.HasPrefix(arg, "./") {
					folders = append(folders, arg)
				}
			}
			for _, folder := range folders {
				tests := testsIn(t, filepath.Join("..", strings.TrimSuffix(folder, "...")), strings.HasSuffix(folder, "..."))
				require.NotEmpty(t, tests, "%s: %s", path, found[0])
				for _, pattern := range patterns {
					first, _, _ := strings.Cut(pattern, "/")
					for name := range strings.SplitSeq(first, "|") {
						require.Regexp(t, "(?m)"+name, strings.Join(tests, "\n"), "%s: %s", path, found[0])
						said++
					}
				}
			}
		}
	}
	require.Greater(t, said, 20)
}

// On 32-bit platforms the functions of sync/atomic for 64 bits panic if their operand is not aligned. Its types are aligned
// on every platform.
func TestAtomicsOf64BitsAreTypes(t *testing.T) {
	function := regexp.MustCompile(`atomic\.(Add|And|Or|Load|Store|Swap|CompareAndSwap)(Int|Uint)64\b`)
	for path, text := range files(t, "..", ".go") {
		require.NotRegexp(t, function, text, "%s: use atomic.Int64 or atomic.Uint64", path)
	}
}

// files returns the texts of the files below root with that ending.
func files(t *testing.T, root, ending string) map[string]string {
	t.Helper()
	all := make(map[string]string)
	require.NoError(t, filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.IsDir() && !strings.HasSuffix(path, ending) {
			return err
		}
		if entry.IsDir() {
			if entry.Name() == "node_modules" {
				return fs.SkipDir
			}
			return nil
		}
		text, err := os.ReadFile(path)
		all[path] = string(text)
		return err
	}))
	return all
}

// testsIn returns the names of the tests and benchmarks of a folder, and of those below it.
func testsIn(t *testing.T, folder string, below bool) (names []string) {
	t.Helper()
	declared := regexp.MustCompile(`(?m)^func ((?:Test|Benchmark|Fuzz|Example)\w*)\(`)
	for path, text := range files(t, folder, "_test.go") {
		if below || filepath.Dir(path) == filepath.Clean(folder) {
			for _, found := range declared.FindAllStringSubmatch(text, -1) {
				names = append(names, found[1])
			}
		}
	}
	return names
}
