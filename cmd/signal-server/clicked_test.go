package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/testdata/skip"
)

// centre waits for an element and returns the place of its middle, where a finger must find it, and no other one.
func centre(t *testing.T, v view, element string) (x, y int) {
	t.Helper()
	v.waitFor(t, element+`?.checkVisibility()`)
	// Until a frame shows what was scrolled, Firefox may press the mouse where the element was before, and release it where it is.
	v.text(t, `(() => {
		`+element+`.scrollIntoView({ block: "center", behavior: "instant" });
		globalThis.painted = false;
		requestAnimationFrame(() => requestAnimationFrame(() => (globalThis.painted = true)));
	})()`)
	v.waitFor(t, `painted`)
	place := v.text(t, `(() => {
		const element = `+element+`;
		const { left, top, width, height } = element.getBoundingClientRect(), x = Math.round(left + width / 2), y = Math.round(top + height / 2);
		const found = document.elementFromPoint(x, y);
		if (!element.contains(found)) return "it is below " + (found?.outerHTML ?? "the edge");
		return Math.min(width, height) < 24 ? "it is " + width + " by " + height + " pixels" : x + " " + y;
	})()`)
	m := regexp.MustCompile(`^(\d+) (\d+)$`).FindStringSubmatch(place)
	require.NotNil(t, m, "%s: %s", element, place)
	x, _ = strconv.Atoi(m[1])
	y, _ = strconv.Atoi(m[2])
	return x, y
}

func tap(t *testing.T, v view, element string) {
	t.Helper()
	x, y := centre(t, v, element)
	v.mouse(t, x, y)
}

// byCSS and named are elements.
func byCSS(selector string) string { return `document.querySelector("` + selector + `")` }

func named(button string) string {
	return `[...document.querySelectorAll("button")].find((b) => b.textContent === "` + button + `" && b.checkVisibility())`
}

// Somebody starts a room, invites a guest and uses the whole page, with mouse and keyboard only, at each of three sizes.
func TestPageByMouseAndKeyboard(t *testing.T) {
	skip.Long(t)
	t.Parallel()
	inEachBrowser(t, func(t *testing.T, show func(script, url string) view) {
		p := start(t, nil)
		file := filepath.Join(t.TempDir(), "holiday.jpg")
		require.NoError(t, os.WriteFile(file, make([]byte, 100_000), 0o600))
		for _, size := range sizes {
			t.Run(size.name, func(t *testing.T) {
				fits := func(v view, what string) {
					t.Helper()
					require.Empty(t, tooWide(t, v), what)
					require.Equal(t, "0", v.text(t, `Math.max(0, document.documentElement.scrollWidth - innerWidth)`), what)
				}
				one := show("", pageOf(p))
				one.resize(t, size.width, size.height)
				one.waitFor(t, `outside()`)
				fits(one, "the start")
				tap(t, one, named("Start a room"))
				one.waitFor(t, `location.hash.length > 1 && drawn("node").length === 1`)
				fits(one, "alone")

				tap(t, one, byCSS("#alone-copy"))
				one.waitFor(t, `document.querySelector("#alone-copy").textContent === "Copied"`)
				tap(t, one, byCSS("#alone-qr"))
				one.waitFor(t, `document.querySelector("#room-dialog").open && document.querySelector("#qr path") !== null`)
				fits(one, "the QR code")
				tap(t, one, named("Done"))
				tap(t, one, byCSS("#room-name"))
				tap(t, one, byCSS("#lock"))
				one.waitFor(t, `document.querySelector("#lock").textContent === "Unlock the room"`)
				tap(t, one, byCSS("#lock"))
				one.waitFor(t, `document.querySelector("#lock").textContent === "Lock the room for a while"`)
				tap(t, one, named("Done"))

				tap(t, one, byCSS("#me"))
				tap(t, one, byCSS("#me-name"))
				one.text(t, `document.querySelector("#me-name").select()`)
				one.press(t, "Ann")
				tap(t, one, byCSS("#me-emoji label:nth-child(9) input"))
				tap(t, one, byCSS("#me-color label:nth-child(4) input"))
				fits(one, "the own name")
				tap(t, one, named("Save"))
				one.waitFor(t, `document.querySelector(".node.me").dataset.color === "3" && document.querySelector("#me").textContent.endsWith(" Ann")`)

				two := show(as(blueOwl)+saving, one.text(t, `location.href`))
				two.resize(t, size.width, size.height)
				for _, v := range []view{one, two} {
					v.waitFor(t, `drawn("link").join() === "link connected" && !`+faces+`.includes("Guest")`)
					fits(v, "two")
				}
				for i := range 6 {
					width, err := strconv.ParseFloat(one.text(t, fmt.Sprintf(`document.querySelector("#emoji button:nth-child(%d)").offsetWidth`, i+1)), 64)
					require.NoError(t, err)
					require.GreaterOrEqual(t, width, 32.0, "wide enough for an emoji")
				}
				two.text(t, `globalThis.thrown = [], new MutationObserver((changes) => {
					for (const { addedNodes } of changes) for (const e of addedNodes) if (e.className === "thrown") thrown.push(e.textContent);
				}).observe(document.querySelector("#field"), { childList: true })`)
				tap(t, one, byCSS("#emoji button:nth-child(3)"))
				two.waitFor(t, `thrown.join() === "😂"`)

				x, y := centre(t, one, byCSS(".node.me"))
				was := one.text(t, `place(1)`)
				one.mouse(t, x, y, [2]int{x + 20, y - 30}, [2]int{x + 40, y - 60})
				one.waitFor(t, `place(1) !== "`+was+`"`)
				two.waitFor(t, `place(1) === "`+one.text(t, `place(1)`)+`"`)

				tap(t, one, byCSS(".node.connected"))
				one.waitFor(t, `document.querySelector("#person").open && /good|slow|poor|not measured/.test(document.querySelector("#person-path").textContent)`)
				fits(one, "a person")
				one.choose(t, "#person-file", file)
				two.waitFor(t, `lines().join() === "Ann wants to send you holiday.jpg (100 kB)."`)
				fits(two, "a file")
				tap(t, two, named("Accept"))
				two.waitFor(t, `saved.length === 1`)
				one.waitFor(t, `[...document.querySelectorAll("#files li span[dir]")].map((e) => e.textContent).join() === "Blue Owl has holiday.jpg."`)
				tap(t, two, named("Hide"))
				two.waitFor(t, `lines().length === 0`)

				tap(t, two, byCSS("#text"))
				two.press(t, "thank you")
				tap(t, two, named("Send"))
				one.waitFor(t, `logged("ID: thank you")`)

				tap(t, one, byCSS("#details summary"))
				one.waitFor(t, `rows().length === 1 && rows()[0].match(/ms 0 % lost/g)?.length === 3`)
				fits(one, "the details")
				tap(t, one, byCSS("#measure button"))
				one.waitFor(t, `/arrived at .+ Mbit/.test(document.querySelector("#result").textContent)`)
				fits(one, "a result")
				one.shoot(t, "clicked-"+size.name)

				tap(t, two, byCSS("#leave"))
				two.waitFor(t, `outside() && location.hash === ""`)
				one.waitFor(t, `drawn("node").length === 1 && logged("ID left.")`)
				tap(t, one, byCSS("#leave"))
				one.waitFor(t, `outside()`)
			})
		}
	})
}
