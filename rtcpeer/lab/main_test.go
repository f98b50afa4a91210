//go:build linux

package lab

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"example.org/rtcpeer/testdata/skip"
)

// roleVariable in the environment makes the test binary another program of a world.
const roleVariable = "RTCPEER_LAB_ROLE"

func TestMain(m *testing.M) {
	switch os.Getenv(roleVariable) {
	case "pages":
		os.Exit(servePages(os.Stdout, os.Stderr, os.Args[1], os.Args[2]))
	case "recorder":
		os.Exit(recordAll(os.Stdout, os.Stderr, os.Args[1:]))
	case "driver":
		os.Exit(recordInBrowser(os.Stdout, os.Stderr, os.Args[1:]))
	case "line":
		os.Exit(carryAll(os.Stdout, os.Stderr, os.Args[1], os.Args[2], os.Args[3]))
	case "gamer":
		os.Exit(playGame(os.Stdout, os.Stderr, os.Args[1:]))
	case "runner":
		os.Exit(run(os.Stdin, os.Stdout, os.Stderr, os.Args[1:]))
	}
	err := flag.Set("test.parallel", "3") // worlds wait most of the time; -parallel on the command line comes later, and counts
	if err != nil {
		panic(err)
	}
	if kitFolder, err = os.MkdirTemp("", "lab"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		_ = os.RemoveAll(kitFolder)
		os.Exit(code)
	}))
}

// need skips the test where the laboratory cannot be, but in CI.
func need(t *testing.T, programs ...string) {
	t.Helper()
	skip.Laboratory(t)
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
	skip.Missing(t, "%s", why)
}
