//go:build linux

package main

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/testdata/skip"
)

// The lid of a laptop is closed with the page open: all processes of the browser are stopped, and the network says nothing.
// When it is opened, its link and its place in the room have long been given up, and it is back in the room by itself. The
// lid stays closed until both are gone, or with RTCPEER_LAB_LONG=1 for five minutes, at a server with the defaults.
func TestLidClosed(t *testing.T) {
	skip.Long(t)
	long := os.Getenv("RTCPEER_LAB_LONG") != ""
	browser := openBrowser(t)
	for _, topology := range []string{"mesh", "star"} {
		t.Run(topology, func(t *testing.T) {
			t.Parallel() // it mostly waits
			flags := []string{"--ping-interval=1s", "--grace=1s"}
			if long {
				flags = nil
			}
			p := start(t, nil, flags...)
			var laptop *exec.Cmd
			own := launch(t, chromedp.ModifyCmdFunc(func(cmd *exec.Cmd) {
				cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
				laptop = cmd
			}))
			t.Cleanup(own.end)
			here := browser.open(t, pageOf(p))
			create(t, here, topology)
			away := own.open(t, here.text(t, `location.href`))
			for _, tab := range []*tab{here, away} {
				tab.waitFor(t, `drawn("link").join() === "link connected"`)
			}

			lid := func(s syscall.Signal) { require.NoError(t, syscall.Kill(-laptop.Process.Pid, s)) }
			lid(syscall.SIGSTOP)
			t.Cleanup(func() { _ = syscall.Kill(-laptop.Process.Pid, syscall.SIGCONT) })
			here.text(t, `globalThis.closed = performance.now()`)
			if long {
				for n := range 6 { // a minute each is what waitFor waits
					here.waitFor(t, fmt.Sprintf(`performance.now() - closed > %d`, (n+1)*50_000))
				}
			}
			here.waitFor(t, `drawn("link").length === 0 && /was lost|left\./.test(log())`)
			lid(syscall.SIGCONT)
			here.text(t, `globalThis.opened = performance.now()`)
			for _, tab := range []*tab{here, away} {
				tab.waitFor(t, `drawn("link").join() === "link connected" && said() === ""`)
			}
			t.Logf("closed for %s s, back %s s after it was opened", here.text(t, `((opened - closed) / 1000).toFixed(1)`), here.text(t, `((performance.now() - opened) / 1000).toFixed(1)`))
			away.say(t, "back again")
			here.waitFor(t, `log().includes("back again")`)
			here.quiet(t)
			away.quiet(t, offline...)
		})
	}
}
