//go:build unix

package wasmtest

import (
	"context"
	"fmt"
	"net"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
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
	net *listener
}

// listener can cut what it has accepted.
type listener struct {
	net.Listener
	mu    sync.Mutex // guards the field below
	conns []net.Conn
}

func (l *listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err == nil {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.conns = append(l.conns, c)
	}
	return c, err
}

func (l *listener) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range l.conns {
		c.Close()
	}
	l.conns = nil
}

func startServer(t *testing.T) *server {
	t.Helper()
	inner, err := signalserver.New(signalserver.Config{})
	require.NoError(t, err)
	s := &server{Server: inner, web: httptest.NewUnstartedServer(inner)}
	s.net = &listener{Listener: s.web.Listener}
	s.web.Listener = s.net
	s.web.Start()
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
			talk(t, node, 1)
			part(t, node, !row.pageLeaves)
			closed(t, node)
		})
	}
}

// A browser hides its addresses behind names that the native peer does not look up, which finds it by
// the packets that come from it; or it does not.
func TestHiddenAndOpenAddresses(t *testing.T) {
	folder := compilePage(t)
	for _, row := range []struct {
		name  string
		flags []string
		kinds []string // of the page's address, as the native peer sees it
	}{
		{"hidden", nil, []string{"prflx"}},
		{"open", []string{"--disable-features=WebRtcHideLocalIpsWithMdns"}, []string{"host", "prflx"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			s, b := startServer(t), startBrowser(t, folder, row.flags...)
			node := join(t, s.url(row.name), rtcpeer.Mesh)
			page := member(t, b, s.url(row.name), rtcpeer.Mesh, 1, true)
			talk(t, node, 1)
			for _, link := range node.Stats().Links {
				require.Contains(t, row.kinds, link.Remote)
			}
			page.wait(t)
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
	if os.Getenv("RTCPEER_INTEROP") == "" {
		t.Skip("three peers and two browsers need a quiet machine: RTCPEER_INTEROP=1 go test -run TwoPagesAndAHost ./rtcpeer/wasmtest")
	}
	folder := compilePage(t)
	s, first, second := startServer(t), startBrowser(t, folder), startBrowser(t, folder)
	host := join(t, s.url("three"), rtcpeer.Star)
	one := member(t, first, s.url("three"), rtcpeer.Star, 2, true)
	other := member(t, second, s.url("three"), rtcpeer.Star, 2, true)
	talk(t, host, 2)
	one.wait(t)
	other.wait(t)
}

func TestPageIsRefused(t *testing.T) {
	s, b := startServer(t), startBrowser(t, compilePage(t))
	join(t, s.url("mesh"), rtcpeer.Mesh)
	page := strings.Replace(b.web.URL, "http", "ws", 1)
	b.start(t, "page.wasm", map[string]string{"URL": s.url("mesh"), "PAGE": page}, "-test.run=^TestJoinRefused$").wait(t)
}

// A tab that is reloaded is gone at once, without the time-out of a lost path, and comes back as
// somebody else.
func TestReloadedTab(t *testing.T) {
	s, b := startServer(t), startBrowser(t, compilePage(t))
	node := join(t, s.url("reload"), rtcpeer.Mesh)
	b.start(t, "page.wasm", map[string]string{"URL": s.url("reload")}, "-test.run=^TestReload$") // never done
	before := expect(t, node, rtcpeer.PeerConnected)
	gone := expect(t, node, rtcpeer.PeerDisconnected)
	require.Equal(t, before.Peer, gone.Peer)
	t.Logf("reason %q", gone.Reason)

	page := member(t, b, s.url("reload"), rtcpeer.Mesh, 1, true)
	talk(t, node, 1)
	page.wait(t)
}

// Both lose the server, and come back as who they were; their link knows nothing of it.
func TestServerIsLost(t *testing.T) {
	s, b := startServer(t), startBrowser(t, compilePage(t))
	node := join(t, s.url("restart"), rtcpeer.Mesh)
	page := b.start(t, "page.wasm", map[string]string{"URL": s.url("restart")}, "-test.run=^TestResumes$")
	expect(t, node, rtcpeer.PeerConnected)
	s.net.cut()
	require.Equal(t, "resumed", string(expect(t, node, rtcpeer.PacketReceived).Packet.Data), "over the link that outlived it")
	require.Equal(t, rtcpeer.ByPeer, expect(t, node, rtcpeer.PeerDisconnected).Reason)
	page.wait(t)
}

// expect returns the next event, which is of a kind.
func expect(t *testing.T, node *rtcpeer.Node, kind rtcpeer.EventKind) rtcpeer.Event {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	ev, err := node.Receive(ctx)
	require.NoError(t, err, "waiting for %v", kind)
	require.Equal(t, kind, ev.Kind, "%+v", ev)
	return ev
}
