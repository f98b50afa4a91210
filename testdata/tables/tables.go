// Package tables compares the tables of a document with the tables that a command writes. Only figures may differ.
package tables

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Any as a cell of a written table stands for every text.
const Any = "…"

// Equal requires that the document has the written tables: the same headings, rows and columns, in the same order. Tables of
// the document with other headings do not count.
//
// The command writes the tables of each variant from other figures. A column that is the same in all variants, such as the
// names of cases, must be the same in the document. In another column each cell of the document must have the form of
// some cell of that column in some variant: the same words, with any number in the place of a number. If a cell
// is a list of counts ("2 lost, 1 resumed"), each item must have the form of some item.
func Equal(t testing.TB, document string, variants ...string) {
	t.Helper()
	want := parse(variants[0])
	forms := make([]map[int]map[string]bool, len(want)) // by table and column, of those columns that vary
	for i := range want {
		forms[i] = make(map[int]map[string]bool)
	}
	all := make([][]table, len(variants))
	for v, text := range variants {
		all[v] = parse(text)
		require.Len(t, all[v], len(want), "variants have the same tables")
		for i, one := range all[v] {
			require.Len(t, one.rows, len(want[i].rows), "variants have the same rows")
			for r, row := range one.rows {
				for c, cell := range row {
					if cell != want[i].rows[r][c] {
						forms[i][c] = make(map[string]bool)
					}
				}
			}
		}
	}
	for _, tables := range all {
		for i, one := range tables {
			for _, row := range one.rows {
				for c, accepted := range forms[i] {
					for _, form := range formsOf(row[c]) {
						accepted[form] = true
					}
				}
			}
		}
	}
	got := slices.DeleteFunc(parse(document), func(one table) bool {
		return !slices.ContainsFunc(want, func(w table) bool { return slices.Equal(w.heading, one.heading) })
	})
	require.Equal(t, plain(want, forms), plain(got, forms), "tables of the document, without their figures")
}

type table struct {
	heading []string
	rows    [][]string
}

// parse returns the tables of a text in Markdown.
func parse(text string) (all []table) {
	within := false
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		switch {
		case !strings.HasPrefix(line, "|"):
			within = false
		case !within:
			within = true
			all = append(all, table{heading: cells(line)})
		case !strings.HasPrefix(line, "|---"):
			last := &all[len(all)-1]
			last.rows = append(last.rows, cells(line))
		}
	}
	return all
}

func cells(line string) []string {
	list := strings.Split(strings.TrimSuffix(strings.TrimPrefix(line, "|"), "|"), "|")
	for i := range list {
		list[i] = strings.TrimSpace(list[i])
	}
	return list
}

var (
	number = regexp.MustCompile(`\d+(\.\d+)?`)
	counts = regexp.MustCompile(`^\d+ \pL[^,]*(, \d+ \pL[^,]*)*$`)
)

// formsOf returns the form of a cell, or of each item if it is a list of counts.
func formsOf(cell string) []string {
	form := number.ReplaceAllString(cell, "0")
	if counts.MatchString(cell) {
		return strings.Split(form, ", ")
	}
	return []string{form}
}

// plain returns the lines of the tables, with # in each cell of a column that varies, if the cell has an accepted form.
func plain(tables []table, forms []map[int]map[string]bool) (lines []string) {
	for i, one := range tables {
		lines = append(lines, "", strings.Join(one.heading, " | "))
		for _, row := range one.rows {
			row = slices.Clone(row)
			for c, cell := range row {
				if i < len(forms) && accepts(forms[i][c], cell) {
					row[c] = "#"
				}
			}
			lines = append(lines, strings.Join(row, " | "))
		}
	}
	return lines
}

func accepts(accepted map[string]bool, cell string) bool {
	if accepted[Any] {
		return true
	}
	return len(accepted) > 0 && !slices.ContainsFunc(formsOf(cell), func(form string) bool { return !accepted[form] })
}
