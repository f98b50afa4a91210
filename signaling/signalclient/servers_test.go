package signalclient

import (
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
)

var quietLog = log.New(io.Discard, "", 0)

// nothing returns a URL at which nothing listens.
func nothing(t *testing.T) string {
	ln := listen(t, "127.0.0.1:0")
	defer ln.Close()
	return "ws://" + ln.Addr().String()
}

func httpServer(handler http.HandlerFunc) func(*testing.T) string {
	return func(t *testing.T) string {
		srv := httptest.NewUnstartedServer(handler)
		srv.Config.ErrorLog = quietLog
		srv.Start()
		t.Cleanup(srv.Close)
		return srv.URL
	}
}

// rawServer says text to whoever connects, reads the request, and closes.
func rawServer(text string) func(*testing.T) string {
	return func(t *testing.T) string {
		ln := listen(t, "127.0.0.1:0")
		acceptAll(t, ln, func(c net.Conn) {
			_, _ = io.ReadAtLeast(c, make([]byte, 4096), 1)
			_, _ = c.Write([]byte(text))
			c.Close()
		})
		return "ws://" + ln.Addr().String()
	}
}

// acceptOnly takes connections and what comes through them, and says nothing.
func acceptOnly(t *testing.T, p *pipeNet) {
	acceptAll(t, p, func(c net.Conn) { _, _ = io.Copy(io.Discard, c) })
}

func acceptAll(t *testing.T, ln net.Listener, use func(net.Conn)) {
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { use(c) })
		}
	})
	t.Cleanup(func() { ln.Close(); wg.Wait() })
}
