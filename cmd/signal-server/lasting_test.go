package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// cuttable has a page's connections go through a cable that a test can pull: cut() drops all that goes over those there
// are, both ways, and nothing of those that are made later, unless blocked is set.
const cuttable = `{
	const Stack = RTCPeerConnection, all = new Set();
	globalThis.blocked = false;
	globalThis.cut = () => all.forEach((pc) => (pc.isCut = true));
	globalThis.RTCPeerConnection = class extends Stack {
		constructor(...args) {
			super(...args);
			this.isCut = blocked;
			all.add(this);
		}
		createDataChannel(...args) {
			const channel = super.createDataChannel(...args), send = channel.send.bind(channel), listen = channel.addEventListener.bind(channel);
			channel.send = (data) => this.isCut || send(data);
			channel.addEventListener = (name, take) => listen(name, (e) => (this.isCut && name === "message") || take(e));
			return channel;
		}
	};
}`

// Whose path is cut sees it, and what is said meanwhile is marked until it has arrived.
func TestPageComesBack(t *testing.T) {
	p := start(t, nil)
	browser := openBrowser(t)
	one := browser.open(t, pageOf(p)+"#lobby")
	one.waitFor(t, `drawn("node").length === 1`)
	two := browser.open(t, "about:blank")
	two.before(t, cuttable)
	two.visit(t, pageOf(p)+"#lobby")
	for _, tab := range []*tab{one, two} {
		tab.waitFor(t, `drawn("link").join() === "link connected"`)
	}
	two.text(t, `blocked = true, cut(), "cut"`)
	two.waitFor(t, `drawn("link").join() === "link interrupted" && said().startsWith("Nothing is heard of 1 at the moment")`)
	two.say(t, "anybody?")
	two.waitFor(t, `document.querySelector("#log .waiting")?.textContent === "you: anybody?"`)
	two.waitFor(t, `document.querySelector("#alone").hidden`)
	require.Equal(t, "sticky", two.text(t, `getComputedStyle(document.querySelector("#bar")).position`))
	two.shoot(t, "interrupted")
	two.text(t, `blocked = false, "mended"`)
	one.waitFor(t, `logged("ID: anybody?")`)
	for _, tab := range []*tab{one, two} {
		tab.waitFor(t, `drawn("link").join() === "link connected" && said() === ""`)
		require.Equal(t, "0", tab.text(t, `String(log().match(/left|lost/g)?.length ?? 0)`), "no link has ended")
	}
	two.waitFor(t, `!document.querySelector("#log .waiting, #log .missed")`)
	one.quiet(t)
	two.quiet(t)
}

// A star's host that reloads its page is the host again, and its guests wait for it.
func TestHostReloads(t *testing.T) {
	p := start(t, nil)
	browser := openBrowser(t)
	host := browser.open(t, pageOf(p))
	host.waitFor(t, `!document.querySelector("#start").hidden`)
	host.click(t, "#create input[value=star]")
	host.click(t, "#create button")
	host.waitFor(t, `location.hash.length > 1`)
	guests := []*tab{browser.open(t, host.text(t, `location.href`)), browser.open(t, host.text(t, `location.href`))}
	for _, guest := range guests {
		guest.waitFor(t, `drawn("link").join() === "link others,link connected"`)
	}
	host.text(t, `location.reload(), "reloads"`)
	for _, guest := range guests {
		guest.waitFor(t, `log().includes("was lost") || log().includes("left.")`)
		guest.waitFor(t, `drawn("link").join() === "link others,link connected" && said() === ""`)
	}
	host.waitFor(t, `document.querySelector("#where").textContent.endsWith("a star. You are 1.") && drawn("link").join() === "link connected,link connected"`)
	guests[0].say(t, "still here")
	guests[1].waitFor(t, `log().includes("still here")`)

	// A tab that was duplicated has the storage of the host's, and is a guest all the same.
	copied := host.cover(t, "about:blank")
	stored := host.text(t, `JSON.stringify(Object.entries(sessionStorage))`)
	copied.before(t, `for (const [key, value] of `+stored+`) sessionStorage.setItem(key, value);`)
	copied.visit(t, host.text(t, `location.href`))
	copied.waitFor(t, `/You are \d{2,}\./.test(document.querySelector("#where").textContent)`)
	host.waitFor(t, `drawn("link").length === 3`)
	host.quiet(t)
}

// After a restart of the server without a key, one button joins the room again, and a page without links does so by itself.
func TestJoinAgain(t *testing.T) {
	p := start(t, nil)
	browser := openBrowser(t)
	one, two := browser.open(t, pageOf(p)+"#lobby"), browser.open(t, pageOf(p)+"#lobby")
	for _, tab := range []*tab{one, two} {
		tab.waitFor(t, `drawn("link").join() === "link connected"`)
	}
	require.Equal(t, exitOK, p.stop())
	one.waitFor(t, `said().includes("lost; trying again")`)
	start(t, nil, "--listen="+p.url[len("ws://"):])
	for _, tab := range []*tab{one, two} {
		tab.waitFor(t, `said().includes("Join again") && !document.querySelector("#again").hidden`)
	}
	one.click(t, "#again") // and the other one, whose last link ends with that, joins by itself
	for _, tab := range []*tab{one, two} {
		tab.waitFor(t, `said() === "" && drawn("link").join() === "link connected" && document.querySelector("#again").hidden`)
	}
}
