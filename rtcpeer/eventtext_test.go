package rtcpeer

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestEventsAsText(t *testing.T) {
	for _, test := range []struct {
		event        Event
		text, logged string
	}{
		{Event{Kind: PeerConnected, Peer: 7}, "connected 7", "event.kind=connected event.peer=7"},
		{Event{Kind: PacketReceived, Peer: 7, Packet: Packet{Peer: 7, Channel: 2, Mode: UnreliableOrdered, Data: []byte("secret")}},
			"packet from 7: channel 2, unreliable_ordered, 6 bytes",
			"event.kind=packet event.peer=7 event.channel=2 event.mode=unreliable_ordered event.bytes=6"},
		{Event{Kind: PeerDisconnected, Peer: 7, Reason: Lost}, "disconnected 7: lost", "event.kind=disconnected event.peer=7 event.reason=lost"},
		{Event{Kind: PeerDisconnected, Peer: 7, Reason: ByPeer, Code: 3}, "disconnected 7: by peer: code 3",
			`event.kind=disconnected event.peer=7 event.reason="by peer" event.code=3`},
		{Event{Kind: PeerDisconnected, Peer: 7, Reason: ByPeer, Text: "idle\x1b[2J"}, `disconnected 7: by peer: "idle\x1b[2J"`,
			`event.kind=disconnected event.peer=7 event.reason="by peer" event.text="idle\x1b[2J"`},
		{Event{Kind: PeerDisconnected, Peer: 7, Reason: ByPeer, Code: 3, Text: "idle"}, `disconnected 7: by peer: code 3, "idle"`,
			`event.kind=disconnected event.peer=7 event.reason="by peer" event.code=3 event.text=idle`},
		{Event{Kind: PeerFailed, Peer: 7, Err: &PeerError{Peer: 7, Op: "connect", Err: ErrRefused}},
			"failed: rtcpeer: peer 7: connect: rtcpeer: refused by the other end",
			`event.kind=failed event.peer=7 event.err="rtcpeer: peer 7: connect: rtcpeer: refused by the other end"`},
		{Event{Kind: HostChanged, Peer: 9, Host: &HostChange{Old: 1, New: 9}}, "host changed: 9, before 1", `event.kind="host changed" event.peer=9`},
		{Event{Kind: SignalingLost, Err: errors.New("no route")}, "signaling lost: no route", `event.kind="signaling lost" event.err="no route"`},
		{Event{Kind: SignalingResumed}, "signaling resumed", `event.kind="signaling resumed"`},
	} {
		require.Equal(t, test.text, fmt.Sprint(test.event))
		var b bytes.Buffer
		slog.New(slog.NewTextHandler(&b, &slog.HandlerOptions{ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
			if len(groups) == 0 && a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		}})).Info("m", "event", test.event)
		require.Equal(t, "level=INFO msg=m "+test.logged+"\n", b.String())
	}
}
