//go:build linux

package lab

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"

	"example.org/rtcpeer/rtcpeer/js"
)

const (
	serverURL = "wss://" + serverAddress + "/room"
	openURL   = "ws://" + serverAddress + "/room"
	pageURL   = "https://" + pagesAddress + "/page.html?room=" + serverURL
)

// startServer runs signal-server on the public host, told where it is: it has several addresses.
func (w *world) startServer(ctx context.Context, more ...string) *process {
	w.t.Helper()
	return w.startPlainServer(ctx, append(more, "--turn", "--turn-address="+serverAddress, "--turn-host="+serverAddress,
		"--turn-listen="+serverAddress+":3478", "--turn-listen-tls="+serverAddress+":443")...)
}

// startPlainServer runs it without STUN and TURN.
func (w *world) startPlainServer(ctx context.Context, more ...string) *process {
	w.t.Helper()
	return w.startSignalServer(ctx, append(more, "--listen="+serverAddress+":443", "--tls-cert="+w.kit.cert, "--tls-key="+w.kit.key)...)
}

// startOpenServer runs it without TLS: a Firefox can be told of no certificate.
func (w *world) startOpenServer(ctx context.Context, turn bool, more ...string) *process {
	w.t.Helper()
	more = append(more, "--listen="+serverAddress+":80")
	if turn {
		more = append(more, "--turn", "--turn-address="+serverAddress, "--turn-host="+serverAddress, "--turn-listen="+serverAddress+":3478")
	} else {
		more = append(more, "--ice-server="+stunURL)
	}
	return w.startSignalServer(ctx, more...)
}

// startSTUN runs a STUN server in a process of its own, for worlds in which no member has a relay. stunURL is
// for the --ice-server of a plain server.
func (w *world) startSTUN(ctx context.Context) *process {
	w.t.Helper()
	return w.startSignalServer(ctx, "--listen="+stunAddress+":9080",
		"--turn", "--turn-address="+stunAddress, "--turn-listen="+stunAddress+":3478")
}

const stunURL = "stun:" + stunAddress + ":3478"

func (w *world) startSignalServer(ctx context.Context, args ...string) *process {
	w.t.Helper()
	p := w.start(public, nil, w.kit.server, args...)
	if _, err := p.await(ctx, &p.err, "msg=listening"); err != nil {
		w.t.Fatal(err)
	}
	return p
}

// startPages runs the server of the browser's page there.
func (w *world) startPages(ctx context.Context) *process {
	w.t.Helper()
	p := w.startSelf("pages", w.kit.cert, w.kit.key)
	if _, err := p.await(ctx, &p.out, "^ready$"); err != nil {
		w.t.Fatal(err)
	}
	return p
}

// servePages is the server of the page, until it is killed. What the page has found is a line of stdout.
func servePages(stdout, stderr io.Writer, cert, key string) int {
	mux := http.NewServeMux()
	for _, name := range js.Names() {
		mux.Handle("GET /"+name, js.Handler())
	}
	mux.HandleFunc("GET /page.html", func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, "page.html") })
	mux.HandleFunc("POST /found", func(w http.ResponseWriter, r *http.Request) {
		found, _ := io.ReadAll(io.LimitReader(r.Body, 1<<16))
		fmt.Fprintf(stdout, "found %s\n", found)
	})
	listener, err := net.Listen("tcp", pagesAddress+":443")
	if err != nil {
		fmt.Fprintln(stderr, err)
		return 1
	}
	fmt.Fprintln(stdout, "ready")
	fmt.Fprintln(stderr, http.ServeTLS(listener, mux, cert, key))
	return 1
}
