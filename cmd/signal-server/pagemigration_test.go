package main

import (
	"context"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/testdata/skip"
)

const goldBear = `{ name: "Gold Bear", emoji: "🐻", color: 2 }`

// openStar opens a star of three pages: its host, Red Fox, and the guests Blue Owl and Gold Bear, who came in this order.
func openStar(t *testing.T, p *program, show func(script, url string) view, script string) (host, owl, bear view) {
	t.Helper()
	host = show(as(redFox)+script, pageOf(p))
	create(t, host, "star")
	owl, bear = openGuests(t, host, show, script)
	return host, owl, bear
}

// openGuests opens the pages of Blue Owl and Gold Bear in the room of a star's host.
func openGuests(t *testing.T, host view, show func(script, url string) view, script string) (owl, bear view) {
	t.Helper()
	room := host.text(t, `location.href`)
	owl = show(as(blueOwl)+script, room)
	owl.waitFor(t, `drawn("link").join() === "link connected"`)
	bear = show(as(goldBear)+script, room)
	for _, guest := range []view{owl, bear} {
		guest.waitFor(t, `drawn("link").join() === "link others,link connected" && !`+faces+`.includes("Guest")`)
		guest.waitFor(t, `document.querySelector("#host-tools").hidden && document.querySelector("#target").length === 2`)
	}
	return owl, bear
}

// inTabs shows pages in tabs of the shared Chromium.
func inTabs(t *testing.T) func(script, url string) view {
	browser := openBrowser(t)
	return func(script, url string) view {
		tab := browser.open(t, "about:blank")
		tab.before(t, script)
		tab.visit(t, url)
		return tab
	}
}

// crowned is what the page shows of the host.
const crowned = `document.querySelector(".node.host")?.textContent`

// When the host of a star closes its tab, one of the others is the host, and nobody else is lost.
func TestHostGoes(t *testing.T) {
	t.Parallel()
	inEachBrowser(t, func(t *testing.T, show func(script, url string) view) {
		p := start(t, nil)
		host, owl, bear := openStar(t, p, show, "")
		room := owl.text(t, `location.href`)
		host.shut(t)
		owl.waitFor(t, `log().includes("You are the host now.") && drawn("link").join() === "link connected" && said() === ""`)
		bear.waitFor(t, `log().includes("Blue Owl is the host now.") && drawn("link").join() === "link connected" && said() === ""`)
		owl.waitFor(t, crowned+` === "🦉You"`)
		bear.waitFor(t, crowned+` === "🦉Blue Owl"`)
		for _, tab := range []view{owl, bear} {
			require.Equal(t, "1", tab.text(t, `log().match(/ left| lost| gone/g).length`), tab.text(t, `log()`))
		}
		bear.say(t, "from the guest")
		owl.waitFor(t, `log().includes("from the guest")`)
		owl.say(t, "from the host")
		bear.waitFor(t, `log().includes("from the host")`)

		late := show(as(redFox), room)
		late.waitFor(t, `drawn("link").join() === "link others,link connected" && `+crowned+` === "🦉Blue Owl"`)
		late.say(t, "from the newcomer")
		bear.waitFor(t, `log().includes("from the newcomer")`)
		require.Equal(t, "true", bear.text(t, `document.querySelector("#host-tools").hidden`))
		owl.click(t, "#room-name")
		owl.waitFor(t, `!document.querySelector("#host-tools").hidden`)
		owl.click(t, "#lock")
		owl.waitFor(t, `document.querySelector("#lock").textContent === "Unlock the room"`)
		owl.text(t, `document.querySelector("#room-dialog").close()`)
		owl.click(t, `.node[aria-label^='Gold Bear']`)
		owl.click(t, "#kick")
		bear.waitFor(t, `outside() && said().startsWith("You were removed from the room.")`)
	})
}

// A tab that nobody looks at is not the next host while another one is there, and one of which the battery is nearly empty
// is not either.
func TestHiddenTabIsNotTheNextHost(t *testing.T) {
	skip.Long(t)
	t.Parallel()
	const spied = `
		globalThis.named = [];
		WebSocket.prototype.send = ((send) => function (data) {
			if (String(data).includes('"successor"')) named.push(JSON.parse(data).id ?? 0);
			return send.call(this, data);
		})(WebSocket.prototype.send);
		globalThis.battery = Object.assign(new EventTarget(), { charging: true, level: 0.1 });
		navigator.getBattery = async () => battery;`
	p := start(t, nil)
	host, owl, bear := openStar(t, p, inTabs(t), spied)
	require.Equal(t, "", host.text(t, `named`), "the server would choose Blue Owl, who came first")
	cover := owl.(*tab).cover(t, "about:blank")
	bears := host.text(t, `document.querySelector(".node[aria-label^='Gold Bear']").dataset.id`)
	host.waitFor(t, `named.join() === "`+bears+`"`)
	bear.text(t, `battery.charging = false, battery.dispatchEvent(new Event("chargingchange"))`)
	host.waitFor(t, `named.join() === "`+bears+`,0"`)
	bear.text(t, `battery.charging = true, battery.dispatchEvent(new Event("chargingchange"))`)
	host.waitFor(t, `named.join() === "`+bears+`,0,`+bears+`"`)
	host.shut(t)
	owl.waitFor(t, `log().includes("Gold Bear is the host now.")`)
	bear.waitFor(t, `log().includes("You are the host now.") && drawn("link").join() === "link connected"`)
	cover.quiet(t)
	owl.(*tab).quiet(t)
	bear.(*tab).quiet(t)
}

// A host that is frozen, as phones do to pages in the background, is replaced when the others have given it up. When it goes
// on it is a guest, as who it was.
func TestHostIsFrozen(t *testing.T) {
	skip.Long(t)
	t.Parallel()
	t.Run("Chromium", func(t *testing.T) {
		t.Parallel() // it mostly waits
		show := inTabs(t)
		host := show(as(redFox), pageOf(start(t, nil)))
		hostIsFrozen(t, show, host, func(frozen bool) {
			host.(*tab).live(t, map[bool]page.SetWebLifecycleStateState{true: "frozen", false: "active"}[frozen])
		})
		quiet(t, host, offline...)
	})
	// A Firefox cannot be told to freeze one page: all of it is stopped. The guests are in Chromium.
	t.Run("Firefox", func(t *testing.T) {
		t.Parallel()
		browser := openFirefox(t)
		host := openView(t, browser, as(redFox), pageOf(start(t, nil)))
		hostIsFrozen(t, inTabs(t), host, func(frozen bool) {
			if frozen {
				require.NoError(t, browser.Freeze())
			} else {
				require.NoError(t, browser.Thaw())
			}
		})
	})
}

// hostIsFrozen has a page be the host of a star, and others that show shows its guests.
func hostIsFrozen(t *testing.T, show func(script, url string) view, host view, freeze func(frozen bool)) {
	t.Helper()
	create(t, host, "star")
	owl, bear := openGuests(t, host, show, "")
	freeze(true)
	for _, guest := range []view{owl, bear} {
		guest.waitFor(t, `said().startsWith("Nothing is heard from Red Fox")`)
	}
	owl.text(t, `globalThis.silent = performance.now()`)
	owl.waitFor(t, `performance.now() - silent > 25000`) // waitFor waits for a minute, which on a busy machine is too short for all of it
	owl.waitFor(t, `log().includes("You are the host now.") && drawn("link").join() === "link connected" && said() === ""`)
	bear.waitFor(t, `log().includes("Blue Owl is the host now.") && drawn("link").join() === "link connected" && said() === ""`)
	freeze(false)
	host.waitFor(t, `log().includes("While you were away, somebody else became the host.") && drawn("link").join() === "link others,link connected"`)
	host.waitFor(t, crowned+` === "🦉Blue Owl"`)
	owl.waitFor(t, `drawn("node").join() === "node me host,node connected,node connected" && !`+faces+`.includes("Guest")`)
	host.say(t, "here again")
	bear.waitFor(t, `log().includes("here again")`)
	quiet(t, owl, offline...)
	quiet(t, bear, offline...)
}

// live freezes a page, or has it go on: "frozen", "active".
func (b *tab) live(t *testing.T, state page.SetWebLifecycleStateState) {
	t.Helper()
	b.do(t, chromedp.Func(func(ctx context.Context, to *chromedp.Target) error {
		_, err := cdp.Call(ctx, to, page.SetWebLifecycleState, page.SetWebLifecycleStateParams{State: state})
		return err
	}))
}
