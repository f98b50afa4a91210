package rooms

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"time"

	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/signaling/text"
)

// A ticket is the content of a resume token. It proves that its bearer got this id in this room, and it holds the
// fixed properties of the room, so that a restarted server can rebuild the same room. The nonce distinguishes the room from
// other rooms that had the same name at other times. The generation numbers the places that the room has given, so it
// distinguishes the place from others with the same id.
//
// The process that made a ticket knows all its own rooms and places, so whatever it does not know is over. An earlier
// process has left nothing except, perhaps, a journal. So its tickets are valid only for a short time after the
// restart, and only for some days after they were made. After a member has come back with one, its tickets of earlier
// processes are valid only while it keeps its place. A ticket names the members that were removed from the room before
// the ticket was made; when a member is removed, the others get new tickets.
type ticket struct {
	Room  signaling.RoomName `json:"room"`
	Nonce uint64             `json:"nonce"`
	ID    signaling.PeerID   `json:"id"`
	origin
	Issued  time.Time          `json:"issued"`
	Subject string             `json:"subject,omitempty"` // Member.subject
	Kicked  []signaling.PeerID `json:"kicked,omitempty"`  // the last of room.kicked
	Expires time.Time          `json:"expires,omitzero"`  // Member.until
	Fixed   fixed              `json:"terms"`
	MayHost bool               `json:"may_host,omitzero"` // Member.mayHost, in a room that migrates
	Host    signaling.PeerID   `json:"host,omitzero"`     // room.host, in a room that migrates
	Term    int                `json:"term,omitzero"`     // room.term
	Program uint64             `json:"program,omitzero"`  // programOf the member's incarnation, in a room that migrates
	Demoted []demotion         `json:"demoted,omitempty"` // room.demoted
}

// An origin distinguishes a ticket from all others of its room and id.
type origin struct {
	Process    uint64 `json:"process"` // a random number for each process
	Generation uint64 `json:"generation"`
}

// A place identifies the place of a member in a room of this process.
type place struct {
	id         signaling.PeerID
	generation uint64
}

// fixed is the properties of a room that never change after its creation.
type fixed struct {
	Topology   signaling.Topology  `json:"topology"`
	Rules      signaling.RoomRules `json:"rules,omitzero"`
	Public     bool                `json:"public,omitzero"`
	Sealed     bool                `json:"sealed,omitzero"` // sealed from the beginning
	Metadata   json.RawMessage     `json:"metadata,omitempty"`
	MaxMembers int                 `json:"max_members,omitzero"`
	Migrates   bool                `json:"migrates,omitzero"`
	// HostTimeout is signaling.NewRoom.HostTimeoutMillis.
	HostTimeout int      `json:"host_timeout_ms,omitzero"`
	Password    password `json:"password,omitempty"`
}

// A token is the base64url of a version and the ticket's encrypted JSON. It is encrypted because it holds the hash of
// the room's password. ticketVersion is the first byte; after another version, the rest may have any form.
const ticketVersion = 3

// tickets makes and reads tokens. It uses AES-256-GCM with random nonces and a key derived from Config.ResumeKey. It
// is safe for concurrent use.
type tickets struct{ aead cipher.AEAD }

func newTickets(resumeKey []byte) (tickets, error) {
	key, err := hkdf.Key(sha256.New, resumeKey, nil, "rtcpeer resume token 3", 32)
	if err != nil {
		return tickets{}, fmt.Errorf("rooms: Config.ResumeKey: %w", err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return tickets{}, fmt.Errorf("rooms: Config.ResumeKey: %w", err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	return tickets{aead}, err
}

// seal returns the ticket as a token that only holders of the key can make or read.
func (k tickets) seal(t ticket) (string, error) {
	body, err := text.JSON(t)
	if err != nil {
		return "", fmt.Errorf("resume token: %w", err)
	}
	b := k.aead.Seal([]byte{ticketVersion}, nil, body, []byte{ticketVersion})
	return base64.RawURLEncoding.EncodeToString(b), nil
}

// open reads a token made with the same key.
func (k tickets) open(token string) (t ticket, err error) {
	b, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || len(b) < 1+k.aead.Overhead() {
		return t, refuseResume("not a resume token")
	}
	body, err := k.aead.Open(nil, nil, b[1:], b[:1])
	if err == nil && b[0] == ticketVersion {
		err = json.Unmarshal(body, &t)
	}
	if err != nil || b[0] != ticketVersion {
		return t, refuseResume("the token was made by another server, or before the key of this server changed")
	}
	return t, nil
}

// expired reports whether the grant of a member that has no place has ended. A member with a place has its own
// expiry, by the clock.
func (t ticket) expired() bool { return !t.Expires.IsZero() && !time.Now().Before(t.Expires) }

// ticket returns a new ticket for a member, and sets when it must be replaced. The caller holds room.mu.
func (m *Member) ticket() ticket {
	r, s := m.room, m.room.store
	m.reissue = 0
	if age := s.config.TicketAge; age > 0 {
		m.reissue = s.clock.Now() + age/2
	}
	t := ticket{
		Room: r.name, Nonce: r.nonce, ID: m.id, origin: origin{r.process, m.generation},
		Issued: time.Now(), Subject: m.subject, Kicked: r.kickedLast(), Expires: m.until, Fixed: r.fixed,
	}
	if r.fixed.Migrates {
		t.MayHost, t.Host, t.Term = m.mayHost, r.host, r.term
		t.Program, t.Demoted = programOf(m.info.Incarnation), r.demoted
	}
	return t
}

// AskOf returns the Ask of a session that joins with a resume token, or an error if the token is not for j.Room.
func (s *Store) AskOf(j signaling.Join) (Ask, error) {
	t, err := s.tickets.open(j.Resume)
	if err == nil && j.Room != "" && j.Room != t.Room {
		err = refuseResume("the token is for room %q, not %q", t.Room, j.Room)
	}
	j.Room = t.Room
	return Ask{Join: j, Resume: true, Seat: Seat{t.Nonce, t.ID}, Subject: t.Subject}, err
}

// Seat returns the room and the seat of a resume token.
func (s *Store) Seat(token string) (signaling.RoomName, Seat, error) {
	t, err := s.tickets.open(token)
	return t.Room, Seat{t.Nonce, t.ID}, err
}
