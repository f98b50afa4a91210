//go:build unix

package interop

import (
	"fmt"
	"strings"
	"sync"

	"example.org/rtcpeer/rtcpeer"
)

// table is what the test prints: how each room went.
type table struct {
	mu     sync.Mutex // guards the fields below
	cells  map[cell]string
	events map[eventCell]string
	notes  []string
}

// eventCell is a thing that happens to players of a kind.
type eventCell struct {
	kind kind
	name string
}

// note returns the mark of a footnote; mu is held.
func (t *table) note(text string) string {
	for i, n := range t.notes {
		if n == text {
			return fmt.Sprintf("[%d]", i+1)
		}
	}
	t.notes = append(t.notes, text)
	return fmt.Sprintf("[%d]", len(t.notes))
}

// footnote is note for those outside.
func (t *table) footnote(text string) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.note(text)
}

// enter writes how a room went: in each mode, if the rest of it went well.
func (t *table) enter(c cell, err error, wrong map[rtcpeer.Mode]error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	var words []string
	for _, mode := range modes {
		switch {
		case err != nil:
			words = append(words, "✘ "+t.note(err.Error()))
		case wrong[mode] != nil:
			words = append(words, "✘ "+t.note(wrong[mode].Error()))
		default:
			words = append(words, "✔")
		}
	}
	if c.subject.gently != "" {
		words = append(words, t.note(c.subject.gently))
	}
	t.set(c, strings.Join(words, " "))
}

func (t *table) skip(c cell, why string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.set(c, "not run "+t.note(why))
}

func (t *table) set(c cell, text string) {
	if t.cells == nil {
		t.cells = make(map[cell]string)
	}
	t.cells[c] = text
}

// happened writes how an event went.
func (t *table) happened(e eventCell, text string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.events == nil {
		t.events = make(map[eventCell]string)
	}
	t.events[e] = text
}

func (t *table) markdown() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var b strings.Builder
	b.WriteString("Run with")
	for i, k := range kinds {
		b.WriteString([]string{" ", ", "}[min(i, 1)] + k.name + " (" + k.version() + ")")
	}
	b.WriteString(".\n\nIn each room: reliable, unreliable ordered, unreliable.\n\n| subject | with | mesh | star, guest | star, host |\n|---|---|---|---|---|\n")
	for _, c := range cells() {
		if c.role != inMesh {
			continue
		}
		fmt.Fprintf(&b, "| %s | %s |", c.subject.name, c.partner.name)
		for _, r := range []role{inMesh, asGuest, asHost} {
			fmt.Fprintf(&b, " %s |", t.cells[cell{c.subject, c.partner, r}])
		}
		b.WriteString("\n")
	}
	t.writeEvents(&b)
	for i, note := range t.notes {
		fmt.Fprintf(&b, "\n[%d] %s\n", i+1, strings.ReplaceAll(note, "\n", "; "))
	}
	return b.String()
}
