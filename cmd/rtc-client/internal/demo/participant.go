package demo

import (
	"context"
	"fmt"
	"net"
	"time"

	"example.org/rtcpeer/cmd/rtc-client/internal/modes"
	"example.org/rtcpeer/cmd/rtc-client/internal/probe"
	"example.org/rtcpeer/cmd/rtc-client/internal/roundtrip"
	"example.org/rtcpeer/rtcpeer"
	"example.org/rtcpeer/rtcpeer/transport/webrtc"
)

// A participant is one peer of a demo.
type participant struct {
	// Set by run before it reports that it has joined.
	node    *rtcpeer.Node
	started time.Time

	// Owned by the demoRun.
	id         rtcpeer.PeerID // 0 until joined
	connected  time.Duration  // from started until connected to all others; 0 until then
	received   map[rtcpeer.PeerID]*[len(modes.All)]int
	roundTrips [len(modes.All)]roundtrip.Times
}

// run joins the room and passes events on to arrivals until ctx is done. It answers echoes itself.
func (p *participant) run(ctx context.Context, url string, topology rtcpeer.Topology, arrivals chan<- arrival) {
	a := arrival{to: p}
	p.started = time.Now()
	// Nothing is under way when the demo ends, so there is nothing to linger for.
	p.node, a.err = rtcpeer.Join(ctx, url, rtcpeer.Config{Topology: topology, WebRTC: loopbackOnly, Linger: -1})
	for ctx.Err() == nil {
		if !probe.Answer(p.node, a.ev.Packet) {
			select {
			case arrivals <- a:
			case <-ctx.Done():
			}
		}
		if a.err != nil {
			return
		}
		a.ev, a.err = p.node.Receive(ctx)
		a.at = time.Now()
	}
}

// loopbackOnly restricts a peer to the loopback addresses. A machine with many addresses then needs no extra
// time, and a machine without a network works too.
var loopbackOnly = webrtc.Config{Loopback: true, IPv4Only: true, IPFilter: net.IP.IsLoopback}

// sendAll sends a packet to each other peer in each mode.
func (p *participant) sendAll(ctx context.Context, round int) error {
	for to := range p.received {
		for _, mode := range modes.All {
			if err := p.send(ctx, to, mode, round); err != nil {
				return err
			}
		}
	}
	return nil
}

func (p *participant) send(ctx context.Context, to rtcpeer.PeerID, mode rtcpeer.Mode, round int) error {
	data := demoPacket(p.id, mode, round)
	if err := p.node.Send(ctx, rtcpeer.Packet{Peer: to, Mode: mode, Data: []byte(data)}); err != nil {
		return fmt.Errorf("peer %d: packet %d to peer %d, %v: %w", p.id, round, to, mode, err)
	}
	return nil
}

// demoPacket returns text that names the sender, the mode and the round, so that a packet delivered wrongly is
// noticed.
func demoPacket(from rtcpeer.PeerID, mode rtcpeer.Mode, round int) string {
	return fmt.Sprintf("%v packet %d of peer %d", mode, round, from)
}

func (p *participant) close() {
	if p.node != nil {
		p.node.Close()
	}
}
