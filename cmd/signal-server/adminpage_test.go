package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/signaling"
)

// The page of the administration, in a browser: it wants the token, shows what is there as it changes, and does what
// can be done about it.
func TestAdminPage(t *testing.T) {
	t.Parallel()
	p := startAdmin(t, "--ping-interval=0") // the members answer only while they receive
	address := p.other(t, adminFlag) + "/"
	host, guest := call(t, p.url, nil), call(t, p.url, nil)
	host.join(signaling.Join{Room: "lobby"})
	w := guest.join(signaling.Join{Room: "lobby", Metadata: json.RawMessage(`{"name":"<b>Ben</b>"}`)})
	host.receive()

	tab := openBrowser(t).open(t, address)
	tab.before(t, `
		globalThis.cells = (id, key) => [...(document.querySelector("#" + id + " tr[data-key='" + key + "']")?.cells ?? [])].map((c) => c.innerText);
		globalThis.press = (id, key, text) => [...document.querySelectorAll("#" + id + " tr[data-key='" + key + "'] button")].find((b) => b.textContent === text).click();`)
	tab.visit(t, address)
	login := func(token string) {
		tab.waitFor(t, `!document.querySelector("#login").hidden && document.activeElement.id === "token"`)
		tab.do(t, chromedp.KeyEvent(token+"\r"))
	}
	login("wrong")
	tab.waitFor(t, `said() === "That is not the server's --admin-token." && sessionStorage.length === 0`)
	login(adminToken)
	tab.waitFor(t, `cells("rooms", "lobby")[2] === "2 of 1024"`)
	require.Equal(t, adminToken, tab.text(t, `sessionStorage.getItem("token")`))
	require.Equal(t, "0 ", tab.text(t, `localStorage.length + " " + document.cookie`), "in the session only")
	tab.waitFor(t, `document.querySelector("#nothing-refused").hidden && document.querySelector("#refused").innerText.includes("admin refused")`)

	press := func(table, key, text string) {
		tab.await(t, fmt.Sprintf(`Promise.resolve(press(%q, %q, %q)).then(() => "")`, table, key, text))
	}
	press("rooms", "lobby", "lobby")
	id := fmt.Sprint(w.ID)
	tab.waitFor(t, `cells("members", "`+id+`")[1] === "<b>Ben</b>"`)
	require.Equal(t, "127.0.0.1 connected", tab.text(t, `cells("members", "`+id+`").slice(2, 4).join(" ")`))

	press("rooms", "lobby", "Lock")
	require.Equal(t, signaling.Lock{}, host.receive())
	tab.waitFor(t, `cells("rooms", "lobby")[3] === "locked"`)
	require.Equal(t, signaling.CodeLocked, call(t, p.url, nil).refused(signaling.Join{Room: "lobby"}))
	tab.waitFor(t, `document.querySelector("#refused").innerText.includes("refused: locked")`)
	press("rooms", "lobby", "Unlock")
	require.Equal(t, signaling.Lock{Open: true}, host.receive())

	press("members", id, "Kick")
	tab.waitFor(t, `document.querySelector("#dialog").open && document.activeElement.name === "reason"`)
	tab.shoot(t, "kick")
	tab.do(t, chromedp.KeyEvent("bad words\r"))
	guest.receive()
	guest.receive()
	require.Contains(t, guest.receive().(*signaling.Error).Text, "bad words")
	tab.waitFor(t, `cells("members", "`+id+`").length === 0 && cells("rooms", "lobby")[2] === "1 of 1024"`)
	tab.shoot(t, "admin")

	press("rooms", "lobby", "Close")
	tab.waitFor(t, `document.querySelector("#dialog").open`)
	tab.do(t, chromedp.KeyEvent("\r"))
	tab.waitFor(t, `cells("rooms", "lobby").length === 0 && document.querySelector("#room").hidden`)

	tab.click(t, "#drain")
	tab.waitFor(t, `document.querySelector("#dialog").open`)
	tab.do(t, chromedp.KeyEvent("\r"))
	tab.waitFor(t, `said() === "The server is draining and admits nobody."`)
	status, _ := fetch(t, pageOf(p)+"readyz")
	require.Equal(t, http.StatusServiceUnavailable, status)
	tab.click(t, "#drain")
	tab.waitFor(t, `said() === "" && document.querySelector("#drain").textContent === "Drain"`)

	tab.click(t, "#forget")
	tab.waitFor(t, `!document.querySelector("#login").hidden && sessionStorage.length === 0`)
	tab.quiet(t, "401", "404")
}

// The page itself needs no token and tells nothing; a page of somebody else can neither frame nor ask it.
func TestAdminPageIsServed(t *testing.T) {
	p := startAdmin(t)
	address := p.other(t, adminFlag)
	for path, kind := range map[string]string{"/": "text/html", "/admin.js": "text/javascript", "/admin.css": "text/css", "/page.css": "text/css"} {
		res, err := plainClient.Get(address + path)
		require.NoError(t, err)
		res.Body.Close()
		require.Equal(t, http.StatusOK, res.StatusCode, path)
		require.True(t, strings.HasPrefix(res.Header.Get("Content-Type"), kind), path)
		require.Contains(t, res.Header.Get("Content-Security-Policy"), "frame-ancestors 'none'")
		require.Empty(t, res.Header.Get("Access-Control-Allow-Origin"))
	}
	for _, path := range []string{"/index.html", "/page.js", "/rooms"} {
		status, _ := fetch(t, address+path)
		require.Equal(t, http.StatusUnauthorized, status, path)
	}
	status, _ := request(t, "POST", address+"/", nil)
	require.Equal(t, http.StatusUnauthorized, status)
	status, _ = fetch(t, pageOf(p)+"admin.js")
	require.Equal(t, http.StatusUpgradeRequired, status, "not on the listener of members")
}
