package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer"
	"example.org/rtcpeer/rtcpeer/js"
	"example.org/rtcpeer/rtcpeer/transport/webrtc"
	"example.org/rtcpeer/testdata/skip"
)

// faces is who one sees on the stage, by their names.
const faces = `[...document.querySelectorAll(".node .label")].map((e) => e.textContent).sort().join("|")`

// drag moves the own face with a finger or a mouse, to shares of the stage's field.
func drag(t *testing.T, v view, x, y float64) {
	t.Helper()
	v.text(t, fmt.Sprintf(`(() => {
		const me = document.querySelector(".node.me"), box = document.querySelector("#field").getBoundingClientRect();
		const at = (type, x, y) => me.dispatchEvent(new PointerEvent(type, { pointerId: 1, bubbles: true, clientX: x, clientY: y }));
		me.setPointerCapture = () => {};
		const { left, top, width, height } = me.getBoundingClientRect();
		at("pointerdown", left + width / 2, top + height / 2);
		at("pointermove", box.left + box.width * %g, box.top + box.height * %g);
	})()`, x, y))
}

// People see each other's names and faces, however they are made, and see each other move.
func TestStage(t *testing.T) {
	skip.Long(t)
	t.Parallel()
	inEachBrowser(t, func(t *testing.T, show func(script, url string) view) {
		p := start(t, nil)
		one := show(as(redFox), pageOf(p)+"#lobby")
		one.waitFor(t, `drawn("node").length === 1 && !document.querySelector("#alone").hidden`)
		two := show(as(`{ name: "<b>\u05d3\u05e0\u05d4\u202e</b>", emoji: "<i>", color: 99 }`), pageOf(p)+"#lobby")
		one.waitFor(t, faces+` === "<b>\u05d3\u05e0\u05d4</b>|You"`)
		two.waitFor(t, faces+` === "Red Fox|You"`)
		require.Equal(t, "0", one.text(t, `document.querySelectorAll("#inside b b, #inside i, #log bdi b").length`), "a name is text")
		one.waitFor(t, `document.querySelector(".node.connected .face").textContent === "🙂" && document.querySelector("#tip").checkVisibility()`)

		// The place of one is the same at the other while it moves and afterwards, and at a third that comes later.
		for _, to := range []float64{0.25, 0.75} {
			drag(t, one, to, 0.5)
			two.waitFor(t, `place(1) === "`+one.text(t, `place(1)`)+`"`)
		}
		one.text(t, `document.querySelector(".node.me").dispatchEvent(new PointerEvent("pointerup", { pointerId: 1, bubbles: true }))`)
		late := show(as(blueOwl), pageOf(p)+"#lobby")
		late.waitFor(t, `document.querySelector(".node[data-id='1']") && place(1) === "`+one.text(t, `place(1)`)+`"`)
		require.Contains(t, late.text(t, `place(1)`), "75%")

		// A click on the stage, and on one of the buttons, throws an emoji that the others see.
		for _, v := range []view{two, late} { // keeps what is thrown, which is not there for long
			v.text(t, `globalThis.thrown = [], new MutationObserver((changes) => {
				for (const { addedNodes } of changes) for (const e of addedNodes) if (e.className === "thrown") thrown.push(e.textContent);
			}).observe(document.querySelector("#field"), { childList: true })`)
		}
		one.text(t, `(({ left, top }) => document.querySelector("#stage").dispatchEvent(new MouseEvent("click", { bubbles: true, clientX: left + 20, clientY: top + 20 })))(
			document.querySelector("#stage").getBoundingClientRect())`)
		two.waitFor(t, `thrown.join() === "👋"`)
		late.waitFor(t, `thrown.join() === "👋"`)
		two.click(t, "#emoji button:nth-child(4)")
		late.waitFor(t, `thrown.join() === "👋,🎉"`)
		late.waitFor(t, `document.querySelector(".thrown") === null`) // and it is over some time

		// A new name is the others' at once, and two of one name can be told apart.
		two.click(t, "#me")
		two.text(t, `document.querySelector("#me-name").value = "Red Fox"`)
		two.click(t, "#me-save")
		one.waitFor(t, faces+` === "Blue Owl|Red Fox 2|You"`)
		late.waitFor(t, faces+` === "Red Fox|Red Fox 2|You"`)
		require.Equal(t, "Red Fox", two.text(t, `JSON.parse(localStorage.getItem("rtcpeer me")).name`))

		two.say(t, "\u05e9\u05dc\u05d5\u05dd http://127.0.0.1/a?b=c.")
		one.waitFor(t, `logged("ID: \u05e9\u05dc\u05d5\u05dd http://127.0.0.1/a?b=c.")`)
		require.Equal(t, "http://127.0.0.1/a?b=c _blank noopener noreferrer nofollow rtl", one.text(t, `(({ href, target, rel, parentNode }) =>
			[href, target, rel, getComputedStyle(parentNode).direction].join(" "))(document.querySelector("#log a"))`))
		require.Contains(t, one.text(t, `document.querySelector("#log p:last-child").innerText`), "Red Fox 2")
		require.NotEmpty(t, one.text(t, `document.querySelector("#log time").textContent`))
	})
}

// A name, a colour and an emoji are metadata: a page shows those of a program too, at once, and after a change; a program sees
// those of a page, and who comes after a change of name sees the new one.
func TestNamesAreMetadata(t *testing.T) {
	skip.Long(t)
	t.Parallel()
	inChromium(t, func(t *testing.T, show func(script, url string) view) {
		p := start(t, nil)
		enter := func(metadata string) *rtcpeer.Node {
			node, err := rtcpeer.Join(t.Context(), p.url+"/lobby", rtcpeer.Config{Metadata: json.RawMessage(metadata), WebRTC: webrtc.Config{Loopback: true, IPv4Only: true}})
			require.NoError(t, err)
			t.Cleanup(func() { node.Close() })
			return node
		}
		// named waits for an event of a page that shows a name.
		named := func(node *rtcpeer.Node, kind rtcpeer.EventKind, name string) {
			t.Helper()
			for {
				event, err := node.Receive(t.Context())
				require.NoError(t, err)
				if event.Kind == kind && strings.Contains(string(node.Metadata(event.Peer)), `"name":"`+name+`"`) {
					return
				}
			}
		}
		face := `[...document.querySelectorAll(".node.connected")].map((e) => [e.dataset.color, ...[...e.children].map((c) => c.textContent)].join(" ")).sort().join("|")`
		program := enter(`{"name":"Ann <b>","emoji":"🐙","color":4}`)
		page := show(as(redFox), pageOf(p)+"#lobby")
		page.waitFor(t, face+` === "4 🐙 Ann <b>" && logged("1 is here.")`)
		named(program, rtcpeer.PeerConnected, "Red Fox")
		enter(`{"level":3}`) // tells of no name
		page.waitFor(t, face+` === "-1 👤 Guest|4 🐙 Ann <b>"`)

		require.NoError(t, program.SetMetadata(t.Context(), json.RawMessage(`{"name":"Bea","emoji":"🦀","color":2}`)))
		page.waitFor(t, face+` === "-1 👤 Guest|2 🦀 Bea"`)
		page.click(t, "#me")
		page.text(t, `document.querySelector("#me-name").value = "Blue Owl"`)
		page.click(t, "#me-save")
		named(program, rtcpeer.PeerUpdated, "Blue Owl")
		named(enter("null"), rtcpeer.PeerConnected, "Blue Owl")
	})
}

// A name that an access token grants stays, for this page and for the others, whatever the page asks for.
func TestGrantedName(t *testing.T) {
	skip.Long(t)
	t.Parallel()
	secret, _ := keyFiles(t, "HS256")
	inChromium(t, func(t *testing.T, show func(script, url string) view) {
		p := start(t, nil, "--auth-jwt="+secret)
		token := func(more ...string) string {
			return "?access_token=" + mint(t, append([]string{"--key=" + secret, "--room=lobby", "--create"}, more...)...)
		}
		one := show(as(redFox), pageOf(p)+token("--host", `--metadata={"name":"Granted Ann","emoji":"🐙","color":4}`)+"#lobby")
		two := show(as(blueOwl), pageOf(p)+token()+"#lobby")
		two.waitFor(t, faces+` === "Granted Ann|You"`)
		one.waitFor(t, faces+` === "Blue Owl|You"`)
		one.click(t, "#me")
		one.text(t, `document.querySelector("#me-name").value = "Gold Bear"`)
		one.click(t, "#me-save")
		one.waitFor(t, `document.querySelector(".node.me").ariaLabel.startsWith("You, Granted Ann")`)
		late := show(as(`{ name: "Lime Cat", emoji: "🐱", color: 3 }`), pageOf(p)+token()+"#lobby")
		late.waitFor(t, faces+` === "Blue Owl|Granted Ann|You"`)
		two.waitFor(t, faces+` === "Granted Ann|Lime Cat|You"`)
	})
}

// A second tab is somebody else than the first one, and who comes back is who they were.
func TestIdentityOfTabs(t *testing.T) {
	skip.Long(t)
	t.Parallel()
	inChromium(t, func(t *testing.T, show func(script, url string) view) {
		p := start(t, nil)
		const me = `document.querySelector("#me").textContent`
		one := show("", pageOf(p))
		one.waitFor(t, `/^.+ [A-Z][a-z]+ [A-Z][a-z]+$/u.test(`+me+`)`)
		first := one.text(t, me)
		other := one.beside(t, shorthands, pageOf(p))
		other.waitFor(t, `/^.+ [A-Z][a-z]+ [A-Z][a-z]+$/u.test(`+me+`)`)
		require.Equal(t, first, other.text(t, `(({ emoji, name }) => emoji + " " + name)(JSON.parse(localStorage.getItem("rtcpeer me")))`))
		require.Equal(t, "false", other.text(t, `sessionStorage.getItem("rtcpeer me") === localStorage.getItem("rtcpeer me")`))
		one.visit(t, pageOf(p)+"LICENSE")
		one.visit(t, pageOf(p))
		one.waitFor(t, me+` === "`+first+`"`)
	})
}

// What is said and offered while nobody looks is counted in the title.
func TestUnread(t *testing.T) {
	skip.Long(t)
	t.Parallel()
	p := start(t, nil)
	browser := openBrowser(t)
	one, two := browser.open(t, pageOf(p)+"#lobby"), browser.open(t, pageOf(p)+"#lobby")
	one.waitFor(t, `drawn("link").join() === "link connected"`)
	cover := two.cover(t, "about:blank")
	two.waitFor(t, `document.visibilityState === "hidden"`)
	for i := range 2 {
		one.say(t, "hello")
		two.waitFor(t, fmt.Sprintf(`document.title === "(%d) lobby · rtcpeer"`, i+1))
	}
	one.await(t, saving+`; drop("#stage", "a.txt", 4); Promise.resolve("")`)
	two.waitFor(t, `document.title === "(3) lobby · rtcpeer"`)
	cover.close()
	two.do(t, chromedp.Func(func(ctx context.Context, to *chromedp.Target) error {
		_, err := cdp.Call(ctx, to, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true})
		return err
	}))
	two.waitFor(t, `document.title === "lobby · rtcpeer"`)
	two.quiet(t)
}

// A room can be public, have a password, be locked and opened, and lose somebody whom its host removes.
func TestRoomsOfThePage(t *testing.T) {
	t.Parallel()
	inEachBrowser(t, func(t *testing.T, show func(script, url string) view) {
		p := start(t, nil)
		host := show(as(redFox), pageOf(p))
		host.waitFor(t, `outside()`)
		host.text(t, `unfold("#advanced")`)
		host.click(t, "#public")
		host.keys(t, "#new-password", "sesame\r")
		host.waitFor(t, `/^#[a-z]+-[a-z]+-[a-z]+$/.test(location.hash)`)

		guest := show(as(blueOwl), pageOf(p))
		guest.click(t, "#meet summary")
		guest.waitFor(t, `document.querySelector("#rooms li span")?.textContent === "1 person, with a password"`)
		guest.shoot(t, "meet")
		guest.click(t, "#rooms button")
		guest.waitFor(t, `said() === "This room has a password. Enter it, and join again." && document.activeElement.id === "password"`)
		guest.press(t, "wrong\r")
		guest.waitFor(t, `said() === "This room has a password. Enter it, and join again." && document.activeElement.id === "password" && document.activeElement.value === ""`)
		guest.keys(t, "#password", "sesame\r")
		for _, tab := range []view{host, guest} {
			tab.waitFor(t, `drawn("link").join() === "link connected"`)
		}
		require.Equal(t, "", guest.text(t, `document.querySelector("#password").value`))
		guest.text(t, `globalThis.before = true, setTimeout(() => location.reload())`)
		guest.waitFor(t, `!globalThis.before && globalThis.drawn && drawn("link").join() === "link connected"`) // and the password is known

		host.click(t, "#room-name")
		host.click(t, "#lock")
		host.waitFor(t, `document.querySelector("#lock").textContent === "Unlock the room"`)
		late := show("", host.text(t, `location.href`))
		late.waitFor(t, `document.activeElement.id === "password"`)
		late.press(t, "sesame\r")
		late.waitFor(t, `said() === "This room is locked for now. Ask its host to unlock it, and try again."`)
		host.click(t, "#lock")
		host.waitFor(t, `document.querySelector("#lock").textContent === "Lock the room for a while"`)
		host.press(t, "\x1b")

		guest.click(t, ".node.connected")
		path := "direct(, same network)?" // a Firefox that finds the other end by its checks does not know where that is
		if _, ok := guest.(*tab); ok {
			path = "direct, same network"
		}
		guest.waitFor(t, `/`+path+`, (good|slow|poor|not)/.test(document.querySelector("#person-path").textContent) && document.querySelector("#kick").hidden`)
		host.waitFor(t, faces+` === "Blue Owl|You"`)
		host.click(t, ".node.connected")
		host.waitFor(t, `document.querySelector("#person-title").textContent === "🦉 Blue Owl"`)
		host.shoot(t, "person")
		host.click(t, "#kick")
		guest.waitFor(t, `outside() && said().startsWith("You were removed from the room.")`)
		host.waitFor(t, `drawn("node").length === 1`)
		quiet(t, host)
		quiet(t, guest)
		quiet(t, late)
	})
}

// Two who look for somebody find each other.
func TestMatchOfThePage(t *testing.T) {
	skip.Long(t)
	t.Parallel()
	inChromium(t, func(t *testing.T, show func(script, url string) view) {
		p := start(t, nil)
		one, two := show("", pageOf(p)), show("", pageOf(p))
		for _, tab := range []view{one, two} {
			tab.click(t, "#meet summary")
			tab.click(t, "#match")
		}
		for _, tab := range []view{one, two} {
			tab.waitFor(t, `drawn("link").join() === "link connected"`)
			quiet(t, tab)
		}
	})
}

// /ROOM leads a browser into the room, with what else the address says; for all others it is the room's.
func TestRoomAddress(t *testing.T) {
	skip.Long(t)
	t.Parallel()
	p := start(t, nil)
	tab := openBrowser(t).open(t, pageOf(p)+"lobby?connect-timeout=9")
	tab.waitFor(t, `drawn("node").length === 1 && document.querySelector("#room-name").textContent === "lobby"`)
	require.Equal(t, pageOf(p)+"?connect-timeout=9#lobby", tab.text(t, `location.href`))
	tab.quiet(t)

	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	for _, c := range []struct {
		path, accept string
		status       int
	}{
		{"lobby", "text/html,*/*", http.StatusFound},
		{"lobby", "*/*", http.StatusUpgradeRequired},
		{"not%20a%20room", "text/html", http.StatusUpgradeRequired},
		{"a/lobby", "text/html", http.StatusUpgradeRequired},
		{"healthz", "text/html", http.StatusOK},
	} {
		req, err := http.NewRequestWithContext(t.Context(), "GET", pageOf(p)+c.path, nil)
		require.NoError(t, err)
		req.Header.Set("Accept", c.accept)
		res, err := client.Do(req)
		require.NoError(t, err)
		res.Body.Close()
		require.Equal(t, c.status, res.StatusCode, c.path+" "+c.accept)
		if c.status == http.StatusFound {
			require.Equal(t, "./#lobby", res.Header.Get("Location"))
		}
	}
}

// All that the page loads, as it is served to a browser, is small.
func TestPageWeighsLittle(t *testing.T) {
	const most = 60 << 10
	address := imitate(t, plain(http.StatusNotFound))
	script, err := web.ReadFile("web/page.js")
	require.NoError(t, err)
	names := slices.DeleteFunc(js.Names(), func(name string) bool { return !strings.Contains(string(script), `"./`+name+`"`) })
	require.Len(t, names, 1, "the others are in page.js")
	require.NoError(t, fs.WalkDir(web, "web", func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && path.Ext(name) != ".gz" {
			names = append(names, strings.TrimPrefix(name, "web/"))
		}
		return err
	}))
	total := 0
	for _, name := range names {
		// No page loads these: one image is for previews of the link, the other one for the home screen of a phone, and the licence is for people.
		if path.Ext(name) == ".png" || name == "LICENSE" {
			continue
		}
		if name == "index.html" {
			name = ""
		}
		req, err := http.NewRequestWithContext(t.Context(), "GET", address+name, nil)
		require.NoError(t, err)
		req.Header.Set("Accept-Encoding", "gzip")
		res, err := plainClient.Do(req)
		require.NoError(t, err)
		require.Equal(t, http.StatusOK, res.StatusCode, name)
		size, err := io.Copy(io.Discard, res.Body)
		require.NoError(t, err)
		res.Body.Close()
		t.Logf("%6d %s", size, name)
		total += int(size)
	}
	t.Log(total)
	require.LessOrEqual(t, total, most)
}

// fillStar has programs that look like pages take part in a star, and returns the address of its room.
func fillStar(t *testing.T, p *program, size int) string {
	t.Helper()
	for i := range size {
		node, err := rtcpeer.Join(t.Context(), p.url+"/lobby", rtcpeer.Config{Topology: rtcpeer.Star, WebRTC: webrtc.Config{Loopback: true, IPv4Only: true}})
		require.NoError(t, err)
		sign, err := json.Marshal(map[string]any{"person": map[string]any{"name": []string{"Red Fox", "Maximilian Alexander", "Ω", "Gold Octopus"}[i%4], "emoji": []string{"🦊", "🐼", "🦉", "🐙"}[i%4], "color": i % 10}})
		require.NoError(t, err)
		var wg sync.WaitGroup
		wg.Go(func() {
			for {
				event, err := node.Receive(context.Background()) // until Close
				if err != nil {
					return
				}
				answer := ""
				switch {
				case event.Kind == rtcpeer.PeerConnected:
					answer = "\x00pongrtc-page"
				case event.Kind != rtcpeer.PacketReceived:
				case string(event.Packet.Data) == "\x00pongrtc-page":
					answer = "\x00page" + string(sign)
				case strings.HasPrefix(string(event.Packet.Data), "\x00ping"):
					answer = strings.Replace(string(event.Packet.Data), "ping", "pong", 1)
				}
				if answer != "" {
					_ = node.TrySend(rtcpeer.Packet{Peer: event.Peer, Mode: event.Packet.Mode, Data: []byte(answer)})
				}
			}
		})
		t.Cleanup(func() { node.Close(); wg.Wait() })
	}
	return pageOf(p) + "#lobby"
}

// Twelve people find room on the stage of a small phone: no name is over another, and nothing is outside. With
// RTCPEER_SCREENSHOTS or RTCPEER_LONG=all, fifty do, too.
func TestCrowdedStage(t *testing.T) {
	skip.Long(t)
	t.Parallel()
	crowds := []int{12}
	if skip.Everything() || os.Getenv("RTCPEER_SCREENSHOTS") != "" {
		crowds = append(crowds, 50)
	}
	for _, size := range crowds {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			inChromium(t, func(t *testing.T, show func(script, url string) view) {
				address := fillStar(t, start(t, nil), size-1)
				tab := show(as(blueOwl), address)
				tab.waitFor(t, fmt.Sprintf(`drawn("node").length === %d && !`+faces+`.includes("Guest") && document.querySelector("#target").length === %d`, size, size-1))
				for _, width := range []int{320, 390, 1280} {
					tab.resize(t, width, 720)
					tab.waitFor(t, `document.querySelector("#stage").dataset.crowd !== "few" && innerWidth === `+fmt.Sprint(width))
					require.Empty(t, tab.await(t, `new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => {
					const stage = document.querySelector("#stage").getBoundingClientRect(), wrong = [];
					const boxes = [...document.querySelectorAll(".node .face, .node .label")].map((e) => [e.textContent, e.getBoundingClientRect()]);
					boxes.forEach(([name, a], i) => {
						if (a.left < stage.left || a.right > stage.right || a.top < stage.top || a.bottom > stage.bottom) wrong.push(name + " is outside");
						for (const [other, b] of boxes.slice(i + 1)) {
							if (Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1 && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 1) wrong.push(name + " is over " + other);
						}
					});
					done([...new Set(wrong)].join("\n"));
				})))`), "%d px", width)
				}
				tab.resize(t, 0, 0)
				tab.shoot(t, fmt.Sprintf("crowd-%d", size))
				quiet(t, tab)
			})
		})
	}
}

// Who wants no motion gets none.
func TestReducedMotion(t *testing.T) {
	skip.Long(t)
	t.Parallel()
	tab := openBrowser(t).open(t, pageOf(start(t, nil))+"#lobby")
	tab.waitFor(t, `drawn("node").length === 1`)
	for _, c := range []struct{ motion, animation string }{{"no-preference", "thrown"}, {"reduce", "none"}} {
		tab.do(t, chromedp.Func(func(ctx context.Context, to *chromedp.Target) error {
			_, err := cdp.Call(ctx, to, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
				Features: []*emulation.MediaFeature{{Name: "prefers-reduced-motion", Value: c.motion}},
			})
			return err
		}))
		// In one expression, as what is thrown is not there for long.
		require.Equal(t, c.animation, tab.text(t, `(document.querySelector("#emoji button").click(), getComputedStyle([...document.querySelectorAll(".thrown")].at(-1)).animationName)`))
	}
	tab.quiet(t)
}
