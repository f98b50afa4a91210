package interop

import (
	"errors"
	"fmt"
	"strings"

	"example.org/rtcpeer/rtcpeer"
)

// The frames between the test and a player that is elsewhere, as JSON over a WebSocket: a call goes
// there; answers, events and at last the exit come back. testdata/player.mjs is the other end in
// JavaScript, agent_js_test.go in Go.

// A call asks a player for something. Do is join (URL, Topology, Secret, Config), send (Packet), flood
// (Packet, Count), deaf, hear, stats, seal or close.
type call struct {
	N        int              `json:"n"`
	Do       string           `json:"do"`
	URL      string           `json:"url,omitempty"`
	Topology rtcpeer.Topology `json:"topology,omitempty"`
	Secret   string           `json:"secret,omitempty"`
	Config   map[string]any   `json:"config,omitempty"` // instead of what all have; in JavaScript alone
	Packet   *packet          `json:"packet,omitempty"`
	Count    int              `json:"count,omitempty"`
}

// packet is a rtcpeer.Packet in the words of the JavaScript module.
type packet struct {
	Peer    rtcpeer.PeerID `json:"peer"`
	Channel int            `json:"channel"`
	Mode    string         `json:"mode"`
	Data    []byte         `json:"data"` // base64
	Command string         `json:"command,omitempty"`
}

// said is what a player says. One field is set, or Answer and the fields of that answer.
type said struct {
	Answer int            `json:"answer,omitempty"` // the call's N
	ID     rtcpeer.PeerID `json:"id,omitempty"`
	Stats  *facts         `json:"stats,omitempty"`
	Error  *failure       `json:"error,omitempty"`

	Event *event   `json:"event,omitempty"`
	Ended *failure `json:"ended,omitempty"` // there are no more events

	// Complaint is an error that nobody caught.
	Complaint string `json:"complaint,omitempty"`
	// Exit is the end of a Go program in a page, with what it printed; of others it is 0.
	Exit   *int   `json:"exit,omitempty"`
	Output string `json:"output,omitempty"`
}

// facts are figures of a player's node.
type facts struct {
	Resumed int                           `json:"resumed"`
	Dropped map[rtcpeer.DropReason]uint64 `json:"dropped"`
	Waiting int                           `json:"waiting"` // events
	Remote  map[rtcpeer.PeerID]string     `json:"remote"`  // kind of the other end's candidate
	Room    string                        `json:"room"`

	// Candidates is how many of other members were given to the page's connections; in JavaScript in a page alone.
	Candidates int `json:"candidates,omitempty"`

	Game *gameFacts `json:"game,omitempty"`
}

// gameFacts are what testdata/godot.mjs knows of itself.
type gameFacts struct {
	Sealed  bool     `json:"sealed"`
	Errors  []string `json:"errors"`  // that the engine would print
	Signals []string `json:"signals"` // such as "peer_authentication_failed 1"
	Wire    []string `json:"wire"`    // such as "< 1 reliable 0368690a"
	Diary   []string `json:"diary"`   // for the message of a failure
	Closed  *struct {
		Code   int    `json:"code"`
		Reason string `json:"reason"`
	} `json:"closed"` // how the socket of the signaling ended
}

func (f *gameFacts) String() string {
	return fmt.Sprintf("sealed %v, errors %q, signals %q, %d messages, closed %+v, diary:\n\t%s",
		f.Sealed, f.Errors, f.Signals, len(f.Wire), f.Closed, strings.Join(f.Diary, "\n\t"))
}

type event struct {
	Kind   string         `json:"kind"`
	Peer   rtcpeer.PeerID `json:"peer"`
	Packet *packet        `json:"packet,omitempty"`
	Reason string         `json:"reason,omitempty"`
	Error  string         `json:"error,omitempty"`
}

type failure struct {
	Code string `json:"code"`
	Text string `json:"text"`
}

// The two words for one thing, in JavaScript and in Go.
var codes = map[string]error{
	"packet_too_large": rtcpeer.ErrPacketTooLarge,
	"unknown_peer":     rtcpeer.ErrUnknownPeer,
	"unknown_channel":  rtcpeer.ErrUnknownChannel,
	"buffer_full":      rtcpeer.ErrBufferFull,
	"host_gone":        rtcpeer.ErrHostGone,
	"closed":           rtcpeer.ErrClosed,
	"bad_command":      rtcpeer.ErrCommand,
	"unauthorized":     rtcpeer.ErrUnauthorized,
	"auth_required":    rtcpeer.ErrAuthRequired,
}

// A playerError is what failed at a player, and unwraps to what it would be here.
type playerError struct{ failure }

func (e playerError) Error() string { return e.Code + ": " + e.Text }
func (e playerError) Unwrap() error { return codes[e.Code] }

func (f *failure) err() error {
	if f == nil {
		return nil
	}
	return playerError{*f}
}

func packetOf(p rtcpeer.Packet) *packet {
	out := &packet{Peer: p.Peer, Channel: p.Channel, Mode: p.Mode.String(), Data: p.Data}
	if p.Command != rtcpeer.CommandRaw {
		out.Command = commandWord(p.Command)
	}
	return out
}

// commandWord is a command's in JavaScript.
func commandWord(c rtcpeer.Command) string { return strings.ReplaceAll(c.String(), " ", "_") }

func (p *packet) packet() rtcpeer.Packet {
	out := rtcpeer.Packet{Peer: p.Peer, Channel: p.Channel, Data: p.Data}
	for _, m := range modes {
		if m.String() == p.Mode {
			out.Mode = m
		}
	}
	for c := rtcpeer.CommandRemoteCall; c <= rtcpeer.CommandSync; c++ {
		if commandWord(c) == p.Command {
			out.Command = c
		}
	}
	return out
}

func (e *event) event() rtcpeer.Event {
	out := rtcpeer.Event{Peer: e.Peer}
	for k := rtcpeer.PeerConnected; k <= rtcpeer.SignalingResumed; k++ {
		if k.String() == e.Kind {
			out.Kind = k
		}
	}
	for r := rtcpeer.ByPeer; r <= rtcpeer.Unauthorized; r++ {
		if r.String() == e.Reason {
			out.Reason = r
		}
	}
	if e.Packet != nil {
		out.Packet = e.Packet.packet()
	}
	if e.Error != "" {
		out.Err = errors.New(e.Error)
	}
	return out
}
