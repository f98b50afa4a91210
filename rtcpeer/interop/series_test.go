//go:build unix

package interop

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"example.org/rtcpeer/rtcpeer"
)

// The rules of rooms with games, which have only channel 0: in each mode, each member sends to all, to each
// other member, and to all but one. Only the members that a packet is for receive it: from its sender, in its
// mode, byte for byte, once, and in order if the mode is ordered.

// A series is the numbered packets that one participant sends to a target in one mode. Its time tells it from others of the
// same life.
type series struct {
	time   string
	from   *participant
	target rtcpeer.PeerID
	mode   rtcpeer.Mode
}

// seriesSizes are those of the packets, in bytes: what the text takes, what Godot advises, and our limit.
var seriesSizes = []int{0, 1200, limit}

func (s series) prefix() string {
	return fmt.Sprintf("%s, %v, from %d to %d: ", s.time, s.mode, s.from.ID(), s.target)
}

func (s series) text(n int) []byte {
	text := fmt.Appendf(nil, "%s%d.", s.prefix(), n)
	return append(text, make([]byte, max(0, seriesSizes[n%len(seriesSizes)]-len(text)))...)
}

func (s series) isFor(to *participant) bool {
	return s.target == rtcpeer.Broadcast || s.target == to.ID() || s.target < 0 && s.target != -to.ID()
}

// heard returns the numbers of those in a log.
func (s series) heard(log []rtcpeer.Event) (list []int, err error) {
	for _, ev := range log {
		if ev.Kind != rtcpeer.PacketReceived || !bytes.HasPrefix(ev.Packet.Data, []byte(s.prefix())) {
			continue
		}
		n := -1
		fmt.Sscanf(strings.TrimPrefix(string(ev.Packet.Data), s.prefix()), "%d.", &n)
		switch {
		case ev.Peer != s.from.ID() || ev.Packet.Mode != s.mode:
			return nil, fmt.Errorf("%q comes from %d, %v", s.prefix(), ev.Peer, ev.Packet.Mode)
		case n < 0 || !bytes.Equal(ev.Packet.Data, s.text(n)):
			return nil, fmt.Errorf("%q, number %d, has %d bytes that are not those sent", s.prefix(), n, len(ev.Packet.Data))
		case slices.Contains(list, n):
			return nil, fmt.Errorf("%q, number %d, has come before", s.prefix(), n)
		case s.mode != rtcpeer.Unreliable && len(list) > 0 && n < list[len(list)-1]:
			return nil, fmt.Errorf("%q, number %d, comes after %v", s.prefix(), n, list)
		}
		list = append(list, n)
	}
	return list, nil
}

// sendAll has everybody send all series, and returns what went wrong in each mode.
func (p party) sendAll(ctx context.Context, time string) map[rtcpeer.Mode]error {
	var mu sync.Mutex
	var wg sync.WaitGroup
	wrong := make(map[rtcpeer.Mode]error)
	for _, from := range p {
		wg.Go(func() {
			for _, mode := range modes {
				if err := p.sendSeries(ctx, time, from, mode); err != nil {
					mu.Lock()
					wrong[mode] = errors.Join(wrong[mode], fmt.Errorf("%v, %v: %w", from, mode, err))
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	return wrong
}

func (p party) sendSeries(ctx context.Context, time string, from *participant, mode rtcpeer.Mode) error {
	all := []series{{time, from, rtcpeer.Broadcast, mode}}
	for _, other := range p.without(from) {
		all = append(all, series{time, from, other.ID(), mode}, series{time, from, -other.ID(), mode})
	}
	for round := 0; ; round++ {
		for _, s := range all {
			for i := range seriesSizes {
				data := s.text(round*len(seriesSizes) + i)
				if err := from.Send(ctx, rtcpeer.Packet{Peer: s.target, Mode: mode, Data: data}); err != nil {
					return fmt.Errorf("to %d, %d bytes: %w", s.target, len(data), err)
				}
			}
		}
		for _, to := range p.without(from) {
			if err := from.says(ctx, to, fmt.Sprintf("%s, %v: behind round %d", time, mode, round)); err != nil {
				return err
			}
		}
		missing, err := p.missing(from, all)
		switch {
		case err != nil || missing == "":
			return err
		case mode == rtcpeer.Reliable:
			return errors.New(missing)
		}
	}
}

// missing says which series have not come in all sizes to somebody they are for. Those of the reliable
// mode have come before what was said behind them, and all of them.
func (p party) missing(from *participant, all []series) (string, error) {
	for _, s := range all {
		for _, to := range p.without(from) {
			list, err := s.heard(to.seen())
			if err != nil {
				return "", fmt.Errorf("%v: %w", to, err)
			}
			sizes := make(map[int]bool)
			for _, n := range list {
				sizes[n%len(seriesSizes)] = true
			}
			switch {
			case !s.isFor(to) && len(list) > 0:
				return "", fmt.Errorf("%v has heard %q", to, s.prefix())
			case s.isFor(to) && len(sizes) < len(seriesSizes):
				return fmt.Sprintf("%v has heard of %q only %v", to, s.prefix(), list), nil
			}
		}
	}
	return "", nil
}

// says sends a word in the reliable mode, and waits until it has come.
func (s *participant) says(ctx context.Context, to *participant, word string) error {
	if err := s.Send(ctx, rtcpeer.Packet{Peer: to.ID(), Data: []byte(word)}); err != nil {
		return fmt.Errorf("%q to %v: %w", word, to, err)
	}
	return to.await(ctx, fmt.Sprintf("%q of %v", word, s), func(log []rtcpeer.Event) bool {
		return slices.ContainsFunc(log, func(ev rtcpeer.Event) bool {
			return ev.Kind == rtcpeer.PacketReceived && ev.Peer == s.ID() && ev.Packet.Mode == rtcpeer.Reliable && string(ev.Packet.Data) == word
		})
	})
}
