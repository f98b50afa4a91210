package main

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/testdata/firefox"
	"example.org/rtcpeer/testdata/skip"
)

// A view is a page in a browser.
type view interface {
	before(t *testing.T, script string)
	visit(t *testing.T, url string)
	waitFor(t *testing.T, expression string)
	text(t *testing.T, expression string) string
	click(t *testing.T, selector string)
	say(t *testing.T, line string)
	// keys types into an element, and press wherever the focus is.
	keys(t *testing.T, selector, keys string)
	press(t *testing.T, keys string)
	// await runs a script and returns what the promise resolves to that is its value.
	await(t *testing.T, script string) string
	// mouse presses at a place of the viewport, moves to the others and releases.
	mouse(t *testing.T, x, y int, to ...[2]int)
	// choose has a file chosen in an input.
	choose(t *testing.T, selector, path string)
	// resize gives the page a size in CSS pixels; zeros give it that of its window again.
	resize(t *testing.T, width, height int)
	// prefer is "light" or "dark".
	prefer(t *testing.T, scheme string)
	picture(t *testing.T) []byte
	// shoot takes pictures of the page, for people to look at, and checks that nothing is too wide.
	shoot(t *testing.T, name string)
	// shut closes the tab, as a user does.
	shut(t *testing.T)
	// beside returns another tab of the same profile, and with that one's storage.
	beside(t *testing.T, script, url string) view
}

func (b *tab) shut(*testing.T) { b.close() }

func (b *tab) press(t *testing.T, keys string) {
	t.Helper()
	b.do(t, chromedp.KeyEvent(keys))
}

// quiet checks that nothing was said on the console of a Chromium but what has one of these texts in it.
func quiet(t *testing.T, v view, allowed ...string) {
	t.Helper()
	if tab, ok := v.(*tab); ok {
		tab.quiet(t, allowed...)
	}
}

func (b *tab) beside(t *testing.T, script, url string) view {
	t.Helper()
	other := b.cover(t, "about:blank")
	other.before(t, script)
	other.visit(t, url)
	return other
}

// inEachBrowser runs a test in Chromium and in Firefox, both at the same time once the caller has returned. show opens a page
// that has been prepared with a script; an empty one is none.
func inEachBrowser(t *testing.T, test func(t *testing.T, show func(script, url string) view)) {
	t.Run("Chromium", func(t *testing.T) {
		t.Parallel()
		browser := openBrowser(t)
		test(t, func(script, url string) view {
			tab := browser.open(t, "about:blank")
			tab.before(t, script)
			tab.visit(t, url)
			t.Cleanup(func() { tab.quiet(t, offline...) })
			return tab
		})
	})
	t.Run("Firefox", func(t *testing.T) {
		skip.Long(t)
		t.Parallel()
		var browser *firefox.Browser
		test(t, func(script, url string) view {
			if browser == nil {
				browser = openFirefox(t)
			}
			return openView(t, browser, script, url)
		})
	})
}

// inChromium is inEachBrowser where Firefox, which takes three times as long, is for RTCPEER_LONG=all.
func inChromium(t *testing.T, test func(t *testing.T, show func(script, url string) view)) {
	inEachBrowser(t, func(t *testing.T, show func(script, url string) view) {
		if strings.HasSuffix(t.Name(), "/Firefox") && !skip.Everything() {
			t.Skip("in Firefox with RTCPEER_LONG=all")
		}
		test(t, show)
	})
}

// foxes has a place for each Firefox that runs: more would starve each other of CPU as they start.
var foxes = make(chan struct{}, 2)

// openFirefox starts one that ends with the test. prefs are further lines of its user.js.
func openFirefox(t *testing.T, prefs ...string) *firefox.Browser {
	t.Helper()
	needs(t, firefox.Program, firefox.Program)
	foxes <- struct{}{}
	t.Cleanup(func() { <-foxes })
	profile, err := os.MkdirTemp("", "signal-server") // the browser may still write while it is removed
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(profile) })
	browser, err := firefox.Start(profile, prefs...)
	require.NoError(t, err)
	t.Cleanup(browser.Close)
	return browser
}

// A foxView is one in Firefox, whose tabs all have the same profile.
type foxView struct {
	browser *firefox.Browser
	tab     *firefox.Tab
}

func openView(t *testing.T, browser *firefox.Browser, script, url string) foxView {
	t.Helper()
	tab, err := browser.Open()
	require.NoError(t, err)
	v := foxView{browser, tab}
	v.before(t, shorthands+script)
	v.visit(t, url)
	return v
}

func (v foxView) shut(t *testing.T) {
	t.Helper()
	require.NoError(t, v.tab.Close())
}

func (v foxView) beside(t *testing.T, script, url string) view {
	t.Helper()
	return openView(t, v.browser, script, url)
}

func (v foxView) before(t *testing.T, script string) {
	t.Helper()
	require.NoError(t, v.tab.Before(script))
}

func (v foxView) visit(t *testing.T, url string) {
	t.Helper()
	require.NoError(t, v.tab.Visit(url))
}

func (v foxView) waitFor(t *testing.T, expression string) {
	t.Helper()
	var last error
	condition := func() bool {
		var is string
		is, last = v.tab.Text("!!(" + expression + ")")
		return is == "true"
	}
	if eventually(t.Context(), condition) {
		return
	}
	body, _ := v.tab.Text(`document.body.innerText.slice(0, 4000)`)
	require.Fail(t, "not so within a minute: "+expression, "%v\n%s", last, body)
}

func (v foxView) text(t *testing.T, expression string) string {
	t.Helper()
	text, err := v.tab.Text(expression)
	require.NoError(t, err)
	return text
}

func (v foxView) click(t *testing.T, selector string) {
	t.Helper()
	v.text(t, `document.querySelector("`+selector+`").click()`)
}

func (v foxView) say(t *testing.T, line string) {
	t.Helper()
	v.keys(t, "#text", line+"\r")
}

func (v foxView) keys(t *testing.T, selector, keys string) {
	t.Helper()
	v.text(t, `document.querySelector("`+selector+`").focus()`)
	v.press(t, keys)
}

func (v foxView) press(t *testing.T, keys string) {
	t.Helper()
	require.NoError(t, v.tab.Type(keys))
}

func (v foxView) await(t *testing.T, script string) string {
	t.Helper()
	text, err := v.tab.Await(script)
	require.NoError(t, err)
	return text
}

// mouse presses only when Firefox knows that the mouse is over what is there: for a while after the page was scrolled it
// may give a press to what was there before.
func (v foxView) mouse(t *testing.T, x, y int, to ...[2]int) {
	t.Helper()
	require.NoError(t, v.tab.Point(x, y))
	v.waitFor(t, fmt.Sprintf(`document.elementFromPoint(%d, %d)?.matches(":hover")`, x, y))
	require.NoError(t, v.tab.Mouse(x, y, to...))
}

func (v foxView) choose(t *testing.T, selector, path string) {
	t.Helper()
	require.NoError(t, v.tab.Choose(selector, path))
}

func (v foxView) resize(t *testing.T, width, height int) {
	t.Helper()
	require.NoError(t, v.tab.Resize(width, height))
}

// prefer changes the rules of the page: a Firefox has no command for that.
func (v foxView) prefer(t *testing.T, scheme string) {
	t.Helper()
	v.text(t, `(() => {
		const dark = "`+scheme+`" === "dark";
		document.documentElement.style.colorScheme = "`+scheme+`";
		for (const sheet of document.styleSheets) for (const { media } of sheet.cssRules)
			if (/prefers-color-scheme|^(not )?all$/.test(media?.mediaText)) media.mediaText = dark ? "all" : "not all";
	})()`)
}

func (v foxView) picture(t *testing.T) []byte {
	t.Helper()
	picture, err := v.tab.Shoot()
	require.NoError(t, err)
	return picture
}

func (v foxView) shoot(t *testing.T, name string) {
	t.Helper()
	shoot(t, v, name+"-firefox")
}
