package main

// didYouMean is the end of an error about a misspelled name; shown is how a name is written there.
func didYouMean(meant string, shown func(string) string) string {
	if meant == "" {
		return ""
	}
	return ", did you mean " + shown(meant) + "?"
}

// nearest returns the known name that is nearest to a misspelled one, or an empty one if none is near.
func nearest(name string, known []string) string {
	best, distance := "", 1+max(2, len(name)/4)
	for _, candidate := range known {
		if d := editDistance(name, candidate); d < distance {
			best, distance = candidate, d
		}
	}
	return best
}

// editDistance is how many characters must be added, removed or changed (Levenshtein).
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
