//go:build unix

package interop

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"example.org/rtcpeer/rtcpeer/js"
	"example.org/rtcpeer/testdata/firefox"
)

// A host is a process in which players are: a browser, with a page that opens those of players, or Node
// with one WebRTC stack.
type host struct {
	kind string
	conn *websocket.Conn
	cmd  *exec.Cmd
	log  lockedBuffer // what the process said
	wg   sync.WaitGroup

	mu         sync.Mutex // guards writing to conn, and the field below
	complaints []string
}

// patience is how long a host may take to start on a machine that is busy.
const patience = 2 * time.Minute

// startHost starts the process of a kind of host, which ends with the lab.
func (l *lab) startHost(kind string) (*host, error) {
	h := &host{kind: kind}
	home := strings.TrimPrefix(l.web.URL, "http://")
	profile, err := newProfile(l.t)
	if err != nil {
		return nil, err
	}
	switch name, variant, _ := strings.Cut(kind, " "); name {
	case "chromium":
		h.cmd = chromium(profile, "http://"+home+"/host.html?kind="+strings.ReplaceAll(kind, " ", "+"), variant)
	case "firefox":
		var prefs []string
		if variant == open {
			prefs = append(prefs, `user_pref("media.peerconnection.ice.obfuscate_host_addresses", false);`)
		}
		h.cmd, err = firefox.Command(profile, "http://"+home+"/host.html?kind="+strings.ReplaceAll(kind, " ", "+"), prefs...)
	default:
		h.cmd, err = node(profile, kind, home)
	}
	if err != nil {
		return nil, err
	}
	if err := h.run(); err != nil {
		return nil, fmt.Errorf("%s: %w", kind, err)
	}
	l.t.Cleanup(h.end)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	h.conn, err = l.await(ctx, "/host "+kind)
	if err != nil {
		return nil, fmt.Errorf("%w; it said: %s", err, h.log.tail())
	}
	h.wg.Go(h.read)
	return h, nil
}

// newProfile returns a folder of its own, in which a browser may still write while it is removed.
func newProfile(t *testing.T) (string, error) {
	folder, err := os.MkdirTemp("", "interop")
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	return folder, err
}

func (h *host) run() error {
	h.cmd.Stdout, h.cmd.Stderr = &h.log, &h.log
	h.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // browsers are many processes
	return h.cmd.Start()
}

// end is of the host's processes, and of those alone: they are a group of their own.
func (h *host) end() {
	_ = syscall.Kill(-h.cmd.Process.Pid, syscall.SIGKILL)
	_ = h.cmd.Wait()
	if h.conn != nil {
		h.conn.Close()
	}
	h.wg.Wait()
}

// read keeps what the host complains of.
func (h *host) read() {
	for {
		_, text, err := h.conn.ReadMessage()
		if err != nil {
			return
		}
		h.mu.Lock()
		h.complaints = append(h.complaints, string(text))
		h.mu.Unlock()
	}
}

// said is for a failure's message.
func (h *host) said() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return strings.Join(h.complaints, "\n") + h.log.tail()
}

func chromium(profile, url, variant string) *exec.Cmd {
	flags := []string{
		"--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
		// Several tabs at work, none of which anybody looks at.
		"--disable-popup-blocking", "--disable-background-timer-throttling", "--disable-renderer-backgrounding",
		"--user-data-dir=" + profile,
	}
	if variant == open {
		flags = append(flags, "--disable-features=WebRtcHideLocalIpsWithMdns")
	}
	return exec.Command("chromium", append(flags, url)...)
}

// open is the variant of a browser that does not hide its addresses behind names of mDNS.
const open = "open"

// packages is the folder whose node_modules have the stacks.
const packages = "../js"

func node(folder, stack, home string) (*exec.Cmd, error) {
	module := filepath.Join(folder, "rtcpeer.mjs")
	if err := os.WriteFile(module, js.Module(), 0o600); err != nil {
		return nil, err
	}
	from, err := filepath.Abs(packages)
	return exec.Command("node", "testdata/host.mjs", stack, home, module, from), err
}

// lockedBuffer is what a process writes while a test may read it.
type lockedBuffer struct {
	mu sync.Mutex // guards the field below
	b  bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

// tail leaves out what is said of a bus that no container has.
func (b *lockedBuffer) tail() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var lines []string
	for line := range strings.Lines(b.b.String()) {
		if !strings.Contains(line, "dbus/") {
			lines = append(lines, line[:min(len(line), 200)])
		}
	}
	return strings.Join(lines[max(len(lines)-20, 0):], "")
}
