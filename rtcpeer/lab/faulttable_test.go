//go:build linux

package lab

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// findings are those of all scenes of a run.
type findings struct {
	mu  sync.Mutex // guards the field below
	all []*finding
}

func (f *findings) add(one *finding) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.all = append(f.all, one)
}

const faultHead = "| fault | topology, id | pause in ms: reliable, unreliable | back after ms | events | of others | reliable lost, repeated, out of order | unreliable lost | not as it should be |\n" +
	"|---|---|---|---|---|---|---|---|---|\n"

// publish prints the table, and writes it to the file with that path, if there is one.
func (f *findings) publish(t *testing.T, path string) {
	t.Helper()
	text := f.markdown()
	t.Logf("\n%s", text)
	if path != "" {
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	}
}

func (f *findings) markdown() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	slices.SortFunc(f.all, func(a, b *finding) int { return a.order - b.order })
	var text strings.Builder
	text.WriteString(faultHead)
	for _, one := range f.all {
		fmt.Fprintln(&text, one)
	}
	return text.String()
}

// where is who the members are, and who of them the fault happens to.
func (f *finding) where() string {
	where := fmt.Sprintf("%s, %s", f.place.topology, f.place.position)
	if f.cast.browsers() {
		where = f.cast.name + ", " + where
	}
	return where
}

// String is the finding as a row of the table.
func (f *finding) String() string {
	back := fmt.Sprint(f.back.Milliseconds())
	if f.never > 0 {
		back = fmt.Sprintf("never (%d streams)", f.never)
	}
	wrong := strings.Join(f.exceeded(), "; ")
	if wrong == "" {
		wrong = "-"
	}
	cells := []string{
		f.fault.name,
		f.where(),
		fmt.Sprintf("%d, %d", f.pause[0].Milliseconds(), f.pause[1].Milliseconds()),
		back, listed(f.events), listed(f.others),
		fmt.Sprintf("%d, %d, %d", f.lost, f.repeated, f.swapped),
		fmt.Sprint(f.dropped), wrong,
	}
	return "| " + strings.Join(cells, " | ") + " |"
}
