package main

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer/js"
	"example.org/rtcpeer/signaling/signalserver"
	"example.org/rtcpeer/testdata/skip"
)

// keptScript is a page that joins a room, and goes on after it was left as the README of the module says: it is in the
// room still if the browser has kept the page, and else comes back with what it has stored.
const keptScript = `<!doctype html><title>kept</title><script type="module">
	import { join } from "./rtcpeer.js";
	const stored = JSON.parse(sessionStorage.getItem("place") ?? "null");
	globalThis.kept = false; // by the browser
	addEventListener("pageshow", (e) => (kept = e.persisted));
	globalThis.told = [];
	globalThis.enter = async (room, keepPlace) => {
		node = await join(room, { keepPlace, resume: stored?.resume });
		sessionStorage.setItem("place", JSON.stringify({ room, keepPlace, resume: keepPlace ? node.resume : undefined }));
		for (const kind of ["connected", "disconnected", "ended"]) node.on(kind, (e) => told.push(kind + (e.reason ? " " + e.reason : "")));
		return String(node.id);
	};
	globalThis.node = undefined;
	if (stored) enter(stored.room, stored.keepPlace);
	globalThis.why = () => JSON.stringify(performance.getEntriesByType("navigation")[0].notRestoredReasons ?? "not told",
		(key, value) => (["src", "id", "name", "url", "children"].includes(key) ? undefined : value));
	globalThis.loaded = true;
</script>`

// A page that is left for another one and gone back to, in real browsers. With keepPlace it is the member that it was: it
// goes on where the browser has kept it, and is resumed where it is loaded anew. Without, it has left. A Chromium keeps pages
// with open links and WebSockets (156 does); a Firefox does not (153).
func TestProgramsPageLeftAndBack(t *testing.T) {
	skip.Long(t)
	t.Parallel()
	site := programsSite(t, map[string]string{"/page/": keptScript, "/elsewhere/": "<!doctype html><title>elsewhere</title>"})
	inChromium(t, func(t *testing.T, show func(script, url string) view) {
		browser := t.Name()[strings.LastIndex(t.Name(), "/")+1:]
		for _, keepPlace := range []bool{true, false} {
			t.Run(fmt.Sprintf("keepPlace %v", keepPlace), func(t *testing.T) {
				enter := func(v view) string {
					v.waitFor(t, `globalThis.loaded`)
					v.text(t, fmt.Sprintf(`void enter("/%s-%v", %v)`, browser, keepPlace, keepPlace))
					v.waitFor(t, `globalThis.node`)
					return v.text(t, `node.id`)
				}
				away, here := show("", site.URL+"/page/"), show("", site.URL+"/page/")
				id := enter(away)
				enter(here)
				for _, v := range []view{away, here} {
					v.waitFor(t, `told.join() === "connected"`)
				}
				away.visit(t, site.URL+"/elsewhere/")
				here.waitFor(t, `told.length === 2`)
				away.text(t, `setTimeout(() => history.back())`)
				away.waitFor(t, `globalThis.loaded && globalThis.node`)
				kept := away.text(t, `kept`)
				t.Logf("kept by the browser: %s; the others see %q; why not: %s", kept, here.text(t, `told[1]`), away.text(t, `why()`))
				if keepPlace {
					require.Equal(t, id, away.text(t, `node.id`))
					here.waitFor(t, `told.at(-1) === "connected" && node.peers.join() === "`+id+`"`)
					away.waitFor(t, `node.status === "connected" && node.peers.length === 1`)
					return
				}
				if kept == "true" {
					away.waitFor(t, `node.status === "disconnected" && told.at(-1) === "ended"`)
					return
				}
				here.waitFor(t, `told.at(-1) === "connected"`)
				require.NotEqual(t, id, away.text(t, `node.id`))
			})
		}
	})
}

// programsSite serves the pages and scripts of a program beside a signaling server, and the module to each of them.
func programsSite(t *testing.T, pages map[string]string) *httptest.Server {
	t.Helper()
	rooms, err := signalserver.New(signalserver.Config{})
	require.NoError(t, err)
	mux := http.NewServeMux()
	mux.Handle("/", rooms)
	mux.Handle("/rtcpeer.js", js.Handler())
	mux.HandleFunc("/page/rtcpeer.js", func(w http.ResponseWriter, r *http.Request) {
		r.URL.Path = "/rtcpeer.js"
		js.Handler().ServeHTTP(w, r)
	})
	for path, text := range pages {
		kind := "text/html; charset=utf-8"
		if strings.HasSuffix(path, ".js") {
			kind = "text/javascript; charset=utf-8"
		}
		mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", kind)
			fmt.Fprint(w, text)
		})
	}
	site := httptest.NewServer(mux)
	t.Cleanup(func() { rooms.Shutdown(context.Background()); site.Close() })
	return site
}

// In a worker of a browser the module can be imported, and list rooms; join says that there is no WebRTC, which browsers
// do not give to workers. A browser that does, one day, makes this test fail, and the module's README wrong.
func TestModuleInAWorker(t *testing.T) {
	t.Parallel()
	site := programsSite(t, map[string]string{
		"/page/": `<!doctype html><title>worker</title><script type="module">
			new Worker("./worker.js", { type: "module" }).onmessage = ({ data }) => (globalThis.told = data);
		</script>`,
		"/page/worker.js": `import { join, list } from "./rtcpeer.js";
			const { rooms } = await list("/");
			postMessage([typeof RTCPeerConnection, await join("/lobby").catch((e) => e.code), JSON.stringify(rooms)].join(" "));`,
	})
	inChromium(t, func(t *testing.T, show func(script, url string) view) {
		page := show("", site.URL+"/page/")
		page.waitFor(t, `globalThis.told`)
		require.Equal(t, "undefined bad_config []", page.text(t, `told`))
	})
}

// The example in plain JavaScript has a hundred lines, and who is red passes that on by touching somebody.
func TestGameOfTag(t *testing.T) {
	skip.Long(t)
	t.Parallel()
	text, err := os.ReadFile("../../rtcpeer/examples/tag/index.html")
	require.NoError(t, err)
	require.LessOrEqual(t, strings.Count(string(text), "\n"), 100)
	site := programsSite(t, nil)
	game := strings.ReplaceAll(string(text), "//localhost:9080/", strings.TrimPrefix(site.URL, "http:")+"/")
	require.Equal(t, 2, strings.Count(game, strings.TrimPrefix(site.URL, "http:")))
	pages := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { // of another origin, as in the README
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprint(w, game)
	}))
	t.Cleanup(pages.Close)
	inChromium(t, func(t *testing.T, show func(script, url string) view) {
		const status = `document.querySelector("#status").textContent`
		one := show("", pages.URL)
		one.waitFor(t, status+` === "1 here. You are red."`)
		two := show("", pages.URL)
		one.waitFor(t, status+` === "2 here. You are red."`)
		two.waitFor(t, `/^2 here. Player \d+ is red.$/.test(`+status+`)`)
		// They meet in the middle.
		x, y := centre(t, one, byCSS("#field"))
		one.mouse(t, x-3, y, [2]int{x, y})
		two.text(t, `(() => {
			const field = document.querySelector("#field"), { width } = field.getBoundingClientRect();
			field.dispatchEvent(new PointerEvent("pointermove", { clientX: field.getBoundingClientRect().left + width / 2, clientY: field.getBoundingClientRect().top + width / 2 }));
		})()`)
		one.waitFor(t, `/^2 here. Player \d+ is red.$/.test(`+status+`)`)
		two.waitFor(t, `/^2 here. /.test(`+status+`)`)
		two.shut(t)
		one.waitFor(t, status+` === "1 here. You are red."`)
	})
}

// A tab that another one has opened has a copy of its sessionStorage: it is another member, and the host stays the host.
func TestClonedTab(t *testing.T) {
	skip.Long(t)
	t.Parallel()
	inChromium(t, func(t *testing.T, show func(script, url string) view) {
		p := start(t, nil)
		host := show("", pageOf(p))
		create(t, host, "star")
		host.text(t, `globalThis.copy = window.open(location.href)`)
		const where = `copy.document.querySelector("#where")?.textContent ?? ""`
		host.waitFor(t, `copy && /You are \d{2,}\.$/.test(`+where+`)`)
		require.Equal(t, "true", host.text(t, `copy.sessionStorage.getItem("rtcpeer me") === sessionStorage.getItem("rtcpeer me")`), "it is a copy")
		host.waitFor(t, `drawn("link").join() === "link connected"`)
		require.Contains(t, host.text(t, `document.querySelector("#where").textContent`), "You are 1.")
		host.waitFor(t, `[...copy.document.querySelectorAll("#stage .link")].map((e) => e.getAttribute("class")).join() === "link connected"`)

		// The copy can be reloaded, and so can the host.
		host.text(t, `copy.addEventListener("pagehide", () => (globalThis.left = true)), copy.location.reload()`)
		host.waitFor(t, `globalThis.left && /You are \d{2,}\.$/.test(`+where+`) && drawn("link").join() === "link connected"`)
		host.text(t, `void (copy.location = "about:blank")`)
		host.waitFor(t, `drawn("link").length === 0`)
	})
}
