//go:build unix

package interop

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"example.org/rtcpeer/rtcpeer"
)

// The rules, once for all kinds of players. Each sends to each other, in each mode:
//
//	a -- 0, 1, 1024, 16384 bytes, numbered, on the lane --> b
//	a -- a mark, on channel 1, which is reliable ---------> b      has what was before it arrived?
//	...  in rounds; the unreliable modes until all sizes have arrived once
//	a -- 16385 bytes: refused
//
// and b has seen each number at most once, byte for byte as it was sent: in reliable mode all of
// them, in the ordered modes in their order. An empty packet is accepted and sends nothing.

// A way is a channel and, on channel 0, a mode.
type way struct {
	channel int
	mode    rtcpeer.Mode
}

// Channels 1, 2 and 3 have the three modes as well; the first carries the marks.
var ways = []way{
	{0, rtcpeer.Reliable}, {0, rtcpeer.UnreliableOrdered}, {0, rtcpeer.Unreliable},
	{2, rtcpeer.UnreliableOrdered}, {3, rtcpeer.Unreliable},
}

const marks = 1

var sizes = []int{1, 1 << 10, limit}

const (
	rounds = 3
	// mostSent is how many numbers fit the one byte of the smallest packet.
	mostSent = 255
)

// An exchange is what one participant sends to another one way.
type exchange struct {
	from, to *participant
	way      way
	sent     []int // sizes, by number
}

// talk has everybody send to everybody, so many exchanges at once, and returns what went wrong in each
// mode.
func (p party) talk(ctx context.Context, atOnce int) map[rtcpeer.Mode]error {
	var mu sync.Mutex
	var wg sync.WaitGroup
	wrong := make(map[rtcpeer.Mode]error)
	turns := make(chan struct{}, atOnce)
	for _, x := range p.exchanges() {
		wg.Go(func() {
			turns <- struct{}{}
			defer func() { <-turns }()
			if err := x.run(ctx); err != nil {
				mu.Lock()
				defer mu.Unlock()
				wrong[x.way.mode] = errors.Join(wrong[x.way.mode], fmt.Errorf("%v: %w", x, err))
			}
		})
	}
	wg.Wait()
	return wrong
}

func (p party) exchanges() (list []*exchange) {
	for _, from := range p {
		for _, to := range p.without(from) {
			for _, w := range ways {
				list = append(list, &exchange{from: from, to: to, way: w})
			}
		}
	}
	return list
}

func (x *exchange) String() string {
	return fmt.Sprintf("%v to %v, channel %d, %v", x.from, x.to, x.way.channel, x.way.mode)
}

func (x *exchange) run(ctx context.Context) error {
	missing := sizes
	for round := 0; round < rounds || len(missing) > 0; round++ {
		if round < rounds {
			missing = sizes
		}
		if err := x.round(ctx, round, missing); err != nil {
			return err
		}
		var err error
		if missing, err = x.missing(ctx); err != nil {
			return err
		}
	}
	if err := x.send(ctx, make([]byte, limit+1)); !errors.Is(err, rtcpeer.ErrPacketTooLarge) {
		return fmt.Errorf("%d bytes: got error %v, want %v", limit+1, err, rtcpeer.ErrPacketTooLarge)
	}
	return x.check()
}

// round sends, and waits for the mark behind what it sent.
func (x *exchange) round(ctx context.Context, round int, sizes []int) error {
	for _, size := range append([]int{0}, sizes...) {
		if len(x.sent) == mostSent {
			return fmt.Errorf("sent %d packets, and still there have not arrived %v", mostSent, sizes)
		}
		if err := x.send(ctx, pattern(x.from.ID(), x.way, len(x.sent), size)); err != nil {
			return fmt.Errorf("%d bytes: %w", size, err)
		}
		if size > 0 {
			x.sent = append(x.sent, size)
		}
	}
	return x.from.tells(ctx, x.to, fmt.Sprint("round ", round, x.way))
}

func (x *exchange) send(ctx context.Context, data []byte) error {
	return x.from.Send(ctx, rtcpeer.Packet{Peer: x.to.ID(), Channel: x.way.channel, Mode: x.way.mode, Data: data})
}

// missing returns the sizes of which none has arrived. Nothing of the reliable mode may be missing,
// but what comes on one lane may overtake another: it is waited for.
func (x *exchange) missing(ctx context.Context) ([]int, error) {
	if x.way.mode == rtcpeer.Reliable {
		return nil, x.to.await(ctx, fmt.Sprintf("%d packets", len(x.sent)), func([]rtcpeer.Event) bool {
			return len(x.arrived(x.to.log)) >= len(x.sent)
		})
	}
	missing := slices.Clone(sizes)
	for _, data := range x.arrived(x.to.seen()) {
		missing = slices.DeleteFunc(missing, func(size int) bool { return size == len(data) })
	}
	return missing, nil
}

// arrived returns the packets of this exchange in a log.
func (x *exchange) arrived(log []rtcpeer.Event) (list [][]byte) {
	for _, ev := range log {
		p := ev.Packet
		if ev.Kind == rtcpeer.PacketReceived && ev.Peer == x.from.ID() && p.Channel == x.way.channel && p.Mode == x.way.mode {
			list = append(list, p.Data)
		}
	}
	return list
}

func (x *exchange) check() error {
	last, seen := -1, make(map[int]bool)
	for i, data := range x.arrived(x.to.seen()) {
		if len(data) == 0 {
			return fmt.Errorf("packet %d is empty, which none should be", i)
		}
		n := int(data[0])
		switch {
		case n >= len(x.sent) || !bytes.Equal(data, pattern(x.from.ID(), x.way, n, x.sent[n])):
			return fmt.Errorf("packet %d, number %d, has %d bytes that are not those sent", i, n, len(data))
		case seen[n]:
			return fmt.Errorf("packet %d, number %d, has come before", i, n)
		case x.way.mode != rtcpeer.Unreliable && n < last:
			return fmt.Errorf("packet %d, number %d, comes after %d", i, n, last)
		case x.way.mode == rtcpeer.Reliable && n != i:
			return fmt.Errorf("packet %d has number %d", i, n)
		}
		last, seen[n] = n, true
	}
	return nil
}

// pattern is a packet whose every byte tells whose and which it is.
func pattern(from rtcpeer.PeerID, w way, number, size int) []byte {
	data := make([]byte, size)
	for i := range data {
		data[i] = byte(number) + byte(i)*byte(2*w.channel+2*int(w.mode)+1) + byte(i>>8)*byte(from)
	}
	return data
}

// tells sends a word on the channel of the marks, and waits until it has come.
func (s *participant) tells(ctx context.Context, to *participant, word string) error {
	if err := s.Send(ctx, rtcpeer.Packet{Peer: to.ID(), Channel: marks, Data: []byte(word)}); err != nil {
		return fmt.Errorf("%q: %w", word, err)
	}
	return to.await(ctx, fmt.Sprintf("%q of %v", word, s), func(log []rtcpeer.Event) bool { return len(words(log, s, word)) > 0 })
}

func words(log []rtcpeer.Event, from *participant, word string) (list []rtcpeer.Packet) {
	for _, ev := range log {
		if ev.Kind == rtcpeer.PacketReceived && ev.Peer == from.ID() && ev.Packet.Channel == marks && string(ev.Packet.Data) == word {
			list = append(list, ev.Packet)
		}
	}
	return list
}

// call has everybody send to all, and to all but one: each reaches those it is for, once.
func (p party) call(ctx context.Context) error {
	for _, from := range p {
		send := func(target rtcpeer.PeerID, word string) error {
			return from.Send(ctx, rtcpeer.Packet{Peer: target, Channel: marks, Data: []byte(word)})
		}
		errs := []error{send(rtcpeer.Broadcast, "all")}
		for _, out := range p.without(from) {
			errs = append(errs, send(-out.ID(), fmt.Sprint("all but ", out.ID())))
		}
		for _, to := range p.without(from) {
			errs = append(errs, from.tells(ctx, to, "end of calls")) // on the same lane, so behind them
		}
		for _, to := range p.without(from) {
			for _, out := range append(p.without(from), nil) {
				word, want := "all", 1
				if out != nil {
					word = fmt.Sprint("all but ", out.ID())
				}
				if out == to {
					want = 0
				}
				if got := len(words(to.seen(), from, word)); got != want {
					errs = append(errs, fmt.Errorf("%q of %v has come %d times to %v: want %d", word, from, got, to, want))
				}
			}
		}
		if err := errors.Join(errs...); err != nil {
			return err
		}
	}
	return nil
}
