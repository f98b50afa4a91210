package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/testdata/npm"
	"example.org/rtcpeer/testdata/skip"
)

// axe-core finds nothing to complain of: at the start, in a room and in each dialog, in light and dark, at three widths.
func TestAccessibility(t *testing.T) {
	skip.Long(t)
	t.Parallel()
	source := axe(t)
	inChromium(t, func(t *testing.T, show func(script, url string) view) {
		p := start(t, nil)
		begin := show("", pageOf(p))
		begin.waitFor(t, `outside()`)
		begin.text(t, `[unfold("#advanced"), unfold("#meet")]`)
		begin.waitFor(t, `document.querySelector("#rooms-hint").textContent.startsWith("None at the moment")`)
		one, two := show(as(redFox), pageOf(p)+"#lobby"), show(as(blueOwl), pageOf(p)+"#lobby")
		for _, tab := range []view{one, two} {
			tab.waitFor(t, `rows().length === 1 && rows()[0].match(/ms 0 % lost/g)?.length === 3 && document.querySelector("#target").length === 1`)
		}
		one.say(t, "look: http://127.0.0.1/")
		two.waitFor(t, `log().includes("look")`)
		lone := show("", pageOf(p)+"#other")
		lone.waitFor(t, `drawn("node").length === 1`)

		check := func(tab view, what string) {
			for _, width := range []int{320, 390, 1280} {
				for _, scheme := range []string{"light", "dark"} {
					tab.resize(t, width, 720)
					tab.prefer(t, scheme)
					found := tab.await(t, `axe.run().then(({ violations }) => violations.map((v) => v.id + ": " + v.nodes.map((n) => n.html + " " + n.failureSummary).join("\n")).join("\n"))`)
					require.Empty(t, found, "%s, %d px, %s", what, width, scheme)
				}
			}
		}
		for _, tab := range []view{begin, two, lone} {
			tab.await(t, source+`; Promise.resolve("")`)
		}
		check(begin, "the start")
		check(two, "a room")
		check(lone, "a room of one")
		for _, dialog := range []string{"#room-dialog", "#me-dialog", "#person"} {
			switch dialog {
			case "#room-dialog":
				two.click(t, "#room-name")
				two.click(t, "#show-qr")
				two.waitFor(t, `document.querySelector("#qr path") !== null`)
			case "#me-dialog":
				two.click(t, "#me")
			default:
				two.click(t, ".node.connected")
			}
			check(two, dialog)
			two.shoot(t, dialog[1:])
			two.press(t, "\x1b")
		}
		quiet(t, two)
	})
}

// axe returns the source of axe-core.
func axe(t *testing.T) string {
	t.Helper()
	npmPackages(t)
	source, err := os.ReadFile(filepath.Join("page", "node_modules", "axe-core", "axe.min.js"))
	require.NoError(t, err)
	return string(source)
}

// npmPackages installs what page/package-lock.json names, if it is not there.
func npmPackages(t *testing.T) {
	t.Helper()
	if err := npm.Install("page"); err != nil {
		skip.Missing(t, "%v", err)
	}
}

// What is embedded of the page is what its source says.
func TestPageIsBuilt(t *testing.T) {
	t.Parallel()
	npmPackages(t)
	folder := t.TempDir()
	build := exec.CommandContext(t.Context(), "npm", "--prefix", "page", "run", "build")
	build.Env = append(os.Environ(), "OUT="+folder)
	out, err := build.CombinedOutput()
	require.NoError(t, err, "%s", out)
	files, err := os.ReadDir(folder)
	require.NoError(t, err)
	require.Len(t, files, 8)
	for _, f := range files {
		built, err := os.ReadFile(filepath.Join(folder, f.Name()))
		require.NoError(t, err)
		embedded, err := web.ReadFile("web/" + f.Name())
		require.NoError(t, err)
		require.True(t, bytes.Equal(built, embedded), "web/%s is not up to date: go generate ./cmd/signal-server", f.Name())
	}
}
