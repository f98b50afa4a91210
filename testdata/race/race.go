//go:build race

// Package race tells tests whether they run with the race detector.
package race

// Enabled reports whether the program was built with -race.
const Enabled = true
