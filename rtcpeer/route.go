package rtcpeer

import "context"

// A route knows who is reached how. There are three: mesh, host and guest. Its methods may be called
// from any goroutine.
type route interface {
	// send sends a checked packet over lane i. With a context it waits as Peer.Send does, with noWait it does not.
	send(ctx context.Context, p Packet, i int) error
	// receive takes what a lane has read; data is valid during the call.
	receive(l *lane, data []byte)
	// up and down tell that a link is open, before its lanes are read, and over, after that.
	up(l *link)
	down(l *link, reason DisconnectReason)
	// peers returns who is connected, in any order.
	peers() []PeerID
}

// mesh has a link with everybody, and packets go over it bare.
type mesh struct{ node *Node }

func (r *mesh) send(ctx context.Context, p Packet, i int) error {
	if p.Peer > 0 {
		l, err := r.node.links.to(p.Peer)
		if err != nil {
			return err
		}
		return l.lanes[i].put(ctx, p.Data)
	}
	return r.node.links.broadcast(-p.Peer, i, p.Data)
}

func (r *mesh) receive(l *lane, data []byte) {
	r.node.deliver(l.link.presence, l, Packet{}, data)
}

func (r *mesh) up(l *link) {
	r.node.links.add(l)
	r.node.inbox.connected(l.presence)
}

func (r *mesh) down(l *link, reason DisconnectReason) {
	r.node.links.remove(l)
	r.node.inbox.disconnected(l.presence, reason)
}

func (r *mesh) peers() []PeerID { return r.node.links.ids() }
