package tables

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// failed notes a failure instead of failing.
type failed struct {
	testing.TB
	told bool
}

func (f *failed) Helper()               {}
func (f *failed) Errorf(string, ...any) { f.told = true }
func (f *failed) FailNow()              { f.told = true }

func TestEqual(t *testing.T) {
	const before = "# Cats\n\n| other | table |\n|---|---|\n| a | b |\n\nOf cats:\n\n"
	const heading = "| cat | heard | ms |\n|---|---|---|\n"
	variants := []string{heading + "| Tom | 1 purr, 2 meows | 3.5 |\n| 2 kittens | 1 purr | 4 |\n", heading + "| Tom | - | none |\n| 2 kittens | - | none |\n"}
	for name, c := range map[string]struct {
		document string
		equal    bool
	}{
		"other figures":          {before + heading + "| Tom | 9 meows | 12 |\n| 2 kittens | - | none |\n", true},
		"another list":           {heading + "| Tom | 2 meows, 7 purr | 12 |\n| 2 kittens | - | 0.25 |\n", true},
		"another heading":        {"| cat | heard | s |\n|---|---|---|\n| Tom | - | 1 |\n| 2 kittens | - | 1 |\n", false},
		"a row missing":          {heading + "| Tom | - | 1 |\n", false},
		"another row":            {heading + "| Tom | - | 1 |\n| Tim | - | 1 |\n| 2 kittens | - | 1 |\n", false},
		"rows in another order":  {heading + "| 2 kittens | - | 1 |\n| Tom | - | 1 |\n", false},
		"another name":           {heading + "| Tom | - | 1 |\n| 3 kittens | - | 1 |\n", false},
		"a word for a number":    {heading + "| Tom | - | fast |\n| 2 kittens | - | 1 |\n", false},
		"a unit":                 {heading + "| Tom | - | 1 s |\n| 2 kittens | - | 1 |\n", false},
		"another item of a list": {heading + "| Tom | 1 purr, 1 bark | 1 |\n| 2 kittens | - | 1 |\n", false},
		"a column more":          {heading + "| Tom | - | 1 | 1 |\n| 2 kittens | - | 1 |\n", false},
		"no table":               {before, false},
	} {
		t.Run(name, func(t *testing.T) {
			f := &failed{TB: t}
			Equal(f, c.document, variants...)
			require.Equal(t, c.equal, !f.told)
		})
	}
	f := &failed{TB: t}
	Equal(f, heading+"| Tom | what | ever |\n", heading+"| Tom | … | … |\n", heading+"| Tom | 1 | 1 |\n")
	require.False(t, f.told)
}
