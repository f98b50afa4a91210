package lab

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

// TestMain makes the test binary the server of the page as well: a world starts it on its public host.
func TestMain(m *testing.M) {
	if os.Getenv(serveVariable) != "" {
		os.Exit(serve(os.Stdout, os.Stderr))
	}
	goleak.VerifyTestMain(m)
}

// need skips the test where the lab cannot be, but in CI.
func need(t *testing.T, programs ...string) {
	t.Helper()
	missing := slices.DeleteFunc(programs, func(name string) bool {
		_, err := exec.LookPath(name)
		return err == nil
	})
	why := ""
	switch {
	case os.Geteuid() != 0:
		why = "network namespaces are made by root"
	case len(missing) > 0:
		why = "not here: " + strings.Join(missing, ", ") + "; apt-get install -y iproute2 nftables chromium"
	default:
		return
	}
	if os.Getenv("RTCPEER_CI") != "" {
		t.Fatal(why)
	}
	t.Skip(why)
}

// programs are the paths of those of this module.
type programs struct{ client, server string }

func build(t *testing.T) programs {
	t.Helper()
	bin := t.TempDir()
	out, err := exec.Command("go", "build", "-o", bin, "example.org/rtcpeer/cmd/rtc-client", "example.org/rtcpeer/cmd/signal-server").CombinedOutput()
	if err != nil {
		t.Fatalf("go build: %v: %s", err, out)
	}
	return programs{bin + "/rtc-client", bin + "/signal-server"}
}
