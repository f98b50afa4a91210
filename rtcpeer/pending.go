package rtcpeer

import (
	"context"
	"errors"
	"io"
	"slices"
	"sync/atomic"
)

// A PendingPeer is the other end of a link that is open and not yet authenticated. It is valid until the AuthFunc
// returns, and for one goroutine at a time.
type PendingPeer struct {
	// Fixed at construction.
	reader *reader // of the first lane

	// Owned by converse.
	accepted bool // the other end has accepted this one
	heard    bool // it has sent some authentication message

	// silent is set while this end waits for the other end, which has not sent any authentication message yet.
	silent atomic.Bool
}

var (
	// errAdmitted ends a conversation successfully: both ends have accepted each other.
	errAdmitted = errors.New("admitted")
	// errNotAccepted ends a conversation whose other end has gone.
	errNotAccepted = errors.New("the other end ended the link before it accepted this one")
	errNothingSent = errors.New("rtcpeer: authentication: nothing to send")
)

// ID returns the id of the other end. The signaling server vouches for it.
func (p *PendingPeer) ID() PeerID { return p.reader.lane.link.peer }

// IsHost reports whether the other end is the host of the room. In a room that migrates that need not be the member 1.
func (p *PendingPeer) IsHost() bool { return p.ID() == p.reader.lane.link.lead.host }

// Send sends data to the AuthFunc, or auth_callback, of the other end. It does not keep data, and does not wait. Errors:
// one for empty data; ErrPacketTooLarge; ErrBufferFull if too much is on its way; ErrUnknownPeer if the link has ended.
func (p *PendingPeer) Send(data []byte) error {
	switch {
	case len(data) == 0:
		return errNothingSent
	case len(data) > p.reader.lane.link.node.config.MaxPacket:
		return ErrPacketTooLarge
	}
	return p.reader.lane.trySend(appendAuth(nil, data))
}

// Receive waits for what the other end sends next, until the ctx of the AuthFunc is done. The data belongs to the
// caller. io.EOF means that the other end has accepted this one and will send nothing more. ErrPacketTooLarge means that
// it has sent too much at once, and any other error that the link has ended.
func (p *PendingPeer) Receive() ([]byte, error) {
	for !p.accepted {
		_, f, err := p.next()
		switch {
		case err != nil:
			return nil, err
		case f.kind != frameAuth:
			p.drop(DropPending)
		case len(f.body) > 0:
			return slices.Clone(f.body), nil
		default:
			p.accepted = true
		}
	}
	return nil, io.EOF
}

// converse does the whole authentication, except for its time limit. It returns errAdmitted, or why there was no
// success.
func (p *PendingPeer) converse(ctx context.Context, auth AuthFunc) error {
	if err := auth(ctx, p); err != nil {
		return err
	}
	if p.reader.lane.write(appendAuth(nil, nil)) != nil {
		return errNotAccepted
	}
	for !p.accepted {
		raw, f, err := p.next()
		switch {
		case err != nil:
			return err
		case f.kind != frameAuth:
			// The other end sends other frames only after it has admitted this one. An end without a callback never says
			// that it has. So, as in Godot, such a frame counts as its acceptance, and is delivered as well.
			p.accepted = true
			p.reader.unread = raw
		case len(f.body) > 0:
			p.drop(DropPending) // this end accepted it before it had said everything
		default:
			p.accepted = true
		}
	}
	return errAdmitted
}

// next waits for the next frame of the other end on the lane of authentication. The other lanes are not read until it
// is admitted: what comes on them earlier waits there.
func (p *PendingPeer) next() (raw []byte, f frame, err error) {
	p.silent.Store(!p.heard)
	for {
		raw, err = p.reader.read()
		switch {
		case errors.Is(err, io.ErrShortBuffer):
			return nil, frame{}, ErrPacketTooLarge
		case err != nil || !p.reader.lane.take(p.reader.path):
			return nil, frame{}, errNotAccepted
		}
		if f, err = decodeFrame(raw); err != nil {
			p.drop(DropMalformed)
			continue
		}
		if f.kind == frameAuth {
			p.heard = true
			p.silent.Store(false)
		}
		return raw, f, nil
	}
}

func (p *PendingPeer) drop(why DropReason) { p.reader.lane.link.node.inbox.counters.drop(why) }
