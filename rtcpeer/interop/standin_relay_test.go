//go:build unix

package interop

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer"
	"example.org/rtcpeer/testdata/binaries"
)

// Games as guests of the two programs, as an operator starts them.

// program is a process that is no host, with what it has said.
type program struct {
	cmd   *exec.Cmd
	log   lockedBuffer
	ended chan struct{}
}

// startProgram starts a program of ours, which ends with the test at the latest.
func startProgram(t *testing.T, folder, name string, args ...string) *program {
	t.Helper()
	p := &program{cmd: exec.Command(filepath.Join(folder, name), args...), ended: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = &p.log, &p.log
	require.NoError(t, p.cmd.Start())
	go func() {
		_ = p.cmd.Wait()
		close(p.ended)
	}()
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		<-p.ended
		if t.Failed() {
			t.Logf("%s:\n%s", name, p.log.tail())
		}
	})
	return p
}

// says waits until the program has said something, and returns the last group of the expression.
func (p *program) says(ctx context.Context, expression string) (string, error) {
	re, tick := regexp.MustCompile(expression), time.NewTicker(10*time.Millisecond)
	defer tick.Stop()
	for {
		if found := re.FindStringSubmatch(p.log.tail()); found != nil {
			return found[len(found)-1], nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return "", fmt.Errorf("it does not say %q: %w: %s", expression, context.Cause(ctx), p.log.tail())
		}
	}
}

// interrupted waits for the end, which must be a good one.
func (p *program) interrupted(ctx context.Context) error {
	err := p.cmd.Process.Signal(syscall.SIGINT)
	select {
	case <-p.ended:
	case <-ctx.Done():
		return fmt.Errorf("interrupt: %w", context.Cause(ctx))
	}
	if code := p.cmd.ProcessState.ExitCode(); code != 0 {
		err = errors.Join(err, fmt.Errorf("exit code %d", code))
	}
	return err
}

// relayProcess starts both programs, and returns the relay and its room.
func relayProcess(ctx context.Context, t *testing.T, flags ...string) (*program, string) {
	t.Helper()
	folder := binaries.Build(t)
	server := startProgram(t, folder, "signal-server", "--listen", "127.0.0.1:0")
	url, err := server.says(ctx, `url=(ws://[0-9.:]+)`)
	require.NoError(t, err)
	room := url + "/lobby"
	relay := startProgram(t, folder, "rtc-client", append(append([]string{"relay"}, flags...), room)...)
	_, err = relay.says(ctx, "relaying at")
	require.NoError(t, err)
	return relay, room
}

// visit has a guest come to a star whose host is another program, until there is a link; see gather for
// why it may take another one.
func (g *games) visit(ctx context.Context, t *testing.T, k kind, room string, own map[string]any) (*participant, error) {
	const most = 3
	for range most {
		s, err := g.enter(ctx, k, room, rtcpeer.Config{Topology: rtcpeer.Star}, own)
		if err != nil {
			return nil, err
		}
		t.Cleanup(func() {
			if t.Failed() {
				t.Log(party{s}.stories())
			}
			require.NoError(t, s.leave())
		})
		failed := has(rtcpeer.PeerFailed, rtcpeer.Server)
		switch {
		case s.isGame():
			err = s.until(ctx, "a link", func(f facts) bool { return len(f.Game.Signals) > 0 || failed(s.seen()) })
		default:
			err = s.await(ctx, "a link", has(rtcpeer.PeerConnected, rtcpeer.Server))
		}
		if err != nil || !failed(s.seen()) {
			return s, err
		}
		t.Log(errLibrary)
		if err := s.leave(); err != nil {
			return nil, err
		}
	}
	return nil, errLibrary
}

// relayed are two games and a program of ours, whose host is rtc-client relay.
func (g *games) relayed(ctx context.Context, t *testing.T) error {
	relay, room := relayProcess(ctx, t)
	var p party
	for _, k := range []kind{inGodot, inGodot, inGoByGodot} {
		s, err := g.visit(ctx, t, k, room, nil)
		if err != nil {
			return err
		}
		p = append(p, s)
	}
	if err := p.meet(ctx); err != nil {
		return err
	}
	talk := p.sendAll(ctx, "through the relay")
	if err := errors.Join(talk[rtcpeer.Reliable], talk[rtcpeer.UnreliableOrdered], talk[rtcpeer.Unreliable]); err != nil {
		return err
	}
	for _, mode := range modes {
		if err := p[0].pings(ctx, mode); err != nil {
			return err
		}
	}
	everybody := append(p.ids(), rtcpeer.Server)
	rest, err := p.quits(ctx, p[1], false)
	if err != nil {
		return err
	}
	errs := []error{relay.interrupted(ctx), rest[0].stopped(ctx, 4000, "Room host has disconnected"), rest[0].clean(ctx)}
	errs = append(errs, rest[1].await(ctx, "the host's end", has(rtcpeer.PeerDisconnected, rtcpeer.Server)))
	_, err = relay.says(ctx, `\(\d+ so far\), [1-9]\d* packets from them .* 0 dropped\n`)
	errs = append(errs, err)
	for _, s := range p {
		errs = append(errs, s.orderly(everybody...))
	}
	return errors.Join(errs...)
}

// pings asks a relay as rtc-client ping does, which it answers in the same mode.
func (s *participant) pings(ctx context.Context, mode rtcpeer.Mode) error {
	number := binary.BigEndian.AppendUint64(nil, uint64(mode)+1)
	if err := s.Send(ctx, rtcpeer.Packet{Peer: rtcpeer.Server, Mode: mode, Data: append([]byte("\x00ping"), number...)}); err != nil {
		return err
	}
	return s.await(ctx, fmt.Sprintf("pong, %v", mode), func(log []rtcpeer.Event) bool {
		return slices.ContainsFunc(log, func(ev rtcpeer.Event) bool {
			return ev.Peer == rtcpeer.Server && ev.Packet.Mode == mode && string(ev.Packet.Data) == "\x00pong"+string(number)
		})
	})
}

// relayAsks has games come to a relay that admits only who has its secret.
func (g *games) relayAsks(ctx context.Context, t *testing.T) error {
	relay, room := relayProcess(ctx, t, "--auth-secret", secret)
	visit := func(own map[string]any) *participant {
		s, err := g.visit(ctx, t, inGodot, room, own)
		require.NoError(t, err)
		return s
	}
	signaled := func(s *participant, signal string) {
		require.NoError(t, s.until(ctx, signal, func(f facts) bool { return slices.Contains(f.Game.Signals, signal) }))
	}
	a, b := visit(map[string]any{"auth": secret}), visit(map[string]any{"auth": secret})
	signaled(a, "connected_to_server")
	require.NoError(t, (party{a, b}).meet(ctx))

	const refused = "peer_authentication_failed 1"
	wrong := visit(map[string]any{"auth": "guess"})
	signaled(wrong, refused)
	_, err := relay.says(ctx, fmt.Sprintf("no link with peer %d: not authenticated: wrong secret", wrong.ID()))
	require.NoError(t, err)

	// One that has a callback and never answers, and one that has none: to Godot it is connected, and
	// then the host is gone.
	mute, none := visit(map[string]any{"mute": true}), visit(nil)
	signaled(mute, refused)
	signaled(none, "server_disconnected")
	require.NoError(t, none.await(ctx, "its own end", has(rtcpeer.PeerDisconnected, rtcpeer.Server)))
	for _, s := range []*participant{mute, none} {
		_, err := relay.says(ctx, fmt.Sprintf("no link with peer %d: not authenticated: (not finished within 3s|the other end)", s.ID()))
		require.NoError(t, err)
	}

	// Nobody in the room has met them.
	talk := (party{a, b}).sendAll(ctx, "among friends")
	errs := []error{talk[rtcpeer.Reliable], talk[rtcpeer.UnreliableOrdered], talk[rtcpeer.Unreliable]}
	errs = append(errs, a.orderly(b.ID(), rtcpeer.Server), b.orderly(a.ID(), rtcpeer.Server))
	// The one that was wrong may find its channels closed before it has said that it accepts the host.
	for _, s := range []*participant{a, b, mute, none} {
		errs = append(errs, s.clean(ctx))
	}
	return errors.Join(errs...)
}
