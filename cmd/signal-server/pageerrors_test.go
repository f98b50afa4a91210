package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/testdata/skip"
)

// What the page says when it cannot get into a room, and that one key tries again.
func TestPageCannotEnterARoom(t *testing.T) {
	skip.Long(t)
	t.Parallel()
	const (
		blocked = "The server answers, but not over WebSocket. A proxy, a firewall or a browser extension may block WebSockets, or the server may have another version than this page. Reload the page. If that does not help, try another network or browser, or ask the operator of the server."
		version = "The server has another version than this page. Reload the page. If that does not help, update the server."
		busy    = "The server is full or is being restarted. Try again in a minute."
		odd     = "\nReload the page. If that does not help, the server may have another version than this page: update it."
	)
	welcome := `{"kind":"welcome","id":1,"room":"lobby","topology":"mesh","host":1,"resume":"r"}`
	refuse := func(code, text string) http.Handler {
		return script{frames: []string{`{"kind":"error","code":"` + code + `","text":"` + text + `"}`}}
	}
	for _, c := range []struct {
		name, words string
		rooms       http.Handler // in place of the server's
	}{
		{"forbidden", blocked, plain(http.StatusForbidden)},
		{"not there", blocked, plain(http.StatusNotFound)},
		{"overloaded", busy, plain(http.StatusServiceUnavailable)},
		{"cut", blocked, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if websocket.IsWebSocketUpgrade(r) {
				panic(http.ErrAbortHandler)
			}
		})},
		{"other subprotocol", blocked, script{subprotocol: "rtcpeer.v2"}},
		{"ends at once", blocked, script{frames: []string{}}},
		{"unknown code", "Something went wrong: too_old: this server speaks rtcpeer.v2" + odd, refuse("too_old", "this server speaks rtcpeer.v2")},
		{"long text", "Something went wrong: too_old: " + strings.Repeat("x", 291) + " …" + odd, refuse("too_old", strings.Repeat("x", 100_000))},
		{"other topology", "This room already exists with the other topology. Choose another name.", refuse("topology_mismatch", "a star")},
		{"join timeout", "This page took too long to join. Try again.", refuse("join_timeout", "")},
		{"server full", busy, refuse("server_full", "")},
		{"not JSON", version, script{frames: []string{`{"kind":`}}},
		{"no object", version, script{frames: []string{`[1]`}}},
		{"no kind", version, script{frames: []string{`{}`}}},
		{"binary", version, script{kind: websocket.BinaryMessage, frames: []string{welcome}}},
		{"no host in the welcome", version, script{frames: []string{strings.Replace(welcome, `"host"`, `"ghost"`, 1)}}},
		{"not a welcome", version, script{frames: []string{`{"kind":"left","id":7,"reason":"left"}`}}},
		{"too large", "This page sent a message that is larger than the server allows. Ask the operator of the server to raise --max-message.",
			script{frames: []string{`{"kind":"welcome","x":"` + strings.Repeat("x", 300_000) + `"}`}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			tab := openBrowser(t).open(t, imitate(t, c.rooms)+"#lobby")
			for range 2 {
				tab.waitFor(t, `outside() && document.querySelector("#status.bad") !== null`)
				require.Equal(t, c.words, tab.text(t, `said()`))
				require.Equal(t, "Join", tab.text(t, `document.activeElement.textContent`))
				require.Equal(t, "lobby", tab.text(t, `document.querySelector("#room").value`))
				tab.do(t, chromedp.KeyEvent("\r"))
			}
			tab.quiet(t, offline...)
		})
	}
}

// A server that cannot be understood any more is lost; one that says more than is known is not.
func TestInvalidMessagesOfTheServer(t *testing.T) {
	skip.Long(t)
	t.Parallel()
	inChromium(t, func(t *testing.T, show func(script, url string) view) {
		welcome := `{"kind":"welcome","id":1,"room":"lobby","topology":"mesh","host":1,"resume":"r","colour":"red"}`
		fine := show("", imitate(t, script{frames: []string{`{"kind":"tomorrow"}`, welcome, `{"kind":"yesterday"}`, `{"kind":"sealed"}`}})+"#lobby")
		fine.waitFor(t, `document.querySelector("#seal").disabled && said() === ""`)
		quiet(t, fine)
		for _, rubbish := range []string{`]`, `{"kind":"joined","member":7}`, `{"kind":"signal","from":7}`} {
			tab := show("", imitate(t, script{frames: []string{welcome, rubbish}})+"#lobby")
			tab.waitFor(t, `said() === "The connection to the server is lost; trying again. Your connections to others stay open.\nThe server has another version than this page. Reload the page. If that does not help, update the server."`)
			tab.click(t, "#leave")
			tab.waitFor(t, `outside() && said() === ""`)
			quiet(t, tab, offline...) // it may have been dialling
		}
	})
}

// What the page says when the real server does not let it into a room, or does not answer.
func TestRoomCannotBeEntered(t *testing.T) {
	skip.Long(t)
	t.Parallel()
	inEachBrowser(t, func(t *testing.T, show func(script, url string) view) {
		one := start(t, nil, "--max-members=1")
		first := show("", pageOf(one)+"#lobby")
		first.waitFor(t, `drawn("node").length === 1`)
		late := show("", pageOf(one)+"#lobby")
		late.waitFor(t, `said() === "This room is full. Wait until somebody leaves and try again, or use another room."`)
		late.shoot(t, "full")
		first.click(t, "#room-name")
		first.click(t, "#seal")
		first.waitFor(t, `document.querySelector("#seal").disabled`)
		late.press(t, "\r")
		late.waitFor(t, `said() === "This room is closed to newcomers, because its host has sealed it. Ask for another room, or create one."`)
		late.visit(t, pageOf(one)+"#not%20a%20room")
		late.waitFor(t, `said() === "This is not a room name: use 1 to 64 letters, digits, - and _."`)

		quiet(t, late) // before the server is gone: the page may not have its icon yet

		require.Equal(t, exitOK, one.stop())
		first.waitFor(t, `said() === "The connection to the server is lost; trying again. Your connections to others stay open."`)
		first.press(t, "\x1b")
		first.click(t, "#leave")
		first.waitFor(t, `outside() && document.activeElement.textContent === "Start a room"`)
		first.keys(t, "#room", "\r")
		first.waitFor(t, `said() === "The server does not answer. It may have stopped, or this device is offline. Check both, then try again."`)
		quiet(t, first, offline...)
	})
}

// The page of a server that wants tokens takes one from its address, and keeps it from those it invites.
func TestPageWithToken(t *testing.T) {
	skip.Long(t)
	t.Parallel()
	inChromium(t, func(t *testing.T, show func(script, url string) view) {
		secret, _ := keyFiles(t, "HS256")
		p := start(t, nil, "--auth-jwt="+secret)
		without := show("", pageOf(p)+"#lobby")
		without.waitFor(t, `said().startsWith("This server lets in only people with an access token")`)
		token := mint(t, "--key="+secret, "--room=lobby", "--create", "--host")
		with := show("", pageOf(p)+"?access_token="+token+"#lobby")
		with.waitFor(t, `drawn("node").length === 1`)
		require.Equal(t, pageOf(p)+"#lobby", with.text(t, `document.querySelector("#link").value`))
		with.visit(t, pageOf(p)+"?access_token="+token+"#other")
		with.waitFor(t, `said().startsWith("Your access token is for another room")`)
		quiet(t, with)
		quiet(t, without)
	})
}

// A browser without WebRTC, and one that says no when it is used.
func TestNoWebRTC(t *testing.T) {
	skip.Long(t)
	t.Parallel()
	inChromium(t, func(t *testing.T, show func(script, url string) view) {
		address := pageOf(start(t, nil)) + "#lobby"
		none := show("", "about:blank")
		none.before(t, `delete globalThis.RTCPeerConnection`)
		none.visit(t, address)
		none.waitFor(t, `said() === "This browser cannot connect directly to others: it has no WebRTC, or an extension or a policy turns it off. Use a recent Firefox, Chrome, Edge or Safari, or allow WebRTC."`)

		one := show("", address)
		one.waitFor(t, `drawn("node").length === 1`)
		refusing := show("", "about:blank")
		refusing.before(t, `globalThis.RTCPeerConnection = class { constructor() { throw new Error("not allowed here"); } }`)
		refusing.visit(t, address)
		refusing.waitFor(t, `said() === "No connection with Guest: the two could not agree on a connection. Reload the page at both ends; if that does not help, try another browser.\nDetail: peer 1: offer: not allowed here"`)
		quiet(t, none)
		quiet(t, refusing)
	})
}

// With UDP blocked the page says so, and what to do, when the link's time is over.
func TestNoUDP(t *testing.T) {
	skip.Long(t)
	t.Parallel()
	t.Run("Chromium", func(t *testing.T) {
		t.Parallel()
		browser := launch(t, chromedp.Flag("force-webrtc-ip-handling-policy", "disable_non_proxied_udp"),
			chromedp.Flag("webrtc-ip-handling-policy", "disable_non_proxied_udp"))
		t.Cleanup(browser.end)
		noUDP(t, "new", func(url string) view { return browser.open(t, url) })
	})
	t.Run("Firefox", func(t *testing.T) {
		t.Parallel()
		browser := openFirefox(t, `user_pref("media.peerconnection.ice.proxy_only", true);`)
		noUDP(t, "failed", func(url string) view { return openView(t, browser, "", url) })
	})
}

// noUDP shows pages in a browser whose ICE is in that state when it has no candidates.
func noUDP(t *testing.T, ice string, show func(url string) view) {
	t.Helper()
	address := pageOf(start(t, nil)) + "?connect-timeout=3"
	words := `no network path was found. UDP is probably blocked, or both are behind strict NATs. Try another network, or ask the operator of the server for a TURN server.\nDetail: ICE ` + ice + `, own candidates none, the other's none; UDP may be blocked: try a TURN server`

	one, two := show(address+"#mesh"), show(address+"#mesh")
	for _, tab := range []view{one, two} {
		tab.waitFor(t, `said() === "No connection with Guest: `+words+`"`)
		tab.waitFor(t, `rows().length === 1 && rows()[0].includes("failed") && drawn("link").join() === "link failed"`)
		tab.waitFor(t, `log().includes("UDP is probably blocked")`)
	}
	one.shoot(t, "udp")

	one.visit(t, address)
	create(t, one, "star")
	one.waitFor(t, `drawn("node").length === 1`)
	two.visit(t, one.text(t, `document.querySelector("#link").value`))
	two.waitFor(t, `!outside() && said() === "No connection with Guest: `+words+`"`) // it keeps its place, and tries again
	quiet(t, one)
	quiet(t, two)
}

// Whatever the server refuses with, and whatever ends a link, has words of its own. After host_replaced the page joins again.
func TestEveryReasonHasWords(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(http.FileServer(http.Dir("page")))
	t.Cleanup(s.Close)
	tab := openBrowser(t).open(t, s.URL+"/words.js")
	for _, code := range []signaling.Code{
		signaling.CodeBadMessage, signaling.CodeUnknownKind, signaling.CodeBadRoom, signaling.CodeTooLarge,
		signaling.CodeNotJoined, signaling.CodeAlreadyJoined, signaling.CodeJoinTimeout, signaling.CodeTopologyMismatch,
		signaling.CodeRoomFull, signaling.CodeRoomExists, signaling.CodeServerFull, signaling.CodeSealed, signaling.CodeResumeRefused,
		signaling.CodeReplaced, signaling.CodeHostLeft, signaling.CodeSealComplete, signaling.CodeUnknownRoom, signaling.CodeSlow, signaling.CodeShuttingDown, signaling.CodeInternal,
		signaling.CodeUnauthorized, signaling.CodeForbidden, signaling.CodeWrongPassword, signaling.CodeRateLimited,
		signaling.CodeLocked, signaling.CodeKicked, signaling.CodeExpired, signaling.CodeRoomClosed,
	} {
		require.NotContains(t, tab.await(t, `import("/words.js").then((w) => w.forRoom({ code: "`+string(code)+`", message: "" }))`), "Something", code)
	}
	for _, c := range []struct{ expression, words string }{
		{`w.forReason("slow")`, "was disconnected, because one of us reads too slowly"},
		{`w.forReason("lost")`, "was lost: nothing was heard from it for too long"},
		{`w.forReason("misbehaved")`, "was disconnected, because it broke the rules"},
		{`w.forReason("kicked")`, "was removed from the room"},
		{`w.forDropped({})`, ""},
		{`w.forDropped({ no_credit: 3, malformed: 1 })`, "Packets dropped here: 3 came faster than this page takes them, 1 were malformed."},
		{`w.forRoom({ code: "refused", peer: 1 })`, "No connection with the host: it takes no new connections. Ask its owner, or try again later."},
	} {
		require.Equal(t, c.words, tab.await(t, `import("/words.js").then((w) => `+c.expression+`)`))
	}
	tab.quiet(t, "favicon.ico")
}

// imitate serves the page with other rooms than the server's, and returns its address.
func imitate(t *testing.T, rooms http.Handler) string {
	t.Helper()
	mux := http.NewServeMux()
	mux.Handle("/", rooms)
	addPage(mux)
	s := httptest.NewServer(upgrades(rooms, mux))
	t.Cleanup(s.Close)
	return s.URL + "/"
}

// plain answers all requests with a status.
func plain(status int) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, http.StatusText(status), status) })
}

// A script is a signaling server that answers a join with its frames, whatever was asked. Without any it
// ends the connection at once.
type script struct {
	subprotocol string // signaling.Subprotocol if empty
	kind        int    // of the frames; text if 0
	frames      []string
}

func (s script) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !websocket.IsWebSocketUpgrade(r) {
		http.Error(w, "only WebSockets", http.StatusUpgradeRequired)
		return
	}
	subprotocol, kind := signaling.Subprotocol, websocket.TextMessage
	if s.subprotocol != "" {
		subprotocol = s.subprotocol
	}
	if s.kind != 0 {
		kind = s.kind
	}
	upgrader := websocket.Upgrader{Subprotocols: []string{subprotocol}}
	conn, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return // Upgrade has answered
	}
	defer conn.Close()
	if _, _, err := conn.ReadMessage(); err != nil || len(s.frames) == 0 {
		return
	}
	for _, frame := range s.frames {
		_ = conn.WriteMessage(kind, []byte(frame))
	}
	_, rest, err := conn.NextReader()
	for ; err == nil; _, rest, err = conn.NextReader() {
		_, _ = io.Copy(io.Discard, rest)
	}
}
