//go:build unix

package interop

import (
	"errors"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer"
	"example.org/rtcpeer/testdata/tables"
)

// The tables of README.md have the rows and columns that the matrix writes now.
func TestTablesOfTheREADME(t *testing.T) {
	page, err := os.ReadFile("README.md")
	require.NoError(t, err)
	readme := string(page)
	odd := errors.New("something is odd")
	wrong := []map[rtcpeer.Mode]error{nil, {rtcpeer.Reliable: odd}}
	variants := make([]string, len(wrong))
	for i := range variants {
		rooms, games := new(table), new(gameTable)
		for _, c := range cells() {
			rooms.enter(c, nil, wrong[i])
		}
		for _, h := range happenings {
			for _, k := range h.kinds {
				rooms.happened(eventCell{k, h.name}, []string{tables.Any, ""}[i])
			}
		}
		for _, partner := range gamePartners {
			for _, r := range gameRoles {
				games.enter(gameCell{partner, r}.String(), games.modes(wrong[i], nil))
			}
		}
		for _, e := range gameEvents {
			games.enter(e.name, []string{"✔", "✘ [g0]"}[i])
		}
		variants[i] = rooms.markdown() + games.markdown()
	}
	tables.Equal(t, readme, variants...)
	for _, why := range []string{inWerift.gently, inWerift.keeps, lostToChromium} {
		require.Contains(t, readme, why)
	}
}
