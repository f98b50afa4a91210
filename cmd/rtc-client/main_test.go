package main

import (
	"fmt"
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"go.uber.org/goleak"

	"example.org/rtcpeer/testdata/atonce"
	"example.org/rtcpeer/testdata/skip"
)

// TestMain makes rtc-client a command of the scripts: this test binary, under that name.
func TestMain(m *testing.M) {
	testscript.Main(leakless{m}, map[string]func(){"rtc-client": main})
}

// leakless fails if the tests leave a goroutine behind.
type leakless struct{ m *testing.M }

func (l leakless) Run() int {
	atonce.Set(skip.Shorter(8, 4))
	code := l.m.Run()
	if err := goleak.Find(); code == 0 && err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}
