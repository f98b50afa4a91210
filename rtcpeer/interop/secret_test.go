//go:build unix

package interop

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"example.org/rtcpeer/rtcpeer"
)

// secret is a star whose host demands a secret: one who holds it comes in, and sends what an ordinary
// packet is not as well; one who holds another, or none, learns why it does not. The host is the subject,
// and then the native player.
//
// @roamhq/wrtc now and then takes its whole process with it when a connection is closed from inside one of
// its events, as one that is refused is: with it the row would fail the cells beside it.
func (m *matrix) secret(ctx context.Context, t *testing.T, k kind) (string, error) {
	if k.host == "libwebrtc" {
		return "– " + m.table.footnote("@roamhq/wrtc 0.10.0 crashes Node now and then when a connection is closed from inside one of its events, as a refused one is"), nil
	}
	mark := "✔"
	if k.loses != "" {
		mark += " " + m.table.footnote(k.loses)
	}
	return mark, errors.Join(
		m.demands(ctx, m.server.url(roomOf(t)+"-1"), k, inGo),
		m.demands(ctx, m.server.url(roomOf(t)+"-2"), inGo, k),
	)
}

func (m *matrix) demands(ctx context.Context, url string, hosts, guests kind) (err error) {
	var all party
	defer func() {
		if err != nil {
			err = fmt.Errorf("%w\n%s", err, all.stories())
		}
		for _, s := range all {
			err = errors.Join(err, s.leaveAfterOthers())
		}
	}()
	enter := func(k kind, secret string) (*seat, error) {
		k.secret = secret
		s, err := m.lab.enter(ctx, k, url, rtcpeer.Star, false)
		if err == nil {
			all = append(all, s)
		}
		return s, err
	}
	host, err := enter(hosts, "open sesame")
	if err != nil {
		return err
	}
	for _, outside := range []struct {
		secret string
		why    error
	}{{"open, please", rtcpeer.ErrUnauthorized}, {"", rtcpeer.ErrAuthRequired}} {
		if outside.secret == "" && guests.loses != "" {
			continue
		}
		s, err := enter(guests, outside.secret)
		if err != nil {
			return err
		}
		if err := s.ends(ctx, outside.why); err != nil {
			return err
		}
		if err := host.await(ctx, fmt.Sprintf("failed of %v", s), has(rtcpeer.PeerFailed, s.ID())); err != nil {
			return err
		}
	}
	guest, err := enter(guests, "open sesame")
	if err != nil {
		return err
	}
	inside := party{host, guest}
	if err := errors.Join(inside.meet(ctx), inside.speak(ctx, "a word")); err != nil {
		return err
	}
	return errors.Join(guest.spawns(ctx, host), host.spawns(ctx, guest))
}

// spawns has one send another a command of Godot's, which arrives as that.
func (s *seat) spawns(ctx context.Context, to *seat) error {
	spawn := rtcpeer.Packet{Peer: to.ID(), Command: rtcpeer.CommandSpawn, Data: []byte("\x14\x07\x08")}
	if err := s.Send(ctx, spawn); err != nil {
		return err
	}
	return to.await(ctx, fmt.Sprintf("a spawn of %v", s), func(log []rtcpeer.Event) bool {
		return slices.ContainsFunc(log, func(ev rtcpeer.Event) bool {
			return ev.Peer == s.ID() && ev.Packet.Command == spawn.Command && string(ev.Packet.Data) == string(spawn.Data)
		})
	})
}
