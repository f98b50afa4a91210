package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/cmd/signal-server/internal/page"
	"example.org/rtcpeer/cmd/signal-server/internal/server"
	"example.org/rtcpeer/rtcpeer/js"
	"example.org/rtcpeer/testdata/binaries"
	"example.org/rtcpeer/testdata/skip"
)

// Two tabs and a program meet: each of them hears the others, and the page shows who is there.
func TestTabsAndAProgramTalk(t *testing.T) {
	t.Parallel()
	address := pageOf(start(t, nil))
	browser := openBrowser(t)

	one := browser.open(t, address)
	one.waitFor(t, `!document.querySelector("#start").hidden`)
	one.click(t, "#create button")
	one.waitFor(t, `location.hash.length > 1 && drawn("node").length === 1`)
	link := one.text(t, `document.querySelector("#link").value`)
	require.Equal(t, one.text(t, `location.href`), link)
	require.True(t, strings.HasPrefix(link, address+"#"), link)
	one.click(t, "#room-name")
	one.click(t, "#show-qr")
	one.waitFor(t, `document.querySelector("#qr path") !== null`)
	one.shoot(t, "invite")
	one.do(t, chromedp.KeyEvent("\x1b"))

	two := browser.open(t, link)
	for _, tab := range []*tab{one, two} {
		tab.waitFor(t, `drawn("node").length === 2 && drawn("link").join() === "link connected"`)
		tab.waitFor(t, `rows().length === 1 && rows()[0].includes("direct, same network") && rows()[0].match(/ms 0 % lost/g)?.length === 3`)
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
	require.Equal(t, "5000", one.text(t, `String(document.querySelector("#progress").max)`), "ms")
	if skip.ShortRun() {
		one.text(t, `document.querySelector("#progress").max = 1000`) // it takes the processors from other tests
	}
	one.click(t, "#measure button")
	one.waitFor(t, `document.querySelector("#progress").position > 0.2`)
	one.shoot(t, "room")
	one.waitFor(t, `/arrived at .+ Mbit/.test(document.querySelector("#result").textContent)`)
	t.Log(one.text(t, `document.querySelector("#result").textContent`))
	two.waitFor(t, `/has sent .* here/.test(document.querySelector("#result").textContent)`)

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
	skip.Long(t)
	t.Parallel()
	inEachBrowser(t, func(t *testing.T, show func(script, url string) view) {
		address := pageOf(start(t, nil))
		host := show("", address)
		create(t, host, "star")
		link := host.text(t, `location.href`)

		one, two := show("", link), show("", link)
		host.waitFor(t, `drawn("link").join() === "link connected,link connected"`)
		for _, guest := range []view{one, two} {
			guest.waitFor(t, `drawn("link").join() === "link others,link connected"`)
			guest.waitFor(t, `rows().length === 2 && /through .+, the host/.test(rows()[1]) && rows()[1].match(/ms 0 % lost/g)?.length === 3`)
		}
		one.say(t, "from guest to guest")
		two.waitFor(t, `log().includes("from guest to guest")`)
		one.shoot(t, "star")

		host.click(t, "#room-name")
		host.click(t, "#seal")
		host.waitFor(t, `document.querySelector("#seal").textContent === "Closed to newcomers"`)
		late := show("", link)
		late.waitFor(t, `document.querySelector("#status").textContent.includes("closed to newcomers")`)
		late.waitFor(t, `!document.querySelector("#start").hidden`)
		late.shoot(t, "sealed")

		host.shut(t)
		two.waitFor(t, `log().includes("is the host now.") && drawn("link").join() === "link connected"`)
		one.click(t, "#room-name")
		one.waitFor(t, `document.querySelector("#seal").textContent === "Closed to newcomers" && drawn("link").join() === "link connected"`)
		for _, tab := range []view{one, two, late} {
			quiet(t, tab)
		}
	})
}

// The pings of rtc-client come back from a tab in each mode.
func TestPageAnswersPings(t *testing.T) {
	skip.Long(t)
	t.Parallel()
	inChromium(t, func(t *testing.T, show func(script, url string) view) {
		p := start(t, nil)
		tab := show("", pageOf(p)+"#lobby")
		tab.waitFor(t, `drawn("node").length === 1`)
		out, err := exec.CommandContext(t.Context(), buildClient(t), "ping", "--json", "--count=10", p.url+"/lobby").Output()
		require.NoError(t, err)
		// A busy tab may take longer for one of them than the client waits.
		require.Len(t, regexp.MustCompile(`"received":[1-9]`).FindAll(out, -1), 3, "%s", out)
		quiet(t, tab)
	})
}

func TestPageIsServed(t *testing.T) {
	s, err := server.New(t.Context(), server.Options{Server: server.ServerOptions{Listen: "127.0.0.1:0"}}, pageFiles(), noLog(t))
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { _ = s.Serve(ctx) })
	defer wg.Wait()
	defer cancel()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	address := "http" + strings.TrimPrefix(s.URL(), "ws")
	for path, kind := range map[string]string{
		"/": "text/html", "/page.css": "text/css", "/room.css": "text/css", "/icon.svg": "image/svg", "/og.png": "image/png", "/page.webmanifest": "application/manifest+json", "/page.js": "text/javascript", "/rtcpeer.js": "text/javascript",
		"/relay-links.js": "text/javascript", "/relay-links.js.map": "application/json",
		"/times.js": "text/javascript", "/migration.js": "text/javascript", "/requests.js": "text/javascript", "/rtcpeer-" + js.Version() + ".js": "text/javascript", "/transfer.js": "text/javascript", "/transfer.js.map": "application/json",
		"/qr.js": "text/javascript", "/LICENSE": "text/plain",
	} {
		req, err := http.NewRequestWithContext(ctx, "GET", address+path, nil)
		require.NoError(t, err)
		res, err := client.Do(req)
		require.NoError(t, err)
		res.Body.Close()
		require.Equal(t, http.StatusOK, res.StatusCode, path)
		require.Contains(t, res.Header.Get("Content-Type"), kind, path)
		require.Equal(t, page.Policy, res.Header.Get("Content-Security-Policy"), path)
		require.Equal(t, "nosniff", res.Header.Get("X-Content-Type-Options"), path)
		require.Equal(t, "no-referrer", res.Header.Get("Referrer-Policy"), path)

		req.Header.Set("If-None-Match", res.Header.Get("ETag"))
		res, err = client.Do(req)
		require.NoError(t, err)
		res.Body.Close()
		require.Equal(t, http.StatusNotModified, res.StatusCode, path)
	}
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
	return filepath.Join(binaries.Build(t), "rtc-client")
}

func (c *chatter) say(line string) { fmt.Fprintln(c.stdin, line) }
