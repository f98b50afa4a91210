package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/testdata/skip"
)

// cuttable has a page's connections go through a cable that a test can pull: cut() drops all that goes over the links
// there are, both ways, and nothing of those that are made later, unless blocked is set. unplug() takes the page off the
// network, and plug() puts it back: no link, no WebSocket, and the browser says so.
const cuttable = `{
	const Stack = RTCPeerConnection, Socket = WebSocket, all = new Set(), sockets = new Set();
	let online = true;
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
	globalThis.WebSocket = class extends Socket {
		constructor(url, protocols) {
			super(url, protocols);
			sockets.add(this);
			if (!online) this.close();
		}
	};
	Object.defineProperty(navigator, "onLine", { get: () => online });
	globalThis.unplug = () => {
		online = false;
		blocked = true;
		cut();
		sockets.forEach((socket) => socket.close());
		dispatchEvent(new Event("offline"));
	};
	globalThis.plug = () => {
		online = true;
		blocked = false;
		dispatchEvent(new Event("online"));
	};
}`

// Whose path is cut sees it, and what is said meanwhile is marked until it has arrived.
func TestPageComesBack(t *testing.T) {
	skip.Long(t)
	t.Parallel()
	inEachBrowser(t, func(t *testing.T, show func(script, url string) view) {
		p := start(t, nil)
		one := show("", pageOf(p)+"#lobby")
		one.waitFor(t, `drawn("node").length === 1`)
		two := show(cuttable, pageOf(p)+"#lobby")
		for _, tab := range []view{one, two} {
			tab.waitFor(t, `drawn("link").join() === "link connected"`)
		}
		two.text(t, `blocked = true, cut()`)
		two.waitFor(t, `drawn("link").join() === "link interrupted" && /^Nothing is heard from .+ at the moment/.test(said())`)
		two.say(t, "anybody?")
		two.waitFor(t, `entry(document.querySelector("#log .waiting")) === "you: anybody?"`)
		two.waitFor(t, `document.querySelector("#alone").hidden`)
		require.Equal(t, "sticky", two.text(t, `getComputedStyle(document.querySelector("#bar")).position`))
		if tab, ok := two.(*tab); ok {
			tab.shoot(t, "interrupted")
		}
		two.text(t, `blocked = false`)
		one.waitFor(t, `logged("ID: anybody?")`)
		for _, tab := range []view{one, two} {
			tab.waitFor(t, `drawn("link").join() === "link connected" && said() === ""`)
			require.Equal(t, "0", tab.text(t, `log().match(/left|lost/g)?.length ?? 0`), "no link has ended")
		}
		two.waitFor(t, `!document.querySelector("#log .waiting, #log .missed")`)
	})
}

// A chat line that one member has not got yet is marked with the name of that member only. If a star's guest cannot reach its
// host, the mark has the names of all members that it reaches through the host.
func TestUndeliveredMarksNameMembers(t *testing.T) {
	skip.Long(t)
	t.Parallel()
	const mark = `[...document.querySelectorAll("#log .waiting")].map((line) => entry(line) + line.dataset.to).join()`
	const missed = `[...document.querySelectorAll("#log p:has(.missed)")].map((line) => entry(line) + line.querySelector(".missed").textContent).join()`
	t.Run("mesh", func(t *testing.T) {
		t.Parallel()
		inEachBrowser(t, func(t *testing.T, show func(script, url string) view) {
			p := start(t, nil)
			room := pageOf(p) + "#lobby"
			one, two, three := show(as(redFox), room), show(as(blueOwl), room), show(as(goldBear)+cuttable, room)
			all := []view{one, two, three}
			for _, tab := range all {
				tab.waitFor(t, `drawn("link").filter((c) => c === "link connected").length === 2 && !`+faces+`.includes("Guest")`)
			}
			three.text(t, `blocked = true, cut()`)
			one.waitFor(t, `said().startsWith("Nothing is heard from Gold Bear at the moment")`)
			one.say(t, "anybody?")
			two.waitFor(t, `log().includes("anybody?")`)
			one.waitFor(t, mark+` === "you: anybody? to Gold Bear"`)
			three.text(t, `blocked = false`)
			three.waitFor(t, `log().includes("anybody?")`)
			one.waitFor(t, mark+` === "" && said() === ""`)
			require.Equal(t, "", one.text(t, missed))

			three.text(t, `blocked = true, cut()`)
			one.waitFor(t, `said().startsWith("Nothing is heard from Gold Bear at the moment")`)
			one.say(t, "and now?")
			two.waitFor(t, `log().includes("and now?")`)
			one.waitFor(t, mark+` === "you: and now? to Gold Bear"`)
			three.shut(t)
			one.waitFor(t, missed+` === "you: and now? · perhaps not heard by Gold Bear" && `+mark+` === ""`)
		})
	})
	t.Run("star", func(t *testing.T) {
		t.Parallel()
		inEachBrowser(t, func(t *testing.T, show func(script, url string) view) {
			host, owl, bear := openStar(t, start(t, nil), show, cuttable)
			host.text(t, `blocked = true, cut()`)
			owl.waitFor(t, `said().startsWith("Nothing is heard from ")`)
			owl.say(t, "anybody?")
			owl.waitFor(t, mark+` === "you: anybody? to Red Fox, Gold Bear"`)
			host.text(t, `blocked = false`)
			for _, tab := range []view{host, bear} {
				tab.waitFor(t, `log().includes("anybody?")`)
			}
			owl.waitFor(t, mark+` === "" && said() === ""`)
		})
	})
}

// Who is off the network for 20 s is told so, loses nobody and nothing, and comes back by itself: in a mesh, as the guest
// of a star, and as its host.
func TestPageOffline(t *testing.T) {
	skip.Long(t)
	t.Parallel()
	openBrowser(t)
	for _, c := range []struct {
		name, topology string
		host           bool
	}{{"mesh", "mesh", false}, {"guest", "star", false}, {"host", "star", true}} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel() // they mostly wait
			inEachBrowser(t, func(t *testing.T, show func(script, url string) view) {
				p := start(t, nil)
				one := show(cuttable, pageOf(p))
				create(t, one, c.topology)
				two := show(cuttable, one.text(t, `location.href`))
				for _, tab := range []view{one, two} {
					tab.waitFor(t, `drawn("link").join() === "link connected"`)
				}
				away, here := two, one
				if c.host {
					away, here = one, two
				}
				away.text(t, `unplug(), globalThis.unplugged = performance.now()`)
				away.waitFor(t, `said().startsWith("This device is offline.") && drawn("link").join() === "link interrupted"`)
				away.say(t, "from nowhere")
				away.waitFor(t, `entry(document.querySelector("#log .waiting")) === "you: from nowhere"`)
				here.waitFor(t, `said().startsWith("Nothing is heard from ")`)
				here.say(t, "to nowhere")
				away.waitFor(t, `performance.now() - unplugged > 20000`)
				for _, tab := range []view{one, two} {
					require.Equal(t, "true", tab.text(t, `document.querySelector("#alone").hidden`), "nobody is said to be alone")
				}
				away.text(t, `plug()`)
				here.waitFor(t, `log().includes("from nowhere")`)
				away.waitFor(t, `log().includes("to nowhere")`)
				for _, tab := range []view{one, two} {
					tab.waitFor(t, `said() === "" && drawn("link").join() === "link connected" && !document.querySelector("#log .waiting, #log .missed")`)
					require.Equal(t, "0", tab.text(t, `log().match(/left|lost/g)?.length ?? 0`), "no link has ended")
				}
			})
		})
	}
}

// Twelve tabs in a mesh that are off the network at the same moment, and back at the same moment, have all of their 66 links
// again, and lose nobody.
func TestTwelveTabsOffline(t *testing.T) {
	skip.Long(t)
	const tabs = 12
	p := start(t, nil)
	browser := openBrowser(t)
	var all []*tab
	for range tabs {
		tab := browser.open(t, "about:blank")
		tab.before(t, cuttable)
		tab.visit(t, pageOf(p)+"#lobby")
		tab.waitFor(t, `drawn("node").length > 0`)
		all = append(all, tab)
	}
	whole := fmt.Sprintf(`drawn("link").filter((c) => c === "link connected").length === %d`, tabs-1)
	for _, tab := range all {
		tab.waitFor(t, whole)
	}
	for _, tab := range all {
		tab.text(t, `unplug()`)
	}
	for _, tab := range all {
		tab.waitFor(t, `said().startsWith("This device is offline.") && !drawn("link").includes("link connected")`)
	}
	for _, tab := range all {
		tab.text(t, `plug()`)
	}
	for i, tab := range all {
		tab.waitFor(t, `said() === "" && `+whole)
		require.Equal(t, "0", tab.text(t, `log().match(/left|lost/g)?.length ?? 0`), "no link has ended")
		tab.say(t, fmt.Sprintf("tab %d is back", i))
	}
	for _, tab := range all {
		tab.waitFor(t, fmt.Sprintf(`log().match(/tab \d+ is back/g)?.length === %d && !document.querySelector("#log .waiting, #log .missed")`, tabs))
		tab.quiet(t, offline...)
	}
}

// create has a page create a room.
func create(t *testing.T, v view, topology string) {
	t.Helper()
	v.waitFor(t, `!document.querySelector("#start").hidden`)
	v.text(t, `unfold("#advanced")`)
	v.click(t, `#create input[value=`+topology+`]`)
	v.click(t, `#create button`)
	v.waitFor(t, `location.hash.length > 1`)
}

// A star's host that reloads its page is the host again, and its guests wait for it; but for five seconds alone, so that on a
// busy machine one of them may have taken its place. Then it is a guest, as who it was.
func TestHostReloads(t *testing.T) {
	skip.Long(t)
	t.Parallel()
	inEachBrowser(t, func(t *testing.T, show func(script, url string) view) {
		p := start(t, nil)
		host := show("", pageOf(p))
		create(t, host, "star")
		guests := []view{show("", host.text(t, `location.href`)), show("", host.text(t, `location.href`))}
		for _, guest := range guests {
			guest.waitFor(t, `drawn("link").join() === "link others,link connected"`)
		}
		name := host.text(t, `document.querySelector("#me").textContent`)
		host.text(t, `globalThis.before = true, setTimeout(() => location.reload())`)
		for _, guest := range guests {
			guest.waitFor(t, `log().includes("was lost") || log().includes("left.") || log().includes("the host now.")`)
			guest.waitFor(t, `drawn("node").length === 3 && !drawn("link").some((link) => !/connected|others/.test(link)) && said() === ""`)
		}
		host.waitFor(t, `!globalThis.before && drawn("node").length === 3 && !drawn("link").some((link) => !/connected|others/.test(link))`)
		require.Equal(t, name, host.text(t, `document.querySelector("#me").textContent`))
		replaced := guests[0].text(t, `String(log().includes("the host now."))`) == "true"
		where := host.text(t, `document.querySelector("#where").textContent`)
		require.Equal(t, replaced, !strings.Contains(where, "You are 1."), where)
		guests[0].say(t, "still here")
		for _, other := range []view{host, guests[1]} {
			other.waitFor(t, `log().includes("still here") && document.querySelectorAll(".node.host").length === 1`)
		}

		// A tab that was duplicated has the storage of the host's, and is a guest all the same.
		stored := host.text(t, `JSON.stringify(Object.entries(sessionStorage))`)
		copied := host.beside(t, `for (const [key, value] of `+stored+`) sessionStorage.setItem(key, value);`, host.text(t, `location.href`))
		copied.waitFor(t, `/You are \d{2,}\./.test(document.querySelector("#where").textContent)`)
		host.waitFor(t, `drawn("link").length === 3`)
	})
}

// A star's host that is not back within five seconds is a guest of its room, although that is closed to newcomers; and so is
// the next host, who came by the link. Who reloads a page as such a guest is the same guest.
func TestHostReloadsSlowly(t *testing.T) {
	skip.Long(t)
	t.Parallel()
	inEachBrowser(t, func(t *testing.T, show func(script, url string) view) {
		p := start(t, nil)
		one, two, three := openStar(t, p, show, "")
		one.click(t, "#room-name")
		one.click(t, "#seal")
		one.waitFor(t, `document.querySelector("#seal").textContent === "Closed to newcomers"`)
		for _, c := range []struct {
			goes        view
			next, other string
			stay        []view
		}{{one, "Blue Owl", "Gold Bear", []view{two, three}}, {two, "Gold Bear", "Red Fox", []view{one, three}}} {
			c.goes.visit(t, pageOf(p)+"LICENSE")
			for _, tab := range c.stay {
				tab.waitFor(t, crowned+`?.includes(log().includes("You are the host now.") ? "You" : "`+c.next+`") && said() === ""`)
			}
			c.goes.text(t, `setTimeout(() => history.back())`)
			c.goes.waitFor(t, `globalThis.log?.().includes("While you were away, somebody else became the host.")`)
			c.goes.waitFor(t, `drawn("node").length === 3 && !drawn("link").some((link) => !/connected|others/.test(link)) && `+crowned+`.includes("`+c.next+`")`)
			c.goes.say(t, "here again, before "+c.other)
			for _, tab := range c.stay {
				tab.waitFor(t, `log().includes("here again, before `+c.other+`")`)
			}
		}
		me := `document.querySelector("#where").textContent.match(/\d+\.$/)[0]`
		id := two.text(t, me)
		two.text(t, `globalThis.before = true, setTimeout(() => location.reload())`)
		two.waitFor(t, `!globalThis.before && globalThis.drawn && drawn("node").length === 3 && !drawn("link").some((link) => !/connected|others/.test(link))`)
		require.Equal(t, id, two.text(t, me))
		require.Equal(t, "false", two.text(t, `log().includes("While you were away")`))
	})
}

// Whoever reloads the page in a room that takes no newcomers is who they were: also the host of a mesh, who alone can open it again.
func TestReloadInALockedRoom(t *testing.T) {
	skip.Long(t)
	t.Parallel()
	inEachBrowser(t, func(t *testing.T, show func(script, url string) view) {
		p := start(t, nil)
		one := show(as(redFox), pageOf(p))
		create(t, one, "mesh")
		two := show(as(blueOwl), one.text(t, `location.href`))
		all := []view{one, two}
		for _, tab := range all {
			tab.waitFor(t, `drawn("link").join() === "link connected"`)
		}
		one.click(t, "#room-name")
		one.click(t, "#lock")
		one.waitFor(t, `document.querySelector("#lock").textContent === "Unlock the room"`)
		const kept = `sessionStorage.getItem("rtcpeer " + location.hash.slice(1)) !== null`
		const where = `document.querySelector("#where").textContent`
		for i, tab := range all {
			tab.waitFor(t, kept)
			was := tab.text(t, where)
			tab.text(t, `globalThis.before = true, setTimeout(() => location.reload())`)
			tab.waitFor(t, `!globalThis.before && globalThis.drawn && drawn("link").join() === "link connected" && said() === ""`)
			require.Equal(t, was, tab.text(t, where))
			all[1-i].waitFor(t, `drawn("link").join() === "link connected" && said() === ""`)
		}
		one.click(t, "#room-name")
		one.click(t, "#lock")
		for _, tab := range all {
			tab.waitFor(t, `!(`+kept+`)`)
		}
		two.text(t, `setTimeout(() => location.href = "about:blank")`) // and who leaves an open room is gone at once
		one.waitFor(t, `log().includes("left.") || log().includes("was lost")`)
	})
}

// Who goes to another page and comes back is in the room again, and as the host if it is back soon enough: whether the browser has kept the
// page meanwhile, or loads it anew. A Firefox that leaves a page does not send what that says last, so that the server keeps
// its former place until the grace time is over; that is no reason to say for longer that nobody answers there.
func TestPageLeftAndBack(t *testing.T) {
	skip.Long(t)
	t.Parallel()
	openBrowser(t)
	for _, topology := range []string{"mesh", "star"} {
		t.Run(topology, func(t *testing.T) {
			t.Parallel() // it mostly waits
			inEachBrowser(t, func(t *testing.T, show func(script, url string) view) {
				p := start(t, nil)
				one := show("", pageOf(p))
				create(t, one, topology)
				two := show("", one.text(t, `location.href`))
				for _, tab := range []view{one, two} {
					tab.waitFor(t, `drawn("link").join() === "link connected"`)
				}
				one.visit(t, pageOf(p)+"LICENSE")
				two.waitFor(t, `log().includes("left.") || log().includes("was lost")`)
				one.text(t, `setTimeout(() => history.back())`)
				for _, tab := range []view{one, two} {
					tab.waitFor(t, `globalThis.drawn && drawn("link").join() === "link connected" && said() === ""`)
				}
				one.waitFor(t, `document.querySelectorAll(".node.host").length === `+map[string]string{"mesh": "0", "star": "1"}[topology])
				one.say(t, "back again")
				two.waitFor(t, `log().includes("back again")`)
			})
		})
	}
}

// After a restart of the server with a key, everybody is who they were, nothing of it is to be seen, and newcomers find them.
func TestServerRestartsWithItsKey(t *testing.T) {
	skip.Long(t)
	t.Parallel()
	inEachBrowser(t, func(t *testing.T, show func(script, url string) view) {
		env := map[string]string{"SIGNAL_SERVER_RESUME_KEY": "0123456789abcdef"}
		at := "--listen=" + freeAddress(t)
		p := start(t, env, at)
		one, two := show("", pageOf(p)+"#lobby"), show("", pageOf(p)+"#lobby")
		var was []string
		for _, tab := range []view{one, two} {
			tab.waitFor(t, `drawn("link").join() === "link connected"`)
			was = append(was, tab.text(t, `document.querySelector("#where").textContent`))
		}
		require.Equal(t, exitOK, p.stop())
		one.waitFor(t, `said().includes("lost; trying again")`)
		one.say(t, "without a server")
		two.waitFor(t, `log().includes("without a server")`)
		p = start(t, env, at)
		for i, tab := range []view{one, two} {
			tab.waitFor(t, `said() === ""`)
			require.Equal(t, was[i], tab.text(t, `document.querySelector("#where").textContent`))
		}
		late := show("", pageOf(p)+"#lobby")
		for _, tab := range []view{one, two, late} {
			tab.waitFor(t, `drawn("link").filter((link) => link === "link connected").length === 2`)
		}
		require.Equal(t, "0", one.text(t, `log().match(/left|lost/g)?.length ?? 0`), "no link has ended")
	})
}

// After a restart of the server without a key, one button joins the room again, and a page without links does so by itself.
func TestJoinAgain(t *testing.T) {
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
		one.waitFor(t, `said().includes("lost; trying again")`)
		start(t, nil, at)
		for _, tab := range []view{one, two} {
			tab.waitFor(t, `said().includes("Join again") && !document.querySelector("#again").hidden`)
		}
		one.click(t, "#again") // and the other one, whose last link ends with that, joins by itself
		for _, tab := range []view{one, two} {
			tab.waitFor(t, `said() === "" && drawn("link").join() === "link connected" && document.querySelector("#again").hidden`)
		}
	})
}
