// Package limits has the flags for the limits of members, connections and relayed links. Apply sets the fields of
// signalserver's Config; package server uses the limits of connections, which connlimit enforces.
package limits

import (
	"math"
	"time"

	"example.org/rtcpeer/cmd/signal-server/internal/settings"
	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/signaling/signalserver"
)

// MemberOptions are the flags for the time limits of members.
type MemberOptions struct {
	Grace        time.Duration `default:"30s" placeholder:"TIME" help:"How long a lost member keeps its place (${default})."`
	PingInterval time.Duration `default:"15s" placeholder:"TIME" help:"Time between pings; 0: no pings (${default})."`
	JoinTimeout  time.Duration `default:"10s" placeholder:"TIME" help:"Time a client has to join; 0: no limit (${default})."`
}

// Check adds what is wrong with the options.
func (o *MemberOptions) Check(p *settings.Problems) {
	if o.Grace < 0 {
		p.Add("--grace %v: want a positive time, or 0 for none", o.Grace)
	}
	if o.PingInterval < 0 {
		p.Add("--ping-interval %v: want a positive time, or 0 for no pings", o.PingInterval)
	}
	if o.JoinTimeout < 0 {
		p.Add("--join-timeout %v: want a positive time, or 0 for no limit", o.JoinTimeout)
	}
}

// Apply sets the fields of c that the options are for. There 0 means the default, and a negative number none.
func (o *MemberOptions) Apply(c *signalserver.Config) {
	c.Grace = settings.NoneIfZero(o.Grace)
	c.PingInterval = settings.NoneIfZero(o.PingInterval)
	c.JoinTimeout = settings.NoneIfZero(o.JoinTimeout)
}

// Options are the flags for the limits of the server.
type Options struct {
	MaxRooms    int `default:"10000" placeholder:"N" help:"Maximum number of rooms (${default})."`
	MaxMembers  int `default:"1024" placeholder:"N" help:"Maximum number of members in a room (${default})."`
	MaxSessions int `default:"15000" placeholder:"N" help:"Maximum number of WebSockets (${default})."`
	MaxMessage  int `default:"65536" placeholder:"BYTES" help:"Largest message from a member (${default})."`
	MessageRate int `default:"100" placeholder:"N" help:"Messages/s from a member; 0: no limit (${default})."`

	SessionsPerAddress int `name:"max-per-address" default:"512" placeholder:"N" help:"Connections per address; 0: no limit (${default})."`
	RoomsPerAddress    int `name:"max-rooms-per-address" default:"256" placeholder:"N" help:"Rooms created per address; 0: no limit (${default})."`
	PublicPerAddress   int `name:"max-public-per-address" default:"64" placeholder:"N" help:"Public rooms per address; 0: no limit (${default})."`
	ConnectRate        int `default:"20" placeholder:"N" help:"New connections/s per address; 0: no limit (${default})."`
	JoinRate           int `default:"20" placeholder:"N" help:"Joins/s per address; 0: no limit (${default})."`

	HandshakeTimeout time.Duration `default:"10s" placeholder:"TIME" help:"Time limit for TLS and an HTTP request (${default})."`
	MaxHeader        int           `default:"16384" placeholder:"BYTES" help:"Largest header of an HTTP request (${default})."`
	MaxOutbox        int           `default:"1048576" placeholder:"BYTES" help:"Unread data kept for one member (${default})."`
	MaxBuffered      int           `default:"268435456" placeholder:"BYTES" help:"Unread data kept for all members (${default})."`
}

// These limits are the same for all servers.
const (
	// StopTimeout is less than the 10 seconds that container runtimes leave between SIGTERM and SIGKILL.
	StopTimeout  = 9 * time.Second
	IdleTimeout  = time.Minute
	WriteTimeout = 30 * time.Second // for an answer; at 25 kbit/s it is enough for the largest file of the page
)

// Check adds what is wrong with the options.
func (o *Options) Check(p *settings.Problems) {
	p.Within("--max-rooms", o.MaxRooms, 1, 1<<30)
	p.Within("--max-members", o.MaxMembers, 1, 1<<30)
	p.Within("--max-sessions", o.MaxSessions, 1, 1<<30)
	p.Within("--max-message", o.MaxMessage, 1, signaling.MaxMessage)
	p.Within("--message-rate", o.MessageRate, 0, 1<<30)
	p.Within("--max-per-address", o.SessionsPerAddress, 0, 1<<30)
	p.Within("--connect-rate", o.ConnectRate, 0, 1<<30)
	p.Within("--join-rate", o.JoinRate, 0, 1<<30)
	if o.HandshakeTimeout < time.Millisecond || o.HandshakeTimeout > WriteTimeout {
		p.Add("--handshake-timeout %v: want 1ms to %v", o.HandshakeTimeout, WriteTimeout)
	}
	p.Within("--max-header", o.MaxHeader, 1<<10, 1<<20)
	p.Within("--max-outbox", o.MaxOutbox, 1, 1<<30)
	p.Within("--max-buffered", o.MaxBuffered, 8<<20, min(1<<40, math.MaxInt))
	p.Within("--max-rooms-per-address", o.RoomsPerAddress, 0, 1<<30)
	p.Within("--max-public-per-address", o.PublicPerAddress, 0, 1<<30)
}

// Plan says how many rooms, members and connections the server accepts.
func (o *Options) Plan(say settings.Say) {
	say("limits: %d rooms, %d members in each, %d connections, %d from one address", o.MaxRooms, o.MaxMembers, o.MaxSessions, o.SessionsPerAddress)
}

// Apply is like that of MemberOptions.
func (o *Options) Apply(c *signalserver.Config) {
	c.MaxRooms = o.MaxRooms
	c.MaxMembers = o.MaxMembers
	c.MaxSessions = o.MaxSessions
	c.MaxMessage = o.MaxMessage
	c.MessageRate = settings.NoneIfZero(o.MessageRate)
	c.OutboxBytes = o.MaxOutbox
	c.MaxBuffered = o.MaxBuffered
	c.MaxSessionsPerAddress = settings.NoneIfZero(o.SessionsPerAddress)
	c.MaxRoomsPerAddress = settings.NoneIfZero(o.RoomsPerAddress)
	c.MaxPublicPerAddress = settings.NoneIfZero(o.PublicPerAddress)
	c.ConnectRate = settings.NoneIfZero(o.ConnectRate)
	c.JoinRate = settings.NoneIfZero(o.JoinRate)
}

// Besides its sessions, an address loads pages: a browser opens several connections for them and keeps these
// for IdleTimeout. A client with too many sessions also needs a connection to be told so over HTTP. For 15,000
// sessions the limit is 31,024 connections, of the 65,536 open files of deploy/signal-server.service.
const (
	connectionsEach = 2 // for each session
	spareTotal      = 1024
	SpareAddress    = 64
	// OperatorConnections is the limit for the listeners of operators, which members do not use.
	OperatorConnections = 256
)

// ConnectionsPerAddress returns how many connections one address may have; 0 means no limit.
func (o *Options) ConnectionsPerAddress() int {
	if o.SessionsPerAddress == 0 {
		return 0
	}
	return connectionsEach*o.SessionsPerAddress + SpareAddress
}

// Connections returns how many connections the public listeners may have together.
func (o *Options) Connections() int { return connectionsEach*o.MaxSessions + spareTotal }

// RelayOptions are the flags for links that go through the server.
type RelayOptions struct {
	Links bool `name:"relay-links" help:"Relay links that find no other path (encrypted)."`
	Rate  int  `name:"relay-rate" default:"262144" placeholder:"BYTES" help:"Bytes/s relayed per member (${default})."`
	Burst int  `name:"relay-burst" default:"262144" placeholder:"BYTES" help:"Bytes relayed at once per member (${default})."`
	Total int  `name:"relay-total" default:"8388608" placeholder:"BYTES" help:"Bytes/s relayed for all members (${default})."`
}

// Check adds what is wrong with the options.
func (o *RelayOptions) Check(p *settings.Problems) {
	p.Within("--relay-rate", o.Rate, 1<<10, 1<<30)
	p.Within("--relay-burst", o.Burst, 32<<10, 1<<30)
	p.Within("--relay-total", o.Total, 1<<10, 1<<30)
}

// Apply is like that of MemberOptions.
func (o *RelayOptions) Apply(c *signalserver.Config) {
	c.RelayLinks = o.Links
	c.RelayRate = o.Rate
	c.RelayBurst = o.Burst
	c.RelayTotal = o.Total
}
