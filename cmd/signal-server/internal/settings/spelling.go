package settings

import "strings"

// didYouMean returns the end of an error about a misspelled name. shown returns a name in the form used in the
// error.
func didYouMean(meant string, shown func(string) string) string {
	if meant == "" {
		return ""
	}
	return ", did you mean " + shown(meant) + "?"
}

// nearest returns the known name that is closest to a misspelled one, in any case, or "" if none is close.
func nearest(name string, known []string) string {
	name = strings.ToLower(name)
	best, distance := "", 1+max(2, len(name)/4)
	for _, candidate := range known {
		if d := editDistance(name, candidate); d < distance {
			best, distance = candidate, d
		}
	}
	return best
}

// editDistance returns how many bytes must be added, removed or changed to turn a into b (Levenshtein
// distance).
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			above := row[j+1]
			if a[i] != b[j] {
				diagonal = 1 + min(diagonal, above, row[j])
			}
			row[j+1], diagonal = diagonal, above
		}
	}
	return row[len(b)]
}
