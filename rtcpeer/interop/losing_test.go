//go:build unix

package interop

import (
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"sync/atomic"
	"testing"

	"github.com/pion/ice/v4"
	pion "github.com/pion/webrtc/v4"

	"example.org/rtcpeer/rtcpeer"
)

// losing shows that what a stack calls unreliable is not sent again: the native player's socket loses
// each fifth datagram that carries a packet, and of the numbered packets in the unreliable modes some
// do not arrive, while the reliable ones all do.
func (m *matrix) losing(ctx context.Context, t *testing.T, k kind) (string, error) {
	const many = 200
	conn, err := net.ListenUDP("udp4", nil)
	if err != nil {
		return "", err
	}
	leaky := &leaky{UDPConn: conn}
	mux := ice.NewUDPMuxDefault(ice.UDPMuxParams{UDPConn: leaky})
	defer mux.Close()
	c := config(rtcpeer.Mesh, "")
	c.WebRTC.IPv4Only = true
	c.WebRTC.SettingEngine = func(e *pion.SettingEngine) { e.SetICEUDPMux(mux) }
	node, err := rtcpeer.Join(ctx, m.server.url(roomOf(t)), c)
	if err != nil {
		return "", err
	}
	native := participate(inGo.name, native{node})
	defer native.leave()
	subject, err := m.lab.enter(ctx, k, m.server.url(roomOf(t)), rtcpeer.Mesh, false)
	if err != nil {
		return "", err
	}
	defer subject.leave()
	if err := (party{native, subject}).meet(ctx); err != nil {
		return "", err
	}

	leaky.leaks.Store(true)
	for _, mode := range []rtcpeer.Mode{rtcpeer.UnreliableOrdered, rtcpeer.Unreliable, rtcpeer.Reliable} {
		for i := range uint16(many) {
			data := binary.LittleEndian.AppendUint16(nil, i)
			if err := subject.Send(ctx, rtcpeer.Packet{Peer: native.ID(), Mode: mode, Data: append(data, make([]byte, 998)...)}); err != nil {
				return "", err
			}
		}
	}
	err = native.await(ctx, "all reliable packets", func(log []rtcpeer.Event) bool {
		return len(numbers(log, rtcpeer.Reliable)) == many
	})
	if err != nil {
		return "", err
	}
	leaky.leaks.Store(false)
	if err := subject.tells(ctx, native, "end"); err != nil {
		return "", err
	}
	counts := make(map[rtcpeer.Mode]int)
	for _, mode := range modes {
		list := numbers(native.seen(), mode)
		counts[mode] = len(list)
		for i := 1; i < len(list); i++ {
			if mode != rtcpeer.Unreliable && list[i] <= list[i-1] {
				return "", fmt.Errorf("%v: %d after %d", mode, list[i], list[i-1])
			}
		}
		// Pion's receiver also discards what a FORWARD-TSN has overtaken (pion/sctp#505).
		kept := len(list) > many*19/20
		if mode != rtcpeer.Reliable && (kept != (k.keeps != "") || len(list) < many/10) {
			return "", fmt.Errorf("%v: %d of %d packets have arrived, where each fifth datagram was lost (%d in all)", mode, len(list), many, leaky.lost.Load())
		}
	}
	mark := "✔"
	if k.keeps != "" {
		mark = "✘ " + m.table.footnote(k.keeps)
	}
	return fmt.Sprintf("%s %d/%d/%d of %d", mark, counts[rtcpeer.Reliable], counts[rtcpeer.UnreliableOrdered], counts[rtcpeer.Unreliable], many), nil
}

// numbers returns those of the packets of a mode.
func numbers(log []rtcpeer.Event, mode rtcpeer.Mode) (list []uint16) {
	for _, ev := range log {
		if ev.Kind == rtcpeer.PacketReceived && ev.Packet.Channel == 0 && ev.Packet.Mode == mode {
			list = append(list, binary.LittleEndian.Uint16(ev.Packet.Data))
		}
	}
	return list
}

// leaky is a UDP socket that, while it leaks, loses each fifth datagram of those that carry packets.
type leaky struct {
	*net.UDPConn
	leaks atomic.Bool
	large atomic.Int64
	lost  atomic.Int64
}

// handshake is more than what is not a packet takes, in bytes: STUN, acknowledgements.
const handshake = 900

func (c *leaky) ReadFrom(p []byte) (int, net.Addr, error) {
	for {
		n, from, err := c.UDPConn.ReadFrom(p)
		if err != nil || n < handshake || !c.leaks.Load() || c.large.Add(1)%5 > 0 {
			return n, from, err
		}
		c.lost.Add(1)
	}
}
