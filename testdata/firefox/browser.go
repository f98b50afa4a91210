package firefox

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

// A Browser is a Firefox that is driven over WebDriver BiDi (https://w3c.github.io/webdriver-bidi). Its methods and
// those of its tabs may be called from several goroutines, which take turns.
type Browser struct {
	cmd  *exec.Cmd
	rest chan struct{} // closed when the last of its output has been read

	mu       sync.Mutex // guards the fields below
	conn     *websocket.Conn
	last     int // id of a command
	problems []string
}

// answering is how long an answer may take, on a machine that is busy.
const answering = time.Minute

// Start starts a browser with the profile in a folder, which must exist. more has further lines for its user.js.
func Start(profile string, more ...string) (*Browser, error) {
	cmd, err := Command(profile, "about:blank", more...)
	if err != nil {
		return nil, err
	}
	cmd.Args = append(cmd.Args, "--remote-debugging-port=0")
	group(cmd) // a browser is many processes
	stderr, err := cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	b := &Browser{cmd: cmd, rest: make(chan struct{})}
	err = b.connect(stderr)
	if err == nil {
		err = b.Call("session.new", map[string]any{"capabilities": map[string]any{}}, nil)
	}
	if err == nil {
		err = b.Call("session.subscribe", map[string]any{"events": []string{"log.entryAdded"}}, nil)
	}
	if err != nil {
		b.Close()
		return nil, fmt.Errorf("%s: %w", Program, err)
	}
	return b, nil
}

// connect waits for the address that the browser prints.
func (b *Browser) connect(stderr io.Reader) error {
	late := time.AfterFunc(2*answering, b.kill)
	lines := bufio.NewScanner(stderr)
	for lines.Scan() {
		if _, address, ok := strings.Cut(lines.Text(), "WebDriver BiDi listening on "); ok {
			late.Stop()
			go func() {
				_, _ = io.Copy(io.Discard, stderr) // until the browser ends
				close(b.rest)
			}()
			var err error
			b.conn, _, err = websocket.DefaultDialer.Dial(address+"/session", nil)
			return err
		}
	}
	late.Stop()
	close(b.rest)
	return errors.New("it ended without telling its address")
}

// Close ends the browser and waits for it.
func (b *Browser) Close() {
	b.kill()
	<-b.rest
	_ = b.cmd.Wait() // it was killed
	if b.conn != nil {
		b.conn.Close()
	}
}

func (b *Browser) kill() { killGroup(b.cmd) }

// Freeze stops all processes of the browser, as when a laptop sleeps. It answers nothing until Thaw.
func (b *Browser) Freeze() error { return freezeGroup(b.cmd, true) }

// Thaw lets a frozen browser go on.
func (b *Browser) Thaw() error { return freezeGroup(b.cmd, false) }

// Call sends a command and takes its result.
func (b *Browser) Call(method string, params, result any) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.last++
	command := struct {
		ID     int    `json:"id"`
		Method string `json:"method"`
		Params any    `json:"params"`
	}{b.last, method, params}
	if err := b.conn.WriteJSON(command); err != nil {
		return fmt.Errorf("%s: %w", method, err)
	}
	if err := b.conn.SetReadDeadline(time.Now().Add(answering)); err != nil {
		return fmt.Errorf("%s: %w", method, err)
	}
	for {
		var m message
		if err := b.conn.ReadJSON(&m); err != nil {
			return fmt.Errorf("%s: %w", method, err)
		}
		switch {
		case m.Method == "log.entryAdded" && (m.Params.Level == "error" || m.Params.Level == "warn"):
			b.problems = append(b.problems, m.Params.Text)
		case m.ID != b.last:
		case m.Error != "":
			return fmt.Errorf("%s: %s: %s", method, m.Error, m.Message)
		case result != nil:
			return json.Unmarshal(m.Result, result)
		default:
			return nil
		}
	}
}

// A message is an answer, or an event.
type message struct {
	ID             int
	Result         json.RawMessage
	Error, Message string
	Method         string
	Params         struct{ Level, Text string }
}

// Problems returns the errors and warnings that pages have had on their console so far.
func (b *Browser) Problems() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.problems
}

// A Tab is a page in a window of its own: in a tab behind another one, timers would be slow.
type Tab struct {
	browser *Browser
	context string
}

// Open opens a tab.
func (b *Browser) Open() (*Tab, error) {
	var made struct{ Context string }
	err := b.Call("browsingContext.create", map[string]any{"type": "window"}, &made)
	return &Tab{b, made.Context}, err
}

// Close closes the tab.
func (t *Tab) Close() error {
	return t.browser.Call("browsingContext.close", map[string]any{"context": t.context}, nil)
}

// Before makes a script run in each page that is visited later, before the scripts of the page.
func (t *Tab) Before(script string) error {
	return t.browser.Call("script.addPreloadScript", map[string]any{
		"functionDeclaration": "() => {" + script + "}", "contexts": []string{t.context},
	}, nil)
}

// Visit goes to an address and waits until its document is there.
func (t *Tab) Visit(url string) error {
	return t.browser.Call("browsingContext.navigate", map[string]any{"context": t.context, "url": url, "wait": "interactive"}, nil)
}

// Resize gives the page a size, in CSS pixels. Zeros give it the size of its window again.
func (t *Tab) Resize(width, height int) error {
	var viewport any
	if width > 0 {
		viewport = map[string]int{"width": width, "height": height}
	}
	return t.browser.Call("browsingContext.setViewport", map[string]any{"context": t.context, "viewport": viewport}, nil)
}

// Shoot takes a picture of the whole page, as PNG.
func (t *Tab) Shoot() ([]byte, error) {
	var taken struct{ Data []byte }
	err := t.browser.Call("browsingContext.captureScreenshot", map[string]any{"context": t.context, "origin": "document"}, &taken)
	return taken.Data, err
}

// Text returns the value of an expression as a string.
func (t *Tab) Text(expression string) (string, error) {
	result, err := t.evaluate("String(("+expression+"))", false)
	return fmt.Sprint(result.Value), err
}

// Await runs a script whose value is a promise, and returns what the promise resolves to.
func (t *Tab) Await(script string) (string, error) {
	result, err := t.evaluate(script, true)
	return fmt.Sprint(result.Value), err
}

// A value is the value of a script. A node of the document has a SharedID.
type value struct {
	Value    any
	SharedID string
}

func (t *Tab) evaluate(script string, await bool) (value, error) {
	var evaluated struct {
		Result           value
		ExceptionDetails struct{ Text string }
	}
	err := t.browser.Call("script.evaluate", map[string]any{
		"expression": script, "target": map[string]any{"context": t.context}, "awaitPromise": await,
	}, &evaluated)
	if err == nil && evaluated.ExceptionDetails.Text != "" {
		err = fmt.Errorf("%.500s: %s", script, evaluated.ExceptionDetails.Text)
	}
	return evaluated.Result, err
}

// Choose chooses the files with these paths in the input element that the selector finds.
func (t *Tab) Choose(selector string, paths ...string) error {
	input, err := t.evaluate("document.querySelector(`"+selector+"`)", false)
	if err != nil {
		return err
	}
	return t.browser.Call("input.setFiles", map[string]any{
		"context": t.context, "element": map[string]any{"sharedId": input.SharedID}, "files": paths,
	}, nil)
}

// Type types into the element that has the focus. "\r" is the enter key, and "\x1b" escape.
func (t *Tab) Type(text string) error {
	var keys []map[string]any
	for _, r := range strings.NewReplacer("\r", "\uE007", "\x1b", "\uE00C").Replace(text) {
		for _, act := range []string{"keyDown", "keyUp"} {
			keys = append(keys, map[string]any{"type": act, "value": string(r)})
		}
	}
	return t.browser.Call("input.performActions", map[string]any{
		"context": t.context, "actions": []any{map[string]any{"type": "key", "id": "keyboard", "actions": keys}},
	}, nil)
}

// Point moves the mouse to a place of the viewport, in CSS pixels from its left and upper edge.
func (t *Tab) Point(x, y int) error {
	return t.perform([]map[string]any{{"type": "pointerMove", "x": x, "y": y}})
}

// Mouse presses at a place of the viewport, moves to the others and releases.
func (t *Tab) Mouse(x, y int, to ...[2]int) error {
	actions := []map[string]any{{"type": "pointerMove", "x": x, "y": y}, {"type": "pointerDown", "button": 0}}
	for _, place := range to {
		actions = append(actions, map[string]any{"type": "pointerMove", "x": place[0], "y": place[1]})
	}
	return t.perform(append(actions, map[string]any{"type": "pointerUp", "button": 0}))
}

func (t *Tab) perform(actions []map[string]any) error {
	return t.browser.Call("input.performActions", map[string]any{
		"context": t.context, "actions": []any{map[string]any{"type": "pointer", "id": "mouse", "actions": actions}},
	}, nil)
}
