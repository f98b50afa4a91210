package admin

import (
	"embed"
	"io/fs"
	"net/http"

	"example.org/rtcpeer/cmd/signal-server/internal/static"
)

// files are the files of the administration page. They are plain files, and share the style of the page of
// members.
//
//go:embed page
var files embed.FS

// policy lets the page load from, and connect to, only the listener that served it.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// pageFiles returns the handlers of the page, by path. members has the files of the page of
// members.
func pageFiles(members fs.FS) map[string]http.Handler {
	page := make(map[string]http.Handler)
	add := func(at string, files fs.FS, name string) {
		h, err := static.Of(files, name)
		if err != nil {
			panic(err) // embedded files can always be read
		}
		page[at] = static.Protect(policy, h)
	}
	add("/", files, "page/index.html")
	add("/admin.js", files, "page/admin.js")
	add("/admin.css", files, "page/admin.css")
	add("/page.css", members, "page.css")
	return page
}
