//go:build unix

package interop

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"example.org/rtcpeer/rtcpeer"
)

// A participant is a player in a room, and all that it has seen there.
type participant struct {
	player
	name string

	cancel  context.CancelFunc // ends listen
	wg      sync.WaitGroup
	left    sync.Once
	leaving error // how Close went; after left

	mu    sync.Mutex // guards the fields below
	log   []rtcpeer.Event
	ended error         // there are no more events
	wake  chan struct{} // closed, and replaced, when log or ended has changed
}

func participate(name string, p player) *participant {
	s := &participant{player: p, name: name, wake: make(chan struct{})}
	var ctx context.Context
	ctx, s.cancel = context.WithCancel(context.Background())
	s.wg.Go(func() { s.listen(ctx) })
	return s
}

// listen ends with the player, or when leave or stop cancels it.
func (s *participant) listen(ctx context.Context) {
	for {
		ev, err := s.Receive(ctx)
		s.mu.Lock()
		if err == nil {
			s.log = append(s.log, ev)
		} else {
			s.ended = err
		}
		close(s.wake)
		s.wake = make(chan struct{})
		s.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// leave closes the player, the first time.
func (s *participant) leave() error {
	s.left.Do(func() {
		s.leaving = s.Close()
		s.stop()
	})
	return s.leaving
}

// leaveAfterOthers is leave at the end of a test: what was for one that has left a moment before may not arrive.
func (s *participant) leaveAfterOthers() error {
	err := s.leave()
	if _, late := errors.AsType[*rtcpeer.UndeliveredError](err); late {
		return nil
	}
	return err
}

// vanishes has a tab closed or reloaded as by its user, without any leaving.
func (s *participant) vanishes(ctx context.Context, how string) (err error) {
	s.left.Do(func() {
		err = s.player.(*remote).vanishes(ctx, how)
		s.stop()
	})
	return err
}

// stop ends the listening alone.
func (s *participant) stop() {
	s.cancel()
	s.wg.Wait()
}

// seen returns the events so far, which nobody changes any more.
func (s *participant) seen() []rtcpeer.Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clip(s.log)
}

// await waits until what was seen is enough.
func (s *participant) await(ctx context.Context, what string, enough func([]rtcpeer.Event) bool) error {
	for {
		s.mu.Lock()
		ok, ended, wake := enough(s.log), s.ended, s.wake
		s.mu.Unlock()
		switch {
		case ok:
			return nil
		case ended != nil:
			return fmt.Errorf("%v waits for %s: %w", s, what, ended)
		}
		select {
		case <-wake:
		case <-ctx.Done():
			return fmt.Errorf("%v waits for %s: %w", s, what, context.Cause(ctx))
		}
	}
}

func (s *participant) String() string { return fmt.Sprintf("%s (%d)", s.name, s.ID()) }

// met waits until a participant has met others.
func (s *participant) met(ctx context.Context, others []*participant) error {
	for _, other := range others {
		if err := s.await(ctx, fmt.Sprintf("connected of %v", other), has(rtcpeer.PeerConnected, other.ID())); err != nil {
			return err
		}
	}
	return nil
}

// loses waits for the disconnected of another, which has one of some reasons.
func (s *participant) loses(ctx context.Context, other *participant, reasons ...rtcpeer.DisconnectReason) error {
	if err := s.await(ctx, fmt.Sprintf("disconnected of %v", other), has(rtcpeer.PeerDisconnected, other.ID())); err != nil {
		return err
	}
	for _, ev := range s.seen() {
		if ev.Kind == rtcpeer.PeerDisconnected && ev.Peer == other.ID() && !slices.Contains(reasons, ev.Reason) {
			return fmt.Errorf("%v sees that %v is disconnected %v: want %v", s, other, ev.Reason, reasons)
		}
	}
	return nil
}

// ends waits until there are no more events, for a reason.
func (s *participant) ends(ctx context.Context, why error) error {
	err := s.await(ctx, "its end", func([]rtcpeer.Event) bool { return false })
	if errors.Is(err, why) {
		return nil
	}
	return err
}

func has(kind rtcpeer.EventKind, peer rtcpeer.PeerID) func([]rtcpeer.Event) bool {
	return func(log []rtcpeer.Event) bool {
		return slices.ContainsFunc(log, func(ev rtcpeer.Event) bool { return ev.Kind == kind && ev.Peer == peer })
	}
}

// orderly checks the contract for a whole life: of each of the others one connected, then packets and
// interruptions, then at most one disconnected, and of nobody else anything.
func (s *participant) orderly(others ...rtcpeer.PeerID) error {
	const here, gone = 1, 2
	state := make(map[rtcpeer.PeerID]int)
	for i, ev := range s.seen() {
		if ev.Kind == rtcpeer.SignalingLost || ev.Kind == rtcpeer.SignalingResumed {
			continue
		}
		before := state[ev.Peer]
		legal := before == here
		switch ev.Kind {
		case rtcpeer.PeerConnected:
			state[ev.Peer], legal = here, before == 0
		case rtcpeer.PeerDisconnected:
			state[ev.Peer] = gone
		case rtcpeer.PeerFailed:
			return fmt.Errorf("%v: event %d: peer %d failed: %w", s, i, ev.Peer, ev.Err)
		}
		if !legal {
			return fmt.Errorf("%v: event %d: %v of %d, whose state was %d", s, i, ev.Kind, ev.Peer, before)
		}
		if !slices.Contains(others, ev.Peer) {
			return fmt.Errorf("%v: event %d: %v of %d, who is not there", s, i, ev.Kind, ev.Peer)
		}
	}
	return nil
}

// story is for the message of a failure: what the player has seen, and its figures.
func (s *participant) story(ctx context.Context) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%v has seen:", s)
	packets := make(map[rtcpeer.PeerID]int)
	for _, ev := range s.seen() {
		switch ev.Kind {
		case rtcpeer.PacketReceived:
			packets[ev.Peer]++
		case rtcpeer.PeerDisconnected:
			fmt.Fprintf(&b, " disconnected %d %v,", ev.Peer, ev.Reason)
		case rtcpeer.PeerFailed:
			fmt.Fprintf(&b, " failed %d %v,", ev.Peer, ev.Err)
		default:
			fmt.Fprintf(&b, " %v %d,", ev.Kind, ev.Peer)
		}
	}
	fmt.Fprintf(&b, " packets by peer %v", packets)
	s.mu.Lock()
	if s.ended != nil {
		fmt.Fprintf(&b, ", end: %v", s.ended)
	}
	s.mu.Unlock()
	figures, err := s.Facts(ctx)
	fmt.Fprintf(&b, "; figures %+v", figures)
	if err != nil {
		fmt.Fprintf(&b, " %v", err)
	}
	return b.String()
}

// A party is who is in a room, in the order in which they came.
type party []*participant

func (p party) without(out *participant) party {
	return slices.DeleteFunc(slices.Clone(p), func(s *participant) bool { return s == out })
}

func (p party) ids() []rtcpeer.PeerID {
	var ids []rtcpeer.PeerID
	for _, s := range p {
		ids = append(ids, s.ID())
	}
	return ids
}

// meet waits until everybody has met everybody.
func (p party) meet(ctx context.Context) error {
	var errs []error
	for _, s := range p {
		errs = append(errs, s.met(ctx, p.without(s)))
	}
	return errors.Join(errs...)
}

// leaves has one leave, which the others see; where that ends the room they lose each other too.
func (p party) leaves(ctx context.Context, leaver *participant, ends bool) (party, error) {
	rest := p.without(leaver)
	errs := []error{leaver.leave()}
	for _, s := range rest {
		errs = append(errs, s.loses(ctx, leaver, rtcpeer.ByPeer))
		if !ends {
			continue
		}
		for _, other := range rest.without(s) {
			// A host that leaves ends one link after the other, and says of those that are gone that they are.
			errs = append(errs, s.loses(ctx, other, rtcpeer.HostGone, rtcpeer.ByPeer))
		}
		errs = append(errs, s.ends(ctx, rtcpeer.ErrHostGone))
	}
	return rest, errors.Join(errs...)
}
