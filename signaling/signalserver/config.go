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

// A Config configures a Server. Its zero value works. Times of more than a hundred years count as a hundred years.
type Config struct {
	// Grace is how long a member whose connection was lost keeps its place. Zero means 30s;
	// negative means that it loses it at once.
	Grace time.Duration
	// JoinTimeout is how long a session may take to ask for a place in a room. Zero means 10s;
	// negative means no limit. A dialect may have its own.
	JoinTimeout time.Duration
	// PingInterval is the time between two pings of a session. One from which nothing came for two
	// and a half intervals is dead. Zero means 15s; negative means no pings, and that a connection
	// whose other end vanished is kept until the network reports it.
	PingInterval time.Duration

	// MaxMessage is the largest frame taken from a member, in bytes. Zero means 64 KiB; the most is
	// signaling.MaxMessage.
	MaxMessage int
	// MessageRate is how many frames a second are taken from a session over time; a frame counts once more for each
	// 4 KiB of it. Faster ones are not lost but read later. Zero means 100; negative means no limit.
	MessageRate int
	// MessageBurst is how many frames may come at once before MessageRate counts. Zero means 500.
	MessageBurst int

	// RelayLinks has the server forward binary frames between two members that both list
	// signaling.FeatureRelayLinks: links that find no other way go through the server then, encrypted from end to end.
	RelayLinks bool
	// RelayRate is how many bytes a second of binary frames are taken from a session over time, and RelayTotal from all
	// of them; a frame counts 64 bytes more. Faster ones are read later. The sessions of an address, or of a /64, get at
	// most a sixteenth of RelayTotal, or RelayRate if that is more; those of a /56 twice, of a /48 four times as much. RelayBurst is how many bytes of one session may
	// come at once before that counts. Zero means 256 KiB, 8 MiB, and as much as RelayRate.
	RelayRate, RelayTotal, RelayBurst int

	// OutboxFrames and OutboxBytes bound what waits to be written to one session, and what is kept
	// for a member that lost its own. A session that lets more gather is ended as slow. A single
	// frame always fits. Zero means 1024 frames and 1 MiB.
	OutboxFrames int
	OutboxBytes  int

	// MaxRooms is the most rooms at a time. Zero means 10000.
	MaxRooms int
	// MaxMembers is the most members of a room, those within their grace time included. Zero means
	// 1024. A room may be full before, when the metadata of its members fills a welcome.
	MaxMembers int
	// MaxSessions is the most sessions at a time. Zero means 15000.
	MaxSessions int

	// MaxBuffered is the most bytes that the server keeps for others at a time: frames that wait to be
	// written, signals for members that are away, frames that have not come whole, what members and rooms
	// tell of themselves, joins that wait. One address may have a sixteenth of what is free of three quarters
	// of that, and a 1024th in any case; a /56 two and a /48 four times as much. Stats.Dropped counts what was refused as "over_budget". Zero means 256 MiB.
	MaxBuffered int

	// MaxSessionsPerAddress is the most sessions of one address at a time. An IPv6 address stands for
	// its /64. All limits of one address hold twice for a /56 and four times for a /48. Addresses of the loopback interface, of private networks and such that are not known
	// have no such limits: they may be a proxy's, and stand for everybody. Zero means 512; negative
	// means no limit.
	MaxSessionsPerAddress int
	// ConnectRate and JoinRate are how many sessions one address may open in a second, and how many
	// joins and lists it may ask for, over time; as many as MaxSessionsPerAddress may come at once
	// before that counts, as after a restart. Zero means 20; negative means no limit.
	ConnectRate, JoinRate int

	// MaxRoomsPerAddress is the most rooms that one address has founded, and MaxPublicPerAddress the most
	// public ones among them. Zero means 256 and 64; negative means no limit.
	MaxRoomsPerAddress, MaxPublicPerAddress int

	// Admit decides who may join. Nil means everybody, with all rights. It is called without locks,
	// by the session's own goroutine, so it may take its time: nobody else waits, and ctx ends with
	// the session. A time-out is Admit's own business. A *signaling.Error is told as it is
	// (unauthorized, forbidden, rate_limited, ...); any other error is logged, and told as internal:
	// nobody is let in.
	Admit func(ctx context.Context, r Request) (Grant, error)
	// RemoteAddr says where a request comes from, for instance by what a trusted proxy says. What is
	// not valid is not known. Nil means that it is http.Request.RemoteAddr.
	RemoteAddr func(*http.Request) netip.Addr
	// Observe is told how long things took, for instance for a histogram. It must not block, and may
	// be called from many goroutines at a time. Nil means none.
	Observe func(p Phase, took time.Duration)
	// ICEServersFor returns the ICE servers of one member, in addition to ICEServers, and for how
	// long they are good; 0 is for ever. Before that time is over the member is sent a new list. It
	// is called without locks, but the member waits for it, and so may the watch over all sessions: it must not
	// block. The list must take at most 8 KiB of JSON. Nil means none.
	ICEServersFor func(room signaling.RoomName, id signaling.PeerID) (servers []signaling.ICEServer, validity time.Duration)

	// ICEServers are handed to each member in its welcome. New copies the slice. None by default.
	ICEServers []signaling.ICEServer
	// ResumeKey authenticates resume tokens: at least 16 secret bytes, the same after a restart
	// for members to be let back in. New copies it. Nil means a random key for this Server alone.
	ResumeKey []byte

	// Recovery is how long after New a newcomer that names a room which does not exist waits for
	// the members of an earlier process to bring it back. Zero means 5s if ResumeKey is given, and
	// not at all without; negative means not at all.
	Recovery time.Duration
	// RebuildTime is how long after New the members of an earlier process, or of another one with the same
	// ResumeKey that was drained, may bring their rooms back and come back to them. What is not back by then
	// is over. Zero means a minute, as the longest pause between two attempts of a client is 15 seconds; less
	// than Recovery or Grace counts as the longer of these.
	RebuildTime time.Duration
	// TicketAge is how long after it was made a resume token of an earlier process is good. Zero means
	// 7 days; negative means for ever.
	TicketAge time.Duration
	// StateFile is where the server writes what must hold over a restart: which members were taken out,
	// which rooms were ended, and who is banned. It needs ResumeKey. Empty: only this process knows.
	StateFile string

	// Bus, if not nil, is what this server shares with others, so that they are one: their rooms and members. It needs a
	// ResumeKey, the same for all. The server does not close it. ServerName tells the server from the others, for people.
	Bus        cluster.Bus
	ServerName string

	// Plain is spoken with a WebSocket that offers no subprotocol. Nil means that there is no such
	// dialect, and that such a request is refused. New does not copy it: it must not change.
	Plain *signaling.Dialect

	// CheckOrigin says whether a browser's page may connect. Nil means every page: peers join from
	// pages anywhere, and there are no cookies that a foreign page could misuse.
	CheckOrigin func(*http.Request) bool
	// Log gets a line for each join, leave and refusal, without signal data and tokens: of each
	// text a hundred at once and ten a second over time. Nil means none.
	Log *slog.Logger
}

const minResumeKey = 16

// withDefaults returns a copy with the defaults filled in, or says what is wrong.
func (c Config) withDefaults() (Config, error) {
	c.Grace = cmp.Or(c.Grace, 30*time.Second)
	c.JoinTimeout = cmp.Or(c.JoinTimeout, 10*time.Second)
	c.PingInterval = cmp.Or(c.PingInterval, 15*time.Second)
	c.MessageRate = cmp.Or(c.MessageRate, 100)
	if c.StateFile != "" && c.ResumeKey == nil {
		return c, errors.New("signalserver: Config.StateFile: needs a ResumeKey, without which nothing survives a restart")
	}
	if c.Bus != nil && c.ResumeKey == nil {
		return c, errors.New("signalserver: Config.Bus: needs a ResumeKey, the same for all servers")
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
		*d = min(*d, clock.Far) // or times would overflow
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

// setICEServers copies the list by way of its JSON, whose size counts.
func (c *Config) setICEServers() error {
	list, err := json.Marshal(c.ICEServers)
	if err != nil || len(list) > rooms.MaxICEServers {
		return fmt.Errorf("signalserver: Config.ICEServers take %d bytes of JSON: at most %d", len(list), rooms.MaxICEServers)
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
		return fmt.Errorf("signalserver: Config.ResumeKey of %d bytes: want at least %d", len(c.ResumeKey), minResumeKey)
	}
	c.ResumeKey = bytes.Clone(c.ResumeKey)
	return nil
}
