//go:build race

package skip

const raceDetector = true
