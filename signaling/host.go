package signaling

// Messages with which the host manages its room, in addition to Seal.

// Kick removes a member from the room. Host only. The member gets CodeKicked and cannot resume; the others get Left
// with LeftKicked and close their links with it. It may join again if the room admits newcomers; a host that does not
// want that locks the room first.
type Kick struct {
	ID PeerID `json:"id"` // the member to remove
	// Text tells the member why, in at most MaxText bytes.
	Text string `json:"text,omitempty"`
}

// Lock closes the room to newcomers until the host opens it again; unlike Seal, it is not final. The host sends it to
// the server, and the server sends it to all members.
type Lock struct {
	Open bool `json:"open,omitempty"` // true opens the room
}

// MaxText is the longest text of a Kick or a Bye, in bytes.
const MaxText = 256

func (Kick) Kind() Kind { return KindKick }
func (Lock) Kind() Kind { return KindLock }

// Validate checks the id, and the length of the text: at most MaxText bytes.
func (m Kick) Validate() error {
	switch {
	case !m.ID.Valid():
		return badMessage("kick: id %d", m.ID)
	case len(m.Text) > MaxText:
		return badMessage("kick: text of %d bytes: at most %d", len(m.Text), MaxText)
	}
	return nil
}

func (Lock) Validate() error { return nil }
