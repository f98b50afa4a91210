package signaling

// What the host of a room may tell it, besides Seal.

// Kick takes a member out of the room. Host only. The member gets CodeKicked and cannot resume; the
// others get Left with LeftKicked, and give up their links with it. It may join anew where a newcomer
// may: the host locks the room before, if that is not wanted.
type Kick struct {
	ID PeerID `json:"id"`
	// Text tells the member why, in at most MaxText bytes.
	Text string `json:"text,omitempty"`
}

// Lock closes the room for newcomers until the host opens it again; unlike Seal it is never final.
// From the host to the server, and from the server to everybody.
type Lock struct {
	Open bool `json:"open,omitempty"` // true opens the room
}

// MaxText is the longest text of a Kick, in bytes.
const MaxText = 256

func (Kick) Kind() Kind { return KindKick }
func (Lock) Kind() Kind { return KindLock }

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
