//go:build linux

package main

import (
	"fmt"
	"os/exec"
	"syscall"
	"testing"

	"github.com/chromedp/chromedp"

	"example.org/rtcpeer/testdata/skip"
)

// The lid of a laptop is closed with the page open: all processes of the browser are stopped, and the network says nothing.
// When it is opened, its link and its place in the room have long been given up, and it is back in the room by itself. The
// lid stays closed until both are gone, or with RTCPEER_LONG=all for five minutes, at a server with the defaults. Then all
// of it is killed, so that no beforeunload comes: the other end sees that nothing is heard of it, and its place is free after
// the grace time.
func TestLidClosed(t *testing.T) {
	skip.Long(t)
	t.Parallel()
	long := skip.Everything()
	browser := openBrowser(t)
	for _, topology := range []string{"mesh", "star"} {
		t.Run(topology, func(t *testing.T) {
			t.Parallel() // it mostly waits
			flags := []string{"--ping-interval=3s", "--grace=3s"}
			if long {
				flags = nil
			}
			p := start(t, nil, flags...)
			here, away, tell := openApart(t, browser, p, topology)
			tell(syscall.SIGSTOP)
			t.Cleanup(func() { tell(syscall.SIGCONT) })
			here.text(t, `globalThis.closed = performance.now()`)
			if long {
				for n := range 6 { // a minute each is what waitFor waits
					here.waitFor(t, fmt.Sprintf(`performance.now() - closed > %d`, (n+1)*50_000))
				}
			}
			here.waitFor(t, `drawn("link").length === 0 && /was lost|left\./.test(log())`)
			tell(syscall.SIGCONT)
			here.text(t, `globalThis.opened = performance.now()`)
			for _, tab := range []*tab{here, away} {
				tab.waitFor(t, `drawn("link").join() === "link connected" && said() === ""`)
			}
			t.Logf("closed for %s s, back %s s after it was opened", here.text(t, `((opened - closed) / 1000).toFixed(1)`), here.text(t, `((performance.now() - opened) / 1000).toFixed(1)`))
			away.say(t, "back again")
			here.waitFor(t, `log().includes("back again")`)
			away.quiet(t, offline...)

			// At last the browser dies, and says no good-bye to anybody.
			tell(syscall.SIGKILL)
			here.text(t, `globalThis.killed = performance.now()`)
			since := func() string { return here.text(t, `((performance.now() - killed) / 1000).toFixed(1)`) }
			here.waitFor(t, `drawn("link").join() === "link interrupted" && said().startsWith("Nothing is heard from ")`)
			interrupted := since()
			awaitFigure(t, pageOf(p)+"metrics", "members", 1)
			t.Logf("killed: interrupted after %s s, its place is free after %s s", interrupted, since())
			if long {
				here.waitFor(t, `drawn("link").length === 0`)
				t.Logf("its link is given up after %s s", since())
			}
			here.quiet(t)
		})
	}
}

// openApart opens two tabs with a link in a new room, the second one in a browser of its own, and returns what sends a signal
// to all processes of that.
func openApart(t *testing.T, browser *browser, p *program, topology string) (here, away *tab, tell func(syscall.Signal)) {
	t.Helper()
	var cmd *exec.Cmd
	own := launch(t, chromedp.ModifyCmdFunc(func(c *exec.Cmd) {
		c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
		cmd = c
	}))
	t.Cleanup(own.end)
	here = browser.open(t, pageOf(p))
	create(t, here, topology)
	away = own.open(t, here.text(t, `location.href`))
	for _, tab := range []*tab{here, away} {
		tab.waitFor(t, `drawn("link").join() === "link connected"`)
	}
	return here, away, func(s syscall.Signal) { _ = syscall.Kill(-cmd.Process.Pid, s) } // it may have ended
}
