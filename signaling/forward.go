package signaling

import "encoding/binary"

// FeatureRelayLinks is the feature of members that the server may forward binary frames between: see "Forwarded paths" in
// PROTOCOL.md.
const FeatureRelayLinks = "relay_links"

const (
	// ForwardHeader is how many bytes of a binary frame name a member: the receiver on the way to the server, and the
	// sender on the way from there. The number is big-endian.
	ForwardHeader = 4
	// MaxForward is the largest binary frame, in bytes. That is 16 KiB of a packet, and what goes with them.
	MaxForward = 16<<10 + 64
)

// Forwarded is a binary frame that the server has forwarded. It is a message of a connection, but no codec encodes or
// decodes it: DecodeForward does.
type Forwarded struct {
	From PeerID
	Data []byte // opaque to the server; belongs to the receiver
}

func (Forwarded) Kind() Kind { return KindForwarded }

func (m Forwarded) Validate() error {
	if !m.From.Valid() {
		return badMessage("forwarded: id %d", m.From)
	}
	return nil
}

// DecodeForward returns the member that a binary frame names, and what follows, which is a part of the frame.
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

// SetForwardPeer writes the member that a binary frame names.
func SetForwardPeer(frame []byte, id PeerID) { binary.BigEndian.PutUint32(frame, uint32(id)) }
