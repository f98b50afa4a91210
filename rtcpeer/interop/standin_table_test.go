//go:build unix

package interop

import (
	"fmt"
	"strings"
	"sync"

	"example.org/rtcpeer/rtcpeer"
)

// gameTable is what TestGodot prints: how each of its parts went.
type gameTable struct {
	mu    sync.Mutex // guards the fields below
	parts map[string]string
	notes []string
}

func (t *gameTable) enter(name, text string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.parts == nil {
		t.parts = make(map[string]string)
	}
	t.parts[name] = text
}

// note returns the mark of a footnote.
func (t *gameTable) note(text string) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.notes = append(t.notes, strings.ReplaceAll(text, "\n", "; "))
	return fmt.Sprintf("[g%d]", len(t.notes))
}

// modes returns the words for a room: for each mode, if the rest of it went well.
func (t *gameTable) modes(wrong map[rtcpeer.Mode]error, err error) string {
	if err != nil {
		return "✘ " + t.note(err.Error())
	}
	var words []string
	for _, mode := range modes {
		word := "✔"
		if wrong[mode] != nil {
			word = "✘ " + t.note(wrong[mode].Error())
		}
		words = append(words, word)
	}
	return strings.Join(words, " ")
}

func (t *gameTable) markdown() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var b strings.Builder
	fmt.Fprintf(&b, "Rooms with games; testdata/godot.mjs (%s) stands in for the engine. In each room: reliable, unreliable ordered, unreliable.\n\n| a game with |", inGodot.version())
	for _, r := range gameRoles {
		fmt.Fprintf(&b, " %s |", r)
	}
	b.WriteString("\n|---|" + strings.Repeat("---|", len(gameRoles)) + "\n")
	for _, partner := range gamePartners {
		fmt.Fprintf(&b, "| %s |", partner.name)
		for _, r := range gameRoles {
			text, played := t.parts[gameCell{partner, r}.String()]
			if !played {
				text = "–"
			}
			fmt.Fprintf(&b, " %s |", text)
		}
		b.WriteString("\n")
	}
	b.WriteString("\nChromium may notice only after 15 seconds that a game has quit: " + lostToChromium + ".\n")
	b.WriteString("\n| other events | result |\n|---|---|\n")
	for _, e := range gameEvents {
		fmt.Fprintf(&b, "| %s | %s |\n", e.name, t.parts[e.name])
	}
	for i, note := range t.notes {
		fmt.Fprintf(&b, "\n[g%d] %s\n", i+1, note)
	}
	return b.String()
}
