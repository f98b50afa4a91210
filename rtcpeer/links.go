package rtcpeer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
)

// links are the open links. Reading takes no lock: each change makes a new set.
type links struct {
	mu  sync.Mutex // one change at a time
	set atomic.Pointer[linkSet]
}

// linkSet is one state of the open links; it never changes.
type linkSet struct {
	all  []*link // in the order in which they opened
	byID map[PeerID]*link
}

var noLinks = &linkSet{}

func (ls *links) current() *linkSet {
	if set := ls.set.Load(); set != nil {
		return set
	}
	return noLinks
}

// to returns the link with a peer.
func (ls *links) to(id PeerID) (*link, error) {
	if l := ls.current().byID[id]; l != nil {
		return l, nil
	}
	return nil, fmt.Errorf("%w: %d", ErrUnknownPeer, id)
}

// send sends to one peer, or to everybody but one, as Peer.Send says.
func (ls *links) send(ctx context.Context, to PeerID, i int, data []byte) error {
	if to <= 0 {
		return ls.broadcast(-to, i, data)
	}
	l, err := ls.to(to)
	if err != nil {
		return err
	}
	return l.lanes[i].put(ctx, data)
}

// broadcast sends to everybody but one (0: to everybody), without waiting.
func (ls *links) broadcast(except PeerID, i int, data []byte) error {
	var full []PeerID
	var tooLarge error
	for _, l := range ls.current().all {
		if l.peer == except {
			continue
		}
		switch err := l.lanes[i].trySend(data); {
		case err == ErrBufferFull:
			full = append(full, l.peer)
		case errors.Is(err, ErrPacketTooLarge):
			tooLarge = err
		} // any other: it has just disconnected, and a broadcast is for those who are there
	}
	if full != nil {
		return errors.Join(&BroadcastError{Peers: full}, tooLarge)
	}
	return tooLarge
}

func (ls *links) ids() []PeerID {
	all := ls.current().all
	ids := make([]PeerID, len(all))
	for i, l := range all {
		ids[i] = l.peer
	}
	return ids
}

func (ls *links) add(l *link) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	ls.store(append(slices.Clone(ls.current().all), l))
}

func (ls *links) remove(l *link) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	ls.store(slices.DeleteFunc(slices.Clone(ls.current().all), func(other *link) bool { return other == l }))
}

func (ls *links) store(all []*link) {
	set := &linkSet{all: all, byID: make(map[PeerID]*link, len(all))}
	for _, l := range all {
		set.byID[l.peer] = l
	}
	ls.set.Store(set)
}
