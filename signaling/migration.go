package signaling

// How a star outlives its host: NewRoom.Migrates.
//
//	host 1          server               guest 5              guest 7
//	 x (gone)         |--- host_changed: host 5, term 2 ------->|
//	                  |--- host_changed ---->|                  |
//	                  |                      |<---- offer ------|

const (
	// FeatureMigrate is the feature of members that move to a new host. A room with a member that does not
	// list it ends with its host.
	FeatureMigrate = "migrate"
	// FeatureHost is the feature of members that can become the host.
	FeatureHost = "host"
)

// A Successor names the member that is to host the room after the sender. Host only. It counts until it is
// replaced, and only if that member can be host when the time comes.
type Successor struct {
	ID PeerID `json:"id,omitempty"` // 0: nobody
}

// A HostLost tells the server that the sender has lost its link with the host. If most of the members say so
// within the room's host timeout, the host is replaced.
type HostLost struct {
	Term int `json:"term"` // of the host that was lost
}

// HostChanged tells of another host. The earlier one has lost its place, without a Left.
type HostChanged struct {
	Host PeerID `json:"host"`
	Term int    `json:"term"` // one more than before
	// Members are those to connect with from now on: the host alone, and for the host all others.
	Members []Member `json:"members,omitzero"`
	// Guests are the ids of all members but the host.
	Guests []PeerID `json:"guests,omitzero"`
}

func (Successor) Kind() Kind   { return KindSuccessor }
func (HostLost) Kind() Kind    { return KindHostLost }
func (HostChanged) Kind() Kind { return KindHostChanged }

func (m Successor) Validate() error {
	if m.ID < 0 {
		return badMessage("successor: id %d", m.ID)
	}
	return nil
}

func (m HostLost) Validate() error {
	if m.Term < 1 {
		return badMessage("host_lost: term %d", m.Term)
	}
	return nil
}

func (m HostChanged) Validate() error {
	switch {
	case !m.Host.Valid():
		return badMessage("host_changed: host %d", m.Host)
	case m.Term < 1:
		return badMessage("host_changed: term %d", m.Term)
	}
	return validateMembers(KindHostChanged, m.Members, m.Guests)
}
