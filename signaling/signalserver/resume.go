package signalserver

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"

	"example.org/rtcpeer/signaling"
)

// A ticket is what a resume token vouches for: that this id in this room was given to its bearer.
// The nonce tells the room from another one that had the same name at another time.
type ticket struct {
	room     signaling.RoomName
	topology signaling.Topology
	nonce    uint64
	id       signaling.PeerID
}

// A token is base64url of
//
//	version (1 byte), topology (1), nonce (8), id (4), room name, HMAC-SHA256 of all that (32)
const (
	ticketVersion = 1
	ticketHead    = 1 + 1 + 8 + 4
)

// seal returns the ticket as a token that only holders of key can make.
func (t ticket) seal(key []byte) string {
	b := make([]byte, 0, ticketHead+len(t.room)+sha256.Size)
	b = append(b, ticketVersion, topologyByte(t.topology))
	b = binary.BigEndian.AppendUint64(b, t.nonce)
	b = binary.BigEndian.AppendUint32(b, uint32(t.id))
	b = append(b, t.room...)
	return base64.RawURLEncoding.EncodeToString(append(b, mac(key, b)...))
}

// openTicket reads a token made with key.
func openTicket(key []byte, token string) (ticket, error) {
	b, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || len(b) < ticketHead+sha256.Size {
		return ticket{}, refuseResume("not a resume token")
	}
	body, sum := b[:len(b)-sha256.Size], b[len(b)-sha256.Size:]
	if !hmac.Equal(sum, mac(key, body)) || body[0] != ticketVersion {
		return ticket{}, refuseResume("the token is not from this server, or from before its key changed")
	}
	t := ticket{
		room:     signaling.RoomName(body[ticketHead:]),
		topology: signaling.Mesh,
		nonce:    binary.BigEndian.Uint64(body[2:]),
		id:       signaling.PeerID(binary.BigEndian.Uint32(body[10:])),
	}
	if body[1] == topologyByte(signaling.Star) {
		t.topology = signaling.Star
	}
	return t, nil
}

func topologyByte(t signaling.Topology) byte {
	if t == signaling.Star {
		return 's'
	}
	return 'm'
}

func mac(key, body []byte) []byte {
	h := hmac.New(sha256.New, key)
	h.Write(body)
	return h.Sum(nil)
}

func refuseResume(format string, args ...any) error {
	return &signaling.Error{Code: signaling.CodeResumeRefused, Text: fmt.Sprintf(format, args...)}
}
