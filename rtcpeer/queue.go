package rtcpeer

import (
	"context"
	"fmt"
)

// A Queue takes the packets of one channel, or of one peer, out of what Receive returns: an upload that the program works
// on slowly, say, behind which the inputs of a game would wait. Its own bound is that of the inbox, Config.ReceiveBuffer
// for each peer and channel.
//
// Packets of one peer and channel keep their order. Between a Queue and Receive there is none: a packet may be received
// here before its peer's PeerConnected there, or after its PeerDisconnected.
//
// Its methods may be called from any goroutine.
type Queue struct {
	inbox   *inbox
	of      func(Packet) bool // the packets that are its own
	ready   chan struct{}     // holds a token while there is something to receive, or the end
	packets ring[entry]       // guarded by the inbox, as are the fields below
	ended   error             // nothing more comes
	peer    PeerID            // 0: of a channel
	channel int
}

// ChannelQueue returns a new Queue of a channel: 0, or 1 to len(Config.Channels). Packets that wait for Receive already
// are moved to it. A peer that has a Queue of its own keeps it. Errors: ErrUnknownChannel, and one for a channel that has a
// Queue.
func (n *Node) ChannelQueue(channel int) (*Queue, error) {
	if _, err := n.channels.lane(channel, Reliable); err != nil {
		return nil, err
	}
	return n.inbox.split(&Queue{channel: channel, of: func(p Packet) bool { return p.Channel == channel }})
}

// PeerQueue is ChannelQueue for all packets of a connected peer. It ends with ErrUnknownPeer when the peer is disconnected
// and its packets were received. Errors: ErrUnknownPeer, and one for a peer that has a Queue.
func (n *Node) PeerQueue(id PeerID) (*Queue, error) {
	for _, peer := range n.route().peers() {
		if peer == id {
			return n.inbox.split(&Queue{peer: id, of: func(p Packet) bool { return p.Peer == id }})
		}
	}
	return nil, fmt.Errorf("%w: %d", ErrUnknownPeer, id)
}

// Receive returns the next packet, waiting until ctx is done. Its Data belongs to the caller. When nothing more comes it
// returns why: ErrUnknownPeer, ErrClosed, or what Node.Receive returns.
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
	case q.packets.len() > 0:
		e := in.taken(q.packets.pop())
		if q.packets.len() > 0 || q.ended != nil || in.ended != nil {
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

// Close gives what waits, and what follows, back to Receive. The Queue returns ErrClosed then. Closing twice is legal.
func (q *Queue) Close() {
	in := q.inbox
	in.mu.Lock()
	defer in.mu.Unlock()
	if q.ended == nil {
		in.leave(q, ErrClosed)
	}
	for q.packets.len() > 0 {
		in.queue.push(q.packets.pop())
		in.wake()
	}
}

// split has the packets of q go there, and moves those that wait.
func (in *inbox) split(q *Queue) (*Queue, error) {
	q.inbox, q.ready = in, make(chan struct{}, 1)
	in.mu.Lock()
	defer in.mu.Unlock()
	for _, other := range in.queues {
		if other.peer == q.peer && other.channel == q.channel {
			return nil, fmt.Errorf("rtcpeer: peer %d, channel %d: it has a Queue already", q.peer, q.channel)
		}
	}
	if q.peer != 0 { // a peer's goes before a channel's
		in.queues = append([]*Queue{q}, in.queues...)
	} else {
		in.queues = append(in.queues, q)
	}
	for range in.queue.len() {
		e := in.queue.pop()
		if e.Kind == PacketReceived && q.of(e.Packet) {
			q.packets.push(e)
			notify(q.ready)
		} else {
			in.queue.push(e)
		}
	}
	return q, nil
}

// leave ends a queue, as to what comes to it; mu is held.
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

// parted ends the queue of a peer that is gone; mu is held.
func (in *inbox) parted(id PeerID) {
	for _, q := range in.queues {
		if q.peer == id {
			in.leave(q, fmt.Errorf("%w: %d: disconnected", ErrUnknownPeer, id))
			return
		}
	}
}
