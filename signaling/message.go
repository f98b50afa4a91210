package signaling

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"

	"example.org/rtcpeer/signaling/text"
)

// A Kind names a message on the wire.
type Kind string

const (
	KindJoin        Kind = "join"         // member: [room], [topology], [channels], [resume], [token], [metadata], [one_attempt], [features], [incarnation], [password], [new_room], [create], [match]
	KindList        Kind = "list"         // anybody: [filter], [limit], [after], [token]
	KindSignal      Kind = "signal"       // member: to, data; server: from, data
	KindSeal        Kind = "seal"         // member, host only
	KindLock        Kind = "lock"         // member, host only, and server: [open]
	KindKick        Kind = "kick"         // member, host only: id, [text]
	KindSuccessor   Kind = "successor"    // member, host only: [id]
	KindHostLost    Kind = "host_lost"    // member: term, [back]
	KindMetadata    Kind = "metadata"     // member: [metadata]; server: id, [metadata]
	KindLeave       Kind = "leave"        // member
	KindWelcome     Kind = "welcome"      // server: id, room, topology, host, [term], [members], [guests], resume, [resumed], [sealed], [locked], [host_away_ms], [ice_servers], [relay_links], limits
	KindHostChanged Kind = "host_changed" // server: host, term, [members], [guests]
	KindJoined      Kind = "joined"       // server: member
	KindLeft        Kind = "left"         // server: id, reason
	KindSealed      Kind = "sealed"       // server
	KindICEServers  Kind = "ice_servers"  // server: [ice_servers]
	KindResume      Kind = "resume"       // server: resume
	KindRooms       Kind = "rooms"        // server: [rooms], [next]
	KindError       Kind = "error"        // server: code, text, [retry_after_ms]; the code says whether to try again

	// KindDisconnected is never on the wire, and KindForwarded is a binary frame there.
	KindDisconnected Kind = "disconnected"
	KindForwarded    Kind = "forwarded"
)

// A Message is one of Join, List, Signal, Seal, Lock, Kick, Successor, HostLost, Metadata, Leave, Welcome,
// HostChanged, Joined, Left, Sealed, ICEServers, Resume, Rooms and *Error, the binary Forwarded, or the local
// Disconnected. Messages are values: the receiver of a message owns it.
type Message interface {
	// Kind returns the kind that the message has on the wire.
	Kind() Kind
	// Validate reports the first thing wrong with the message, as an *Error.
	Validate() error
}

// Join asks for a place in a room. It comes first, except for Lists, and a session sends it only once.
type Join struct {
	// Room is the room to enter. If it does not exist, the server creates it. Empty asks for a new room, whose name
	// the server chooses.
	Room RoomName `json:"room,omitempty"`
	// Topology is the topology that the member expects. Empty means that of the room, or a mesh for a new room.
	Topology Topology `json:"topology,omitempty"`
	// Channels are the modes of the transfer channels 1, 2, ...; the other members compare them with theirs. Nil means
	// unknown; empty means that there are none.
	Channels []Mode `json:"channels,omitzero"`
	// Resume is the token of an earlier Welcome: with it, a member comes back with its id.
	Resume string `json:"resume,omitempty"`
	// Token is the access token, for servers that require one.
	Token string `json:"token,omitempty"`
	// Metadata is shown to the other members: any JSON, at most MaxMetadata bytes.
	Metadata json.RawMessage `json:"metadata,omitempty"`
	// OneAttempt tells the others that this member supports neither numbered attempts nor refusals. It takes part in
	// only one exchange of descriptions with each of them, so a second offer is useless.
	OneAttempt bool `json:"one_attempt,omitempty"`
	// Features lists what the member supports: at most MaxFeatures words of 1 to MaxFeature bytes. So far these are
	// FeatureRepair, FeatureRelayLinks, FeatureMigrate and FeatureHost. Members ignore words that they do not know.
	Features []string `json:"features,omitempty"`
	// Incarnation identifies one run of a program: a random text of at most MaxIncarnation bytes, made when the program
	// starts. A member that resumes repeats the text if it is still the same run. If the text differs, the others treat
	// the member as another program under the same id and close their links with the earlier one. Empty means unknown.
	Incarnation string `json:"incarnation,omitempty"`
	// Password is the password of the room, or of the room that this Join creates: at most MaxPassword bytes. Empty
	// means none. A member that resumes needs none.
	Password string `json:"password,omitempty"`
	// NewRoom describes the room, if this Join creates one.
	NewRoom NewRoom `json:"new_room,omitzero"`
	// Create says whether this Join may create the room. A Join with Resume ignores it.
	Create Create `json:"create,omitempty"`
	// Match, if not nil, asks for a new room with others who ask for the same Match, instead of Room.
	Match *Match `json:"match,omitempty"`
}

// Signal carries an offer, an answer, a candidate or another SignalData between two members.
type Signal struct {
	To   PeerID `json:"to,omitempty"`   // set by the sender, removed by the server
	From PeerID `json:"from,omitempty"` // set by the server
	// Data is opaque to the server. This module's peers put a SignalData into it.
	Data json.RawMessage `json:"data"`
}

// Seal closes the room to newcomers for good; its members may still resume. Host only.
type Seal struct{}

// Leave ends the membership at once, without the grace period that a lost connection has.
type Leave struct{}

// Welcome answers a Join with the state of the room at that moment. If the same run of a program gets another Welcome
// (after a redial), it replaces the earlier one.
type Welcome struct {
	ID       PeerID   `json:"id"` // of the receiver
	Room     RoomName `json:"room"`
	Topology Topology `json:"topology"`
	// Host is the id of the room's host. A star ends when its host leaves, unless it migrates.
	Host PeerID `json:"host"`
	// Term counts the hosts of a room that migrates: 1 for the first. 0 in all other rooms.
	Term int `json:"term,omitempty"`
	// Members are the members to connect with: in a star the host alone, and all others for the host.
	Members []Member `json:"members,omitzero"`
	// Guests are the ids of all guests of a room that migrates. Only a guest that resumes gets them.
	Guests []PeerID `json:"guests,omitzero"`
	// Resume is the token with which this member can come back after it has lost its connection.
	Resume string `json:"resume"`
	// Resumed is true if the member came back with its id.
	Resumed bool `json:"resumed,omitempty"`
	Sealed  bool `json:"sealed,omitempty"` // nobody new may join, ever
	Locked  bool `json:"locked,omitempty"` // nobody new may join, until the host opens the room
	// HostAwayMillis is not 0 if the host of a star, or of a mesh with RoomRules.EndsWithHost, has lost its connection
	// to the server. It is how long the server still keeps the host's place, in milliseconds. By then the host is back;
	// or another member is the host, if the room migrates; or the room ends with CodeHostLeft.
	HostAwayMillis int         `json:"host_away_ms,omitempty"`
	ICEServers     []ICEServer `json:"ice_servers,omitzero"` // STUN and TURN servers for the links of this member
	// RelayLinks is true if the server forwards binary frames between members that list FeatureRelayLinks.
	RelayLinks bool   `json:"relay_links,omitempty"`
	Limits     Limits `json:"limits"`
}

// Joined announces a member to connect with. It comes again for a known member whose Incarnation has changed, because
// its program was restarted.
type Joined struct {
	Member Member `json:"member"`
	// Restarted is true for a member that is already known. It is for dialects of the server that cannot express an
	// incarnation, and is not on the wire: receivers compare the incarnations.
	Restarted bool `json:"-"`
}

// Left announces that a member has left the room. Its links do not end with it, except with LeftKicked: a member that
// has only lost the server still has them.
type Left struct {
	ID     PeerID     `json:"id"`
	Reason LeftReason `json:"reason"`
}

// Metadata replaces the Join.Metadata of a member. A member sends it to the server. The server sends it to the
// members that may have a link with that member, and to the member itself as the answer, even if nothing has changed.
type Metadata struct {
	// ID is the id of the member, set by the server. It is 0 in a message from a member.
	ID PeerID `json:"id,omitempty"`
	// Metadata is any JSON, at most MaxMetadata bytes. Nil removes the member's metadata.
	Metadata json.RawMessage `json:"metadata,omitempty"`
}

// A LeftReason says why a member has left.
type LeftReason string

const (
	LeftByItself LeftReason = "left"    // sent leave
	LeftLost     LeftReason = "lost"    // did not come back within the grace period
	LeftKicked   LeftReason = "kicked"  // removed by the host or by the operator of the server
	LeftExpired  LeftReason = "expired" // the time for which it was admitted is over
)

// Sealed announces that no new members can join.
type Sealed struct{}

// ICEServers replaces the ICE servers of the Welcome for links that are made from now on, because the earlier
// credentials are about to expire.
type ICEServers struct {
	Servers []ICEServer `json:"ice_servers,omitzero"`
}

// Resume replaces the token of the Welcome, which is about to expire.
type Resume struct {
	Token string `json:"resume"`
}

// A Member is what the other members learn about a participant.
type Member struct {
	ID       PeerID          `json:"id"`
	Channels []Mode          `json:"channels,omitzero"`
	Metadata json.RawMessage `json:"metadata,omitempty"`
	// OneAttempt, Features and Incarnation are those of the member's Join.
	OneAttempt  bool     `json:"one_attempt,omitempty"`
	Features    []string `json:"features,omitempty"`
	Incarnation string   `json:"incarnation,omitempty"`
}

// Can reports whether the member listed a feature.
func (m Member) Can(feature string) bool { return slices.Contains(m.Features, feature) }

// An ICEServer is a STUN or TURN server, in the form of the W3C's RTCIceServer.
type ICEServer struct {
	URLs       []string `json:"urls"`
	Username   string   `json:"username,omitempty"`
	Credential string   `json:"credential,omitempty"`
}

// Limits are what the server allows a session.
type Limits struct {
	MessageBytes int `json:"message_bytes,omitempty"` // largest frame a member may send
	MessageRate  int `json:"message_rate,omitempty"`  // frames a second in the long run; excess frames are read later
	MessageBurst int `json:"message_burst,omitempty"` // frames that may come at once
	Members      int `json:"members,omitempty"`       // most members in the room
	GraceMillis  int `json:"grace_ms,omitempty"`      // how long a lost member keeps its place
	RelayRate    int `json:"relay_rate,omitempty"`    // binary bytes a second in the long run; excess is read later
}

const (
	// MaxMessage is the largest frame that a codec accepts, in bytes. A server may allow less.
	MaxMessage = 256 << 10
	// MaxChannels is the longest channel list. Together with the three streams of channel 0 it stays within the 1024
	// streams that libdatachannel and Chromium offer.
	MaxChannels = 255
	// MaxMetadata is the largest metadata of a member, in bytes of JSON.
	MaxMetadata = 1 << 10
	// MaxToken is the longest resume or access token, in bytes.
	MaxToken = 4 << 10
	// MaxFeatures is the largest number of features of a member; MaxFeature is the longest feature, in bytes.
	MaxFeatures = 16
	MaxFeature  = 32
	// MaxIncarnation is the longest incarnation, in bytes.
	MaxIncarnation = 64
)

// FeatureRepair is the feature of members that take part in repairs of links: see "Repairs" in
// PROTOCOL.md.
const FeatureRepair = "repair"

// Kind returns the kind that the message has on the wire.
func (Join) Kind() Kind       { return KindJoin }
func (Signal) Kind() Kind     { return KindSignal }
func (Seal) Kind() Kind       { return KindSeal }
func (Leave) Kind() Kind      { return KindLeave }
func (Metadata) Kind() Kind   { return KindMetadata }
func (Welcome) Kind() Kind    { return KindWelcome }
func (Joined) Kind() Kind     { return KindJoined }
func (Left) Kind() Kind       { return KindLeft }
func (Sealed) Kind() Kind     { return KindSealed }
func (ICEServers) Kind() Kind { return KindICEServers }
func (Resume) Kind() Kind     { return KindResume }

// Validate checks the room, the topology, Create, the options of a new room and of a match, and every length.
func (m Join) Validate() error {
	if m.Room != "" {
		if err := m.Room.Validate(); err != nil {
			return err
		}
	}
	switch {
	case m.Topology != "" && !m.Topology.valid():
		return badMessage("join: topology %q: want mesh or star", text.Shorten(string(m.Topology), text.Most))
	case len(m.Resume) > MaxToken || len(m.Token) > MaxToken:
		return badMessage("join: token of more than %d bytes", MaxToken)
	case len(m.Password) > MaxPassword:
		return badMessage("join: password of more than %d bytes", MaxPassword)
	}
	if m.Create != CreateMissing && m.Create != CreateNever && m.Create != CreateOnly {
		return badMessage("join: create %q: want never or only", text.Shorten(string(m.Create), text.Most))
	}
	if m.Create == CreateNever && m.Room == "" && m.Resume == "" {
		return badMessage("join: create never, and no room is named")
	}
	if err := cmp.Or(m.NewRoom.validate(), m.validateMatch()); err != nil {
		return err
	}
	return Member{ID: Host, Channels: m.Channels, Metadata: m.Metadata, Features: m.Features, Incarnation: m.Incarnation}.validate("join")
}

// Validate checks that there is data, and either To or From.
func (m Signal) Validate() error {
	switch {
	case m.To < 0 || m.From < 0:
		return badMessage("signal: negative id")
	case (m.To == 0) == (m.From == 0):
		return badMessage("signal: want to (from a member) or from (from the server)")
	case len(m.Data) == 0:
		return badMessage("signal: no data")
	}
	return nil
}

// Validate returns nil: a Seal has no fields.
func (Seal) Validate() error       { return nil }
func (Leave) Validate() error      { return nil }
func (Sealed) Validate() error     { return nil }
func (ICEServers) Validate() error { return nil }

// Validate checks the ids, the topology and the members, none of which may be the receiver.
func (m Welcome) Validate() error {
	if err := m.Room.Validate(); err != nil {
		return err
	}
	switch {
	case !m.ID.Valid():
		return badMessage("welcome: id %d", m.ID)
	case !m.Host.Valid():
		return badMessage("welcome: host %d", m.Host)
	case m.HostAwayMillis < 0:
		return badMessage("welcome: host_away_ms %d", m.HostAwayMillis)
	case !m.Topology.valid():
		return badMessage("welcome: topology %q", text.Shorten(string(m.Topology), text.Most))
	case m.Term < 0:
		return badMessage("welcome: term %d", m.Term)
	}
	for _, other := range m.Members {
		if other.ID == m.ID {
			return badMessage("welcome: member %d is the receiver", m.ID)
		}
	}
	return validateMembers(KindWelcome, m.Members, m.Guests)
}

// validateMembers checks a list of members and a list of ids.
func validateMembers(kind Kind, members []Member, ids []PeerID) error {
	for _, m := range members {
		if err := m.validate(kind); err != nil {
			return err
		}
	}
	for _, id := range ids {
		if !id.Valid() {
			return badMessage("%s: guest id %d", kind, id)
		}
	}
	return nil
}

// Validate checks the length of the token: 1 to MaxToken bytes.
func (m Resume) Validate() error {
	if m.Token == "" || len(m.Token) > MaxToken {
		return badMessage("resume: token of %d bytes: want 1 to %d", len(m.Token), MaxToken)
	}
	return nil
}

// Validate checks the id, and the length of the metadata: at most MaxMetadata bytes.
func (m Metadata) Validate() error {
	switch {
	case m.ID < 0:
		return badMessage("metadata: id %d", m.ID)
	case len(m.Metadata) > MaxMetadata:
		return badMessage("metadata of %d bytes: at most %d", len(m.Metadata), MaxMetadata)
	}
	return nil
}

// Validate checks the member.
func (m Joined) Validate() error { return m.Member.validate("joined") }

// Validate checks the id. Reason may be a word that this version does not know.
func (m Left) Validate() error {
	if !m.ID.Valid() {
		return badMessage("left: id %d", m.ID)
	}
	return nil
}

func (m Member) validate(kind Kind) error {
	switch {
	case !m.ID.Valid():
		return badMessage("%s: member id %d", kind, m.ID)
	case len(m.Channels) > MaxChannels:
		return badMessage("%s: %d channels: at most %d", kind, len(m.Channels), MaxChannels)
	case len(m.Metadata) > MaxMetadata:
		return badMessage("%s: metadata of %d bytes: at most %d", kind, len(m.Metadata), MaxMetadata)
	case len(m.Features) > MaxFeatures:
		return badMessage("%s: %d features: at most %d", kind, len(m.Features), MaxFeatures)
	case len(m.Incarnation) > MaxIncarnation:
		return badMessage("%s: incarnation of %d bytes: at most %d", kind, len(m.Incarnation), MaxIncarnation)
	}
	for _, feature := range m.Features {
		if feature == "" || len(feature) > MaxFeature {
			return badMessage("%s: feature of %d bytes: want 1 to %d", kind, len(feature), MaxFeature)
		}
	}
	for i, mode := range m.Channels {
		if !mode.valid() {
			return badMessage("%s: channel %d has mode %q: want reliable, unreliable_ordered or unreliable",
				kind, i+1, text.Shorten(string(mode), text.Most))
		}
	}
	return nil
}

func badMessage(format string, args ...any) error {
	return &Error{Code: CodeBadMessage, Text: fmt.Sprintf(format, args...)}
}
