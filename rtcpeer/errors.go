package rtcpeer

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
	"time"

	"example.org/rtcpeer/rtcpeer/transport"
)

var (
	// ErrClosed is returned after Close. It wraps net.ErrClosed.
	ErrClosed = fmt.Errorf("rtcpeer: node closed: %w", net.ErrClosed)
	// ErrUnknownPeer is the error for a target that is not connected. As far as the node knows, its text says why: the
	// target is not in the room, is not connected yet, was lost, or is the node itself.
	ErrUnknownPeer = errors.New("rtcpeer: not connected to this peer")
	// ErrUnknownChannel is the error for a channel outside Config.Channels, or for an invalid mode.
	ErrUnknownChannel = errors.New("rtcpeer: no such channel")
	// ErrPacketTooLarge is the error for a packet larger than Config.MaxPacket, or than the other end accepts.
	ErrPacketTooLarge = errors.New("rtcpeer: packet too large")
	// ErrBufferFull is the error for a reliable packet for which the lane has no room at the moment.
	ErrBufferFull = errors.New("rtcpeer: send buffer full: the other end reads too slowly; try again later")
	// ErrDisconnectText is the error for a text of DisconnectWith that is too long, or not UTF-8.
	ErrDisconnectText = errors.New("rtcpeer: invalid text for a disconnect")
	// ErrNoEvent is the error of TryReceive when no event waits.
	ErrNoEvent = errors.New("rtcpeer: no event")
	// ErrRefused is the cause of a PeerFailed when the other end has refused the link.
	ErrRefused = errors.New("rtcpeer: refused by the other end")
	// ErrNotHost is the error for something that only the host may do.
	ErrNotHost = errors.New("rtcpeer: only the host may do that")
	// ErrUnauthorized is the cause of a PeerFailed when the two ends did not accept each other: see Config.Auth.
	ErrUnauthorized = errors.New("rtcpeer: not authenticated")
	// ErrAuthRequired ends a star's guest that has no Config.Auth, although the host requires authentication.
	ErrAuthRequired = errors.New("rtcpeer: the host requires authentication: set Config.Auth")
	// ErrHostGone ends a star's guest: the room is over.
	ErrHostGone = errors.New("rtcpeer: the host is gone")
	// ErrHostReplaced ends a host whose room has another host now: this one was lost, or did not reach the server.
	ErrHostReplaced = errors.New("rtcpeer: another member hosts the room now: join it again")
)

// A PeerError is a failure with one peer. The node goes on, unless it is a star's guest and has lost its host.
type PeerError struct {
	Peer PeerID // the other end
	Op   string // what was being done: "offer", "answer", "accept", "connect", "authenticate", "refuse", "receive"
	Err  error  // the cause
}

func (e *PeerError) Error() string {
	return fmt.Sprintf("rtcpeer: peer %d: %s: %v", e.Peer, e.Op, e.Err)
}

// Unwrap returns Err.
func (e *PeerError) Unwrap() error { return e.Err }

// A DeadlineError is the cause of a PeerFailed when the link was not open in time.
type DeadlineError struct {
	After time.Duration // the time limit
	// Stage is what the link was waiting for: StageSignaling if the other end never answered,
	// StagePath if no path between the two was found, and so on.
	Stage  transport.Stage
	Detail string // for people
}

func (e *DeadlineError) Error() string {
	return fmt.Sprintf("not connected after %v: waiting for %s: %s", e.After, e.Stage, e.Detail)
}

// Timeout returns true, for callers that check for a net.Error.
func (e *DeadlineError) Timeout() bool { return true }

// A ChannelMismatchError is the cause of a PeerFailed when the Config.Channels of the two programs differ. Both ends get
// one.
type ChannelMismatchError struct {
	Ours, Theirs []Mode // Config.Channels of this end, and of the other end
}

func (e *ChannelMismatchError) Error() string {
	return fmt.Sprintf("channel lists differ: ours %v, theirs %v; give both the same Config.Channels", e.Ours, e.Theirs)
}

// An UndeliveredError says which reliable packets that Send has accepted were not taken by the other ends, as far as
// this end knows.
type UndeliveredError struct {
	Bytes map[PeerID]int // of packets, including their frames, by the peer at the other end of the link
	// Err says why this end stopped waiting for them: ErrClosed after Config.Linger or because the other end was gone, the
	// cause of Flush's context, or ErrUnknownPeer if the peer was disconnected during Flush.
	Err error
}

func (e *UndeliveredError) Error() string {
	list := make([]string, 0, len(e.Bytes))
	for _, id := range slices.Sorted(maps.Keys(e.Bytes)) {
		list = append(list, fmt.Sprintf("%d bytes for peer %d", e.Bytes[id], id))
	}
	return fmt.Sprintf("rtcpeer: not delivered: %s: %v", strings.Join(list, ", "), strings.TrimPrefix(e.Err.Error(), "rtcpeer: "))
}

// Unwrap returns Err.
func (e *UndeliveredError) Unwrap() error { return e.Err }

// A BroadcastError names the peers whose lanes had no room for a reliable packet; all others have it. It is an
// ErrBufferFull. To wait for room, send the packet to each of Peers.
type BroadcastError struct {
	Peers []PeerID // those that did not get the packet, in ascending order
}

func (e *BroadcastError) Error() string { return fmt.Sprintf("%v (peers %v)", ErrBufferFull, e.Peers) }

// Unwrap returns ErrBufferFull.
func (e *BroadcastError) Unwrap() error { return ErrBufferFull }
