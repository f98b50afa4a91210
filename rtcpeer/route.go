package rtcpeer

import "context"

// A route knows how each peer is reached. There are three: mesh, host and guest. Its methods may be called from any
// goroutine.
type route interface {
	// send sends a checked packet over lane i. If wait is true, it waits as Peer.Send does, and otherwise it returns
	// ErrBufferFull.
	send(ctx context.Context, wait bool, p Packet, i int) error
	// receive takes what a lane has read; data is valid during the call.
	receive(l *lane, data []byte)
	// up is called when a link is open, before its lanes are read; down when it is over, after they were read.
	up(l *link)
	down(l *link, reason DisconnectReason)
	// abandon is called when there is no link with a member, and there will be none for now.
	abandon(id PeerID, reason DisconnectReason)
	// over ends, with the node, all peers that are connected without a link.
	over()
	// peers returns the connected peers, in any order.
	peers() []PeerID
	// time returns what was measured of the way to a peer and of its clock, and whether there is a measurement.
	time(id PeerID) (peerTime, bool)
}

// mesh is the route of a member of a mesh, which has a link with every other member. Packets go over it bare or, with
// Config.Framed, in the frames of frames.go.
type mesh struct{ node *Node }

func (r *mesh) send(ctx context.Context, wait bool, p Packet, i int) error {
	if !r.node.framed {
		return r.node.roster.send(ctx, wait, p.Peer, i, p.Data)
	}
	return framed(p, nil, func(frame []byte) error { return r.node.roster.send(ctx, wait, p.Peer, i, frame) })
}

func (r *mesh) receive(l *lane, data []byte) {
	if !r.node.framed {
		r.node.inbox.deliver(l.link.presence, l, CommandRaw, data)
		return
	}
	switch f, err := decodeFrame(data); {
	case err == nil && f.kind == framePacket:
		r.node.inbox.deliver(l.link.presence, l, f.command, f.body)
	case err == nil && f.kind == frameAuth:
		r.node.authAsked(l.link, f)
	default: // nobody relays in a mesh
		r.node.inbox.counters.drop(DropMalformed)
	}
}

func (r *mesh) up(l *link) {
	r.node.roster.opened(l)
	r.node.inbox.connected(l.presence, nil)
}

func (r *mesh) down(l *link, reason DisconnectReason) {
	r.node.roster.closed(l)
	r.node.inbox.disconnected(l.presence, l.parting(reason), nil)
}

func (r *mesh) abandon(PeerID, DisconnectReason) {}

func (r *mesh) over() {}

func (r *mesh) peers() []PeerID { return r.node.roster.ids() }
