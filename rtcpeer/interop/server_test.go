//go:build unix

package interop

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/signaling/godot"
	"example.org/rtcpeer/signaling/signalserver"
)

// server is a signaling server on a real port, which can be replaced by another process's, so to speak.
type server struct {
	web     *httptest.Server
	current atomic.Pointer[signalserver.Server] // nil: there is none, but whatever is in front of it
}

var resumeKey = []byte("the key of both servers")

func startServer(t *testing.T) *server {
	t.Helper()
	s := new(server)
	s.web = httptest.NewServer(s)
	s.start(t)
	t.Cleanup(func() {
		s.stop(t)
		s.web.Close()
	})
	return s
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if inner := s.current.Load(); inner != nil {
		inner.ServeHTTP(w, r)
		return
	}
	http.Error(w, "no server", http.StatusBadGateway)
}

func (s *server) start(t *testing.T) {
	t.Helper()
	// Recovery holds back newcomers to unknown rooms, which all rooms of the first server are.
	config := signalserver.Config{ResumeKey: resumeKey, Recovery: -1, MessageRate: -1, Plain: godot.Server()}
	inner, err := signalserver.New(config)
	require.NoError(t, err)
	s.current.Store(inner)
}

func (s *server) stop(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	require.NoError(t, s.current.Swap(nil).Shutdown(ctx))
}

func (s *server) url(room string) string {
	return strings.Replace(s.web.URL, "http", "ws", 1) + "/" + room
}
