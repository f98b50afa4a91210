package lab

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"

	"example.org/rtcpeer/rtcpeer/js"
)

// serveVariable in the environment makes the test binary the server of the page.
const serveVariable = "RTCPEER_LAB_SERVE"

const (
	serverURL = "ws://" + serverAddress + ":9080/room"
	pageURL   = "http://" + serverAddress + ":9081/page.html"
)

// startServer runs signal-server on the public host, told where it is: it has several addresses.
func (w *world) startServer(ctx context.Context, program string) {
	w.t.Helper()
	p := w.start(public, nil, program, "--listen="+serverAddress+":9080", "--turn", "--turn-address="+serverAddress,
		"--turn-listen="+serverAddress+":3478", "--turn-listen-tls=off")
	if _, err := p.await(ctx, &p.err, "msg=listening"); err != nil {
		w.t.Fatal(err)
	}
}

// startPages runs the server of the browser's page there.
func (w *world) startPages(ctx context.Context) *process {
	w.t.Helper()
	self, err := os.Executable()
	if err != nil {
		w.t.Fatal(err)
	}
	p := w.start(public, []string{serveVariable + "=1"}, self)
	if _, err := p.await(ctx, &p.out, "^ready$"); err != nil {
		w.t.Fatal(err)
	}
	return p
}

// serve is the server of the page, until it is killed. What the page has found is a line of stdout.
func serve(stdout, stderr io.Writer) int {
	mux := http.NewServeMux()
	mux.Handle("GET /rtcpeer.js", js.Handler())
	mux.HandleFunc("GET /page.html", func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, "page.html") })
	mux.HandleFunc("POST /found", func(w http.ResponseWriter, r *http.Request) {
		found, _ := io.ReadAll(io.LimitReader(r.Body, 1<<16))
		fmt.Fprintf(stdout, "found %s\n", found)
	})
	listener, err := net.Listen("tcp", serverAddress+":9081")
	if err != nil {
		fmt.Fprintln(stderr, err)
		return 1
	}
	fmt.Fprintln(stdout, "ready")
	fmt.Fprintln(stderr, http.Serve(listener, mux))
	return 1
}
