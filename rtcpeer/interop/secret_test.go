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

// secret plays a star whose host requires a secret. A guest with the secret is admitted, and also sends commands. A
// guest with another secret, or none, is told why it is refused. The host is first the subject and then the native
// player.
//
// @roamhq/wrtc sometimes crashes its process when a connection is closed inside one of its own events, which happens
// when it is refused. It would make the other cells of the row fail.
func (m *matrix) secret(ctx context.Context, t *testing.T, k kind) (string, error) {
	if k.host == "libwebrtc" {
		return "– " + m.table.footnote("@roamhq/wrtc 0.10.0 sometimes crashes Node when a connection is closed inside one of its own events, which happens when it is refused"), nil
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
	enter := func(k kind, secret string) (*participant, error) {
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
func (s *participant) spawns(ctx context.Context, to *participant) error {
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
