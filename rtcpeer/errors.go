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
	// ErrUnknownPeer is the error of a target that is not connected: its text says whether it is not in the room, is
	// not connected yet, was lost, or is the node itself.
	ErrUnknownPeer = errors.New("rtcpeer: not connected to this peer")
	// ErrUnknownChannel is the error of a channel outside Config.Channels, or of a mode that is none.
	ErrUnknownChannel = errors.New("rtcpeer: no such channel")
	// ErrPacketTooLarge is the error of a packet over Config.MaxPacket, or over what the other end accepts.
	ErrPacketTooLarge = errors.New("rtcpeer: packet too large")
	// ErrBufferFull is the error of a reliable packet for which the lane has no room at the moment.
	ErrBufferFull = errors.New("rtcpeer: send buffer full: the other end reads too slowly; try again later")
	// ErrNoEvent is TryReceive's word for nothing there.
	ErrNoEvent = errors.New("rtcpeer: no event")
	// ErrRefused is the cause of a link that the other end does not want.
	ErrRefused = errors.New("rtcpeer: refused by the other end")
	// ErrNotHost is the error of what only the host may do.
	ErrNotHost = errors.New("rtcpeer: only the host may do that")
	// ErrUnauthorized is the cause of a link whose two ends did not accept each other: see Config.Auth.
	ErrUnauthorized = errors.New("rtcpeer: not authenticated")
	// ErrAuthRequired ends a star's guest that has no Config.Auth where the host demands it.
	ErrAuthRequired = errors.New("rtcpeer: the host demands authentication: set Config.Auth")
	// ErrHostGone ends a star's guest: the room is over.
	ErrHostGone = errors.New("rtcpeer: the host is gone")
	// ErrHostReplaced ends a host after which the room has another one: it was lost, or did not reach the server.
	ErrHostReplaced = errors.New("rtcpeer: another member hosts the room now: join it anew")
)

// A PeerError is a failure with one peer; the node goes on, but for a star's guest without its host.
type PeerError struct {
	Peer PeerID
	Op   string // "offer", "answer", "accept", "connect", "authenticate"
	Err  error
}

func (e *PeerError) Error() string {
	return fmt.Sprintf("rtcpeer: peer %d: %s: %v", e.Peer, e.Op, e.Err)
}
func (e *PeerError) Unwrap() error { return e.Err }

// A DeadlineError is the cause of a link that was not open in time.
type DeadlineError struct {
	After time.Duration
	// Stage is what the link was waiting for: StageSignaling if the other end never answered,
	// StagePath if no path between the two was found, and so on.
	Stage  transport.Stage
	Detail string // for people
}

func (e *DeadlineError) Error() string {
	return fmt.Sprintf("not connected after %v: waiting for %s: %s", e.After, e.Stage, e.Detail)
}

// Timeout makes a DeadlineError a time-out for those who ask as net.Error does.
func (e *DeadlineError) Timeout() bool { return true }

// A ChannelMismatchError is the cause of a link between two programs whose Config.Channels differ.
// Both ends get one.
type ChannelMismatchError struct {
	Ours, Theirs []Mode
}

func (e *ChannelMismatchError) Error() string {
	return fmt.Sprintf("channel lists differ: ours %v, theirs %v; give both the same Config.Channels", e.Ours, e.Theirs)
}

// An UndeliveredError says what of the reliable packets that Send has accepted the other ends have not taken, as far as
// this end knows.
type UndeliveredError struct {
	Bytes map[PeerID]int // of packets, with their frames, by the peer at the other end of the link
	// Err is why nobody waits for them any more: ErrClosed after Config.Linger, the end of Flush's context, or
	// ErrUnknownPeer if the peer was disconnected.
	Err error
}

func (e *UndeliveredError) Error() string {
	list := make([]string, 0, len(e.Bytes))
	for _, id := range slices.Sorted(maps.Keys(e.Bytes)) {
		list = append(list, fmt.Sprintf("%d bytes for peer %d", e.Bytes[id], id))
	}
	return fmt.Sprintf("rtcpeer: not delivered: %s: %v", strings.Join(list, ", "), strings.TrimPrefix(e.Err.Error(), "rtcpeer: "))
}
func (e *UndeliveredError) Unwrap() error { return e.Err }

// A BroadcastError names the peers whose lanes had no room for a reliable packet; all others have it.
// It is an ErrBufferFull. Send it to each of Peers to wait for them.
type BroadcastError struct {
	Peers []PeerID
}

func (e *BroadcastError) Error() string { return fmt.Sprintf("%v (peers %v)", ErrBufferFull, e.Peers) }
func (e *BroadcastError) Unwrap() error { return ErrBufferFull }
