package rtcpeer

import (
	"context"
	"fmt"
	"slices"

	"example.org/rtcpeer/rtcpeer/internal/ring"
)

// A Queue takes the packets of one channel, or of one peer, out of what Receive returns: for example an upload that the
// program handles slowly, so that the inputs of a game do not wait behind it. As for Receive, the bound is
// Config.ReceiveBuffer for each peer and channel. In a star's guest all peers behind the host share the bound of a
// channel, so a Queue of one of them that is not read holds up what the others send on that channel.
//
// Packets of one peer and channel keep their order. There is no order between a Queue and Receive: the Queue may return
// a packet before Receive returns its peer's PeerConnected, or after the PeerDisconnected.
//
// Its methods may be called from any goroutine.
type Queue struct {
	inbox   *inbox
	of      func(Packet) bool // reports whether a packet belongs to the Queue
	ready   chan struct{}     // holds a token while there is something to receive, or the end
	packets ring.Ring[entry]  // guarded by the inbox, as are the fields below
	ended   error             // nothing more comes
	peer    PeerID            // 0: of a channel
	channel int
}

// ChannelQueue returns a new Queue of a channel: 0, or 1 to len(Config.Channels). Packets that already wait for Receive
// move to it. A peer that has a Queue of its own keeps it. Errors: ErrUnknownChannel, and one for a channel that has a
// Queue already.
func (n *Node) ChannelQueue(channel int) (*Queue, error) {
	if _, err := n.channels.lane(channel, Reliable); err != nil {
		return nil, err
	}
	return n.inbox.split(&Queue{channel: channel, of: func(p Packet) bool { return p.Channel == channel }})
}

// PeerQueue is like ChannelQueue, for all packets of a connected peer. Those that wait in the Queues of channels move to
// it as well. The Queue ends with ErrUnknownPeer when the peer is disconnected and its packets were received. Errors:
// ErrUnknownPeer, and one for a peer that has a Queue already.
func (n *Node) PeerQueue(id PeerID) (*Queue, error) {
	if !slices.Contains(n.route().peers(), id) {
		return nil, fmt.Errorf("%w: %d", ErrUnknownPeer, id)
	}
	q, err := n.inbox.split(&Queue{peer: id, of: func(p Packet) bool { return p.Peer == id }})
	if err == nil && !slices.Contains(n.route().peers(), id) { // it was disconnected before the Queue was there
		n.inbox.mu.Lock()
		defer n.inbox.mu.Unlock()
		n.inbox.parted(id)
	}
	return q, err
}

// Receive returns the next packet, waiting until ctx is done. Its Data belongs to the caller. When nothing more comes,
// Receive returns why: ErrUnknownPeer, ErrClosed, or what Node.Receive returns.
func (q *Queue) Receive(ctx context.Context) (Packet, error) {
	for {
		p, err := q.TryReceive()
		if err != ErrNoEvent {
			return p, err
		}
		select {
		case <-q.ready:
		case <-ctx.Done():
			return Packet{}, context.Cause(ctx)
		}
	}
}

// TryReceive is like Receive but returns ErrNoEvent instead of waiting.
func (q *Queue) TryReceive() (Packet, error) {
	in := q.inbox
	in.mu.Lock()
	defer in.mu.Unlock()
	switch {
	case in.closed:
		notify(q.ready) // there may be more than one receiver
		return Packet{}, ErrClosed
	case q.packets.Len() > 0:
		e := in.taken(q.packets.Pop())
		if q.packets.Len() > 0 || q.ended != nil || in.ended != nil {
			notify(q.ready)
		}
		return e.Packet, nil
	case q.ended != nil:
		notify(q.ready)
		return Packet{}, q.ended
	case in.ended != nil:
		notify(q.ready)
		return Packet{}, in.ended
	}
	return Packet{}, ErrNoEvent
}

// Close gives the packets that wait, and those that follow, back to Node.Receive or, if a peer's Queue is closed, to the
// Queue of their channel. After it the Queue returns ErrClosed. Closing twice is legal.
func (q *Queue) Close() {
	in := q.inbox
	in.mu.Lock()
	defer in.mu.Unlock()
	in.leave(q, ErrClosed)
	for q.packets.Len() > 0 {
		in.push(q.packets.Pop())
	}
}

// split makes the packets of q go there, and moves those that wait.
func (in *inbox) split(q *Queue) (*Queue, error) {
	q.inbox, q.ready = in, make(chan struct{}, 1)
	in.mu.Lock()
	defer in.mu.Unlock()
	for _, other := range in.queues {
		if other.peer == q.peer && other.channel == q.channel {
			if q.peer != 0 {
				return nil, fmt.Errorf("rtcpeer: peer %d already has a Queue", q.peer)
			}
			return nil, fmt.Errorf("rtcpeer: channel %d already has a Queue", q.channel)
		}
	}
	q.move(&in.queue)
	if q.peer != 0 { // a peer's goes before a channel's
		for _, other := range in.queues {
			if other.peer == 0 {
				q.move(&other.packets)
			}
		}
		in.queues = append([]*Queue{q}, in.queues...)
	} else {
		in.queues = append(in.queues, q)
	}
	return q, nil
}

// move takes the packets of q out of a ring; mu is held.
func (q *Queue) move(from *ring.Ring[entry]) {
	for range from.Len() {
		e := from.Pop()
		if e.Kind == PacketReceived && q.of(e.Packet) {
			q.packets.Push(e)
			notify(q.ready)
		} else {
			from.Push(e)
		}
	}
}

// leave stops packets from going to a queue; mu is held.
func (in *inbox) leave(q *Queue, why error) {
	q.ended = why
	for i, other := range in.queues {
		if other == q {
			in.queues = append(in.queues[:i:i], in.queues[i+1:]...)
			break
		}
	}
	notify(q.ready)
}

// parted ends the queue of a peer that was disconnected; mu is held.
func (in *inbox) parted(id PeerID) {
	for _, q := range in.queues {
		if q.peer == id {
			in.leave(q, fmt.Errorf("%w: %d: disconnected", ErrUnknownPeer, id))
			return
		}
	}
}
