package main

import (
	"context"
	"encoding/json"
	"regexp"
	"slices"
	"testing"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/testdata/skip"
)

// The Tab key reaches every control in reading order, and everything can be done without a mouse.
func TestKeyboardNavigation(t *testing.T) {
	skip.Long(t)
	t.Parallel()
	p := start(t, nil)
	browser := openBrowser(t)
	one := browser.open(t, pageOf(p))
	one.do(t, chromedp.EmulateViewport(1280, 800))
	one.waitFor(t, `outside()`)
	require.Equal(t, []string{"rtcpeer", "me", "Start a room", "Advanced", "room", "Join", "Meet people"}, one.tabs(t))
	one.text(t, `document.querySelector("#advanced summary").focus()`)
	one.do(t, chromedp.KeyEvent("\r"))
	require.Equal(t, []string{"rtcpeer", "me", "Start a room", "Advanced", "topology", "new-password", "public", "room", "Join", "Meet people"}, one.tabs(t))
	one.do(t, chromedp.Focus(chromedp.CSS("#create input")), chromedp.KeyEvent(kb.ArrowDown))
	one.waitFor(t, `document.querySelector("#create input[value=star]").checked`)
	one.do(t, chromedp.KeyEvent("\r"))
	one.waitFor(t, `/a star/.test(document.querySelector("#where").textContent) && document.activeElement.id === "invite"`)
	inside := []string{"rtcpeer", "room-name", "me", "Invite", "Leave", "You", "Copy the link", "Show a QR code", "👋", "❤️", "😂", "🎉", "👍", "🔥", "file", "log", "text", "Send", "Connection details"}
	require.Equal(t, inside, one.tabs(t))

	two := browser.open(t, one.text(t, `location.href`))
	one.waitFor(t, `document.querySelector("#target").length === 1 && !document.querySelector("#target").disabled`)
	one.text(t, `document.querySelector("#details summary").focus()`)
	one.do(t, chromedp.KeyEvent("\r"))
	inside = slices.Insert(slices.DeleteFunc(inside, func(name string) bool { return name == "Copy the link" || name == "Show a QR code" }), 6, "Somebody")
	require.Equal(t, append(inside, "target", "Start"), one.tabs(t))

	one.do(t, chromedp.Focus(chromedp.CSS(".node.me")), chromedp.KeyEvent(kb.ArrowLeft+kb.ArrowUp))
	two.waitFor(t, `place(1) === "`+one.text(t, `place(1)`)+`"`)
	one.do(t, chromedp.Focus(chromedp.CSS("#text")), chromedp.KeyEvent("never sent\x1b"))
	one.waitFor(t, `document.querySelector("#text").value === ""`)
	one.do(t, chromedp.KeyEvent("typed\r"))
	two.waitFor(t, `logged("1: typed")`)
	one.do(t, chromedp.KeyEvent("\t\t\t\t\r")) // past Send, the details and the choice of a peer
	one.waitFor(t, `document.querySelector("#progress").position > 0.1`)
	one.waitFor(t, `/^\d+(\.\d)? MB arrived at .+ in \d+\.\d s: .* MB\/s, \d+ Mbit\/s\.$/.test(document.querySelector("#result").textContent)`)
	one.do(t, chromedp.Focus(chromedp.CSS("#leave")), chromedp.KeyEvent("\r"))
	one.waitFor(t, `outside() && document.activeElement.textContent === "Start a room"`)
	two.waitFor(t, `log().includes("You are the host now.") && drawn("node").join() === "node me host"`)
	one.quiet(t)
	two.quiet(t)
}

// What a screen reader is told: a name for everything that can be used or looked at, and what changes.
func TestNamesForScreenReaders(t *testing.T) {
	skip.Long(t)
	t.Parallel()
	p := start(t, nil)
	browser := openBrowser(t)
	start := browser.open(t, pageOf(p))
	start.waitFor(t, `outside()`)
	require.Subset(t, start.names(t), []string{
		"heading: rtcpeer", "heading: Play, talk and send files with whoever opens your link.", "button: Start a room",
		"textbox: Or join a room, by its name or link", "button: Join",
	})
	one, two := browser.openAs(t, redFox, pageOf(p)+"#lobby"), browser.openAs(t, blueOwl, pageOf(p)+"#lobby")
	two.waitFor(t, `rows().length === 1 && drawn("link").join() === "link connected"`)
	two.waitFor(t, `document.querySelector("#target").length === 1 && !document.querySelector("#target").disabled`)
	two.waitFor(t, `document.querySelector("[aria-label='You are connected with Red Fox.']") !== null`)
	require.Subset(t, two.names(t), []string{
		"button: Invite", "button: Leave", "region: Everyone in the room", "image: You are connected with Red Fox.",
		"button: You, Blue Owl. The arrow keys move you.", "group: Throw an emoji", "button: Throw 🎉", "button: Send a file to everybody", "list: Files",
		"columnheader: Unreliable, ordered", "rowheader: Red Fox, 1", "log: Chat", "textbox: Say", "button: Send",
		"region: People", "region: Throughput", "combobox: To", "button: Start", "progressbar: Progress of the throughput test",
	})
	two.click(t, "#room-name")
	two.click(t, "#show-qr")
	two.waitFor(t, `document.querySelector("#qr path") !== null`)
	require.Subset(t, two.names(t), []string{"dialog: Invite", "textbox: Link of the room", "button: Copy", "image: The link as a QR code"})
	require.Equal(t, "polite polite polite", two.text(t, `["#status", "#log", "#result"].map((s) => document.querySelector(s).ariaLive).join(" ")`))
	require.Equal(t, "true", two.text(t, `String(document.querySelector("#status").checkVisibility())`), "only changes in what is there are read")
	for _, tab := range []*tab{start, one, two} {
		tab.quiet(t)
	}
}

// tabs presses Tab until the focus is back at the beginning, and returns what had it: texts, names or ids.
func (b *tab) tabs(t *testing.T) (names []string) {
	t.Helper()
	b.do(t, chromedp.Focus(chromedp.CSS("h1 a")))
	for range 30 {
		name := b.text(t, `(({ tagName, type, textContent, name, id, dataset }) =>
			dataset.id ? (dataset.id === "1" ? "You" : "Somebody") : id === "me" || id === "room-name" ? id :
			["BUTTON", "A", "SUMMARY"].includes(tagName) ? textContent : type === "radio" ? name : id)(document.activeElement)`)
		if name == "" || (len(names) > 0 && name == names[0]) {
			return names
		}
		names = append(names, name)
		b.do(t, chromedp.KeyEvent("\t"))
	}
	return names
}

// names returns "role: name" of what Chromium tells a screen reader. Whatever can be used has a name.
func (b *tab) names(t *testing.T) (names []string) {
	t.Helper()
	b.do(t, chromedp.Func(func(ctx context.Context, to *chromedp.Target) error {
		tree, err := cdp.Call(ctx, to, accessibility.GetFullAXTree, accessibility.GetFullAXTreeParams{})
		if err != nil {
			return err
		}
		for _, node := range tree.Nodes {
			if !node.Ignored {
				names = append(names, ids.ReplaceAllString(word(node.Role)+": "+word(node.Name), "ID"))
			}
		}
		return nil
	}))
	for _, role := range []string{"button", "textbox", "combobox", "radio", "link", "image", "progressbar", "log", "region"} {
		require.NotContains(t, names, role+": ")
	}
	return names
}

// ids are random.
var ids = regexp.MustCompile(`\d{2,}`)

func word(v *accessibility.Value) (s string) {
	if v != nil {
		_ = json.Unmarshal([]byte(v.Value), &s) // a role and a name are strings
	}
	return s
}
