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

// silent shows that a link outlives its path, whichever end offers the next one: the datagrams of the native
// player's path are dropped for good, both ways, while both send. The link goes over another path, and every
// reliable packet arrives once and in order.
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
	enterNative := func() (*seat, error) {
		c := config(rtcpeer.Mesh, "")
		c.WebRTC.IPv4Only = true
		c.WebRTC.SettingEngine = func(e *pion.SettingEngine) { e.SetICEUDPMux(mux) }
		node, err := rtcpeer.Join(ctx, url, c)
		if err != nil {
			return nil, err
		}
		return sit(inGo.name, native{node}), nil
	}
	var seats [2]*seat
	for i := range seats {
		if (i == 0) != nativeOffers {
			seats[i], err = enterNative()
		} else {
			seats[i], err = m.lab.enter(ctx, k, url, rtcpeer.Mesh, false)
		}
		if err != nil {
			return 0, err
		}
		defer seats[i].leave()
	}
	if err := (party{seats[0], seats[1]}).meet(ctx); err != nil {
		return 0, err
	}

	const many, cutAt = 300, 100
	var wg sync.WaitGroup
	errs := make([]error, len(seats))
	began := make(chan time.Time, 1)
	for i, s := range seats {
		wg.Go(func() {
			other := seats[1-i]
			for n := range uint16(many) {
				if n == cutAt && i == 0 {
					began <- time.Now()
					cable.cut()
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
	told := false // the other end may have repaired the link by the time that this one would have been
	for i, s := range seats {
		for n, got := range reliableNumbers(s.seen()) {
			if int(got) != n {
				return 0, fmt.Errorf("%v: packet %d where %d was to come", s, got, n)
			}
		}
		if other := seats[1-i].ID(); has(rtcpeer.PeerInterrupted, other)(s.seen()) {
			told = true
			if err := s.await(ctx, "resumed", has(rtcpeer.PeerResumed, other)); err != nil {
				return 0, err
			}
		}
		if has(rtcpeer.PeerDisconnected, seats[1-i].ID())(s.seen()) {
			return 0, fmt.Errorf("%v is told of a disconnected", s)
		}
	}
	if !told {
		return 0, errors.New("nobody is told of an interruption")
	}
	return pause, nil
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

// cable is a UDP socket from which all who have been there can be cut off.
type cable struct {
	*net.UDPConn

	mu   sync.Mutex // guards the fields below
	seen map[string]bool
	gone map[string]bool
}

// cut drops all that comes from, or goes to, those who have sent anything so far.
func (c *cable) cut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.gone, c.seen = c.seen, make(map[string]bool)
}

// passes notes an address, and reports whether datagrams of it pass.
func (c *cable) passes(a net.Addr) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.gone[a.String()] {
		return false
	}
	c.seen[a.String()] = true
	return true
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
