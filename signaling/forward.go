package signaling

import "encoding/binary"

// FeatureRelayLinks is the feature of members between which the server may forward binary frames: see "Forwarded
// paths" in PROTOCOL.md.
const FeatureRelayLinks = "relay_links"

const (
	// ForwardHeader is the length, in bytes, of the id at the head of a binary frame. It is the id of the receiver in
	// a frame to the server, and the id of the sender in a frame from the server. The number is big-endian.
	ForwardHeader = 4
	// MaxForward is the largest binary frame, in bytes: a packet of 16 KiB and its headers.
	MaxForward = 16<<10 + 64
)

// Forwarded is a binary frame that the server has forwarded. A connection delivers it like any other message, but no
// codec encodes or decodes it: use DecodeForward.
type Forwarded struct {
	From PeerID // the member that has sent the frame
	Data []byte // opaque to the server; belongs to the receiver
}

func (Forwarded) Kind() Kind { return KindForwarded }

// Validate checks the id.
func (m Forwarded) Validate() error {
	if !m.From.Valid() {
		return badMessage("forwarded: id %d", m.From)
	}
	return nil
}

// DecodeForward returns the id at the head of a binary frame, and the rest of the frame, which is not copied.
func DecodeForward(frame []byte) (PeerID, []byte, error) {
	if len(frame) <= ForwardHeader || len(frame) > MaxForward {
		return 0, nil, badMessage("binary frame of %d bytes: want %d to %d", len(frame), ForwardHeader+1, MaxForward)
	}
	id := binary.BigEndian.Uint32(frame)
	if id == 0 || id > uint32(MaxPeerID) {
		return 0, nil, badMessage("binary frame: id %d", id)
	}
	return PeerID(id), frame[ForwardHeader:], nil
}

// SetForwardPeer writes id to the head of a binary frame.
func SetForwardPeer(frame []byte, id PeerID) { binary.BigEndian.PutUint32(frame, uint32(id)) }
