package page

import (
	"bytes"
	"net/http"
	"regexp"
	"sync/atomic"

	"example.org/rtcpeer/cmd/signal-server/internal/static"
)

// A program that shows a preview of a link, such as a messenger, needs the absolute URL of the page's image. previewed
// serves index.html with that URL: with the Host of the request, and with https if the request came over TLS or a proxy
// says so. A request with a false Host misleads only its own client. If the Host is not a plain name or address, the URL
// stays relative.
func previewed(index []byte) http.Handler {
	// Only the last answer is kept, because most servers have one name. Making an answer for another name costs less than
	// the handshake of the request.
	type answer struct {
		origin string
		page   http.Handler
	}
	var last atomic.Pointer[answer]
	last.Store(&answer{page: static.File("index.html", index)})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		origin := originOf(r)
		a := last.Load()
		if a.origin != origin {
			a = &answer{origin: origin, page: static.File("index.html", withImageAt(index, origin))}
			last.Store(a)
		}
		a.page.ServeHTTP(w, r)
	})
}

// withImageAt puts an origin before the image's name; "" is none.
func withImageAt(index []byte, origin string) []byte {
	const image = `content="og.png"`
	if origin == "" {
		return index
	}
	return bytes.Replace(index, []byte(image), []byte(`content="`+origin+`/og.png"`), 1)
}

// plainHost is a host name or an IPv4 address, and perhaps a port: nothing that HTML or a URL would take for something
// else.
var plainHost = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?(:[0-9]{1,5})?$`)

// originOf returns the origin of the page that r asks for, or "".
func originOf(r *http.Request) string {
	switch {
	case !plainHost.MatchString(r.Host):
		return ""
	case r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https":
		return "https://" + r.Host
	}
	return "http://" + r.Host
}
