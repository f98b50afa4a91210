package main

import (
	"fmt"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

// saving keeps what a page saves, in place of downloading it.
const saving = `
	globalThis.saved = [];
	{
		const create = URL.createObjectURL;
		URL.createObjectURL = (blob) => (saved.push(blob), create.call(URL, blob));
		HTMLAnchorElement.prototype.click = () => {};
	}
	globalThis.lines = () => [...document.querySelectorAll("#files li span[dir]")].map((e) => e.textContent);
	globalThis.press = (name) => [...document.querySelectorAll("#files button")].find((b) => b.textContent === name)?.click();
	// bytes that are the same at both ends, and nowhere repeat
	globalThis.content = (size) => { const b = new Uint32Array(size / 4); for (let i = 0, x = 1; i < b.length; i++) b[i] = x = (Math.imul(x, 1664525) + 1013904223) >>> 0; return new Uint8Array(b.buffer); };
	globalThis.drop = (selector, name, size) => {
		const data = new DataTransfer();
		data.items.add(new File([content(size)], name, { type: "text/html" }));
		for (const type of ["dragover", "drop"]) document.querySelector(selector).dispatchEvent(new DragEvent(type, { bubbles: true, cancelable: true, dataTransfer: data }));
	};
	globalThis.same = async (blob, size) => { const a = new Uint8Array(await blob.arrayBuffer()), b = content(size); return a.length === size && a.every((v, i) => v === b[i]); };
	globalThis.check = (i, size) => void same(saved[i], size).then((is) => (document.documentElement.dataset.same = is));`

// A file that is dropped on somebody is theirs alone once they accept it, and one on the stage is everybody's.
func TestFilesOfThePage(t *testing.T) {
	inChromium(t, func(t *testing.T, show func(script, url string) view) {
		p := start(t, nil)
		one := show(as(redFox)+saving, pageOf(p)+"#lobby")
		one.waitFor(t, `drawn("node").length === 1`)
		one.text(t, `drop("#stage", "a.txt", 4)`)
		one.waitFor(t, `log().includes("Nobody is here to take a file yet.")`)
		two := show(as(blueOwl)+saving, pageOf(p)+"#lobby")
		three := show(as(`{ name: "Gold Bear", emoji: "🐻", color: 2 }`)+saving, pageOf(p)+"#lobby")
		for _, tab := range []view{one, two, three} {
			tab.waitFor(t, `document.querySelector("#target").length === 2 && !`+faces+`.includes("Guest")`)
		}

		one.text(t, `drop(".node[aria-label^='Blue Owl']", "../../holiday.html", 100000)`)
		two.waitFor(t, `lines().join() === "Red Fox wants to send you holiday.html (100 kB)."`)
		one.waitFor(t, `lines().join() === "../../holiday.html (100 kB): waiting for Blue Owl to take it"`)
		if tab, ok := two.(*tab); ok {
			tab.shoot(t, "file")
		}
		two.text(t, `press("Accept")`)
		two.waitFor(t, `lines().join() === "holiday.html from Red Fox is here (100 kB)." && saved.length === 1`)
		one.waitFor(t, `lines().join() === "Blue Owl has ../../holiday.html."`)
		two.text(t, `check(0, 100000)`)
		two.waitFor(t, `document.documentElement.dataset.same === "true"`)
		require.Equal(t, "application/octet-stream", two.text(t, `saved[0].type`), "no page of somebody else's")
		require.Empty(t, three.text(t, `lines().join()`))

		two.text(t, `press("Hide")`)
		one.text(t, `press("Hide"), drop("#stage", "song.mp3", 8)`)
		for _, tab := range []view{two, three} {
			tab.waitFor(t, `lines().join() === "Red Fox wants to send you song.mp3 (8 bytes)."`)
		}
		two.text(t, `press("Refuse")`)
		three.text(t, `press("Accept")`)
		one.waitFor(t, `lines().sort().join() === "Gold Bear has song.mp3.,song.mp3: Blue Owl did not take it."`)
	})
}

// A large file that is cancelled in its middle goes on from there when it is sent again. With RTCPEER_LAB_LONG it has 50 MB.
func TestFileGoesOn(t *testing.T) {
	size := 8_000_000
	if os.Getenv("RTCPEER_LAB_LONG") != "" {
		size = 50_000_000
	}
	inChromium(t, func(t *testing.T, show func(script, url string) view) {
		p := start(t, nil)
		one, two := show(as(redFox)+saving, pageOf(p)+"#lobby"), show(as(blueOwl)+saving, pageOf(p)+"#lobby")
		for _, tab := range []view{one, two} {
			tab.waitFor(t, `document.querySelector("#target").length === 1 && !document.querySelector("#target").disabled && !`+faces+`.includes("Guest")`)
		}
		// As soon as some of it is there, the receiver has had enough.
		two.text(t, `globalThis.from = [], new MutationObserver(() => {
			const value = document.querySelector("#files progress:not([hidden])")?.value;
			if (value > 0) from.push(value);
			if (from.length && !globalThis.cancelled) cancelled = true, press("Cancel");
		}).observe(document.querySelector("#files"), { childList: true, subtree: true, attributes: true })`)
		one.text(t, fmt.Sprintf(`drop(".node.connected", "film.mkv", %d)`, size))
		two.waitFor(t, `lines().length === 1`)
		two.text(t, `press("Accept")`)
		two.waitFor(t, `lines().includes("film.mkv: cancelled.")`)
		one.waitFor(t, `lines().includes("film.mkv: Blue Owl has cancelled it.")`)
		two.text(t, `from.length = 0`)
		one.text(t, `press("Send again")`)
		two.waitFor(t, `lines().some((line) => line.startsWith("Red Fox wants to send you film.mkv"))`)
		two.text(t, `press("Accept")`)
		two.waitFor(t, `saved.length === 1`)
		two.text(t, fmt.Sprintf(`check(0, %d)`, size))
		two.waitFor(t, `document.documentElement.dataset.same === "true"`)
		require.Equal(t, "true", two.text(t, `from[0] > 0.001`), "not from its beginning")
	})
}
