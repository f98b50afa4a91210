package main

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/testdata/skip"
)

func pageOf(p *program) string { return "http" + strings.TrimPrefix(p.url, "ws") + "/" }

// A browser is a Chromium. Each tab has a profile of its own in it.
type browser struct {
	ctx context.Context
	end func()
}

// shared is the browser of all tests but those that need one with other flags. TestMain ends it.
var shared struct {
	mu sync.Mutex // guards the field below
	b  *browser
}

func closeBrowser() {
	if shared.b != nil {
		shared.b.end()
	}
}

// openBrowser returns the shared Chromium.
func openBrowser(t *testing.T) *browser {
	t.Helper()
	shared.mu.Lock()
	defer shared.mu.Unlock()
	if shared.b == nil {
		shared.b = launch(t)
	}
	return shared.b
}

// launch starts a Chromium, which its caller ends.
func launch(t *testing.T, flags ...chromedp.ExecAllocatorOption) *browser {
	t.Helper()
	path := needs(t, "chromium", "chromium")
	allocator, end := chromedp.NewExecAllocator(context.Background(), append(flags, chromedp.ExecPath(path),
		chromedp.Headless, chromedp.NoSandbox, chromedp.DisableGPU, chromedp.NoFirstRun,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true),
		chromedp.Flag("disable-dev-shm-usage", true), chromedp.WSURLReadTimeout(time.Minute))...)
	ctx, _ := chromedp.NewContext(allocator)
	b := &browser{ctx: ctx, end: func() { _ = chromedp.Cancel(ctx); end() }}
	if err := chromedp.Do(ctx); err != nil {
		b.end()
		require.NoError(t, err)
	}
	return b
}

// A tab is a page of a browser, and what it complained of.
type tab struct {
	ctx   context.Context
	close context.CancelFunc

	mu       sync.Mutex // guards the field below
	problems []string   // on the console, violations of the policy among them
}

// open shows url in a window of its own.
func (b *browser) open(t *testing.T, url string) *tab {
	t.Helper()
	return openTab(t, b.ctx, url, chromedp.WithNewBrowserContext())
}

// openAs is like open, for somebody who has been here before and chosen a name.
func (b *browser) openAs(t *testing.T, who, url string) *tab {
	t.Helper()
	tab := b.open(t, "about:blank")
	tab.before(t, as(who))
	tab.visit(t, url)
	return tab
}

const (
	redFox  = `{ name: "Red Fox", emoji: "🦊", color: 0 }`
	blueOwl = `{ name: "Blue Owl", emoji: "🦉", color: 6 }`
)

// as is a script that gives the page of a new tab a name.
func as(who string) string {
	return `if (location.protocol !== "about:" && !sessionStorage.getItem("rtcpeer me")) sessionStorage.setItem("rtcpeer me", JSON.stringify(` + who + `));`
}

// cover shows url in a tab of the same window, so that b is in the background from now on.
func (b *tab) cover(t *testing.T, url string) *tab {
	t.Helper()
	return openTab(t, b.ctx, url, chromedp.WithNewWindow(false))
}

// shorthands are what tests ask of the page.
const shorthands = `
	globalThis.drawn = (name) => [...document.querySelectorAll("#stage ." + name)].map((e) => e.getAttribute("class"));
	globalThis.rows = () => {
		document.querySelector("#details").open = true;
		return [...document.querySelectorAll("#table tbody tr")].map((e) => e.innerText.replace(/\s+/g, " "));
	};
	globalThis.said = () => document.querySelector("#status").textContent;
	globalThis.outside = () => !document.querySelector("#start").hidden;
	globalThis.log = () => document.querySelector("#log").textContent;
	globalThis.entry = (p) => p && (p.dataset.peer ? p.dataset.peer + (p.dataset.color ? ": " : " ") : "") + p.querySelector(".words").textContent;
	globalThis.logged = (line) => [...document.querySelectorAll("#log p")].some((p) => entry(p).replace(/^\d{2,}/, "ID") === line);
	globalThis.place = (id) => (({ left, top }) => left + " " + top)(document.querySelector(".node[data-id='" + id + "']").style);
	globalThis.unfold = (selector) => (document.querySelector(selector).open = true);
	globalThis.dialog = (selector) => document.querySelector(selector).open || document.querySelector(selector).showModal();`

func openTab(t *testing.T, parent context.Context, url string, options ...chromedp.ContextOption) *tab {
	t.Helper()
	ctx, cancel := chromedp.NewContext(parent, options...)
	tab := &tab{ctx: ctx, close: cancel}
	tab.do(t)
	messages := chromedp.Console(ctx)
	var wg sync.WaitGroup
	wg.Go(func() {
		for m, err := range messages {
			if err == nil {
				tab.hear(m)
			}
		}
	})
	t.Cleanup(func() { cancel(); wg.Wait() })
	tab.before(t, shorthands)
	tab.visit(t, url)
	return tab
}

func (b *tab) hear(m chromedp.ConsoleMessage) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.problems = append(b.problems, m.String()+" "+m.URL)
}

// quiet checks that nothing was said on the console but what has one of these texts in it.
func (b *tab) quiet(t *testing.T, allowed ...string) {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, problem := range b.problems {
		is := func(text string) bool { return strings.Contains(problem, text) }
		require.True(t, slices.ContainsFunc(allowed, is), problem)
	}
}

// offline is what a browser itself says on the console of a server that it cannot reach.
var offline = []string{"WebSocket connection to", "WebSocket is already in CLOSING or CLOSED state", "Failed to load resource"}

func (b *tab) do(t *testing.T, actions ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	require.NoError(t, chromedp.Do(b.ctx, actions...))
}

// before has a script run before those of the pages that follow.
func (b *tab) before(t *testing.T, script string) {
	t.Helper()
	b.do(t, chromedp.Func(func(ctx context.Context, to *chromedp.Target) error {
		_, err := cdp.Call(ctx, to, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: script})
		return err
	}))
}

func (b *tab) visit(t *testing.T, url string) {
	t.Helper()
	b.do(t, chromedp.Navigate(url))
}

// waitFor waits until an expression is true. Chromedp's own Poll makes functions of text, which the
// page's policy forbids.
func (b *tab) waitFor(t *testing.T, expression string) {
	t.Helper()
	var last error
	condition := func() bool {
		var is bool
		is, last = chromedp.Run(b.ctx, chromedp.Evaluate[bool](`!!(`+expression+`)`))
		return is
	}
	if eventually(t.Context(), condition) {
		return
	}
	body, _ := chromedp.Run(b.ctx, chromedp.Evaluate[string](`document.body.innerText.slice(0, 4000)`))
	require.Fail(t, "not so within a minute: "+expression, "%v\n%v\n%s", last, b.problems, body)
}

// eventually asks until a minute is over: a browser tells nobody what its pages show.
func eventually(ctx context.Context, condition func() bool) bool {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for !condition() {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return false
		}
	}
	return true
}

// text returns the value of an expression as a string.
func (b *tab) text(t *testing.T, expression string) string {
	t.Helper()
	s, err := chromedp.Run(b.ctx, chromedp.Evaluate[string]("String(("+expression+"))"))
	require.NoError(t, err)
	return s
}

// await returns what a promise resolves to.
func (b *tab) await(t *testing.T, expression string) string {
	t.Helper()
	s, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](expression, chromedp.EvalAwaitPromise))
	require.NoError(t, err)
	return s
}

func (b *tab) click(t *testing.T, selector string) {
	t.Helper()
	b.do(t, chromedp.Click(chromedp.CSS(selector), chromedp.NodeVisible))
}

func (b *tab) keys(t *testing.T, selector, keys string) {
	t.Helper()
	b.do(t, chromedp.SendKeys(chromedp.CSS(selector), keys))
}

func (b *tab) say(t *testing.T, line string) {
	t.Helper()
	b.keys(t, "#text", line+"\r")
}

func (b *tab) mouse(t *testing.T, x, y int, to ...[2]int) {
	t.Helper()
	at := [2]int{x, y}
	b.do(t, mouseEvent(input.DispatchMouseEventTypeMouseMoved, at), mouseEvent(input.DispatchMouseEventTypeMousePressed, at))
	for _, at = range to {
		b.do(t, mouseEvent(input.DispatchMouseEventTypeMouseMoved, at))
	}
	b.do(t, mouseEvent(input.DispatchMouseEventTypeMouseReleased, at))
}

func mouseEvent(kind input.DispatchMouseEventType, at [2]int) chromedp.Action[chromedp.Void] {
	return chromedp.MouseEvent(kind, float64(at[0]), float64(at[1]), chromedp.ButtonLeft, chromedp.ClickCount(1))
}

func (b *tab) choose(t *testing.T, selector, path string) {
	t.Helper()
	b.do(t, chromedp.SetUploadFiles(chromedp.CSS(selector), []string{path}))
}

func (b *tab) resize(t *testing.T, width, height int) {
	t.Helper()
	if width == 0 {
		b.do(t, chromedp.EmulateReset())
		return
	}
	b.do(t, chromedp.EmulateViewport(int64(width), int64(height)))
}

func (b *tab) prefer(t *testing.T, scheme string) {
	t.Helper()
	b.do(t, prefer(scheme))
}

func (b *tab) picture(t *testing.T) []byte {
	t.Helper()
	picture, err := chromedp.Run(b.ctx, chromedp.FullScreenshot(100))
	require.NoError(t, err)
	return picture
}

func (b *tab) shoot(t *testing.T, name string) {
	t.Helper()
	shoot(t, b, name)
}

// sizes are those that the page is looked at in.
var sizes = []struct {
	name          string
	width, height int
}{{"desktop", 1280, 800}, {"phone", 390, 844}, {"small", 320, 568}}

// shoot takes pictures of the page: in the folder RTCPEER_SCREENSHOTS, or one that goes with the test. In a short run
// without that folder they are the light ones.
func shoot(t *testing.T, v view, name string) {
	t.Helper()
	folder, schemes := os.Getenv("RTCPEER_SCREENSHOTS"), []string{"light", "dark"}
	if folder == "" {
		folder, schemes = t.TempDir(), skip.Shorter(schemes[:1], schemes)
	}
	for _, size := range sizes {
		for _, scheme := range schemes {
			v.resize(t, size.width, size.height)
			v.prefer(t, scheme)
			picture := v.picture(t)
			require.NotEmpty(t, picture)
			require.Empty(t, tooWide(t, v), "too wide for the %s", size.name)
			require.NoError(t, os.WriteFile(filepath.Join(folder, name+"-"+size.name+"-"+scheme+".png"), picture, 0o644))
		}
	}
	v.resize(t, 0, 0)
}

// tooWide returns what of a page is not to be seen without scrolling to the right.
func tooWide(t *testing.T, v view) string {
	t.Helper()
	return v.text(t, `[...document.querySelectorAll("body *:not(thead, thead *, svg *)")].filter((e) => e.checkVisibility() && e.getBoundingClientRect().right > innerWidth).map((e) => e.outerHTML).join("\n")`)
}

func prefer(scheme string) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, to *chromedp.Target) error {
		_, err := cdp.Call(ctx, to, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
		})
		return err
	})
}
