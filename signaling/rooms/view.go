package rooms

import (
	"cmp"
	"hash/crc32"
	"slices"
	"sync"

	"example.org/rtcpeer/signaling"
)

// A View is what a client has been told about its room. It is for servers that share their rooms: an owner that dies may
// have told some members of a change and not others. The next owner compares the View of each member with the room and
// tells the difference. A View is safe for concurrent use. A nil View knows nothing, and so everything is told.
type View struct {
	mu sync.Mutex // guards the fields below
	is ViewState
	// unsure holds members about which messages may still reach the client that the View does not know of: see doubt.
	unsure []signaling.PeerID
}

// A ViewState is the content of a View.
type ViewState struct {
	Members []Known `json:"members,omitempty"` // ordered by id
	// Host and Term are those of a room that migrates.
	Host   signaling.PeerID `json:"host,omitzero"`
	Term   int              `json:"term,omitzero"`
	Sealed bool             `json:"sealed,omitzero"`
	Locked bool             `json:"locked,omitzero"`
}

// A Known is a member that a client knows: its id, and the checksums of its incarnation and of its metadata.
type Known [3]uint32

func knownOf(m signaling.Member) Known {
	return Known{uint32(m.ID), crc32.ChecksumIEEE([]byte(m.Incarnation)), crc32.ChecksumIEEE(m.Metadata)}
}

func (k Known) id() signaling.PeerID { return signaling.PeerID(k[0]) }

// A Change is what a message changes in a View.
type Change struct {
	All      *ViewState       `json:"all,omitempty"` // replaces everything
	Hosted   *ViewState       `json:"hosted,omitempty"`
	Joined   *Known           `json:"joined,omitempty"`
	Left     signaling.PeerID `json:"left,omitzero"`
	Metadata *Known           `json:"metadata,omitempty"`
	Sealed   bool             `json:"sealed,omitzero"`
	Lock     *signaling.Lock  `json:"lock,omitempty"`
	Kicked   bool             `json:"kicked,omitzero"` // Left was removed by a host, which may wait to be told so
	Again    bool             `json:"again,omitzero"`  // from catchUp: the client may know it
}

// Change returns what the message changes in the View of a client that gets it, or nil.
func (n *Prepared) Change() *Change {
	c := changeOf(n.Message)
	if c != nil {
		c.Again = n.again
	}
	return c
}

func changeOf(m signaling.Message) *Change {
	switch m := m.(type) {
	case signaling.Welcome:
		all := ViewState{Members: knownAll(m.Members), Term: m.Term, Sealed: m.Sealed, Locked: m.Locked}
		if m.Term > 0 {
			all.Host = m.Host
		}
		return &Change{All: &all}
	case signaling.HostChanged:
		return &Change{Hosted: &ViewState{Members: knownAll(m.Members), Host: m.Host, Term: m.Term}}
	case signaling.Joined:
		k := knownOf(m.Member)
		return &Change{Joined: &k}
	case signaling.Left:
		return &Change{Left: m.ID, Kicked: m.Reason == signaling.LeftKicked}
	case signaling.Metadata:
		k := knownOf(signaling.Member{ID: m.ID, Metadata: m.Metadata})
		return &Change{Metadata: &k}
	case signaling.Sealed:
		return &Change{Sealed: true}
	case signaling.Lock:
		return &Change{Lock: &m}
	}
	return nil
}

func knownAll(members []signaling.Member) (list []Known) {
	for _, m := range members {
		list = append(list, knownOf(m))
	}
	slices.SortFunc(list, byID)
	return list
}

func byID(a, b Known) int { return cmp.Compare(a[0], b[0]) }

// Apply applies a change, which may be nil. It returns false if the client knew it already and must not be told again.
func (v *View) Apply(c *Change) (news bool) {
	if v == nil || c == nil {
		return true
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	switch {
	case c.All != nil:
		v.is = *c.All
	case c.Hosted != nil:
		if c.Hosted.Term <= v.is.Term {
			return false
		}
		v.is.Members, v.is.Host, v.is.Term = c.Hosted.Members, c.Hosted.Host, c.Hosted.Term
	case c.Joined != nil:
		i, known := v.find(c.Joined.id())
		if known && v.is.Members[i] == *c.Joined {
			return false
		}
		v.is.Members = slices.Replace(v.is.Members, i, i+count(known), *c.Joined)
	case c.Left != 0:
		i, known := v.find(c.Left)
		if !known {
			return c.Kicked && !c.Again
		}
		v.is.Members = slices.Delete(v.is.Members, i, i+1)
	case c.Metadata != nil:
		if i, known := v.find(c.Metadata.id()); known {
			v.is.Members[i][2] = c.Metadata[2]
		}
	case c.Sealed:
		news = !v.is.Sealed
		v.is.Sealed = true
		return news
	case c.Lock != nil:
		news = !c.Again || v.is.Locked == c.Lock.Open
		v.is.Locked = !c.Lock.Open
		return news
	}
	return true
}

func count(one bool) int {
	if one {
		return 1
	}
	return 0
}

func (v *View) find(id signaling.PeerID) (i int, known bool) {
	return slices.BinarySearchFunc(v.is.Members, Known{uint32(id)}, byID)
}

// State returns a copy of the content. v may be nil.
func (v *View) State() ViewState {
	if v == nil {
		return ViewState{}
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	is := v.is
	is.Members = slices.Clone(is.Members)
	return is
}

// NewView returns a View with that content, which it keeps.
func NewView(is ViewState) *View {
	slices.SortFunc(is.Members, byID)
	return &View{is: is}
}

// doubt is called for the View of a client to which this server has sent messages over an earlier session: told is the
// View after these. Some of them may still be under way. So the client's server is told of all members in which the two
// Views differ, and leaves out what the client knows.
func (v *View) doubt(told *View) {
	theirs := told.State()
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, lists := range [][2][]Known{{theirs.Members, v.is.Members}, {v.is.Members, theirs.Members}} {
		for _, k := range lists[0] {
			if i, known := slices.BinarySearchFunc(lists[1], k, byID); !known || lists[1][i] != k {
				v.unsure = append(v.unsure, k.id())
			}
		}
	}
}

// doubts returns the members that doubt has noted and about which the client has not been told since.
func (v *View) doubts() []signaling.PeerID {
	if v == nil {
		return nil
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	return slices.Clone(v.unsure)
}

// fit returns what is news to the client in a message: the message, one that replaces it, or nil.
func (v *View) fit(n *Prepared) *Prepared {
	if v == nil {
		return n
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	switch m := n.Message.(type) {
	case signaling.Joined:
		i, known := v.find(m.Member.ID)
		now := knownOf(m.Member)
		switch {
		case v.settle(m.Member.ID):
		case known && v.is.Members[i] == now:
			return nil
		case known && v.is.Members[i][1] == now[1]:
			return Prepare(signaling.Metadata{ID: m.Member.ID, Metadata: m.Member.Metadata})
		case known != m.Restarted:
			return Prepare(signaling.Joined{Member: m.Member, Restarted: known})
		}
	case signaling.Left:
		if _, known := v.find(m.ID); !v.settle(m.ID) && !known && m.Reason != signaling.LeftKicked {
			return nil
		}
	case signaling.HostChanged:
		if m.Term <= v.is.Term {
			return nil
		}
	case signaling.Sealed:
		if v.is.Sealed {
			return nil
		}
	}
	return n
}

// settle ends the doubt about a member, and reports whether there was any. The caller holds mu.
func (v *View) settle(id signaling.PeerID) bool {
	i := slices.Index(v.unsure, id)
	if i < 0 {
		return false
	}
	v.unsure = slices.Delete(v.unsure, i, i+1)
	return true
}
