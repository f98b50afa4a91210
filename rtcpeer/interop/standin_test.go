//go:build unix

package interop

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer"
	"example.org/rtcpeer/testdata/skip"
)

// Rooms with Godot games in them, for which testdata/godot.mjs stands in: it speaks the server's dialect for games,
// uses libdatachannel, and behaves as the engine does. The others in the room are of this module.

// A gameRole is a game's in a room of three.
type gameRole string

const (
	founds gameRole = "mesh, founds it"
	joins  gameRole = "mesh, joins it"
	framed gameRole = "mesh, framed" // in SceneMultiplayer's frames
	hosts  gameRole = "star, host"
	guests gameRole = "star, guest"
)

var gameRoles = []gameRole{founds, joins, framed, hosts, guests}

// A gameCell is one room of games.
type gameCell struct {
	partner kind
	role    gameRole
}

var gamePartners = []kind{inGo, inGoByGodot, inChromium, inGodot}

func gameCells() (list []gameCell) {
	for _, partner := range gamePartners {
		for _, r := range gameRoles {
			list = append(list, gameCell{partner, r})
		}
	}
	return list
}

func (c gameCell) String() string { return fmt.Sprintf("%s, %s", c.partner.name, c.role) }

// order returns the kinds in the order in which they come. The third leaves first, then the first.
func (c gameCell) order() []kind {
	third := inGo
	if c.partner == inGo {
		third = inGodot // two games, so that they meet as well
	}
	switch c.role {
	case joins:
		return []kind{c.partner, third, inGodot}
	case guests:
		return []kind{c.partner, inGodot, third}
	}
	return []kind{inGodot, c.partner, third}
}

func (c gameCell) config() rtcpeer.Config {
	config := rtcpeer.Config{Topology: rtcpeer.Mesh, Framed: c.role == framed}
	if c.role == hosts || c.role == guests {
		config.Topology = rtcpeer.Star
	}
	return config
}

// endsRoom reports whether the room ends with its first member: a star does, and a lobby of Godot's.
func (c gameCell) endsRoom() bool {
	first := c.order()[0]
	return c.config().Topology == rtcpeer.Star || first == inGodot || first.dial != ""
}

// games is where games are played, and how it went.
type games struct {
	lab    *lab
	server *server
	table  gameTable
}

// gameTime is how long a room may take on a machine that is busy with others.
const gameTime = 2 * time.Minute

func TestGodot(t *testing.T) {
	g := &games{lab: newLab(t), server: startServer(t)}
	t.Run("rooms", func(t *testing.T) {
		for _, c := range gameCells() {
			g.test(t, c.String(), c.partner == inGo, append(c.order(), inGodot), func(ctx context.Context, t *testing.T) (string, error) {
				wrong, err := g.play(ctx, t, c)
				return g.table.modes(wrong, err), errors.Join(err, wrong[rtcpeer.Reliable], wrong[rtcpeer.UnreliableOrdered], wrong[rtcpeer.Unreliable])
			})
		}
		for _, e := range gameEvents {
			g.test(t, e.name, e.quick, e.kinds, func(ctx context.Context, t *testing.T) (string, error) { return "✔", e.run(g, ctx, t) })
		}
	})
	text := g.table.markdown()
	t.Logf("\n%s", text)
	if path := os.Getenv("RTCPEER_MATRIX"); path != "" { // behind that of TestMatrix
		file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
		require.NoError(t, err)
		_, err = file.WriteString("\n" + text)
		require.NoError(t, errors.Join(err, file.Close()))
	}
}

// test runs a part that needs kinds of players, and enters in the table how it went. A quick part is run without
// RTCPEER_LONG, too.
func (g *games) test(t *testing.T, name string, quick bool, kinds []kind, run func(context.Context, *testing.T) (string, error)) {
	t.Run(name, func(t *testing.T) {
		t.Parallel()
		if skip.ShortRun() && !quick {
			g.table.enter(name, "not run "+g.table.note("takes long"))
			skip.Long(t)
		}
		needElse(t, func(missing string) { g.table.enter(name, "not run "+g.table.note(missing)) }, kinds...)
		for _, k := range kinds { // their start is not on the test's time
			if k.host != "" {
				_, err := g.lab.host(k)
				require.NoError(t, err)
			}
		}
		ctx, cancel := context.WithTimeoutCause(t.Context(), gameTime, errCellTime)
		defer cancel()
		began := time.Now()
		g.table.enter(name, "✘")
		text, err := run(ctx, t)
		if err != nil {
			t.Error(err)
			if text == "✔" {
				text = "✘ " + g.table.note(err.Error())
			}
		}
		g.table.enter(name, text)
		t.Logf("%v", time.Since(began))
	})
}

// play is a whole life of a room: all meet, talk in each mode, one leaves, the host leaves.
func (g *games) play(ctx context.Context, t *testing.T, c gameCell) (wrong map[rtcpeer.Mode]error, err error) {
	p, err := g.gather(ctx, t, c.config(), c.order()...)
	if err != nil {
		return nil, err
	}
	if wrong = p.sendAll(ctx, "at first"); len(wrong) > 0 {
		return wrong, nil
	}
	rest, err := p.quits(ctx, p[2], false)
	if err != nil {
		return nil, err
	}
	if wrong = rest.sendAll(ctx, "later"); len(wrong) > 0 {
		return wrong, nil
	}
	_, err = rest.quits(ctx, p[0], c.endsRoom())
	return nil, errors.Join(err, p.orderly(p))
}

// gather returns a party that has met, in a new room that the first of them makes. They leave with the
// test.
//
// A room in which a game's own library fails is given up for another. libdatachannel takes an answer's
// candidates and credentials to ICE before it keeps the answer (PeerConnection::setRemoteDescription), so
// that on a busy machine DTLS may look for the certificate's fingerprint where there is none yet: in its
// log, "certificate verify failed". In the demo such a game stays alone.
func (g *games) gather(ctx context.Context, t *testing.T, c rtcpeer.Config, kinds ...kind) (p party, err error) {
	const most = 3
	for range most {
		if p, err = g.tryGather(ctx, t, c, kinds); !errors.Is(err, errLibrary) {
			return p, err
		}
		t.Log(err)
	}
	return p, err
}

var errLibrary = errors.New("libdatachannel's connection failed before it opened")

func (g *games) tryGather(ctx context.Context, t *testing.T, c rtcpeer.Config, kinds []kind) (p party, err error) {
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
	room := ""
	for _, k := range kinds {
		s, err := g.enter(ctx, k, g.server.url(room), c, nil)
		if err != nil {
			return p, fmt.Errorf("%s: %w", k.name, err)
		}
		p = append(p, s)
		if room == "" {
			f, err := s.Facts(ctx)
			if err != nil {
				return p, err
			}
			room = f.Room
		}
	}
	// The games are asked first: only they know that their library has failed, and the others would wait for
	// them until the cell's time is over.
	for _, games := range []bool{true, false} {
		for _, s := range p {
			for _, other := range p.without(s) {
				if s.isGame() != games {
					continue
				}
				if err := s.meets(ctx, other); err != nil {
					return p, err
				}
			}
		}
	}
	return p, nil
}

// meets waits until a participant has met another, or cannot.
func (s *participant) meets(ctx context.Context, other *participant) error {
	failed := has(rtcpeer.PeerFailed, other.ID())
	connected := has(rtcpeer.PeerConnected, other.ID())
	err := s.await(ctx, fmt.Sprintf("connected of %v", other), func(log []rtcpeer.Event) bool { return connected(log) || s.isGame() && failed(log) })
	if err == nil && !connected(s.seen()) {
		err = fmt.Errorf("%v with %v: %w", s, other, errLibrary)
	}
	return err
}

// enter has a player join a room. own is a game's.
func (g *games) enter(ctx context.Context, k kind, url string, c rtcpeer.Config, own map[string]any) (*participant, error) {
	if k.host == "" {
		node, err := rtcpeer.Join(ctx, k.dial+url, c)
		if err != nil {
			return nil, err
		}
		return participate(k.name, native{node}), nil
	}
	h, err := g.lab.host(k)
	if err != nil {
		return nil, err
	}
	r, err := g.lab.open(ctx, h, page{})
	if err != nil {
		return nil, err
	}
	settings := map[string]any{"channels": []string{}, "framed": c.Framed}
	if k.host == inGodot.host {
		settings = map[string]any{"scene": c.Framed || c.Topology == rtcpeer.Star, "addon": k == inAddon}
	}
	for name, value := range own {
		settings[name] = value
	}
	return r.enter(ctx, k, url, c.Topology, settings)
}

// quits has one leave, and returns the rest, who have seen it and no error. If the room ends with it,
// the server closes the sockets of games, which then end all that they have; a star is over.
func (p party) quits(ctx context.Context, leaver *participant, endsRoom bool) (party, error) {
	errs := []error{leaver.clean(ctx)}
	star := p.star()
	errs = append(errs, leaver.leave())
	rest := p.without(leaver)
	for _, s := range rest {
		switch {
		case endsRoom && s.isGame():
			errs = append(errs, s.stopped(ctx, 4000, "Room host has disconnected"))
			continue
		case leaver.isGame() && s.inBrowser():
			errs = append(errs, s.loses(ctx, leaver, rtcpeer.ByPeer, rtcpeer.Lost))
		default:
			errs = append(errs, s.loses(ctx, leaver, rtcpeer.ByPeer, noReason))
		}
		for _, other := range rest.without(s) {
			if endsRoom && star {
				errs = append(errs, s.loses(ctx, other, rtcpeer.HostGone, rtcpeer.ByPeer))
			}
		}
	}
	for _, s := range rest {
		errs = append(errs, s.clean(ctx))
	}
	return rest, errors.Join(errs...)
}

// noReason is that of a game: its signal has none.
const noReason rtcpeer.DisconnectReason = 0

func (s *participant) isGame() bool {
	r, ok := s.player.(*remote)
	return ok && r.host.kind == inGodot.host
}

// lostToChromium says why, as far as libdatachannel's log and the page's states show it.
const lostToChromium = "if libdatachannel is closed while one of its packets is not acknowledged, it sends one SCTP packet and no DTLS " +
	"alert. Chromium's channels, SCTP and DTLS then stay open until ICE fails. Go notices the end at once"

// inBrowser is of those who may see a game that quits as lost: see lostToChromium.
func (s *participant) inBrowser() bool {
	r, ok := s.player.(*remote)
	return ok && r.host.kind == inChromium.host
}

// star reports whether a native player of a party is in a star.
func (p party) star() bool {
	return slices.ContainsFunc(p, func(s *participant) bool {
		n, ok := s.player.(native)
		return ok && n.Topology() == rtcpeer.Star
	})
}

// clean checks that nothing has happened of which an engine would print an error.
func (s *participant) clean(ctx context.Context) error {
	if !s.isGame() {
		return nil
	}
	f, err := s.Facts(ctx)
	if err == nil && len(f.Game.Errors) > 0 {
		err = fmt.Errorf("%v: errors of the engine: %q", s, f.Game.Errors)
	}
	return err
}

// stopped waits until the server has closed a game's socket, whereupon the game ends.
func (s *participant) stopped(ctx context.Context, code int, reason string) error {
	err := s.await(ctx, "its end", func([]rtcpeer.Event) bool { return false })
	if end, ok := errors.AsType[playerError](err); !ok || end.Code != "stopped" {
		return err
	}
	return s.hungUp(ctx, code, reason)
}

// hungUp waits until the server has closed a game's socket.
func (s *participant) hungUp(ctx context.Context, code int, reason string) error {
	var last facts
	err := s.until(ctx, "closed", func(f facts) bool { last = f; return f.Game.Closed != nil })
	if c := last.Game.Closed; err == nil && (c.Code != code || c.Reason != reason) {
		err = fmt.Errorf("%v: the socket was closed with %d %q: want %d %q", s, c.Code, c.Reason, code, reason)
	}
	return err
}
