package godot

import (
	"fmt"
	"time"
	"unicode/utf8"

	"example.org/rtcpeer/signaling"
)

// Server returns the dialect for a server, with the timeouts and the rules of the demo's servers.
func Server() *signaling.Dialect {
	return &signaling.Dialect{
		Encode:          encodeForMember,
		Decode:          decodeOfMember,
		Close:           closing,
		JoinTimeout:     time.Second,
		Volatile:        true,
		NamedRoomsExist: true,
		RoomNameLength:  16,
		Room:            signaling.RoomRules{EndsWithHost: true, EndAfterSeal: 10 * time.Second},
	}
}

func encodeForMember(m signaling.Message) ([][]byte, error) {
	switch m := m.(type) {
	case signaling.Welcome:
		return encodeWelcome(m)
	case signaling.Joined:
		come := frame{kind: peerConnect, id: int64(m.Member.ID)}
		if m.Restarted { // the demo's clients fail if an id that they know connects again
			return encodeAll(frame{kind: peerDisconnect, id: come.id}, come)
		}
		return encodeAll(come)
	case signaling.Left:
		return encodeAll(frame{kind: peerDisconnect, id: int64(m.ID)})
	case signaling.Sealed:
		return encodeAll(frame{kind: seal})
	case signaling.Signal:
		b, err := encodeSignal(m.From, m.Data)
		if b == nil {
			return nil, err
		}
		return [][]byte{b}, nil
	case *signaling.Error:
		return nil, nil // the close frame says it
	case signaling.Lock, signaling.HostChanged, signaling.Metadata, signaling.ICEServers, signaling.Resume, signaling.Rooms:
		return nil, nil // the demo cannot express it
	}
	return nil, fmt.Errorf("godot: a server cannot send %s in the demo protocol", m.Kind())
}

// encodeWelcome returns the frames with which the demo's servers answer a JOIN, in the same order.
func encodeWelcome(w signaling.Welcome) ([][]byte, error) {
	id := frame{kind: identify, id: int64(w.ID)}
	if w.Topology == signaling.Mesh {
		id.data = isMesh
	}
	frames := append(make([]frame, 0, len(w.Members)+2), id)
	for _, m := range w.Members {
		frames = append(frames, frame{kind: peerConnect, id: int64(m.ID)})
	}
	return encodeAll(append(frames, frame{kind: join, data: string(w.Room)})...)
}

func encodeAll(frames ...frame) ([][]byte, error) {
	list := make([][]byte, len(frames))
	for i, f := range frames {
		var err error
		if list[i], err = f.encode(); err != nil {
			return nil, err
		}
	}
	return list, nil
}

func decodeOfMember(raw []byte) (signaling.Message, error) {
	if len(raw) <= signaling.MaxMessage && utf8.Valid(raw) {
		if s, ok := cutSignal(raw); ok {
			return s, nil
		}
	}
	f, err := parse(raw)
	if err != nil {
		return nil, err
	}
	switch f.kind {
	case join:
		return decodeJoin(f)
	case seal:
		return signaling.Seal{}, nil
	case offer, answer, candidate:
		to := signaling.PeerID(f.id)
		if int64(to) != f.id || !to.Valid() {
			return nil, &signaling.Error{Code: signaling.CodeUnknownPeer, Text: fmt.Sprintf("no peer %d here", f.id)}
		}
		data, err := f.decodeSignal()
		return signaling.Signal{To: to, Data: data}, err
	}
	return nil, &signaling.Error{Code: signaling.CodeUnknownKind, Text: fmt.Sprintf("type %d", f.kind)}
}

// decodeJoin reads a JOIN. Its id only matters if it creates a lobby.
func decodeJoin(f frame) (signaling.Message, error) {
	j := signaling.Join{Room: signaling.RoomName(f.data), OneAttempt: true}
	if j.Room == "" {
		j.Topology = signaling.Star
		if f.id == 0 {
			j.Topology = signaling.Mesh
		}
	}
	return j, j.Validate()
}
