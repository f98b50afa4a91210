//go:build unix

package interop

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The tables of README.md have the rows and columns that the matrix writes now.
func TestTablesOfTheREADME(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	written := (&table{}).markdown() + (&gameTable{}).markdown()
	require.Equal(t, labels(written), labels(string(readme)))
	for _, why := range []string{inWerift.gently, inWerift.keeps, lostToChromium} {
		require.Contains(t, string(readme), why)
	}
}

// labels returns the headers of all tables, and the words with which each of their rows begins.
func labels(text string) (list []string) {
	header, partners := true, false
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		switch {
		case !strings.HasPrefix(line, "|"):
			header = true
			continue
		case header:
			list = append(list, line)
			partners = strings.HasPrefix(line, "| subject | with |")
		case strings.HasPrefix(line, "|---"):
		default:
			words := strings.Split(line, "|")
			label := strings.TrimSpace(words[1])
			if partners {
				label += " with " + strings.TrimSpace(words[2])
			}
			list = append(list, label)
		}
		header = false
	}
	return list
}
