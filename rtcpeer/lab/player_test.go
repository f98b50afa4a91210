//go:build linux

package lab

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
)

// found is what a player says of its end of the link.
type found struct {
	Local     string  `json:"local"`
	Remote    string  `json:"remote"`
	ConnectMS float64 `json:"connect_ms"`
	Error     string  `json:"error"`
}

// A player joins the room at its seat.
type player interface {
	// joined waits until it is in the room.
	joined(context.Context) error
	// linked waits until it has its link.
	linked(context.Context) error
	// found returns what its end of the link is like. The player may leave then.
	found(context.Context) (found, error)
}

// goPlayer is an rtc-client that pings until it is told to stop: its link may be open long before the
// other end's is, where packets are lost or the machine is busy.
type goPlayer struct{ *process }

func (w *world) startGo(host string) goPlayer {
	return goPlayer{w.startClient(host, "ping", "--verbose", "--json", "--wait=40s", "--interval=50ms", "--count=100000", serverURL)}
}

// startClient runs an rtc-client that trusts the server's certificate.
func (w *world) startClient(host string, args ...string) *process {
	return w.start(host, []string{"SSL_CERT_FILE=" + w.kit.cert}, w.kit.client, args...)
}

// enterGo is startGo for a line that loses packets, on which the server's answer may come too late for
// one try, though hardly for four.
func (w *world) enterGo(ctx context.Context, host string) (player, error) {
	for tries := 1; ; tries++ {
		p := w.startGo(host)
		err := p.joined(ctx)
		if err == nil || tries == 4 || !strings.Contains(p.err.text(), "no answer within") {
			return p, err
		}
		w.t.Logf("%s joins once more: %v", host, err)
	}
}

func (p goPlayer) joined(ctx context.Context) error {
	_, err := p.await(ctx, &p.err, "joined as")
	return err
}

func (p goPlayer) linked(ctx context.Context) error {
	_, err := p.await(ctx, &p.err, "path to peer")
	return err
}

func (p goPlayer) found(ctx context.Context) (found, error) {
	p.interrupt()
	object, err := p.await(ctx, &p.out, `^{.*}$`)
	if err != nil {
		return found{}, err
	}
	if err := p.gone(ctx); err != nil {
		return found{}, err
	}
	var got struct{ Peers []struct{ Path found } }
	if err := json.Unmarshal([]byte(object), &got); err != nil {
		return found{}, fmt.Errorf("%s: %w", object, err)
	}
	if len(got.Peers) != 1 {
		return found{}, fmt.Errorf("want one peer: %s", object)
	}
	return got.Peers[0].Path, nil
}

// pagePlayer is a Chromium with the page. It stays until the test ends.
type pagePlayer struct {
	*process
	pages *process
}

// startChromium opens the page, with more behind its query.
func (w *world) startChromium(host string, pages *process, more string) pagePlayer {
	profile, err := os.MkdirTemp("", "lab") // the browser may still write while it is removed
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = os.RemoveAll(profile) })
	p := w.start(host, nil, "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
		"--enable-logging=stderr", "--ignore-certificate-errors-spki-list="+w.kit.pin,
		"--user-data-dir="+profile, pageURL+more)
	return pagePlayer{p, pages}
}

func (p pagePlayer) joined(ctx context.Context) error {
	_, err := p.pages.await(ctx, &p.pages.out, `^found {"joined"`)
	return err
}

func (p pagePlayer) linked(ctx context.Context) error {
	_, err := p.pages.await(ctx, &p.pages.out, pageFound)
	return err
}

const pageFound = `^found ({"(?:local|error)".*})$`

func (p pagePlayer) found(ctx context.Context) (f found, err error) {
	object, err := p.pages.await(ctx, &p.pages.out, pageFound)
	if err != nil {
		return f, err
	}
	if err := json.Unmarshal([]byte(object), &f); err != nil {
		return f, fmt.Errorf("%s: %w", object, err)
	}
	if f.Error != "" {
		return f, fmt.Errorf("the page: %s", f.Error)
	}
	return f, nil
}
