package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// Two tabs and a program meet: each of them hears the others, and the page shows who is there.
func TestTabsAndAProgramTalk(t *testing.T) {
	address := pageOf(start(t, nil))
	browser := openBrowser(t)

	one := browser.open(t, address)
	one.waitFor(t, `!document.querySelector("#start").hidden`)
	one.click(t, "#create button")
	one.waitFor(t, `location.hash.length > 1 && drawn("node").length === 1`)
	link := one.text(t, `document.querySelector("#link").value`)
	require.Equal(t, one.text(t, `location.href`), link)
	require.True(t, strings.HasPrefix(link, address+"#"), link)
	one.waitFor(t, `document.querySelector("#qr path") !== null`)

	two := browser.open(t, link)
	for _, tab := range []*tab{one, two} {
		tab.waitFor(t, `drawn("node").length === 2 && drawn("link").join() === "link connected"`)
		tab.waitFor(t, `rows().length === 1 && rows()[0].includes("host – host") && rows()[0].match(/ms 0 % lost/g)?.length === 3`)
	}
	one.say(t, "hello from the first tab")
	two.waitFor(t, `logged("1: hello from the first tab")`)
	two.say(t, "<b>hello</b> from the second")
	one.waitFor(t, `logged("ID: <b>hello</b> from the second")`)

	program := startChat(t, "ws"+strings.TrimPrefix(strings.Replace(link, "#", "", 1), "http"))
	for _, tab := range []*tab{one, two} {
		tab.waitFor(t, `drawn("node").length === 3 && drawn("link").filter((c) => c === "link connected").length === 2`)
		tab.waitFor(t, `rows().length === 2 && rows()[1].match(/ms 0 % lost/g)?.length === 3`)
	}
	program.say("hello from a terminal")
	one.waitFor(t, `logged("ID: hello from a terminal")`)
	two.waitFor(t, `logged("ID: hello from a terminal")`)
	one.say(t, "hello, terminal")
	require.Equal(t, "<1> hello, terminal", <-program.lines, "and nothing of pings and hellos before it")

	require.Equal(t, "1", one.text(t, `String(document.querySelector("#target").length)`), "a program takes no part in throughput tests")
	one.click(t, "#measure button")
	one.waitFor(t, `document.querySelector("#progress").value > 0.2`)
	one.shoot(t, "room")
	one.waitFor(t, `/arrived at peer .* Mbit/.test(document.querySelector("#result").textContent)`)
	t.Log(one.text(t, `document.querySelector("#result").textContent`))
	two.waitFor(t, `/Peer 1 has sent/.test(document.querySelector("#result").textContent)`)

	two.close()
	one.waitFor(t, `drawn("node").length === 2 && rows().length === 1 && logged("ID left.")`)
	program.end()
	one.waitFor(t, `drawn("node").length === 1 && rows().length === 0 && log().match(/left\./g).length === 2`)
	one.click(t, "#leave")
	one.waitFor(t, `!document.querySelector("#start").hidden && location.hash === ""`)
	one.shoot(t, "start")
	one.quiet(t)
	two.quiet(t)
}

// A star's guests reach each other through the host; a sealed room takes nobody; and all are told when
// the host is gone.
func TestStar(t *testing.T) {
	address := pageOf(start(t, nil))
	browser := openBrowser(t)
	host := browser.open(t, address)
	host.waitFor(t, `!document.querySelector("#start").hidden`)
	host.click(t, "#create input[value=star]")
	host.click(t, "#create button")
	host.waitFor(t, `location.hash.length > 1`)
	link := host.text(t, `location.href`)

	one, two := browser.open(t, link), browser.open(t, link)
	host.waitFor(t, `drawn("link").join() === "link connected,link connected"`)
	for _, guest := range []*tab{one, two} {
		guest.waitFor(t, `drawn("link").join() === "link others,link connected"`)
		guest.waitFor(t, `rows().length === 2 && rows()[1].includes("through host 1") && rows()[1].match(/ms 0 % lost/g)?.length === 3`)
	}
	one.say(t, "from guest to guest")
	two.waitFor(t, `log().includes("from guest to guest")`)
	one.shoot(t, "star")

	host.click(t, "#seal")
	host.waitFor(t, `document.querySelector("#seal").textContent === "Closed for newcomers"`)
	late := browser.open(t, link)
	late.waitFor(t, `document.querySelector("#status").textContent.includes("closed for newcomers")`)
	late.waitFor(t, `!document.querySelector("#start").hidden`)
	late.shoot(t, "sealed")

	host.close()
	for _, guest := range []*tab{one, two} {
		guest.waitFor(t, `document.querySelector("#status").textContent.includes("The host has left")`)
		guest.quiet(t)
	}
	late.quiet(t)
}

// A link that a tab cannot make is explained, and a server that is away is, too.
func TestTroubleInWords(t *testing.T) {
	p := start(t, nil)
	browser := openBrowser(t)

	none := browser.open(t, "about:blank")
	none.before(t, `delete globalThis.RTCPeerConnection`)
	none.visit(t, pageOf(p))
	none.waitFor(t, `document.querySelector("#status").textContent.includes("it has no WebRTC")`)

	bad := browser.open(t, pageOf(p)+"#not%20a%20room")
	bad.waitFor(t, `document.querySelector("#status").textContent.includes("That is no room name")`)

	tab := browser.open(t, pageOf(p)+"#lobby")
	tab.waitFor(t, `drawn("node").length === 1`)
	require.Equal(t, exitOK, p.stop())
	tab.waitFor(t, `document.querySelector("#status").textContent.includes("trying again")`)
	tab.click(t, "#leave")
	tab.waitFor(t, `!document.querySelector("#start").hidden`)
	require.Equal(t, "lobby", tab.text(t, `document.querySelector("#room").value`))
	tab.keys(t, "#room", "\r")
	tab.waitFor(t, `document.querySelector("#status").textContent.includes("does not answer over WebSocket")`)
}

// The pings of rtc-client come back from a tab in each mode.
func TestPageAnswersPings(t *testing.T) {
	p := start(t, nil)
	tab := openBrowser(t).open(t, pageOf(p)+"#lobby")
	tab.waitFor(t, `drawn("node").length === 1`)
	out, err := exec.CommandContext(t.Context(), buildClient(t), "ping", "--json", "--count=3", p.url+"/lobby").Output()
	require.NoError(t, err)
	require.Equal(t, 3, strings.Count(string(out), `"received":3`), "%s", out)
	tab.quiet(t)
}

func TestPageIsServed(t *testing.T) {
	s, err := newServer(options{Listen: "127.0.0.1:0"}, io.Discard)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { _ = s.serve(ctx) })
	defer wg.Wait()
	defer cancel()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	address := "http" + strings.TrimPrefix(url(s.listener.Addr()), "ws")
	for path, kind := range map[string]string{
		"/": "text/html", "/page.css": "text/css", "/page.js": "text/javascript", "/rtcpeer.js": "text/javascript",
		"/vendor/qrcode.js": "text/javascript", "/vendor/LICENSE": "text/plain",
	} {
		req, err := http.NewRequestWithContext(ctx, "GET", address+path, nil)
		require.NoError(t, err)
		res, err := client.Do(req)
		require.NoError(t, err)
		res.Body.Close()
		require.Equal(t, http.StatusOK, res.StatusCode, path)
		require.Contains(t, res.Header.Get("Content-Type"), kind, path)
		require.Equal(t, policy, res.Header.Get("Content-Security-Policy"), path)
		require.Equal(t, "nosniff", res.Header.Get("X-Content-Type-Options"), path)
		require.Equal(t, "no-referrer", res.Header.Get("Referrer-Policy"), path)

		req.Header.Set("If-None-Match", res.Header.Get("ETag"))
		res, err = client.Do(req)
		require.NoError(t, err)
		res.Body.Close()
		require.Equal(t, http.StatusNotModified, res.StatusCode, path)
	}
}

func pageOf(p *program) string { return "http" + strings.TrimPrefix(p.url, "ws") + "/" }

// A browser is a Chromium. Each tab has a profile of its own in it.
type browser struct{ ctx context.Context }

// openBrowser returns a Chromium that ends with the test. Without one the test is skipped, or fails where
// RTCPEER_CI says that there must be one.
func openBrowser(t *testing.T) *browser {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		require.Empty(t, os.Getenv("RTCPEER_CI"), "no chromium here: apt-get install -y chromium")
		t.Skip("no chromium here: apt-get install -y chromium")
	}
	allocator, end := chromedp.NewExecAllocator(context.Background(), chromedp.ExecPath(path),
		chromedp.Headless, chromedp.NoSandbox, chromedp.DisableGPU, chromedp.NoFirstRun,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true),
		chromedp.Flag("disable-dev-shm-usage", true), chromedp.WSURLReadTimeout(time.Minute))
	t.Cleanup(end)
	ctx, _ := chromedp.NewContext(allocator)
	t.Cleanup(func() { _ = chromedp.Cancel(ctx) })
	require.NoError(t, chromedp.Do(ctx))
	return &browser{ctx}
}

// A tab is a page of a browser, and what it complained of.
type tab struct {
	ctx   context.Context
	close context.CancelFunc

	mu       sync.Mutex // guards the field below
	problems []string   // on the console, violations of the policy among them
}

func (b *browser) open(t *testing.T, url string) *tab {
	t.Helper()
	ctx, cancel := chromedp.NewContext(b.ctx, chromedp.WithNewBrowserContext())
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
	tab.before(t, `
		globalThis.drawn = (name) => [...document.querySelectorAll("#drawing ." + name)].map((e) => e.getAttribute("class"));
		globalThis.rows = () => [...document.querySelectorAll("#table tbody tr")].map((e) => e.innerText.replace(/\s+/g, " "));
		globalThis.log = () => document.querySelector("#log").textContent;
		globalThis.logged = (line) => [...document.querySelectorAll("#log p")].some((p) => p.textContent.replace(/^\d{2,}/, "ID") === line);`)
	tab.visit(t, url)
	return tab
}

func (b *tab) hear(m chromedp.ConsoleMessage) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.problems = append(b.problems, m.String()+" "+m.URL)
}

// quiet checks that nothing was said on the console.
func (b *tab) quiet(t *testing.T) {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	require.Empty(t, b.problems)
}

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
	body, _ := chromedp.Run(b.ctx, chromedp.Evaluate[string](`document.body.innerText`))
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

func (b *tab) text(t *testing.T, expression string) string {
	t.Helper()
	s, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](expression))
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

// shoot takes pictures of the page, for people to look at: in the folder RTCPEER_SCREENSHOTS, or one that
// goes with the test.
func (b *tab) shoot(t *testing.T, name string) {
	t.Helper()
	folder := os.Getenv("RTCPEER_SCREENSHOTS")
	if folder == "" {
		folder = t.TempDir()
	}
	for _, size := range []struct {
		name          string
		width, height int64
	}{{"desktop", 1100, 800}, {"phone", 390, 844}} {
		for _, scheme := range []string{"light", "dark"} {
			b.do(t, chromedp.EmulateViewport(size.width, size.height), prefer(scheme))
			picture, err := chromedp.Run(b.ctx, chromedp.FullScreenshot(100))
			require.NoError(t, err)
			require.NotEmpty(t, picture)
			require.Empty(t, b.text(t, fmt.Sprintf(`[...document.querySelectorAll("body *:not(thead, thead *, svg *)")].
				filter((e) => e.getBoundingClientRect().right > %d).map((e) => e.outerHTML).join("\n")`, size.width)), "too wide for the %s", size.name)
			require.NoError(t, os.WriteFile(filepath.Join(folder, name+"-"+size.name+"-"+scheme+".png"), picture, 0o644))
		}
	}
	b.do(t, chromedp.EmulateReset())
}

func prefer(scheme string) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, to *chromedp.Target) error {
		_, err := cdp.Call(ctx, to, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
		})
		return err
	})
}

// A chatter is an rtc-client chat.
type chatter struct {
	stdin io.WriteCloser
	lines chan string // on its stdout
	end   func()
}

func startChat(t *testing.T, room string) *chatter {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), buildClient(t), "chat", room)
	stdin, err := cmd.StdinPipe()
	require.NoError(t, err)
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	c := &chatter{stdin: stdin, lines: make(chan string, 100)}
	var wg sync.WaitGroup
	wg.Go(func() {
		defer close(c.lines)
		for lines := bufio.NewScanner(stdout); lines.Scan(); {
			c.lines <- lines.Text()
		}
	})
	c.end = sync.OnceFunc(func() {
		stdin.Close() // the end of what it says is its end
		wg.Wait()
		_ = cmd.Wait()
	})
	t.Cleanup(c.end)
	return c
}

func buildClient(t *testing.T) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "rtc-client")
	out, err := exec.Command("go", "build", "-o", program, "../rtc-client").CombinedOutput()
	require.NoError(t, err, "%s", out)
	return program
}

func (c *chatter) say(line string) { fmt.Fprintln(c.stdin, line) }
