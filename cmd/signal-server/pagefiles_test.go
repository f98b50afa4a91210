package main

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer"
	"example.org/rtcpeer/testdata/skip"
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
	t.Parallel()
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

		two.text(t, `drop(".node[aria-label^='Red Fox']", "b.txt", 4)`) // 1, as the creator of the room
		one.waitFor(t, `lines().includes("Blue Owl wants to send you b.txt (4 bytes).")`)
	})
}

// Offers that a peer makes and withdraws without end do not fill the list of a page, and are left out after some. Whoever
// else offers a file meanwhile is heard.
func TestOffersWithoutEnd(t *testing.T) {
	skip.Long(t)
	t.Parallel()
	const offer, stop = "\x01", "\x09" // kinds of frames: see package transfer
	inChromium(t, func(t *testing.T, show func(script, url string) view) {
		p := start(t, nil)
		tab := show(as(redFox)+saving, pageOf(p)+"#lobby")
		tab.waitFor(t, `drawn("node").length === 1`)
		tab.text(t, `globalThis.most = 0, new MutationObserver(() => (most = Math.max(most, lines().length))).observe(document.querySelector("#files"), { childList: true })`)
		enter := func() *rtcpeer.Node {
			node, err := rtcpeer.Join(t.Context(), p.url+"/lobby", rtcpeer.Config{})
			require.NoError(t, err)
			t.Cleanup(func() { node.Close() })
			for event := (rtcpeer.Event{}); event.Kind != rtcpeer.PeerConnected || event.Peer != rtcpeer.Server; {
				event, err = node.Receive(t.Context())
				require.NoError(t, err)
			}
			return node
		}
		say := func(node *rtcpeer.Node, text string) {
			require.NoError(t, node.Send(t.Context(), rtcpeer.Packet{Peer: rtcpeer.Server, Mode: rtcpeer.Reliable, Data: []byte(text)}))
		}
		// id is that of a frame: a varint of two bytes.
		id := func(n int) string { return string([]byte{byte(n) | 0x80, byte(n >> 7)}) }
		hostile, honest := enter(), enter()
		for n := 128; n < 1128; n++ {
			say(hostile, "\x00file"+offer+id(n)+"\x01\x04again.txt")
			say(hostile, "\x00file"+stop+id(n)+"\x01")
			if n == 628 {
				say(honest, "\x00file"+offer+id(n)+"\x01\x04a.txt")
			}
		}
		say(hostile, "\x00pingthe last")
		for answer := ""; answer != "\x00pongthe last"; {
			event, err := hostile.Receive(t.Context())
			require.NoError(t, err)
			if event.Kind == rtcpeer.PacketReceived {
				answer = string(event.Packet.Data)
			}
		}
		tab.waitFor(t, `lines().length === 1 && /^Guest( 2)? wants to send you a.txt \(4 bytes\)\.$/.test(lines()[0])`)
		tab.waitFor(t, `/\d+ messages of Guest( 2)? are left out/.test(log())`)
		require.Equal(t, "true", tab.text(t, `most <= 50`))
	})
}

// largeFile is the size of a file that takes a while: 8 MB, and 50 MB with RTCPEER_LONG=all.
func largeFile() int {
	if skip.Everything() {
		return 50_000_000
	}
	return 8_000_000
}

// A large file that was cancelled in the middle continues from there when it is sent again.
func TestCancelledFileResumes(t *testing.T) {
	skip.Long(t)
	t.Parallel()
	size := largeFile()
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

// stalling has a page read a file to about its middle, and no further until resume() is called.
const stalling = `{
	const read = Blob.prototype.arrayBuffer, halfway = new Promise((resolve) => (globalThis.resume = resolve));
	let bytes = 0;
	globalThis.isHalfway = false;
	globalThis.half = Infinity;
	Blob.prototype.arrayBuffer = async function () {
		bytes += this.size;
		if (bytes > half) isHalfway = true, await halfway;
		return read.call(this);
	};
}`

// A file whose link is lost in its middle goes on from there without being accepted again, once the two are connected again.
// After a reload of the sender's page, which has forgotten the file, it goes on once the file is dropped and accepted again.
// With RTCPEER_LONG=all a path is cut for longer than lostAfter, too.
func TestFileOutlivesItsLink(t *testing.T) {
	skip.Long(t)
	t.Parallel()
	openBrowser(t)
	const interrupted = `lines().some((line) => line.startsWith("film.mkv: interrupted. It goes on when "))`
	size, megabytes := largeFile(), "8.0 MB"
	if size > 10_000_000 {
		megabytes = "50 MB"
	}
	type tabs struct{ host, from, to view }
	lostPath := func(t *testing.T, a tabs) {
		a.to.text(t, `unplug()`)
		a.to.waitFor(t, interrupted)
		a.to.text(t, `plug()`)
	}
	for _, c := range []struct {
		name, topology string
		lose           func(t *testing.T, a tabs)
	}{
		{"path interrupted", "mesh", func(t *testing.T, a tabs) {
			a.to.text(t, `unplug()`)
			a.from.waitFor(t, `drawn("link").includes("link interrupted")`)
			a.from.text(t, `resume()`)
			a.to.text(t, `plug()`)
		}},
		{"path lost", "mesh", lostPath},
		{"host reloads", "star", func(t *testing.T, a tabs) {
			a.host.text(t, `setTimeout(() => location.reload())`)
			a.to.waitFor(t, interrupted+` || log().includes("Red Fox is the host now.")`) // the second if the reload takes long
		}},
		{"sender reloads", "mesh", func(t *testing.T, a tabs) {
			a.from.text(t, `globalThis.before = true, setTimeout(() => location.reload())`)
			a.to.waitFor(t, interrupted)
			a.from.waitFor(t, `!globalThis.before && globalThis.drawn && document.querySelector("#target").length === 2 && !`+faces+`.includes("Guest")`)
			a.from.text(t, fmt.Sprintf(`drop(".node[aria-label^='Blue Owl']", "film.mkv", %d)`, size))
			a.to.waitFor(t, `lines().at(-1).startsWith("Red Fox wants to send you film.mkv")`)
			a.to.text(t, `press("Accept")`)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.name == "path lost" {
				skip.VeryLong(t) // lostAfter is 30 s
			}
			t.Parallel() // they mostly wait
			inChromium(t, func(t *testing.T, show func(script, url string) view) {
				p := start(t, nil)
				host := show(as(`{ name: "Gold Bear", emoji: "🐻", color: 2 }`), pageOf(p))
				create(t, host, c.topology)
				room := host.text(t, `location.href`)
				a := tabs{host, show(as(redFox)+saving+stalling, room), show(as(blueOwl)+saving+cuttable, room)}
				for _, tab := range []view{host, a.from, a.to} {
					tab.waitFor(t, `document.querySelector("#target").length === 2 && !`+faces+`.includes("Guest")`)
				}
				a.to.text(t, `globalThis.from = [], new MutationObserver(() => {
					const value = document.querySelector("#files progress:not([hidden])")?.value;
					if (value > 0 && value !== from.at(-1)) from.push(value);
				}).observe(document.querySelector("#files"), { childList: true, subtree: true, attributes: true })`)
				a.from.text(t, fmt.Sprintf(`half = %d, drop(".node[aria-label^='Blue Owl']", "film.mkv", %d)`, size/2, size))
				a.to.waitFor(t, `lines().length === 1`)
				a.to.text(t, `press("Accept")`)
				a.from.waitFor(t, `isHalfway`)
				a.to.waitFor(t, `from.at(-1) > 0.1`)
				c.lose(t, a)
				a.from.text(t, `resume()`)
				a.to.waitFor(t, `saved.length === 1`)
				a.to.text(t, fmt.Sprintf(`check(0, %d)`, size))
				a.to.waitFor(t, `document.documentElement.dataset.same === "true"`)
				require.Equal(t, "true", a.to.text(t, `from.every((value, i) => !i || value >= from[i - 1])`), "never from its beginning")
				a.to.waitFor(t, `lines().join() === "film.mkv from Red Fox is here (`+megabytes+`)."`)
				a.from.waitFor(t, `lines().join() === "Blue Owl has film.mkv."`)
			})
		})
	}
}
