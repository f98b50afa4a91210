package godot

import (
	"errors"
	"fmt"
	"slices"

	"example.org/rtcpeer/signaling"
)

// Client returns the dialect for a client of the demo's own servers. Such a client cannot resume: if it loses its
// connection, its membership ends. It sends no metadata, channels or tokens.
func Client() *signaling.ClientDialect {
	return &signaling.ClientDialect{
		Name:       "the protocol of Godot's signaling demo",
		Encode:     encodeForServer,
		NewDecoder: func() func([]byte) (signaling.Message, error) { return new(decoder).decode },
		Closed:     closed,
	}
}

func encodeForServer(m signaling.Message) ([]byte, error) {
	if err := m.Validate(); err != nil {
		return nil, err
	}
	switch m := m.(type) {
	case signaling.Join:
		if m.Match != nil || m.Password != "" {
			return nil, errors.New("godot: the demo protocol has neither matches nor passwords")
		}
		f := frame{kind: join, data: string(m.Room)}
		if m.Topology == signaling.Star {
			f.id = 1
		}
		return f.encode()
	case signaling.Signal:
		if _, err := signaling.DecodeSignalData(m.Data); err != nil {
			return nil, err
		}
		return encodeSignal(m.To, m.Data)
	case signaling.Seal:
		return frame{kind: seal}.encode()
	case signaling.Leave:
		return nil, nil // the end of the connection says it
	}
	return nil, fmt.Errorf("godot: a client cannot send %s in the demo protocol", m.Kind())
}

// A decoder reads the frames of one connection. The Node server announces all members of a star to each other, but
// links are with the host alone, so the decoder ignores the other members.
type decoder struct {
	welcome signaling.Welcome // what is known of the welcome
	joined  bool              // the welcome was returned
}

func (d *decoder) decode(raw []byte) (signaling.Message, error) {
	f, err := parse(raw)
	if err != nil {
		return nil, err
	}
	switch f.kind {
	case identify:
		return nil, d.identify(f)
	case join:
		return d.complete(f)
	case peerConnect:
		return d.connected(f)
	case peerDisconnect:
		return d.disconnected(f), nil
	case offer, answer, candidate:
		return d.signal(f)
	case seal:
		return d.sealed(), nil
	}
	return nil, &signaling.Error{Code: signaling.CodeUnknownKind, Text: fmt.Sprintf("type %d", f.kind)}
}

func (d *decoder) identify(f frame) error {
	id, err := idOf(f)
	switch {
	case err != nil:
		return fmt.Errorf("%w: try again, because the server draws ids at random", err)
	case d.joined || d.welcome.ID != 0:
		return &signaling.Error{Code: signaling.CodeBadMessage, Text: "a second id"}
	}
	d.welcome.ID, d.welcome.Host, d.welcome.Topology = id, signaling.Host, signaling.Star
	if f.data == isMesh {
		d.welcome.Topology = signaling.Mesh
	}
	return nil
}

// complete returns the welcome. The server in GDScript answers the JOIN of a sealed lobby without sending an id.
func (d *decoder) complete(f frame) (signaling.Message, error) {
	switch {
	case d.joined:
		return nil, &signaling.Error{Code: signaling.CodeBadMessage, Text: "a second answer to JOIN"}
	case d.welcome.ID == 0:
		return &signaling.Error{Code: signaling.CodeSealed, Text: fmt.Sprintf("room %q is sealed, so the server assigns no id", f.data)}, nil
	}
	d.joined, d.welcome.Room = true, signaling.RoomName(f.data)
	w := d.welcome
	d.welcome.Members = nil
	return w, w.Validate()
}

// connected adds a member. An impossible id is an error that is not fatal: nobody can have a link with that peer.
func (d *decoder) connected(f frame) (signaling.Message, error) {
	id, err := idOf(f)
	m := signaling.Member{ID: id, OneAttempt: true}
	switch {
	case d.welcome.ID == 0:
		return nil, &signaling.Error{Code: signaling.CodeBadMessage, Text: "a peer before the id"}
	case err != nil:
		return &signaling.Error{Code: signaling.CodeUnknownPeer, Text: err.Error()}, nil
	case !d.linked(id):
		return nil, nil
	case d.joined:
		return signaling.Joined{Member: m}, nil
	}
	d.welcome.Members = append(d.welcome.Members, m)
	return nil, nil
}

func (d *decoder) disconnected(f frame) signaling.Message {
	id, err := idOf(f)
	switch {
	case err != nil || !d.linked(id):
		return nil
	case d.joined:
		return signaling.Left{ID: id, Reason: signaling.LeftLost}
	}
	d.welcome.Members = slices.DeleteFunc(d.welcome.Members, func(m signaling.Member) bool { return m.ID == id })
	return nil
}

func (d *decoder) signal(f frame) (signaling.Message, error) {
	from, err := idOf(f)
	if err != nil || !d.joined || !d.linked(from) {
		return nil, nil
	}
	data, err := f.decodeSignal()
	return signaling.Signal{From: from, Data: data}, err
}

func (d *decoder) sealed() signaling.Message {
	if d.joined {
		return signaling.Sealed{}
	}
	d.welcome.Sealed = true
	return nil
}

// linked reports whether this member has a link with id.
func (d *decoder) linked(id signaling.PeerID) bool {
	self := d.welcome.ID
	return id != self && (d.welcome.Topology == signaling.Mesh || id == signaling.Host || self == signaling.Host)
}

// idOf returns the id of a frame, or an error. The demo's servers draw ids from 0 to 2^31, both included.
func idOf(f frame) (signaling.PeerID, error) {
	if f.id < 1 || f.id > int64(signaling.MaxPeerID) {
		return 0, &signaling.Error{Code: signaling.CodeBadMessage,
			Text: fmt.Sprintf("the server assigned id %d: want 1 to %d", f.id, signaling.MaxPeerID)}
	}
	return signaling.PeerID(f.id), nil
}
