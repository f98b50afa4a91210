package main

import (
	"embed"
	"io/fs"
	"net/http"
	"path"
)

// adminFiles are the files of the administration page. They are plain files, and share the style of the page in
// folder web.
//
//go:embed admin
var adminFiles embed.FS

// adminPolicy lets the page load from, and connect to, only the listener that served it.
const adminPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// adminPage returns the files of the page, by path.
func adminPage() map[string]http.Handler {
	page := make(map[string]http.Handler)
	add := func(at string, files fs.FS, name string) {
		content, err := fs.ReadFile(files, name)
		if err != nil {
			panic(err) // embedded files can always be read
		}
		h := file(path.Base(name), content)
		page[at] = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Security-Policy", adminPolicy)
			w.Header().Set("Referrer-Policy", "no-referrer")
			w.Header().Set("X-Content-Type-Options", "nosniff")
			h.ServeHTTP(w, r)
		})
	}
	add("/", adminFiles, "admin/index.html")
	add("/admin.js", adminFiles, "admin/admin.js")
	add("/admin.css", adminFiles, "admin/admin.css")
	add("/page.css", web, "web/page.css")
	return page
}
