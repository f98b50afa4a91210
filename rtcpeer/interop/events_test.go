//go:build unix

package interop

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer"
	"example.org/rtcpeer/testdata/skip"
)

// What happens to tabs and their surroundings. In each room are three: a native player, one of the
// kind in a frame, and one of the kind in a tab of its own.
var happenings = []struct {
	name  string
	kinds []kind
	run   func(*matrix, context.Context, *testing.T, kind) (string, error)
	quick kind // the one that is played without RTCPEER_LONG, too; none if it is not set
}{
	{"tab closed", []kind{inChromium, inFirefox, inWasm}, (*matrix).tabClosed, inChromium},
	{"tab reloaded", []kind{inChromium, inFirefox, inWasm}, (*matrix).tabReloaded, kind{}},
	{"signaling server restarted", []kind{inChromium, inFirefox, inWasm}, (*matrix).restarted, kind{}},
	{"a peer floods", []kind{inChromium, inFirefox, inWasm}, (*matrix).floods, kind{}},
	{"a path that loses", kinds, (*matrix).losing, kind{}},
	{"a path that falls silent", kinds, (*matrix).silent, kind{}},
	{"a room with a secret", kinds, (*matrix).secret, inGo},
}

func (m *matrix) events(t *testing.T) {
	for _, h := range happenings {
		for _, k := range h.kinds {
			t.Run(h.name+", "+k.name, func(t *testing.T) {
				t.Parallel()
				e := eventCell{k, h.name}
				if skip.ShortRun() && k != h.quick {
					m.table.happened(e, "not run "+m.table.footnote("takes long"))
					skip.Long(t)
				}
				needElse(t, func(missing string) { m.table.happened(e, "not run "+m.table.footnote(missing)) }, k)
				if k.host != "" {
					_, err := m.lab.host(k)
					require.NoError(t, err)
				}
				ctx, cancel := context.WithTimeoutCause(t.Context(), cellTime, errCellTime)
				defer cancel()
				text, err := h.run(m, ctx, t, k)
				if err != nil {
					text = "✘ " + m.table.footnote(err.Error())
					t.Error(err)
				}
				m.table.happened(e, text)
			})
		}
	}
}

func (t *table) writeEvents(b *strings.Builder) {
	b.WriteString("\n| what happens |")
	for _, k := range kinds {
		b.WriteString(" " + k.name + " |")
	}
	b.WriteString("\n|---|" + strings.Repeat("---|", len(kinds)) + "\n")
	for _, h := range happenings {
		b.WriteString("| " + h.name + " |")
		for _, k := range kinds {
			text := t.events[eventCell{k, h.name}]
			if !slices.Contains(h.kinds, k) {
				text = "–"
			}
			b.WriteString(" " + text + " |")
		}
		b.WriteString("\n")
	}
}

// three are in a room of their own and have met. They end with the test.
func (m *matrix) three(ctx context.Context, t *testing.T, k kind, s *server) (p party, err error) {
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(p.stories())
		}
		for _, s := range p {
			if err := s.leaveAfterOthers(); err != nil {
				t.Errorf("%v: %v", s, err)
			}
		}
	})
	for _, who := range []struct {
		kind
		tab bool
	}{{inGo, false}, {k, false}, {k, true}} {
		s, err := m.lab.enter(ctx, who.kind, s.url(roomOf(t)), rtcpeer.Mesh, who.tab)
		if err != nil {
			return p, err
		}
		p = append(p, s)
	}
	return p, p.meet(ctx)
}

func roomOf(t *testing.T) string {
	_, name, _ := strings.Cut(t.Name(), "/")
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune("/,", r) {
			return '-'
		}
		return r
	}, name)
}

// soon is early enough to be no time-out of a lost path, which is 30 s.
const soon = 15 * time.Second

// losesTab has a tab closed or reloaded, and returns after how long the others have all lost it.
func (p party) losesTab(ctx context.Context, tab *participant, how string) (time.Duration, error) {
	began := time.Now()
	errs := []error{tab.vanishes(ctx, how)}
	for _, s := range p {
		errs = append(errs, s.loses(ctx, tab, rtcpeer.ByPeer))
	}
	took := time.Since(began)
	if took > soon {
		errs = append(errs, fmt.Errorf("seen after %v", took))
	}
	return took, errors.Join(errs...)
}

// speak has each tell each other something new.
func (p party) speak(ctx context.Context, word string) error {
	var errs []error
	for _, from := range p {
		for _, to := range p.without(from) {
			errs = append(errs, from.tells(ctx, to, word))
		}
	}
	return errors.Join(errs...)
}

// orderly checks that those who are there have seen all others, and each in order.
func (p party) orderly(all party) error {
	var errs []error
	for _, s := range p {
		errs = append(errs, s.orderly(all.without(s).ids()...))
	}
	return errors.Join(errs...)
}

func (m *matrix) tabClosed(ctx context.Context, t *testing.T, k kind) (string, error) {
	p, err := m.three(ctx, t, k, m.server)
	if err != nil {
		return "", err
	}
	tab, rest := p[2], p[:2]
	took, err := rest.losesTab(ctx, tab, "close")
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("✔ %d ms", took.Milliseconds()), errors.Join(rest.speak(ctx, "still here"), rest.orderly(p))
}

func (m *matrix) tabReloaded(ctx context.Context, t *testing.T, k kind) (string, error) {
	p, err := m.three(ctx, t, k, m.server)
	if err != nil {
		return "", err
	}
	tab, rest := p[2], p[:2]
	took, err := rest.losesTab(ctx, tab, "reload")
	if err != nil {
		return "", err
	}
	r := tab.player.(*remote)
	again, err := m.lab.adopt(ctx, r.host, r.page)
	if err != nil {
		return "", err
	}
	back, err := again.enter(ctx, k, m.server.url(roomOf(t)), rtcpeer.Mesh, nil)
	if err != nil {
		return "", err
	}
	now := append(slices.Clone(rest), back)
	t.Cleanup(func() { require.NoError(t, back.leaveAfterOthers()) })
	if back.ID() == tab.ID() {
		return "", fmt.Errorf("back as %d", tab.ID())
	}
	return fmt.Sprintf("✔ %d ms", took.Milliseconds()),
		errors.Join(now.meet(ctx), now.speak(ctx, "welcome back"), rest.orderly(append(p, back)))
}

// restarted replaces the signaling server. No link is lost, the members come back with their ids, and a newcomer
// meets them.
func (m *matrix) restarted(ctx context.Context, t *testing.T, k kind) (string, error) {
	s := startServer(t)
	p, err := m.three(ctx, t, k, s)
	if err != nil {
		return "", err
	}
	s.stop(t)
	if err := p.speak(ctx, "without a server"); err != nil {
		return "", err
	}
	s.start(t)
	began := time.Now()
	for _, one := range p {
		if err := one.resumed(ctx); err != nil {
			return "", err
		}
	}
	took := time.Since(began)
	late, err := m.lab.enter(ctx, inGo, s.url(roomOf(t)), rtcpeer.Mesh, false)
	if err != nil {
		return "", err
	}
	t.Cleanup(func() { require.NoError(t, late.leaveAfterOthers()) })
	all := append(slices.Clone(p), late)
	if err := errors.Join(all.meet(ctx), all.speak(ctx, "with another server"), all.orderly(all)); err != nil {
		return "", err
	}
	for _, one := range all {
		if i := slices.IndexFunc(one.seen(), func(ev rtcpeer.Event) bool { return ev.Kind == rtcpeer.PeerDisconnected }); i >= 0 {
			return "", fmt.Errorf("%v has lost %d", one, one.seen()[i].Peer)
		}
	}
	return fmt.Sprintf("✔ %.1f s", took.Seconds()), nil
}

// resumed waits until a player has its connection to the server again.
func (s *participant) resumed(ctx context.Context) error {
	return s.until(ctx, "resumed once", func(f facts) bool { return f.Resumed == 1 })
}

// until asks for a player's figures until they are enough.
func (s *participant) until(ctx context.Context, what string, enough func(facts) bool) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		f, err := s.Facts(ctx)
		if err != nil || enough(f) {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("%v: %s: %w: %+v", s, what, context.Cause(ctx), f)
		}
	}
}

// A tab floods the native player, and then that floods a program that takes nothing: each time the
// rest of the room goes on.
func (m *matrix) floods(ctx context.Context, t *testing.T, k kind) (string, error) {
	p, err := m.three(ctx, t, k, m.server)
	if err != nil {
		return "", err
	}
	native, frame, tab := p[0], p[1], p[2]
	flood := func(to *participant) rtcpeer.Packet {
		return rtcpeer.Packet{Peer: to.ID(), Mode: rtcpeer.Unreliable, Data: make([]byte, limit)}
	}
	done := make(chan error, 1)
	go func() { done <- tab.Flood(ctx, flood(native), 2000) }()
	err = party{native, frame}.speak(ctx, "in the flood")
	if err = errors.Join(err, <-done); err != nil {
		return "", err
	}
	f, err := tab.Facts(ctx)
	dropped := f.Dropped["buffer_full"]
	if err != nil || dropped == 0 {
		return "", fmt.Errorf("%v has dropped %v: want some buffer_full; %w", tab, f.Dropped, err)
	}

	deaf := frame.player.(*remote)
	if err := deaf.Deafen(ctx, true); err != nil {
		return "", err
	}
	err = frame.until(ctx, "no_credit", func(f facts) bool {
		_ = native.Flood(ctx, flood(frame), 16)
		return f.Dropped["no_credit"] > 0
	})
	err = errors.Join(err, party{native, tab}.speak(ctx, "beside the deaf"), deaf.Deafen(ctx, false), p.speak(ctx, "all again"), p.orderly(p))
	return fmt.Sprintf("✔ %d dropped", dropped), err
}
