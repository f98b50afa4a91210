//go:build unix

package interop

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer"
	"example.org/rtcpeer/testdata/skip"
)

// A role is the subject's in a room: of two in a mesh, of three in a star, whose guests reach each
// other through the host.
type role string

const (
	inMesh  role = "mesh"
	asGuest role = "star, guest"
	asHost  role = "star, host"
)

// A cell is one room of the matrix.
type cell struct {
	subject, partner kind
	role             role
}

func (c cell) topology() rtcpeer.Topology {
	if c.role == inMesh {
		return rtcpeer.Mesh
	}
	return rtcpeer.Star
}

// order returns the kinds of the party in the order in which they join, and who leaves first.
func (c cell) order() (kinds []kind, leaver int) {
	switch c.role {
	case asGuest:
		return []kind{c.partner, c.partner, c.subject}, 1
	case asHost:
		return []kind{c.subject, c.partner, c.partner}, 0
	}
	return []kind{c.partner, c.subject}, 1
}

// atOnce is how many exchanges may go on at a time.
func (c cell) atOnce() int {
	if c.subject.gently != "" {
		return 1
	}
	return 64 // all
}

func (c cell) String() string {
	return fmt.Sprintf("%s, %s, %s", c.subject.name, c.partner.name, c.role)
}

// cellTime is how long a cell may take on a machine that is busy with others.
const cellTime = 2 * time.Minute

var errCellTime = errors.New("the cell's time is over")

// matrix is the rooms that were played and how it went.
type matrix struct {
	lab    *lab
	server *server
	table  table
}

func TestMatrix(t *testing.T) {
	m := &matrix{lab: newLab(t), server: startServer(t)}
	if !skip.ShortRun() {
		require.NoError(t, m.lab.compile(inWasm.wasm, "."))
	}
	t.Run("cells", func(t *testing.T) {
		for _, c := range cells() {
			t.Run(c.String(), func(t *testing.T) {
				t.Parallel()
				m.run(t, c)
			})
		}
		m.events(t)
	})
	text := m.table.markdown()
	t.Logf("\n%s", text)
	if path := os.Getenv("RTCPEER_MATRIX"); path != "" {
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	}
}

func cells() (list []cell) {
	for _, subject := range kinds {
		partners := []kind{subject, inGo}
		switch subject {
		case inGo:
			partners = partners[:1]
		case inChromium:
			partners = append(partners, inFirefox)
		case inFirefox:
			partners = append(partners, inChromium)
		}
		for _, partner := range partners {
			for _, r := range []role{inMesh, asGuest, asHost} {
				list = append(list, cell{subject, partner, r})
			}
		}
	}
	for _, subject := range []kind{openChromium, openFirefox} {
		list = append(list, cell{subject, subject, inMesh}, cell{subject, inGo, inMesh})
	}
	return list
}

// need skips a test whose kinds of players are not all here, or fails it in .ci/run.
func need(t *testing.T, kinds ...kind) {
	t.Helper()
	needElse(t, func(string) {}, kinds...)
}

// needElse is like need, and first calls notRun with what is missing.
func needElse(t *testing.T, notRun func(missing string), kinds ...kind) {
	t.Helper()
	for _, k := range kinds {
		if missing := k.missing(); missing != "" {
			notRun(missing)
			skip.Missing(t, "%s", missing)
		}
	}
}

// quick reports whether a cell is played without RTCPEER_LONG, too.
func (c cell) quick() bool {
	return c.partner == inGo && (c.subject == inGo || c.role == inMesh && (c.subject == inChromium || c.subject.name == "libdatachannel"))
}

func (m *matrix) run(t *testing.T, c cell) {
	if skip.ShortRun() && !c.quick() {
		m.table.skip(c, "takes long")
		skip.Long(t)
	}
	needElse(t, func(missing string) { m.table.skip(c, missing) }, c.subject, c.partner)
	for _, k := range []kind{c.subject, c.partner} { // their start is not on the cell's time
		if k.host != "" {
			_, err := m.lab.host(k)
			require.NoError(t, err)
		}
	}
	ctx, cancel := context.WithTimeoutCause(t.Context(), cellTime, errCellTime)
	defer cancel()
	began := time.Now()
	p, err := m.gather(ctx, c)
	var wrong map[rtcpeer.Mode]error
	if err == nil {
		wrong = p.talk(ctx, c.atOnce())
	}
	if err == nil && len(wrong) == 0 {
		err = p.rest(ctx, c)
	}
	m.table.enter(c, err, wrong)
	for _, mode := range modes {
		err = errors.Join(err, wrong[mode])
	}
	if err != nil {
		t.Errorf("after %v: %v\n%s", time.Since(began), err, p.stories())
	}
	for _, s := range p {
		if err := s.leaveAfterOthers(); err != nil {
			t.Errorf("%v: %v", s, err)
		}
	}
	t.Logf("%v", time.Since(began))
}

// gather returns a party that has met. Also if it has not, the caller ends those that are there.
func (m *matrix) gather(ctx context.Context, c cell) (p party, err error) {
	room := strings.Map(func(r rune) rune {
		if strings.ContainsRune(" ,", r) {
			return '-'
		}
		return r
	}, c.String())
	order, _ := c.order()
	for _, k := range order {
		s, err := m.lab.enter(ctx, k, m.server.url(room), c.topology(), false)
		if err != nil {
			return p, err
		}
		p = append(p, s)
	}
	return p, p.meet(ctx)
}

// rest is what is not of one mode: the targets, the path, the leaving and the order of it all.
func (p party) rest(ctx context.Context, c cell) error {
	if err := p.call(ctx); err != nil {
		return err
	}
	if err := p.path(ctx, c); err != nil {
		return err
	}
	_, i := c.order()
	rest, err := p.leaves(ctx, p[i], c.role == asHost)
	if err == nil && c.role == asGuest {
		_, err = rest.leaves(ctx, rest[1], false) // and then the subject
	}
	return errors.Join(err, p.orderly(p))
}

// path checks that a browser's addresses are hidden or not, as the native player sees it.
func (p party) path(ctx context.Context, c cell) error {
	if c.role != inMesh || c.partner != inGo || !c.subject.browser() {
		return nil
	}
	f, err := p[0].Facts(ctx)
	want := []string{"prflx"} // found by the packets that come from it
	if strings.HasSuffix(c.subject.host, open) {
		want = append(want, "host")
	}
	if got := f.Remote[p[1].ID()]; err == nil && !slices.Contains(want, got) {
		err = fmt.Errorf("the page's address is %q: want one of %q", got, want)
	}
	return err
}

// stories is who saw what, for the message of a failure.
func (p party) stories() string {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	var lines []string
	for _, s := range p {
		lines = append(lines, s.story(ctx))
	}
	return strings.Join(lines, "\n")
}
