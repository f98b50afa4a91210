package rtcpeer

import (
	"cmp"
	"encoding/json"
	"fmt"
	"log/slog"
	"time"

	"example.org/rtcpeer/rtcpeer/transport"
	"example.org/rtcpeer/rtcpeer/transport/webrtc"
	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/signaling/signalclient"
)

// Config says how a node takes part. The zero value works: the topology of the room (a mesh if the
// room is new), channel 0 alone, packets up to 16 KiB. Several nodes may have the same Config. Its slices must not be
// changed while a node uses it.
type Config struct {
	// Topology is what the room must have, and what a new room gets. Empty means that of the room, or a mesh if it is
	// new.
	Topology Topology
	// Channels are the modes of the transfer channels 1, 2, ...; at most 255. All members need the same list: two
	// members whose lists differ get no link, and each gets a *ChannelMismatchError.
	Channels []Mode
	// Bulk lists the reliable channels, by number, that yield to the others: they aim at 10 ms of queue on the network,
	// so that a file transfer does not hurt the game beside it. Alone they use all that the network carries; beside TCP
	// through the same bottleneck they send hardly anything. Bulk affects only what this node sends; other members may
	// have another list. It works over Pion; a browser ignores it.
	Bulk []int
	// Framed puts packets of a mesh into the frames of Godot's SceneMultiplayer, as in every star. It is for rooms
	// shared with Godot games that use MultiplayerAPI. All members need the same value.
	Framed bool
	// MaxRetransmits is how often a lost packet of the unreliable modes is sent again. 0 is what Godot's contract says;
	// 1 is better on paths that reorder, where Pion's SCTP drops late packets along with lost ones (pion/sctp#505).
	MaxRetransmits uint16

	// MaxPacket is the largest packet sent or accepted, in bytes. 0 means 16 KiB, which every
	// stack accepts; at most 256 KiB.
	MaxPacket int
	// SendBuffer is how many bytes a reliable lane holds that the other end has not taken. Beyond it Send waits, and
	// TrySend returns ErrBufferFull. While a peer is interrupted, this is what can be sent to it. (For peers that do
	// not take part in repairs, it counts bytes that SCTP has not acknowledged.) It limits throughput to SendBuffer per
	// round trip. 0 means 2 MiB; at least four MaxPacket. With many reliable channels it is reduced, so that all lanes
	// of a link together hold 16 MiB, but never to less than four MaxPacket. Between two members the smaller value
	// counts, because the receive window of one has to hold what the other sends.
	SendBuffer int
	// MaxLag is how long an unreliable packet may wait before it is first sent. A lane that lags more drops the new
	// packet ("buffer_full" in Stats). A node that is too slow to read what arrives, or to relay it, drops unreliable
	// packets that have waited for about twice as long ("stale"). 0 means 100 ms.
	MaxLag time.Duration
	// ReceiveBuffer is how many bytes of one peer and channel (of channel 0: in one mode) may wait for Receive, with 128
	// bytes more for each packet. In a star's guest, what comes from all peers behind the host counts as the host's.
	// Beyond it an unreliable channel drops the new packet ("no_credit"), and a reliable one stops reading, so that SCTP
	// slows down that peer. 0 means 256 KiB, or two MaxPacket if that is more; the least is two MaxPacket.
	ReceiveBuffer int

	// ConnectTimeout is how long a link may take to open. 0 means 20 s; negative means no limit. While the process is
	// short of CPU, this time runs more slowly, down to a quarter of its speed.
	ConnectTimeout time.Duration
	// LostAfter is how long a connected peer may be interrupted before it is disconnected as Lost. As long as both are
	// members of the room the two go on trying, and a success is a new PeerConnected. It applies only to peers that
	// take part in repairs; others are lost when their connection is, after about ten seconds. 0 means 30 s, which is
	// how long the signaling server keeps a member's place; negative means no limit.
	LostAfter time.Duration
	// Auth, if not nil, has to accept the other end of each link before it is connected: see AuthFunc. Godot calls it
	// auth_callback. Both ends need one. It requires a star, or Framed.
	Auth AuthFunc
	// AuthTimeout is how long authentication may take. 0 means 3 s, as in Godot; negative means no limit.
	AuthTimeout time.Duration
	// Linger is how long a link that Close or Disconnect ends may stay open until the reliable packets that Send has
	// accepted are acknowledged. Close waits for that; Disconnect does not. Within that time a Godot game gets 100 ms
	// more to read them, because Godot drops what it has not read when a link closes. 0 means 500 ms; negative means
	// that the link is closed at once.
	Linger time.Duration
	// SlowAfter is how long a star's host lets a guest take none of the reliable packets relayed to it, before it
	// disconnects the guest as Slow, or as Lost while its link is interrupted. 0 means 5 s. For as long, the host may
	// receive nothing on any lane from a guest that sends to the slow one and takes no part in repairs: that guest is
	// not told what was taken, and fills the receive window that its lanes share. To avoid this, the host would have to
	// keep any number of packets, or disconnect the slow guest at once.
	SlowAfter time.Duration
	// Refuse says whether new links are refused from the beginning: see SetRefuse.
	Refuse bool
	// MaxPeers is the largest number of links at one time, including those that are still being made. Further ones are
	// refused. 0 means no limit. In a star it applies to the host.
	MaxPeers int

	// NoRelay stops a star's host from relaying, for a game whose server decides. Guests do not see each other, as with
	// Godot's server_relay = false. A guest's packet for everybody reaches only the host. A packet for another guest,
	// of which it cannot know, is dropped ("not_relayed" in Stats). NoRelay applies to the host.
	NoRelay bool
	// Relay, if not nil, is called by a star's host for each packet of a guest and each guest to which it would be
	// relayed. False drops the packet ("not_relayed"). p.Peer is its source; p.Data is valid during the call. Relay
	// must not block, and is called from several goroutines at the same time. Whatever it returns, guests are told who
	// is connected, and a packet for everybody reaches the host. Relay applies to the host.
	Relay func(from, to PeerID, p Packet) bool
	// Metadata is shown to the other members: any JSON, at most 1 KiB. Node.SetMetadata changes it.
	Metadata json.RawMessage
	// Token is the access token, for signaling servers that require one.
	Token string
	// Password is that of the room, and of a room that Join creates: at most 128 bytes. Empty means none.
	Password string
	// NewRoom describes the room if Join creates it: whether it is public, its metadata, how many members it may have.
	// List finds public rooms.
	NewRoom NewRoom
	// NeverHost keeps this node from becoming the host of a star that outlives its host (NewRoom.Migrates), as a phone
	// on battery may want. It does not apply to a room that the node creates.
	NeverHost bool

	// Create says whether Join may create the room that it names. CreateMissing, the default, creates it if there is
	// none. CreateNever is for a client of a game whose server has to be there first. CreateOnly is for such a server,
	// which does not want to become a guest in somebody else's room. The errors are *signaling.Error with the codes
	// unknown_room and room_exists.
	Create Create
	// Resume, if not empty, is the Node.ResumeToken of a node before this one, such as that of the same program before it
	// was started again. Join then takes that node's place: its id, also as the host, and also in a room that is sealed or
	// locked; Password, NewRoom and Create do not count. The others see the old node disconnect and the new one connect.
	// The room in the URL must be the same one, or none.
	//
	// The server keeps a place for its grace period (30 s by default) after its node has lost its connection
	// or called Node.Suspend, and a lost guest's for as long as the room is there. Later, or if the node has left or was
	// kicked, the error is a *signaling.Error with the code resume_refused: join again, without Resume. In a room that
	// migrates a host is the host again if it is back within NewRoom.HostTimeoutMillis, or, if its guests have disconnected
	// it as Lost (as they do after Suspend), within five seconds; later it is a guest with another id (see Node.Host).
	Resume string
	// RelayLinks lets a link go through the signaling server when WebRTC finds no path within 4 s, or within a third of
	// ConnectTimeout if that is less. Both ends and the server have to allow it. The server limits how much it
	// forwards: see signaling.Limits.RelayRate. The packets are encrypted from end to end. Such a link is interrupted
	// while the signaling server is away, and moves to a better path when there is one.
	RelayLinks bool

	// WebRTC says how links find their path: ICE servers, ports, addresses, filters.
	WebRTC webrtc.Config
	// Transport, if not nil, replaces WebRTC. Several nodes may share it, for example the hosts of several rooms that use
	// one UDP port. The caller closes it, after the nodes.
	Transport transport.Transport
	// Signaling says how Join reaches the server: time-outs, TLS, headers.
	Signaling signalclient.Config

	// Log gets a line for each event that an operator may need to know. Nil means no log.
	Log *slog.Logger
}

const (
	maxPacketLimit = 256 << 10 // a=max-message-size of Chromium and libdatachannel
	// maxHeldUp is how many bytes the reliable lanes of a link may hold together. A receive window has room for them
	// all, so lanes that are held up do not hold up the others.
	maxHeldUp = 16 << 20
)

// FrameOverhead is the most that a star's relay adds to a packet, in bytes: SYS, RELAY, an id, RAW. So a transport has
// to carry messages of Config.MaxPacket + FrameOverhead bytes.
const FrameOverhead = 7

func (c Config) withDefaults() (Config, error) {
	c.MaxPacket = cmp.Or(c.MaxPacket, 16<<10)
	c.SendBuffer = cmp.Or(c.SendBuffer, max(2<<20, 4*c.MaxPacket))
	c.MaxLag = cmp.Or(c.MaxLag, 100*time.Millisecond)
	c.ReceiveBuffer = cmp.Or(c.ReceiveBuffer, max(256<<10, 2*c.MaxPacket))
	c.ConnectTimeout = cmp.Or(c.ConnectTimeout, 20*time.Second)
	c.LostAfter = cmp.Or(c.LostAfter, 30*time.Second)
	c.Linger = cmp.Or(c.Linger, 500*time.Millisecond)
	c.AuthTimeout = cmp.Or(c.AuthTimeout, 3*time.Second)
	c.SlowAfter = cmp.Or(c.SlowAfter, 5*time.Second)
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	switch {
	case c.Topology != "" && c.Topology != Mesh && c.Topology != Star:
		return c, fmt.Errorf("rtcpeer: Config.Topology %q: want %q, %q or none", c.Topology, Mesh, Star)
	case c.Create != CreateMissing && c.Create != CreateNever && c.Create != CreateOnly:
		return c, fmt.Errorf("rtcpeer: Config.Create %q: want CreateMissing, CreateNever or CreateOnly", c.Create)
	case len(c.Channels) > signaling.MaxChannels:
		return c, fmt.Errorf("rtcpeer: Config.Channels has %d entries: want at most %d", len(c.Channels), signaling.MaxChannels)
	case c.MaxPacket < 1 || c.MaxPacket > maxPacketLimit:
		return c, fmt.Errorf("rtcpeer: Config.MaxPacket %d: want 1 to %d", c.MaxPacket, maxPacketLimit)
	case c.SendBuffer < 4*c.MaxPacket:
		return c, fmt.Errorf("rtcpeer: Config.SendBuffer %d: want at least four packets of %d", c.SendBuffer, c.MaxPacket)
	case c.ReceiveBuffer < 2*c.MaxPacket:
		return c, fmt.Errorf("rtcpeer: Config.ReceiveBuffer %d: want at least two packets of %d", c.ReceiveBuffer, c.MaxPacket)
	case c.MaxLag < 0:
		return c, fmt.Errorf("rtcpeer: Config.MaxLag %v: want a positive time", c.MaxLag)
	case c.MaxPeers < 0:
		return c, fmt.Errorf("rtcpeer: Config.MaxPeers %d: want a positive number, or 0 for no limit", c.MaxPeers)
	case c.SlowAfter < 0:
		return c, fmt.Errorf("rtcpeer: Config.SlowAfter %v: want a positive time", c.SlowAfter)
	}
	if err := checkMetadata("Config.Metadata", c.Metadata); err != nil {
		return c, err
	}
	if err := checkMetadata("Config.NewRoom.Metadata", c.NewRoom.Metadata); err != nil {
		return c, err
	}
	c.SendBuffer = min(c.SendBuffer, max(maxHeldUp/channelsOf(c.Channels).reliable(), 4*c.MaxPacket))
	for _, channel := range c.Bulk {
		if channel < 1 || channel > len(c.Channels) || c.Channels[channel-1] != Reliable {
			return c, fmt.Errorf("rtcpeer: Config.Bulk: %d: want the number of a reliable channel in Config.Channels, which has %d", channel, len(c.Channels))
		}
	}
	for i, m := range c.Channels {
		if m > Unreliable {
			return c, fmt.Errorf("rtcpeer: Config.Channels[%d] is %v: want Reliable, UnreliableOrdered or Unreliable", i, m)
		}
	}
	return c, nil
}

// pathLostAfter is how long a silent path of a repairable link stays open. It is a little longer than LostAfter,
// because the link decides about its path.
func (c Config) pathLostAfter() time.Duration {
	if c.LostAfter < 0 {
		return -1
	}
	return c.LostAfter + 10*time.Second
}

// transport returns the node's transport and whether the node owns it.
func (c Config) transport() (transport.Transport, bool, error) {
	if c.Transport != nil {
		return c.Transport, false, nil
	}
	if least := c.MaxPacket + FrameOverhead; c.WebRTC.MaxMessage < least {
		c.WebRTC.MaxMessage = least
	}
	// A message must fit the receive window four times (see webrtc.Config.MaxMessage). And all that the other end may
	// send on lanes that this program holds up must leave room for the other lanes: a control lane whose beats do not
	// get through looks like a path that has failed.
	if c.WebRTC.ReceiveBuffer == 0 {
		heldUp := channelsOf(c.Channels).reliable() * c.SendBuffer
		c.WebRTC.ReceiveBuffer = max(heldUp+256<<10, 4*c.WebRTC.MaxMessage)
	}
	t, err := webrtc.New(c.WebRTC)
	return t, true, err
}

// checkMetadata returns what is wrong with a field, which has to be nil or JSON.
func checkMetadata(field string, metadata json.RawMessage) error {
	var value any
	switch {
	case metadata == nil:
		return nil
	case len(metadata) > signaling.MaxMetadata:
		return fmt.Errorf("rtcpeer: %s has %d bytes: want at most %d", field, len(metadata), signaling.MaxMetadata)
	}
	if err := json.Unmarshal(metadata, &value); err != nil {
		return fmt.Errorf("rtcpeer: %s is not JSON: %w", field, err)
	}
	return nil
}
