package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/testdata/skip"
)

// post sends JSON to the administration.
func (p *program) post(t *testing.T, path, body string) (status int, answer string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), "POST", p.other(t, adminFlag)+path, strings.NewReader(body))
	require.NoError(t, err)
	req.Header.Set("Authorization", "Bearer "+adminToken)
	res, err := plainClient.Do(req)
	require.NoError(t, err)
	defer res.Body.Close()
	content, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return res.StatusCode, string(content)
}

// Each kind of ban takes out whoever it is about, and keeps them out until it is lifted.
func TestBans(t *testing.T) {
	for _, c := range []struct {
		name string
		whom func(w signaling.Welcome) string // the fields that say so
		back bool                             // whether the ticket is all that is banned
	}{
		{"a member", func(w signaling.Welcome) string { return fmt.Sprintf(`"room":"lobby","id":%d`, w.ID) }, true},
		{"a ticket", func(w signaling.Welcome) string { return fmt.Sprintf(`"token":%q`, w.Resume) }, true},
		{"an address", func(signaling.Welcome) string { return `"prefix":"203.0.113.5"` }, false},
		{"a network", func(signaling.Welcome) string { return `"prefix":"203.0.113.0/24"` }, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := start(t, nil, "--admin-listen=127.0.0.1:0", "--admin-token="+adminToken, "--trusted-proxy=127.0.0.1")
			host, guest := call(t, p.url, nil), call(t, p.url, public)
			host.join(signaling.Join{Room: "lobby"})
			w := guest.join(signaling.Join{Room: "lobby"})
			host.receive()

			before := time.Now()
			status, answer := p.post(t, "/bans", "{"+c.whom(w)+`,"for":"1h","reason":"cheating"}`)
			require.Equal(t, http.StatusOK, status, answer)
			var made struct {
				Number uint64
				Until  time.Time
			}
			require.NoError(t, json.Unmarshal([]byte(answer), &made))
			require.WithinRange(t, made.Until, before.Add(time.Hour-time.Second), time.Now().Add(time.Hour))
			require.NotContains(t, answer, w.Resume)
			out := guest.receive().(*signaling.Error)
			require.Equal(t, signaling.CodeKicked, out.Code, out.Text)
			require.Contains(t, out.Text, "cheating")
			require.Equal(t, w.ID, host.receive().(signaling.Left).ID)

			_, list := p.administer(t, "GET", "/bans")
			require.JSONEq(t, "["+answer+"]", list)
			if c.back {
				require.Contains(t, []signaling.Code{signaling.CodeForbidden, signaling.CodeResumeRefused},
					call(t, p.url, public).refused(signaling.Join{Room: "lobby", Resume: w.Resume}))
			} else {
				_, res, err := websocket.DefaultDialer.DialContext(t.Context(), p.url, public)
				require.ErrorIs(t, err, websocket.ErrBadHandshake)
				res.Body.Close()
				require.Equal(t, http.StatusForbidden, res.StatusCode)
			}
			lift := fmt.Sprintf("/bans/%d", made.Number)
			status, _ = p.administer(t, "DELETE", lift)
			require.Equal(t, http.StatusNoContent, status)
			status, _ = p.administer(t, "DELETE", lift)
			require.Equal(t, http.StatusNotFound, status)
			call(t, p.url, public).join(signaling.Join{Room: "lobby"})
		})
	}
}

// A ban of addresses is of those that a proxy names in its PROXY header, however they are written, and not of the proxy's.
func TestBanBehindProxyProtocol(t *testing.T) {
	p := start(t, nil, "--admin-listen=127.0.0.1:0", "--admin-token="+adminToken, "--trusted-proxy=127.0.0.1", "--proxy-protocol")
	mapped := spoken(t, 2, "[2001:db8::5]:1000")
	v6 := netip.MustParseAddr("2001:db8::5").As16()
	v4 := netip.MustParseAddr("::ffff:203.0.113.5").As16()
	require.Contains(t, mapped, string(v6[:]))
	mapped = strings.Replace(mapped, string(v6[:]), string(v4[:]), 1)
	for _, c := range []struct {
		prefix, client string
		out            bool
	}{
		{"203.0.113.5", spoken(t, 1, "203.0.113.5:1000"), true},
		{"203.0.113.5", spoken(t, 2, "203.0.113.5:1000"), true},
		{"203.0.113.5", mapped, true},
		{"::ffff:203.0.113.0/120", spoken(t, 2, "203.0.113.5:1000"), true},
		{"2001:db8::/64", spoken(t, 2, "[2001:db8::5]:1000"), true},
		{"2001:db8::/64", spoken(t, 2, "[2001:db8:0:1::5]:1000"), false},
		{"127.0.0.1", spoken(t, 2, "203.0.113.5:1000"), false},
	} {
		d := websocket.Dialer{NetDial: saying(t, "127.0.0.1", c.client)}
		member := callBy(t, d, p.url, nil)
		member.join(signaling.Join{})
		status, answer := p.post(t, "/bans", `{"prefix":"`+c.prefix+`"}`)
		require.Equal(t, http.StatusOK, status, answer)
		again, res, err := d.DialContext(t.Context(), p.url, nil)
		if c.out {
			require.ErrorIs(t, err, websocket.ErrBadHandshake, "%+v", c)
			res.Body.Close()
			require.Equal(t, http.StatusForbidden, res.StatusCode)
			require.Equal(t, signaling.CodeKicked, member.receive().(*signaling.Error).Code)
		} else {
			require.NoError(t, errors.Join(err, again.Close()))
		}
		var made struct {
			Number uint64
			Until  time.Time
		}
		require.NoError(t, json.Unmarshal([]byte(answer), &made))
		status, _ = p.administer(t, "DELETE", fmt.Sprintf("/bans/%d", made.Number))
		require.Equal(t, http.StatusNoContent, status)
	}
}

// A ban of a subject holds in all rooms, for whoever has a token of it.
func TestBanOfASubject(t *testing.T) {
	secret, _ := keyFiles(t, "HS256")
	p := start(t, nil, "--auth-jwt="+secret, "--admin-listen=127.0.0.1:0", "--admin-token="+adminToken)
	ann := mint(t, "--key="+secret, "--room=*", "--create", "--subject=ann")
	ben := mint(t, "--key="+secret, "--room=*", "--create", "--subject=ben")
	one := call(t, p.url, nil)
	one.join(signaling.Join{Room: "lobby", Token: ann})
	_, members := p.administer(t, "GET", "/rooms/lobby")
	require.Contains(t, members, `"subject":"ann"`)
	status, answer := p.post(t, "/bans", `{"subject":"ann"}`)
	require.Equal(t, http.StatusOK, status, answer)
	require.NotContains(t, answer, "until", "for ever")
	require.Equal(t, signaling.CodeKicked, one.receive().(*signaling.Error).Code)
	require.Equal(t, signaling.CodeForbidden, call(t, p.url, nil).refused(signaling.Join{Room: "other", Token: ann}))
	call(t, p.url, nil).join(signaling.Join{Room: "other", Token: ben})
}

// What is not understood bans nobody.
func TestMistakesInABan(t *testing.T) {
	p := startAdmin(t)
	for body, want := range map[string]string{
		``:                                 "want a JSON object: EOF",
		`[]`:                               "want a JSON object: json",
		`{}`:                               "want one of room with id, token, subject and prefix",
		`{"subject":"a"}{"subject":"b"}`:   `want one JSON object, and nothing after it`,
		`{"prefix":"203.0.113.300"}`:       `prefix "203.0.113.300": want an address`,
		`{"prefix":"::/0","until":"2030"}`: `unknown field "until"`,
		`{"subject":"ann","for":"1"}`:      `for "1": want a time`,
		`{"subject":"ann","for":"-1h"}`:    `for "-1h": want a time`,
		`{"subject":"ann","room":"lobby"}`: "want one of",
		`{"room":"none","id":7}`:           `there is no room "none", or no id 7 in it`,
		`{"token":"rubbish"}`:              "token: not a resume token",
		`{"subject":"ann","reason":"` + strings.Repeat("x", 300) + `"}`: "reason: 300 bytes: want at most 256",
		`{"subject":"` + strings.Repeat("x", 16<<10) + `"}`:             "too large",
	} {
		status, answer := p.post(t, "/bans", body)
		require.Equal(t, http.StatusBadRequest, status, body)
		require.Contains(t, answer, want)
	}
	_, list := p.administer(t, "GET", "/bans")
	require.JSONEq(t, `[]`, list)
}

// The page bans a member, and an address, and lifts it.
func TestBansOnThePage(t *testing.T) {
	skip.Long(t)
	t.Parallel()
	p := startAdmin(t, "--trusted-proxy=127.0.0.1", "--ping-interval=0") // the member answers only while it receives
	host := call(t, p.url, public)
	w := host.join(signaling.Join{Room: "lobby"})
	tab := openBrowser(t).open(t, p.other(t, adminFlag)+"/")
	tab.before(t, `globalThis.press = (id, text) => [...document.querySelectorAll("#" + id + " button")].find((b) => b.textContent === text).click();`)
	tab.visit(t, p.other(t, adminFlag)+"/")
	tab.waitFor(t, `document.activeElement.id === "token"`)
	tab.do(t, chromedp.KeyEvent(adminToken+"\r"))
	press := func(table, text string) {
		tab.await(t, fmt.Sprintf(`Promise.resolve(press(%q, %q)).then(() => "")`, table, text))
	}
	tab.waitFor(t, `document.querySelector("#rooms tbody tr")`)
	press("rooms", "lobby")
	tab.waitFor(t, `document.querySelector("#members tbody tr")`)
	press("members", "Ban")
	tab.waitFor(t, `document.querySelector("#dialog").open && document.querySelector("[name=whom]").options.length === 2`)
	tab.shoot(t, "ban")
	press("dialog", "Ban")
	require.Equal(t, signaling.CodeKicked, host.receive().(*signaling.Error).Code)
	tab.waitFor(t, fmt.Sprintf(`document.querySelector("#bans tbody").innerText.includes("%d of lobby")`, w.ID))
	press("bans", "Lift")
	tab.waitFor(t, `!document.querySelector("#bans tbody tr")`)

	tab.click(t, "#ban")
	tab.waitFor(t, `document.querySelector("#dialog").open && document.activeElement.name === "prefix"`)
	tab.do(t, chromedp.KeyEvent("203.0.113.0/24\r"))
	tab.waitFor(t, `document.querySelector("#bans tbody").innerText.includes("203.0.113.0/24")`)
	tab.quiet(t, "404")
}
