//go:build unix

package interop

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/pion/ice/v4"
	pion "github.com/pion/webrtc/v4"

	"example.org/rtcpeer/rtcpeer"
)

// silent shows that a link outlives its path, whichever end offers the next one: while both send, nothing passes
// until one of them is told of an interruption, and the addresses of the path never work again. The link goes over
// another path, and every reliable packet arrives once and in order.
func (m *matrix) silent(ctx context.Context, t *testing.T, k kind) (string, error) {
	var pauses []time.Duration
	for _, nativeOffers := range []bool{false, true} {
		pause, err := m.silentOnce(ctx, t, k, nativeOffers)
		if err != nil {
			return "", fmt.Errorf("native offers %v: %w", nativeOffers, err)
		}
		pauses = append(pauses, pause)
	}
	return fmt.Sprintf("✔ %.1f/%.1f s", pauses[0].Seconds(), pauses[1].Seconds()), nil
}

// silentOnce returns how long nothing came from the native player to the other.
func (m *matrix) silentOnce(ctx context.Context, t *testing.T, k kind, nativeOffers bool) (pause time.Duration, err error) {
	conn, err := net.ListenUDP("udp4", nil)
	if err != nil {
		return 0, err
	}
	cable := &cable{UDPConn: conn, seen: make(map[string]bool)}
	mux := ice.NewUDPMuxDefault(ice.UDPMuxParams{UDPConn: cable})
	defer mux.Close()
	url := fmt.Sprintf("%s-%v", m.server.url(roomOf(t)), nativeOffers)
	// Who creates the room has the smaller id, and answers.
	enterNative := func() (*participant, error) {
		c := config(rtcpeer.Mesh, "")
		c.WebRTC.IPv4Only = true
		c.WebRTC.SettingEngine = func(e *pion.SettingEngine) { e.SetICEUDPMux(mux) }
		node, err := rtcpeer.Join(ctx, url, c)
		if err != nil {
			return nil, err
		}
		return participate(inGo.name, native{node}), nil
	}
	var participants [2]*participant
	for i := range participants {
		if (i == 0) != nativeOffers {
			participants[i], err = enterNative()
		} else {
			participants[i], err = m.lab.enter(ctx, k, url, rtcpeer.Mesh, false)
		}
		if err != nil {
			return 0, err
		}
		defer participants[i].leave()
	}
	if err := (party{participants[0], participants[1]}).meet(ctx); err != nil {
		return 0, err
	}

	const many, cutAt = 300, 100
	var wg sync.WaitGroup
	errs := make([]error, len(participants))
	began := make(chan time.Time, 1)
	told, tell := context.WithCancel(ctx)
	defer tell()
	// One of them is enough: the other may have a new path before it would have been told.
	cut := func() {
		began <- time.Now()
		cable.cut()
		for i, s := range participants {
			before, other := len(interruptions(s.seen(), participants[1-i])), participants[1-i]
			wg.Go(func() {
				if s.await(told, "interrupted", func(log []rtcpeer.Event) bool {
					return len(interruptions(log, other)) > before
				}) == nil {
					cable.mend()
					tell()
				}
			})
		}
	}
	for i, s := range participants {
		wg.Go(func() {
			other := participants[1-i]
			for n := range uint16(many) {
				if n == cutAt && i == 0 {
					cut()
				}
				data := binary.LittleEndian.AppendUint16(nil, n)
				if errs[i] = s.Send(ctx, rtcpeer.Packet{Peer: other.ID(), Data: append(data, make([]byte, 100)...)}); errs[i] != nil {
					return
				}
			}
			errs[i] = other.await(ctx, "all reliable packets", func(log []rtcpeer.Event) bool {
				return len(reliableNumbers(log)) >= many
			})
		})
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		return 0, err
	}
	pause = time.Since(<-began)
	for i, s := range participants {
		for n, got := range reliableNumbers(s.seen()) {
			if int(got) != n {
				return 0, fmt.Errorf("%v: packet %d where %d was to come", s, got, n)
			}
		}
		other := participants[1-i]
		if len(interruptions(s.seen(), other)) > 0 {
			if err := s.await(ctx, "resumed", has(rtcpeer.PeerResumed, other.ID())); err != nil {
				return 0, err
			}
		}
		if has(rtcpeer.PeerDisconnected, other.ID())(s.seen()) {
			return 0, fmt.Errorf("%v is told of a disconnected", s)
		}
	}
	return pause, nil
}

// interruptions returns what was told of a peer's link that fell silent.
func interruptions(log []rtcpeer.Event, peer *participant) (list []rtcpeer.Event) {
	for _, ev := range log {
		if ev.Kind == rtcpeer.PeerInterrupted && ev.Peer == peer.ID() {
			list = append(list, ev)
		}
	}
	return list
}

// reliableNumbers returns those of the numbered packets.
func reliableNumbers(log []rtcpeer.Event) (list []uint16) {
	for _, ev := range log {
		if ev.Kind == rtcpeer.PacketReceived && ev.Packet.Channel == 0 && ev.Packet.Mode == rtcpeer.Reliable && len(ev.Packet.Data) == 102 {
			list = append(list, binary.LittleEndian.Uint16(ev.Packet.Data))
		}
	}
	return list
}

// cable is a UDP socket that can be cut, and of which no address that was in use works after it is mended.
type cable struct {
	*net.UDPConn

	mu    sync.Mutex // guards the fields below
	isCut bool
	seen  map[string]bool // addresses since the cable was new or mended
	gone  map[string]bool // addresses that no longer work
}

// cut drops everything.
func (c *cable) cut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.isCut = true
}

// mend lets pass what comes from, or goes to, addresses that have not been seen so far.
func (c *cable) mend() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.isCut {
		c.isCut = false
		c.gone, c.seen = c.seen, make(map[string]bool)
	}
}

// passes notes an address, and reports whether datagrams of it pass.
func (c *cable) passes(a net.Addr) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.gone[a.String()] {
		return false
	}
	c.seen[a.String()] = true
	return !c.isCut
}

func (c *cable) ReadFrom(p []byte) (int, net.Addr, error) {
	for {
		n, from, err := c.UDPConn.ReadFrom(p)
		if err != nil || c.passes(from) {
			return n, from, err
		}
	}
}

func (c *cable) WriteTo(p []byte, to net.Addr) (int, error) {
	if !c.passes(to) {
		return len(p), nil
	}
	return c.UDPConn.WriteTo(p, to)
}
