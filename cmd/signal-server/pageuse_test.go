package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/testdata/skip"
)

// together is so when two pages are connected and know each other.
const together = `document.querySelector("#target").length === 1 && !document.querySelector("#target").disabled && !` + faces + `.includes("Guest")`

// The chat shows its last line, also when a file that is offered takes room from it.
func TestChatShowsItsLastLine(t *testing.T) {
	skip.Long(t)
	t.Parallel()
	inChromium(t, func(t *testing.T, show func(script, url string) view) {
		p := start(t, nil)
		one, two := show(as(redFox)+saving, pageOf(p)+"#lobby"), show(as(blueOwl)+saving, pageOf(p)+"#lobby")
		for _, tab := range []view{one, two} {
			tab.waitFor(t, together)
		}
		one.text(t, `(() => { for (let i = 0; i < 60; i++) document.querySelector("#text").value = "line " + i, document.querySelector("#say").requestSubmit(); })()`)
		const below = `document.querySelector("#log").scrollHeight - document.querySelector("#log").scrollTop - document.querySelector("#log").clientHeight`
		two.waitFor(t, `log().includes("line 59")`)
		two.waitFor(t, below+` < 2`)
		one.text(t, `drop("#stage", "a.txt", 4)`)
		two.waitFor(t, `lines().length === 1`)
		two.waitFor(t, below+` < 2`)
		one.say(t, "the last line")
		two.waitFor(t, `log().includes("the last line")`)
		two.waitFor(t, below+` < 2`)

		// Whoever reads what was said before is not disturbed.
		two.text(t, `document.querySelector("#log").scrollTop = 0`)
		two.waitFor(t, `document.querySelector("#log").scrollTop === 0`)
		two.text(t, `press("Refuse"), press("Hide")`)
		one.say(t, "one more")
		two.waitFor(t, `log().includes("one more")`)
		require.Equal(t, "0", two.text(t, `document.querySelector("#log").scrollTop`))
	})
}

// A picture that is pasted into the chat is sent as a file; text is text.
func TestPastedPicture(t *testing.T) {
	skip.Long(t)
	t.Parallel()
	inChromium(t, func(t *testing.T, show func(script, url string) view) {
		p := start(t, nil)
		one, two := show(as(redFox)+saving, pageOf(p)+"#lobby"), show(as(blueOwl)+saving, pageOf(p)+"#lobby")
		for _, tab := range []view{one, two} {
			tab.waitFor(t, together)
		}
		one.text(t, `globalThis.paste = (what) => {
			const clipboardData = new DataTransfer();
			what(clipboardData.items);
			const event = new ClipboardEvent("paste", { bubbles: true, cancelable: true });
			Object.defineProperty(event, "clipboardData", { value: clipboardData }); // a Firefox takes none from a script
			return document.querySelector("#text").dispatchEvent(event);
		}`)
		require.Equal(t, "true", one.text(t, `paste((items) => items.add("words", "text/plain"))`), "the browser's own")
		require.Equal(t, "false", one.text(t, `paste((items) => items.add(new File([content(400)], "image.png", { type: "image/png" })))`))
		two.waitFor(t, `lines().join() === "Red Fox wants to send you image.png (400 bytes)."`)
	})
}

// An empty file arrives as one.
func TestEmptyFile(t *testing.T) {
	skip.Long(t)
	t.Parallel()
	inChromium(t, func(t *testing.T, show func(script, url string) view) {
		p := start(t, nil)
		one, two := show(as(redFox)+saving, pageOf(p)+"#lobby"), show(as(blueOwl)+saving, pageOf(p)+"#lobby")
		for _, tab := range []view{one, two} {
			tab.waitFor(t, together)
		}
		empty := filepath.Join(t.TempDir(), "empty.txt")
		require.NoError(t, os.WriteFile(empty, nil, 0o600))
		one.choose(t, "#file", empty)
		two.waitFor(t, `lines().join() === "Red Fox wants to send you empty.txt (0 bytes)."`)
		two.text(t, `press("Accept")`)
		two.waitFor(t, `lines().join() === "empty.txt from Red Fox is here (0 bytes)." && saved.length === 1 && saved[0].size === 0`)
		one.waitFor(t, `lines().join() === "Blue Owl has empty.txt."`)
	})
}

// A folder that is dropped is not offered: a browser gives it as a file that cannot be read. What is dropped with it is sent.
func TestDroppedFolder(t *testing.T) {
	skip.Long(t)
	p := start(t, nil)
	browser := openBrowser(t)
	one, two := browser.openAs(t, redFox, pageOf(p)+"#lobby"), browser.open(t, "about:blank")
	two.before(t, as(blueOwl)+saving)
	two.visit(t, pageOf(p)+"#lobby")
	for _, tab := range []*tab{one, two} {
		tab.waitFor(t, together)
	}
	folder := t.TempDir()
	holiday, note := filepath.Join(folder, "holiday"), filepath.Join(folder, "note.txt")
	require.NoError(t, os.Mkdir(holiday, 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(holiday, "a.jpg"), []byte("a"), 0o600))
	require.NoError(t, os.WriteFile(note, []byte("note"), 0o600))
	x, y := centre(t, one, byCSS("#stage")) // the two are beside it
	for _, kind := range []input.DispatchDragEventType{input.DispatchDragEventTypeDragEnter, input.DispatchDragEventTypeDragOver, input.DispatchDragEventTypeDrop} {
		one.do(t, chromedp.Func(func(ctx context.Context, to *chromedp.Target) error {
			_, err := cdp.Call(ctx, to, input.DispatchDragEvent, input.DispatchDragEventParams{Type: kind, X: float64(x), Y: float64(y),
				Data: &input.DragData{Items: []*input.DragDataItem{}, Files: []string{holiday, note}, DragOperationsMask: 1}})
			return err
		}))
	}
	one.waitFor(t, `log().includes("holiday is a folder. Send the files in it, or make a zip file of it.")`)
	two.waitFor(t, `lines().join() === "Red Fox wants to send you note.txt (4 bytes)."`)
	require.Equal(t, "1", one.text(t, `document.querySelectorAll("#files li").length`))
	one.quiet(t)
	two.quiet(t)
}

// In a browser that lets pages store nothing, everything works.
func TestNothingIsStored(t *testing.T) {
	skip.Long(t)
	t.Parallel()
	meet := func(t *testing.T, show func(script, url string) view) {
		p := start(t, nil)
		one := show("", pageOf(p))
		one.waitFor(t, `outside()`)
		require.Equal(t, "SecurityError", one.text(t, `(() => { try { return localStorage.length; } catch (error) { return error.name; } })()`))
		one.click(t, "#create button")
		one.waitFor(t, `drawn("node").length === 1`)
		two := show("", one.text(t, `location.href`))
		for _, tab := range []view{one, two} {
			tab.waitFor(t, `drawn("link").join() === "link connected"`)
		}
		one.say(t, "nothing is kept")
		two.waitFor(t, `log().includes("nothing is kept")`)
		two.text(t, `globalThis.before = true, setTimeout(() => location.reload())`)
		two.waitFor(t, `!globalThis.before && globalThis.drawn && drawn("link").join() === "link connected"`)
	}
	t.Run("Chromium", func(t *testing.T) {
		profile, err := os.MkdirTemp("", "signal-server") // the browser may still write while it is removed
		require.NoError(t, err)
		t.Cleanup(func() { _ = os.RemoveAll(profile) })
		require.NoError(t, os.Mkdir(filepath.Join(profile, "Default"), 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(profile, "Default", "Preferences"), []byte(`{"profile":{"default_content_setting_values":{"cookies":2}}}`), 0o600))
		browser := launch(t, chromedp.UserDataDir(profile))
		t.Cleanup(browser.end)
		meet(t, func(script, url string) view { return openTab(t, browser.ctx, url, chromedp.WithNewWindow(false)) })
	})
	t.Run("Firefox", func(t *testing.T) {
		browser := openFirefox(t, `user_pref("network.cookie.cookieBehavior", 2);`)
		meet(t, func(script, url string) view { return openView(t, browser, script, url) })
	})
}

// A name that was said on the phone is typed as one hears it.
func TestNameOfTheRoomIsTyped(t *testing.T) {
	skip.Long(t)
	t.Parallel()
	inChromium(t, func(t *testing.T, show func(script, url string) view) {
		p := start(t, nil)
		tab := show("", pageOf(p))
		for typed, hash := range map[string]string{" Early tiger  Jump ": "#early-tiger-jump", "Lobby": "#Lobby", p.url + "/lobby": "#lobby", pageOf(p) + "lobby?connect-timeout=9": "#lobby", pageOf(p) + "?connect-timeout=9#lobby": "#lobby"} {
			tab.waitFor(t, `outside()`)
			tab.text(t, `document.querySelector("#room").value = ""`)
			tab.keys(t, "#room", typed+"\r")
			tab.waitFor(t, `location.hash === "`+hash+`" && drawn("node").length > 0`)
			tab.click(t, "#leave")
		}
	})
}

// What is open stays open while others come, with what was typed into it; what is about somebody closes when they go.
func TestDialogsWhileOthersComeAndGo(t *testing.T) {
	skip.Long(t)
	t.Parallel()
	inChromium(t, func(t *testing.T, show func(script, url string) view) {
		p := start(t, nil)
		one := show(as(redFox), pageOf(p)+"#lobby")
		one.click(t, "#me")
		one.text(t, `document.querySelector("#me-name").select()`)
		one.press(t, "Ann")
		two := show(as(blueOwl), pageOf(p)+"#lobby")
		one.waitFor(t, `drawn("link").join() === "link connected" && !`+faces+`.includes("Guest")`)
		require.Equal(t, "true Ann me-name", one.text(t, `[document.querySelector("#me-dialog").open, document.querySelector("#me-name").value, document.activeElement.id].join(" ")`))
		one.press(t, "\r")
		two.waitFor(t, faces+` === "Ann|You"`)
		one.click(t, ".node.connected")
		one.waitFor(t, `document.querySelector("#person").open`)
		two.click(t, "#leave")
		one.waitFor(t, `drawn("node").length === 1 && !document.querySelector("#person").open`)
	})
}

// The browser's own buttons lead out of the room and into it again.
func TestBackAndForward(t *testing.T) {
	skip.Long(t)
	t.Parallel()
	inChromium(t, func(t *testing.T, show func(script, url string) view) {
		p := start(t, nil)
		tab := show("", pageOf(p))
		tab.waitFor(t, `outside()`)
		tab.click(t, "#create button")
		tab.waitFor(t, `drawn("node").length === 1`)
		room := tab.text(t, `location.hash`)
		for range 2 {
			tab.text(t, `setTimeout(() => history.back())`)
			tab.waitFor(t, `outside() && location.hash === "" && said() === "" && document.title === "rtcpeer"`)
			tab.text(t, `setTimeout(() => history.forward())`)
			tab.waitFor(t, `!outside() && location.hash === "`+room+`" && drawn("node").length === 1 && document.querySelector("#room-name").textContent === "`+room[1:]+`"`)
		}
	})
}

// Where a page may not write to the clipboard, the link is shown and selected.
func TestClipboardRefused(t *testing.T) {
	skip.Long(t)
	inChromium(t, func(t *testing.T, show func(script, url string) view) {
		p := start(t, nil)
		tab := show(`navigator.clipboard.writeText = () => Promise.reject(new DOMException("no", "NotAllowedError"));
			document.execCommand = () => false;`, pageOf(p)+"#lobby")
		tab.waitFor(t, `drawn("node").length === 1`)
		tab.click(t, "#invite")
		tab.waitFor(t, `document.querySelector("#room-dialog").open && document.activeElement.id === "link" && document.activeElement.value === location.href`)
		require.Equal(t, "true", tab.text(t, `(({ selectionStart, selectionEnd, value }) => selectionStart === 0 && selectionEnd === value.length)(document.activeElement)`))
		tab.press(t, "\x1b")
		tab.waitFor(t, `document.querySelector("#invite").textContent === "Invite"`) // some time
	})
}

// Where a browser can share, one button does: with the link, once. Who thinks better of it is left alone, and where sharing fails
// the link is shown. The name of a room has as many words as the address says.
func TestInviteShares(t *testing.T) {
	skip.Long(t)
	t.Parallel()
	inChromium(t, func(t *testing.T, show func(script, url string) view) {
		p := start(t, nil)
		tab := show(`globalThis.shared = [], globalThis.fails = "";
			navigator.share = async ({ url }) => { shared.push(url); if (fails) throw new DOMException("no", fails); };`, pageOf(p)+"?words=5")
		tab.waitFor(t, `outside()`)
		tab.click(t, "#create button")
		tab.waitFor(t, `/^#[a-z]+(-[a-z]+){4}$/.test(location.hash)`)
		for i, fails := range []string{"", "AbortError"} {
			tab.text(t, `fails = "`+fails+`"`)
			tab.click(t, "#invite")
			tab.waitFor(t, fmt.Sprintf(`shared.length === %d && shared.every((url) => url === location.href)`, i+1))
			require.Equal(t, "false Invite", tab.text(t, `document.querySelector("#room-dialog").open + " " + document.querySelector("#invite").textContent`))
		}
		tab.text(t, `fails = "NotAllowedError"`)
		tab.click(t, "#invite")
		tab.waitFor(t, `shared.length === 3 && document.querySelector("#room-dialog").open && document.querySelector("#link").value === location.href`)
	})
}
