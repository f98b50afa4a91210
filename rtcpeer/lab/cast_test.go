//go:build linux

package lab

import (
	"example.org/rtcpeer/testdata/firefox"
)

// A stack is what a recorder runs on, by the name of its program.
type stack string

const (
	goStack       stack = ""
	chromiumStack stack = "chromium"
	firefoxStack  stack = firefox.Program
)

// A cast says what the members of a room run on.
type cast struct {
	key, name   string
	hit, others stack // the member that the fault happens to, and all others
	alone       bool  // there is one other, whatever the fault: browsers need much of the machine
}

var (
	goWithGo             = cast{}
	chromiumWithGo       = cast{"chromium", "Chromium with Go", chromiumStack, goStack, false}
	chromiumWithChromium = cast{"chromiums", "Chromium with Chromium", chromiumStack, chromiumStack, true}
	firefoxWithGo        = cast{"firefox", "Firefox with Go", firefoxStack, goStack, false}
)

// seats is how many members there are, if with Go programs alone there were n.
func (c cast) seats(n int) int {
	if c.alone {
		return 2
	}
	return n
}

// mixed reports whether it matters who is the member that the fault happens to.
func (c cast) mixed() bool { return c.hit != c.others }

// browsers reports whether there is a browser, which takes more of the machine than a Go program.
func (c cast) browsers() bool { return c != goWithGo }
