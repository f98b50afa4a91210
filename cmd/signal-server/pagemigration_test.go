package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

const goldBear = `{ name: "Gold Bear", emoji: "🐻", color: 2 }`

// openStar opens a star of three pages: its host, Red Fox, and the guests Blue Owl and Gold Bear, who came in this order.
func openStar(t *testing.T, p *program, show func(script, url string) view, script string) (host, owl, bear view) {
	t.Helper()
	host = show(as(redFox)+script, pageOf(p))
	create(t, host, "star")
	room := host.text(t, `location.href`)
	owl = show(as(blueOwl)+script, room)
	owl.waitFor(t, `drawn("link").join() === "link connected"`)
	bear = show(as(goldBear)+script, room)
	for _, guest := range []view{owl, bear} {
		guest.waitFor(t, `drawn("link").join() === "link others,link connected" && !`+faces+`.includes("Guest")`)
		guest.waitFor(t, `document.querySelector("#host-tools").hidden && document.querySelector("#target").length === 2`)
	}
	return host, owl, bear
}

// crowned is what the page shows of the host.
const crowned = `document.querySelector(".node.host")?.textContent`

// When the host of a star closes its tab, one of the others is the host, and nobody else is lost.
func TestHostGoes(t *testing.T) {
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
		bear.waitFor(t, `outside() && said().startsWith("You were taken out of the room.")`)
	})
}
