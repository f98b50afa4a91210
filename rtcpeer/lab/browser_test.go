//go:build linux

package lab

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"example.org/rtcpeer/rtcpeer"
	"example.org/rtcpeer/rtcpeer/js"
	"example.org/rtcpeer/testdata/firefox"
)

// A driver is the process of a recorder that is a page (recorder.html) in a browser, which it starts. It says
// and is told what a recorder is (recorder_test.go), and of a Chromium besides:
//
//	SIGUSR2   the tab is frozen, or covered by another one, and the next time it is not any more
//	SIGHUP    the tab says how often a timer of it has fired
//
// The page tells it things and takes its commands with requests over the seat's own loopback (driver.js).
//
// With several tabs its pages are tabs.html, each in a profile of its own.
type driver struct {
	// Fixed at construction.
	stdout, stderr io.Writer
	page           string // the path of the page
	tabs           int
	flags          []string // of a Chromium, as NAME=VALUE
	record         string   // the path of its file
	said           chan saying

	away func() error // owned by run

	mu       sync.Mutex // guards the fields below
	commands []string
	changed  chan struct{} // closed and replaced when there is another one
}

// A saying is what the page tells. One of the fields is set.
type saying struct {
	Out, Log string
	Record   *pageRecord
	Closed   bool // its node
}

// recordInBrowser is the process of a driver.
func recordInBrowser(stdout, stderr io.Writer, args []string) int {
	flags := flag.NewFlagSet("driver", flag.ExitOnError)
	browser := flags.String("browser", "", "")
	room := flags.String("url", "", "")
	topology := flags.String("topology", "", "")
	members := flags.Int("members", 0, "")
	relayOnly := flags.Bool("relay-only", false, "")
	away := flags.String("away", "", "")
	path := flags.String("record", "", "")
	page := flags.String("page", "recorder.html", "")
	tabs := flags.Int("tabs", 1, "")
	relayLinks := flags.Bool("relay-links", false, "")
	chromium := flags.String("chromium", "", "")
	_ = flags.Parse(args) // it exits by itself
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGHUP, os.Interrupt)

	query := url.Values{"url": {*room}, "topology": {*topology}, "members": {strconv.Itoa(*members)}}
	if *relayOnly {
		query.Set("relay", "only")
	}
	if *relayLinks {
		query.Set("relay-links", "")
	}
	d := &driver{
		stdout: stdout, stderr: stderr, page: *page, tabs: *tabs, flags: strings.Fields(*chromium),
		record: *path, said: make(chan saying), changed: make(chan struct{}),
	}
	if err := d.run(stack(*browser), query, *away, signals); err != nil {
		fmt.Fprintln(stderr, err)
		return 1
	}
	return 0
}

func (d *driver) run(browser stack, query url.Values, away string, signals <-chan os.Signal) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: d.handler()}
	var wg sync.WaitGroup
	defer wg.Wait()
	defer server.Close()
	wg.Go(func() { _ = server.Serve(listener) }) // until Close
	profile, err := os.MkdirTemp("", "lab")
	if err != nil {
		return err
	}
	defer os.RemoveAll(profile) // the browser may still write there
	end, err := d.startBrowser(browser, profile, fmt.Sprintf("http://%v/?%s", listener.Addr(), query.Encode()), away)
	if err != nil {
		return err
	}
	defer end()
	interrupt := "stop"
	for {
		select {
		case s := <-d.said:
			if s.Closed {
				return nil
			}
			if err := d.heard(s); err != nil {
				return err
			}
		case s := <-signals:
			switch s {
			case syscall.SIGUSR1:
				d.command("mark")
			case syscall.SIGUSR2:
				if err := d.away(); err != nil {
					return err
				}
			case syscall.SIGHUP:
				d.command("wakes")
			default:
				d.command(interrupt)
				interrupt = "close"
			}
		}
	}
}

// heard takes what the page tells.
func (d *driver) heard(s saying) error {
	switch {
	case s.Out != "":
		fmt.Fprintln(d.stdout, s.Out)
	case s.Record != nil:
		if err := s.Record.record().write(d.record); err != nil {
			return err
		}
		fmt.Fprintln(d.stdout, "recorded")
	default:
		fmt.Fprintln(d.stderr, s.Log)
	}
	return nil
}

// command has the page do something.
func (d *driver) command(what string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.commands = append(d.commands, what)
	close(d.changed)
	d.changed = make(chan struct{})
}

// handler is of the page, and of what it tells and asks.
func (d *driver) handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /rtcpeer.js", js.Handler())
	mux.Handle("GET /relay-links.js", js.Handler())
	mux.HandleFunc("GET /driver.js", func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, "driver.js") })
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, d.page) })
	mux.HandleFunc("POST /say", func(w http.ResponseWriter, r *http.Request) {
		var s saying
		if err := json.NewDecoder(r.Body).Decode(&s); err != nil {
			s.Log = err.Error()
		}
		select {
		case d.said <- s:
		case <-r.Context().Done():
		}
	})
	mux.HandleFunc("GET /command", func(w http.ResponseWriter, r *http.Request) {
		n, _ := strconv.Atoi(r.FormValue("n"))
		for {
			d.mu.Lock()
			commands, changed := d.commands, d.changed
			d.mu.Unlock()
			if n < len(commands) {
				fmt.Fprint(w, commands[n])
				return
			}
			select {
			case <-changed:
			case <-r.Context().Done():
				return
			}
		}
	})
	return mux
}

// startBrowser shows the page. It returns what ends the browser.
func (d *driver) startBrowser(browser stack, profile, address, away string) (end func(), err error) {
	if browser == firefoxStack {
		cmd, err := firefox.Command(profile, address)
		if err != nil {
			return nil, err
		}
		cmd.Stdout, cmd.Stderr = d.stderr, d.stderr
		cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
		return func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }, cmd.Start()
	}
	path, err := exec.LookPath("chromium")
	if err != nil {
		return nil, err
	}
	var more []chromedp.ExecAllocatorOption
	for _, flag := range d.flags {
		name, value, _ := strings.Cut(flag, "=")
		more = append(more, chromedp.Flag(name, value))
	}
	allocator, stop := chromedp.NewExecAllocator(context.Background(), append(more, chromedp.ExecPath(path), chromedp.UserDataDir(profile),
		chromedp.Headless, chromedp.NoSandbox, chromedp.DisableGPU, chromedp.NoFirstRun,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true),
		chromedp.Flag("disable-dev-shm-usage", true), chromedp.WSURLReadTimeout(patience))...)
	tab, _ := chromedp.NewContext(allocator)
	d.away = cover(tab)
	if away == frozen {
		d.away = freeze(tab)
	}
	end = func() { _ = chromedp.Cancel(tab); stop() }
	err = chromedp.Do(tab, chromedp.Navigate(address))
	for range d.tabs - 1 {
		other, _ := chromedp.NewContext(tab, chromedp.WithNewBrowserContext())
		err = errors.Join(err, chromedp.Do(other, chromedp.Navigate(address)))
	}
	return end, err
}

// The ways in which a tab is not in front of its user.
const (
	frozen = "frozen" // as phones do to what is in the background
	hidden = "hidden" // timers are slow
)

// freeze returns an act that freezes the tab, and the next time has it go on.
func freeze(tab context.Context) func() error {
	state := page.SetWebLifecycleStateStateActive
	return func() error {
		if state == page.SetWebLifecycleStateStateActive {
			state = page.SetWebLifecycleStateStateFrozen
		} else {
			state = page.SetWebLifecycleStateStateActive
		}
		return chromedp.Do(tab, chromedp.Func(func(ctx context.Context, to *chromedp.Target) error {
			_, err := cdp.Call(ctx, to, page.SetWebLifecycleState, page.SetWebLifecycleStateParams{State: state})
			return err
		}))
	}
}

// cover returns an act that shows another tab in front of this one, and the next time closes that.
func cover(tab context.Context) func() error {
	var front context.Context
	return func() error {
		if front != nil {
			return chromedp.Cancel(front)
		}
		front, _ = chromedp.NewContext(tab, chromedp.WithNewWindow(false))
		return chromedp.Do(front, chromedp.Navigate("about:blank"))
	}
}

// A pageRecord is a record in JSON. Times are in ms since 1970.
type pageRecord struct {
	ID     rtcpeer.PeerID
	Events []struct {
		At     int64
		Kind   string
		Peer   rtcpeer.PeerID
		Reason string
		Error  string
	}
	Arrivals [][7]int64
	Sent     []sent
	Refused  map[string]int
	Stopped  int64
}

func (p *pageRecord) record() *record {
	r := &record{ID: p.ID, Sent: p.Sent, Refused: p.Refused, Stopped: time.UnixMilli(p.Stopped)}
	for _, e := range p.Events {
		r.Events = append(r.Events, happening{
			At: time.UnixMilli(e.At), Kind: named[rtcpeer.EventKind](e.Kind), Peer: e.Peer, Reason: named[rtcpeer.DisconnectReason](e.Reason), Error: e.Error,
		})
	}
	for _, a := range p.Arrivals {
		r.Arrivals = append(r.Arrivals, arrival{
			From: rtcpeer.PeerID(a[0]), Mode: rtcpeer.Mode(a[1]), Connection: uint16(a[2]), Epoch: uint16(a[3]), Number: uint32(a[4]),
			SentAt: time.UnixMilli(a[5]), At: time.UnixMilli(a[6]),
		})
	}
	return r
}

// named returns the value that has this name in both languages. 0: none has.
func named[T interface {
	~uint8
	fmt.Stringer
}](name string) T {
	for v := T(1); v < 32; v++ {
		if v.String() == name {
			return v
		}
	}
	return 0
}
