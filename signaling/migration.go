package signaling

// Messages of a star that outlives its host: see NewRoom.Migrates.
//
//	host 1          server               guest 5              guest 7
//	 x (gone)         |--- host_changed: host 5, term 2 ------->|
//	                  |--- host_changed ---->|                  |
//	                  |                      |<---- offer ------|

const (
	// FeatureMigrate is the feature of members that can follow a new host. If a member does not list it, the room
	// ends with its host.
	FeatureMigrate = "migrate"
	// FeatureHost is the feature of members that can become the host.
	FeatureHost = "host"
)

// A Successor names the member that should host the room after the sender. Host only. It holds until the host sends
// another one, and only if that member can be the host when the time comes.
type Successor struct {
	ID PeerID `json:"id,omitempty"` // 0: nobody
}

// A HostLost tells the server that the sender has lost its link with the host. If more than half of the guests send it
// within the room's host timeout, and do not take it back, the server replaces the host.
type HostLost struct {
	Term int  `json:"term"`          // the term of the host that was lost
	Back bool `json:"back,omitzero"` // the link is there again: what the sender has said does not count any more
}

// HostChanged announces a new host. The earlier host has lost its place; there is no Left for it.
type HostChanged struct {
	Host PeerID `json:"host"` // the new host
	Term int    `json:"term"` // one more than that of the earlier host
	// Members are the members to connect with from now on: the host alone, or all others for the host.
	Members []Member `json:"members,omitzero"`
	// Guests are the ids of all members except the host.
	Guests []PeerID `json:"guests,omitzero"`
}

func (Successor) Kind() Kind   { return KindSuccessor }
func (HostLost) Kind() Kind    { return KindHostLost }
func (HostChanged) Kind() Kind { return KindHostChanged }

// Validate checks the id.
func (m Successor) Validate() error {
	if m.ID < 0 {
		return badMessage("successor: id %d", m.ID)
	}
	return nil
}

// Validate checks the term, which is at least 1.
func (m HostLost) Validate() error {
	if m.Term < 1 {
		return badMessage("host_lost: term %d", m.Term)
	}
	return nil
}

// Validate checks the host, the term, the members and the ids of the guests.
func (m HostChanged) Validate() error {
	switch {
	case !m.Host.Valid():
		return badMessage("host_changed: host %d", m.Host)
	case m.Term < 1:
		return badMessage("host_changed: term %d", m.Term)
	}
	return validateMembers(KindHostChanged, m.Members, m.Guests)
}
