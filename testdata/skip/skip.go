// Package skip decides which tests are skipped, and says why and how to run them.
package skip

import (
	"os"
	"testing"
)

// LongTests reports whether tests that take long are skipped: unless RTCPEER_LONG is set, as .ci/run does. A test
// calls it to choose a shorter form.
func LongTests() bool { return os.Getenv("RTCPEER_LONG") == "" }

// Long skips a test that takes long, unless RTCPEER_LONG is set. What it tests has a short test too.
func Long(t testing.TB) {
	t.Helper()
	if LongTests() {
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
