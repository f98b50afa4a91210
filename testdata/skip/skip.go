// Package skip decides which tests are skipped, and says why and how to run them.
package skip

import (
	"os"
	"testing"
)

// ShortRun reports whether this run skips what takes long: unless RTCPEER_LONG is set, as .ci/run does.
func ShortRun() bool { return os.Getenv("RTCPEER_LONG") == "" }

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

// Missing skips a test that needs something that is not installed. With RTCPEER_CI the test fails instead, because
// .ci/run installs everything first.
func Missing(t testing.TB, format string, args ...any) {
	t.Helper()
	if os.Getenv("RTCPEER_CI") != "" {
		t.Fatalf(format, args...)
	}
	t.Skipf(format, args...)
}
