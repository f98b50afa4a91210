// Package skip decides which tests are skipped, and says why and how to run them.
//
// RTCPEER_LONG chooses how long a run is. Without it, a run takes a few minutes. With RTCPEER_LONG=1, as .ci/run has it, the
// long tests run too. With RTCPEER_LONG=all everything is tried; single packages then take half an hour.
package skip

import (
	"os"
	"testing"

	"example.org/rtcpeer/testdata/race"
)

// ShortRun reports whether this run skips what takes long: unless RTCPEER_LONG is set.
func ShortRun() bool { return os.Getenv("RTCPEER_LONG") == "" }

// Everything reports whether this run tries everything: with RTCPEER_LONG=all.
func Everything() bool { return os.Getenv("RTCPEER_LONG") == "all" }

// Shorter returns short in a short run, else long: how often, or in which steps, a test tries
// the same thing.
func Shorter[T any](short, long T) T {
	if ShortRun() {
		return short
	}
	return long
}

// Long skips a test that takes long, unless RTCPEER_LONG is set. Most of what it tests has a short test, too.
func Long(t testing.TB) {
	t.Helper()
	if ShortRun() {
		t.Skip("takes long: run it with RTCPEER_LONG=1")
	}
}

// VeryLong skips a test that takes minutes and is not part of .ci/run, unless RTCPEER_LONG is "all".
func VeryLong(t testing.TB) {
	t.Helper()
	if !Everything() {
		t.Skip("takes minutes: run it with RTCPEER_LONG=all")
	}
}

// Laboratory skips a test that needs a machine for itself and real programs at their real speed: it is long, and the race
// detector would slow it down.
func Laboratory(t testing.TB) {
	t.Helper()
	Long(t)
	if race.Enabled {
		t.Skip("slowed down by the race detector: run it without -race")
	}
}

// Missing skips a test that needs something that is not installed. With RTCPEER_CI the test fails instead, because
// .ci/run installs everything first.
func Missing(t testing.TB, format string, args ...any) {
	t.Helper()
	if os.Getenv("RTCPEER_CI") != "" {
		t.Fatalf(format, args...)
	}
	t.Skipf(format, args...)
}
