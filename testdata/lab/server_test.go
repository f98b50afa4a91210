package lab

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"

	"example.org/rtcpeer/rtcpeer/js"
	"example.org/rtcpeer/signaling/signalserver"
	"example.org/rtcpeer/signaling/turnserver"
)

// serveVariable in the environment makes the test binary the server.
const serveVariable = "RTCPEER_LAB_SERVE"

const serverURL = "ws://" + serverAddress + ":9080/room"

// startServer runs the server on the public host.
func (w *world) startServer(ctx context.Context) *process {
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

// serve is the server: rooms, STUN and TURN, and the browser's page, until it is killed. What the
// page has found is a line of stdout.
func serve(_ io.Reader, stdout, stderr io.Writer) int {
	relay, err := turnserver.New(turnserver.Config{
		PublicAddresses: []netip.Addr{netip.MustParseAddr(serverAddress)},
		UDP:             serverAddress + ":3478", // of several addresses, the one that answers come from
	})
	if err != nil {
		fmt.Fprintln(stderr, err)
		return 1
	}
	rooms, err := signalserver.New(signalserver.Config{ICEServers: relay.ICEServers("lab")})
	if err != nil {
		fmt.Fprintln(stderr, err)
		return 1
	}
	mux := http.NewServeMux()
	mux.Handle("/", rooms)
	mux.Handle("GET /rtcpeer.js", js.Handler())
	mux.HandleFunc("GET /page.html", func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, "page.html") })
	mux.HandleFunc("POST /found", func(w http.ResponseWriter, r *http.Request) {
		found, _ := io.ReadAll(io.LimitReader(r.Body, 1<<16))
		fmt.Fprintf(stdout, "found %s\n", found)
	})
	listener, err := net.Listen("tcp", serverAddress+":9080")
	if err != nil {
		fmt.Fprintln(stderr, err)
		return 1
	}
	fmt.Fprintln(stdout, "ready")
	fmt.Fprintln(stderr, http.Serve(listener, mux))
	return 1
}
