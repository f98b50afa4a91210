//go:build !js

package wasmtest

import (
	"context"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer"
	"example.org/rtcpeer/signaling/signalserver"
)

// server is a signaling server on a real port.
type server struct {
	*signalserver.Server
	web *httptest.Server
}

func startServer(t *testing.T) *server {
	t.Helper()
	inner, err := signalserver.New(signalserver.Config{})
	require.NoError(t, err)
	s := &server{inner, httptest.NewServer(inner)}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = inner.Shutdown(ctx)
		s.web.Close()
	})
	return s
}

func (s *server) url(room string) string {
	return strings.Replace(s.web.URL, "http", "ws", 1) + "/" + room
}

// await waits for so many members of all rooms.
func (s *server) await(t *testing.T, members int) {
	t.Helper()
	require.Eventually(t, func() bool { return s.Stats().Members == members }, patience, 10*time.Millisecond)
}

func compilePage(t *testing.T) (folder string) {
	t.Helper()
	folder = t.TempDir()
	compile(t, folder, "page.wasm", ".")
	return folder
}

// member has the page run TestMember.
func member(t *testing.T, b *browser, url string, topology rtcpeer.Topology, others int, leaves bool) *job {
	t.Helper()
	return b.start(t, "page.wasm", map[string]string{
		"URL": url, "TOPOLOGY": string(topology), "OTHERS": fmt.Sprint(others), "LEAVES": fmt.Sprint(leaves),
	}, "-test.run=^TestMember$")
}

func TestPageAndNativePeer(t *testing.T) {
	s, b := startServer(t), startBrowser(t, compilePage(t))
	for _, row := range []struct {
		name       string
		topology   rtcpeer.Topology
		pageFirst  bool // and in a star it is the host
		pageLeaves bool
	}{
		{"mesh, the page offers and leaves", rtcpeer.Mesh, false, true},
		{"mesh, the native peer offers and leaves", rtcpeer.Mesh, true, false},
		{"star, the page is guest and leaves", rtcpeer.Star, false, true},
		{"star, the page is guest, the host leaves", rtcpeer.Star, false, false},
		{"star, the page is host, the guest leaves", rtcpeer.Star, true, false},
		{"star, the page is host and leaves", rtcpeer.Star, true, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			s.await(t, 0)
			room := s.url(fmt.Sprintf("room-%t-%t-%s", row.pageFirst, row.pageLeaves, row.topology))
			var page *job
			if row.pageFirst {
				page = member(t, b, room, row.topology, 1, row.pageLeaves)
				s.await(t, 1)
			}
			node := join(t, room, row.topology)
			if !row.pageFirst {
				page = member(t, b, room, row.topology, 1, row.pageLeaves)
			}
			defer page.wait(t)
			settle(t, node, 1, talk(t, node, 1))
			part(t, node, !row.pageLeaves)
			closed(t, node)
		})
	}
}

// Two browsers, with nobody else: their addresses are hidden from both.
func TestTwoPages(t *testing.T) {
	folder := compilePage(t)
	s, first, second := startServer(t), startBrowser(t, folder), startBrowser(t, folder)
	for _, topology := range []rtcpeer.Topology{rtcpeer.Mesh, rtcpeer.Star} {
		t.Run(string(topology), func(t *testing.T) {
			s.await(t, 0)
			room := s.url("two-" + string(topology))
			one := member(t, first, room, topology, 1, false)
			s.await(t, 1)
			other := member(t, second, room, topology, 1, true)
			one.wait(t)
			other.wait(t)
		})
	}
}

// The native host relays between two pages, and all leave at once.
func TestTwoPagesAndAHost(t *testing.T) {
	folder := compilePage(t)
	s, first, second := startServer(t), startBrowser(t, folder), startBrowser(t, folder)
	host := join(t, s.url("three"), rtcpeer.Star)
	one := member(t, first, s.url("three"), rtcpeer.Star, 2, true)
	other := member(t, second, s.url("three"), rtcpeer.Star, 2, true)
	settle(t, host, 2, talk(t, host, 2))
	one.wait(t)
	other.wait(t)
}

func TestPageIsRefused(t *testing.T) {
	s, b := startServer(t), startBrowser(t, compilePage(t))
	join(t, s.url("mesh"), rtcpeer.Mesh)
	page := strings.Replace(b.web.URL, "http", "ws", 1)
	b.start(t, "page.wasm", map[string]string{"URL": s.url("mesh"), "PAGE": page}, "-test.run=^TestJoinRefused$").wait(t)
}
