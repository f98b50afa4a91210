package main

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/signaling/signalserver"
	"example.org/rtcpeer/testdata/skip"
)

// A tab in the background, whose timers are slow, hears the others, goes on while the server is away, and
// comes back as who it was.
func TestBackground(t *testing.T) {
	skip.Long(t)
	t.Parallel()
	env := map[string]string{"SIGNAL_SERVER_RESUME_KEY": "0123456789abcdef"}
	at := "--listen=" + freeAddress(t)
	p := start(t, env, at)
	browser := openBrowser(t)
	one := browser.open(t, pageOf(p)+"#lobby")
	one.waitFor(t, `drawn("node").length === 1`)
	hidden := browser.open(t, pageOf(p)+"#lobby")
	hidden.waitFor(t, `drawn("link").join() === "link connected"`)
	cover := hidden.cover(t, "about:blank")
	hidden.waitFor(t, `document.visibilityState === "hidden"`)
	name := hidden.text(t, `document.querySelector("#where").textContent`)

	one.say(t, "into the background")
	hidden.waitFor(t, `logged("1: into the background")`)
	require.Equal(t, exitOK, p.stop())
	hidden.waitFor(t, `said().includes("lost; trying again")`)
	one.say(t, "without a server")
	hidden.waitFor(t, `logged("1: without a server")`)

	p = start(t, env, at)
	late := browser.open(t, pageOf(p)+"#lobby")
	for _, tab := range []*tab{one, hidden, late} {
		tab.waitFor(t, `said() === "" && drawn("link").filter((c) => c === "link connected").length === 2`)
	}
	late.say(t, "new here")
	hidden.waitFor(t, `document.visibilityState === "hidden" && logged("ID: new here")`)
	require.Equal(t, name, hidden.text(t, `document.querySelector("#where").textContent`))
	require.Equal(t, "0", hidden.text(t, `String(log().match(/left|lost/g)?.length ?? 0)`), "no link has ended")
	cover.quiet(t)
	late.quiet(t)
	one.quiet(t, offline...)
	hidden.quiet(t, offline...)
}

// Who joins while the host is away is told for how long the room waits for it.
func TestPageWaitsForItsHost(t *testing.T) {
	t.Parallel()
	inChromium(t, func(t *testing.T, show func(script, url string) view) {
		p := start(t, nil)
		tab := show("", "about:blank") // before, as the place is not kept for longer than a browser may take to start
		host := call(t, p.url, nil)
		host.join(signaling.Join{Room: "lobby", Topology: signaling.Star})
		require.NoError(t, host.conn.NetConn().Close())
		tab.visit(t, pageOf(p)+"#lobby")
		tab.waitFor(t, `/waiting for it to come back, for \d+ seconds at most/.test(said())`)
		quiet(t, tab)
	})
}

// A server that restarted without a key has forgotten the room: the page says so, and links live on.
func TestServerForgetsTheRoom(t *testing.T) {
	skip.Long(t)
	t.Parallel()
	inEachBrowser(t, func(t *testing.T, show func(script, url string) view) {
		at := "--listen=" + freeAddress(t)
		p := start(t, nil, at)
		one, two := show("", pageOf(p)+"#lobby"), show("", pageOf(p)+"#lobby")
		for _, tab := range []view{one, two} {
			tab.waitFor(t, `drawn("link").join() === "link connected"`)
		}
		require.Equal(t, exitOK, p.stop())
		start(t, nil, at)
		for _, tab := range []view{one, two} {
			tab.waitFor(t, `said() === "The server has restarted and does not know this place in the room any more. Join again to get a new one.\nYour connections to others stay open, but nobody new can join."`)
		}
		one.say(t, "still here")
		two.waitFor(t, `log().includes("still here")`)
		quiet(t, one, offline...)
		quiet(t, two, offline...)
	})
}

// Whoever goes away while joining leaves nobody behind on the server, although lost members keep their
// place there.
func TestLeavingWhileJoining(t *testing.T) {
	skip.Long(t)
	t.Parallel()
	rooms, err := signalserver.New(signalserver.Config{Grace: time.Hour})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, rooms.Shutdown(context.Background())) })
	address := imitate(t, rooms)
	browser := openBrowser(t)
	for i, act := range []string{
		`location.href = "about:blank"`, `location.reload()`, `document.querySelector("#leave").click()`,
		`dispatchEvent(new KeyboardEvent("keydown", { key: "Escape" }))`, `location.hash = ""`, `document.querySelector("#leave").click(); location.href = "about:blank"`,
	} {
		t.Run(act, func(t *testing.T) {
			tab := browser.open(t, "about:blank")
			// Once: a page that is loaded anew must not go round in circles.
			tab.before(t, `
				const Real = WebSocket;
				globalThis.WebSocket = class extends Real {
					constructor(...args) {
						super(...args);
						globalThis.WebSocket = Real;
						if (name === "done") return;
						name = "done";
						this.addEventListener("open", () => { `+act+`; }); // the server has the join, and the page no welcome yet
					}
				};`)
			tab.visit(t, address+"#lobby")
			gone := func() bool { s := rooms.Stats(); return s.Joins > uint64(i) && s.Members == 0 && s.Sessions == 0 }
			if act == `location.reload()` {
				tab.waitFor(t, `drawn("node").length === 1`)
				tab.visit(t, "about:blank")
				gone = func() bool { s := rooms.Stats(); return s.Members == 0 && s.Sessions == 0 }
			}
			require.True(t, eventually(t.Context(), gone), "%+v", rooms.Stats())
			tab.quiet(t)
		})
	}
}

// While the server does not answer, Enter on the Cancel button, or Escape, leads back to the start. If a room was being
// created, the focus is then on the button that does that.
func TestCancelJoining(t *testing.T) {
	skip.Long(t)
	t.Parallel()
	waiting := make(chan struct{})
	silent := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-waiting })
	s := httptest.NewUnstartedServer(nil)
	mux := http.NewServeMux()
	mux.Handle("/", silent)
	addPage(mux)
	s.Config.Handler = upgrades(silent, mux)
	s.Start()
	t.Cleanup(s.Close)
	t.Cleanup(func() { close(waiting) })
	tab := openBrowser(t).open(t, s.URL)
	tab.waitFor(t, `outside()`)
	for _, give := range []string{"\r", "\x1b"} {
		tab.click(t, "#create button")
		tab.waitFor(t, `!outside() && said() === "Creating a room …" && document.activeElement.textContent === "Cancel"`)
		tab.do(t, chromedp.KeyEvent(give))
		tab.waitFor(t, `outside() && said() === "" && document.activeElement.textContent === "Start a room"`)
		tab.keys(t, "#room", "lobby\r")
		tab.waitFor(t, `said() === "Joining lobby …"`)
		tab.do(t, chromedp.KeyEvent(give))
		tab.waitFor(t, `outside() && said() === "" && location.hash === ""`)
		tab.do(t, chromedp.Clear(chromedp.CSS("#room")))
	}
	tab.quiet(t, offline...)
}

// Over plain http at an address of the network, where browsers give pages less, everything works: two
// tabs talk, and the link is copied.
func TestPlainHTTPFromElsewhere(t *testing.T) {
	skip.Long(t)
	p := start(t, nil, "--listen="+net.JoinHostPort(elsewhere(t), "0"))
	browser := openBrowser(t)
	one := browser.open(t, pageOf(p)+"#lobby")
	one.waitFor(t, `!isSecureContext && !navigator.clipboard && drawn("node").length === 1`)
	two := browser.open(t, pageOf(p)+"#lobby")
	for _, tab := range []*tab{one, two} {
		tab.waitFor(t, `drawn("link").join() === "link connected"`)
	}
	one.say(t, "over plain http")
	two.waitFor(t, `logged("1: over plain http")`)

	one.click(t, "#invite")
	one.waitFor(t, `document.querySelector("#invite").textContent === "Copied" && document.activeElement.id === "invite"`)
	one.click(t, "#text")
	one.do(t, chromedp.Func(func(ctx context.Context, to *chromedp.Target) error {
		_, err := cdp.Call(ctx, to, input.DispatchKeyEvent, input.DispatchKeyEventParams{Type: "keyDown", Commands: []string{"paste"}})
		return err
	}))
	one.waitFor(t, `document.querySelector("#text").value === location.href`)
	one.quiet(t)
	two.quiet(t)
}

// elsewhere returns an address of this machine at which others could reach it.
func elsewhere(t *testing.T) string {
	t.Helper()
	addresses, err := net.InterfaceAddrs()
	require.NoError(t, err)
	for _, a := range addresses {
		if n, ok := a.(*net.IPNet); ok && n.IP.To4() != nil && n.IP.IsGlobalUnicast() {
			return n.IP.String()
		}
	}
	t.Skip("this machine has the loopback interface alone")
	return ""
}
