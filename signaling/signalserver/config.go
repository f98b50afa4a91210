package signalserver

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"net/netip"
	"time"

	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/signaling/clock"
	"example.org/rtcpeer/signaling/cluster"
	"example.org/rtcpeer/signaling/loglimit"
	"example.org/rtcpeer/signaling/rooms"
)

// A Config configures a Server. Its zero value works. Durations of more than a hundred years count as a hundred
// years.
type Config struct {
	// Grace is how long a member keeps its place after it has lost its connection. Zero means 30s; negative means
	// that it loses the place at once.
	Grace time.Duration
	// JoinTimeout is how long a session may take to send its Join. Zero means 10s; negative means no limit. A dialect
	// may set its own limit.
	JoinTimeout time.Duration
	// PingInterval is the time between two pings of a session. A session is dead if nothing came from it for two and
	// a half intervals. Zero means 15s; negative means no pings, so that a connection whose other end has vanished is
	// kept until the network reports it.
	PingInterval time.Duration

	// MaxMessage is the largest frame accepted from a member, in bytes. Zero means 64 KiB; the maximum is
	// signaling.MaxMessage.
	MaxMessage int
	// MessageRate is how many frames a second the server reads from a session in the long run; a large frame counts
	// once more for each 4 KiB. Frames that come faster are not lost, but read later. Zero means 100; negative means
	// no limit.
	MessageRate int
	// MessageBurst is how many frames may come at once before MessageRate counts. Zero means 500.
	MessageBurst int

	// RelayLinks lets the server forward binary frames between two members that both list
	// signaling.FeatureRelayLinks. Links that find no other path then go through the server, encrypted from end to
	// end.
	RelayLinks bool
	// RelayRate is how many bytes of binary frames a second the server reads from a session in the long run, and
	// RelayTotal from all sessions together; each frame counts 64 bytes more. Frames that come faster are read later.
	// The sessions of one address, or of a /64, together get at most a sixteenth of RelayTotal, or RelayRate if that
	// is more; those of a /56 get twice and those of a /48 four times as much. RelayBurst is how many bytes of one
	// session may come at once before the rate limits it. Zero means 256 KiB for RelayRate, 8 MiB for RelayTotal, and
	// RelayRate but at least 256 KiB for RelayBurst.
	RelayRate, RelayTotal, RelayBurst int

	// OutboxFrames and OutboxBytes bound what waits to be written to one session, and what is kept for a member that
	// has lost its session. A session for which more gathers is ended as slow. A single message always fits. Zero
	// means 1024 frames and 1 MiB.
	OutboxFrames int
	OutboxBytes  int

	// MaxRooms is the largest number of rooms at a time. Zero means 10000.
	MaxRooms int
	// MaxMembers is the largest number of members in a room, including those within their grace period. Zero means
	// 1024. A room may be full earlier, if the metadata of its members fills a welcome.
	MaxMembers int
	// MaxSessions is the largest number of sessions at a time. Zero means 15000.
	MaxSessions int

	// MaxBuffered is the most bytes that the server keeps for its clients at a time: frames that wait to be written,
	// signals for members that are away, incomplete frames, metadata of members and rooms, and joins that wait. One
	// address may have a sixteenth of what is free, without the last quarter of MaxBuffered, and always a 1024th of
	// MaxBuffered; a /56 may have twice and a /48 four times as much. Stats.Dropped counts what was refused as
	// "over_budget". Zero means 256 MiB.
	MaxBuffered int

	// MaxSessionsPerAddress is the most sessions of one address at a time. An IPv6 address stands for its /64. A /56
	// may have twice and a /48 four times as much of everything that is limited for one address. Loopback,
	// link-local, private and unknown addresses have no such limits, because they may be a proxy's and stand for many
	// clients. Zero means 512; negative means no limit.
	MaxSessionsPerAddress int
	// ConnectRate is how many sessions a second one address may open in the long run, and JoinRate how many joins and
	// lists it may send. As many as MaxSessionsPerAddress may come at once before the rate limits them, as after a
	// restart. Zero means 20; negative means no limit.
	ConnectRate, JoinRate int

	// MaxRoomsPerAddress is the most rooms at a time that one address has created, and MaxPublicPerAddress the most
	// public rooms among them. Zero means 256 and 64; negative means no limit.
	MaxRoomsPerAddress, MaxPublicPerAddress int

	// Admit decides who may join. Nil admits everyone, with all rights. The session's own goroutine calls it, without
	// holding locks, so it may block: no other session waits, and ctx ends with the session. Admit sets its own
	// timeout. A *signaling.Error that ends the session is sent as it is (unauthorized, forbidden, rate_limited,
	// ...). Any other error is logged and sent as internal, and the client is not admitted.
	Admit func(ctx context.Context, r Request) (Grant, error)
	// RemoteAddr returns the address of a client, for instance from a header of a trusted proxy. An invalid address
	// means that it is unknown. Nil means http.Request.RemoteAddr.
	RemoteAddr func(*http.Request) netip.Addr
	// Observe is called with the duration of each Phase, for instance for a histogram. It must not block, and may be
	// called from many goroutines at a time. Nil means none.
	Observe func(p Phase, took time.Duration)
	// ICEServersFor returns the ICE servers of one member, in addition to ICEServers, and how long they are valid; 0
	// means forever. Before they expire, the server sends the member a new list. ICEServersFor is called without
	// locks, but the member waits for it, and the sweep over all sessions may wait, too: it must not block. The list
	// must take at most 8 KiB of JSON. Nil means none.
	ICEServersFor func(room signaling.RoomName, id signaling.PeerID) (servers []signaling.ICEServer, validity time.Duration)

	// ICEServers are sent to each member in its welcome. New copies the slice. None by default.
	ICEServers []signaling.ICEServer
	// ResumeKey authenticates resume tokens: at least 16 secret bytes. If the key is the same after a restart,
	// members can resume. New copies it. Nil means a random key for this Server only.
	ResumeKey []byte

	// Recovery is how long after New a newcomer that names a room which does not exist waits for members of an
	// earlier process to restore the room. Zero means 5s with a ResumeKey, and no wait without one; negative means no
	// wait.
	Recovery time.Duration
	// RebuildTime is how long after New the members of an earlier process, or of a drained process with the same
	// ResumeKey, may restore their rooms and resume in them. What is not restored by then is lost. Zero means a
	// minute, because the longest pause between two attempts of a client is 15 seconds. It is never less than
	// Recovery or Grace.
	RebuildTime time.Duration
	// TicketAge is how long a resume token of an earlier process is valid, counted from when it was made. Zero means
	// 7 days; negative means forever.
	TicketAge time.Duration
	// StateFile is the file for what must survive a restart: which members were removed, which rooms were ended, and
	// which bans there are. It needs ResumeKey. Empty means that nothing of this survives the process.
	StateFile string

	// Bus, if not nil, connects this server with others that share its rooms and members, so that together they act as
	// one server. It needs a ResumeKey, the same for all. The server does not close it. ServerName is the name of this
	// server among them, for people.
	Bus        cluster.Bus
	ServerName string

	// Plain is the dialect for a WebSocket that offers no subprotocol. Nil means that such a request is refused. New
	// does not copy it: it must not change.
	Plain *signaling.Dialect

	// CheckOrigin reports whether a web page may connect. Nil allows every page: peers join from pages anywhere, and
	// there are no cookies that a foreign page could misuse.
	CheckOrigin func(*http.Request) bool
	// Log gets a line for each join, leave and refusal, without signal data and tokens. Of each message text, it gets
	// a hundred lines at once and ten a second in the long run. Nil means no log.
	Log *slog.Logger
}

const minResumeKey = 16

// withDefaults returns a copy with the defaults filled in, or an error for an invalid field.
func (c Config) withDefaults() (Config, error) {
	c.Grace = cmp.Or(c.Grace, 30*time.Second)
	c.JoinTimeout = cmp.Or(c.JoinTimeout, 10*time.Second)
	c.PingInterval = cmp.Or(c.PingInterval, 15*time.Second)
	c.MessageRate = cmp.Or(c.MessageRate, 100)
	if c.StateFile != "" && c.ResumeKey == nil {
		return c, errors.New("signalserver: Config.StateFile: needs Config.ResumeKey, because without it nothing survives a restart")
	}
	if c.Bus != nil && c.ResumeKey == nil {
		return c, errors.New("signalserver: Config.Bus: needs Config.ResumeKey, the same for all servers")
	}
	if c.ResumeKey != nil {
		c.Recovery = cmp.Or(c.Recovery, 5*time.Second)
	}
	c.MaxSessionsPerAddress = cmp.Or(c.MaxSessionsPerAddress, sessionsPerAddress)
	c.RebuildTime = max(cmp.Or(c.RebuildTime, time.Minute), c.Recovery, c.Grace)
	c.TicketAge = cmp.Or(c.TicketAge, 7*24*time.Hour)
	c.MaxRoomsPerAddress = cmp.Or(c.MaxRoomsPerAddress, roomsPerAddress)
	c.MaxPublicPerAddress = cmp.Or(c.MaxPublicPerAddress, publicPerAddress)
	c.ConnectRate = cmp.Or(c.ConnectRate, 20)
	c.JoinRate = cmp.Or(c.JoinRate, 20)
	for _, d := range []*time.Duration{&c.Grace, &c.JoinTimeout, &c.PingInterval, &c.Recovery, &c.RebuildTime, &c.TicketAge} {
		*d = min(*d, clock.Far) // so that sums of times do not overflow
	}
	if c.RemoteAddr == nil {
		c.RemoteAddr = remoteAddr
	}
	for _, f := range []struct {
		name      string
		value     *int
		preset    int
		low, high int
	}{
		{"MaxMessage", &c.MaxMessage, 64 << 10, 1, signaling.MaxMessage},
		{"MessageBurst", &c.MessageBurst, 500, 1, 1 << 30},
		{"RelayRate", &c.RelayRate, 256 << 10, 1 << 10, 1 << 30},
		{"RelayTotal", &c.RelayTotal, 8 << 20, 1 << 10, 1 << 30},
		{"RelayBurst", &c.RelayBurst, max(c.RelayRate, 256<<10), signaling.MaxForward + forwardCost, 1 << 30},
		{"OutboxFrames", &c.OutboxFrames, 1024, 1, 1 << 30},
		{"OutboxBytes", &c.OutboxBytes, 1 << 20, 1, 1 << 30},
		{"MaxBuffered", &c.MaxBuffered, 256 << 20, 8 << 20, min(1<<40, math.MaxInt)},
		{"MaxRooms", &c.MaxRooms, 10000, 1, 1 << 30},
		{"MaxMembers", &c.MaxMembers, 1024, 1, 1 << 30},
		{"MaxSessions", &c.MaxSessions, 15000, 1, 1 << 30},
	} {
		*f.value = cmp.Or(*f.value, f.preset)
		if *f.value < f.low || *f.value > f.high {
			return c, fmt.Errorf("signalserver: Config.%s %d: want %d to %d, or 0 for %d",
				f.name, *f.value, f.low, f.high, f.preset)
		}
	}
	if d := c.Plain; d != nil && (d.Encode == nil || d.Decode == nil || d.Close == nil || d.RoomNameLength < 0 || d.RoomNameLength > rooms.MaxRoomNameLength) {
		return c, fmt.Errorf("signalserver: Config.Plain: want Encode, Decode and Close, and a RoomNameLength of 0 to %d", rooms.MaxRoomNameLength)
	}
	if c.CheckOrigin == nil {
		c.CheckOrigin = func(*http.Request) bool { return true }
	}
	c.Log = loglimit.Logger(c.Log)
	if err := c.setICEServers(); err != nil {
		return c, err
	}
	return c, c.setResumeKey()
}

// setICEServers copies the list by encoding it as JSON, whose size is limited.
func (c *Config) setICEServers() error {
	list, err := json.Marshal(c.ICEServers)
	if err != nil || len(list) > rooms.MaxICEServers {
		return fmt.Errorf("signalserver: Config.ICEServers: %d bytes of JSON: want at most %d", len(list), rooms.MaxICEServers)
	}
	c.ICEServers = nil
	return json.Unmarshal(list, &c.ICEServers)
}

func (c *Config) setResumeKey() error {
	if c.ResumeKey == nil {
		c.ResumeKey = make([]byte, 32)
		rand.Read(c.ResumeKey)
		return nil
	}
	if len(c.ResumeKey) < minResumeKey {
		return fmt.Errorf("signalserver: Config.ResumeKey has %d bytes: want at least %d", len(c.ResumeKey), minResumeKey)
	}
	c.ResumeKey = bytes.Clone(c.ResumeKey)
	return nil
}
