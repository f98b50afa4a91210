package turnserver

import (
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/pion/stun/v4"
	"github.com/pion/turn/v5"

	"example.org/rtcpeer/signaling"
)

// A Server is a running STUN and TURN server.
type Server struct {
	// Fixed at construction.
	config    Config
	began     time.Time
	rules     peerRules
	host      host
	log       *slog.Logger
	endpoints endpoints
	turn      *turn.Server

	// Safe for concurrent use.
	registry  *registry
	counters  counters
	listeners sync.WaitGroup // listeners whose goroutine in Pion has not returned
	closing   chan struct{}  // closed by Close
	closeOnce sync.Once
}

// New starts a server. It returns an *AddressError if no public address is given or found. Otherwise its errors name
// the field of config, or the listener that could not be opened.
func New(config Config) (*Server, error) {
	config, err := config.withDefaults()
	if err != nil {
		return nil, err
	}
	s := &Server{
		config:   config,
		began:    time.Now(),
		rules:    peerRules{own: config.PublicAddresses, allow: config.AllowPeers, deny: config.DenyPeers},
		log:      config.Log,
		registry: newRegistry(&config),
		closing:  make(chan struct{}),
	}
	own, err := readHost()
	if err != nil {
		return nil, fmt.Errorf("turnserver: addresses of this host: %w", err)
	}
	s.host.last.Store(own)
	if err := s.start(); err != nil {
		s.endpoints.close()
		return nil, err
	}
	return s, nil
}

func (s *Server) start() error {
	if err := s.openAll(newRelays(s)); err != nil {
		return err
	}
	s.listeners.Add(len(s.endpoints.packets) + len(s.endpoints.streams))
	var err error
	s.turn, err = turn.NewServer(turn.ServerConfig{
		PacketConnConfigs: s.endpoints.packets,
		ListenerConfigs:   s.endpoints.streams,
		LoggerFactory:     logger{s.log},
		Realm:             s.config.Realm,
		AuthHandler:       s.authenticate,
		QuotaHandler:      s.hasRoom,
		EventHandler:      s.events(),
	})
	return err
}

// Close stops listening, ends all allocations and connections, and waits for their goroutines. It always returns nil.
// Later calls wait, too.
func (s *Server) Close() error {
	s.closeOnce.Do(func() {
		close(s.closing)
		s.endpoints.close()
	})
	s.listeners.Wait()
	s.registry.close()
	return nil
}

// ICEServers returns what a member needs to use this server: its URLs, and a fresh credential that is valid for TTL.
// Config.PerUser counts by user: use the same user for everything that one participant asks for, and a different one
// for each participant. The result belongs to the caller.
func (s *Server) ICEServers(user string) []signaling.ICEServer {
	var list []signaling.ICEServer
	if len(s.endpoints.stun) > 0 {
		list = append(list, signaling.ICEServer{URLs: slices.Clone(s.endpoints.stun)})
	}
	return append(list, s.config.Credentials.ICEServer(user, slices.Clone(s.endpoints.turn)...))
}

// PublicAddresses returns the addresses of Config.PublicAddresses, or those that New has found.
func (s *Server) PublicAddresses() []netip.Addr { return slices.Clone(s.config.PublicAddresses) }

// AllocationsOf returns the current number of allocations of a user of ICEServers.
func (s *Server) AllocationsOf(user string) int { return s.registry.of(user) }

// TTL returns how long the result of ICEServers can be used; a member needs a new one before it expires.
func (s *Server) TTL() time.Duration { return s.config.Credentials.TTL }

// authenticate is Pion's AuthHandler: it returns the key with which the request must be signed. The user is not
// proved until Pion has checked that.
func (s *Server) authenticate(r *turn.RequestAttributes) (userID string, key []byte, ok bool) {
	expiry, user, ok := parseUsername(r.Username)
	if r.Method != stun.MethodAllocate {
		expiry = expiry.Add(s.config.Outlive) // it still refreshes the allocation that this user has here
	}
	if !ok || expired(expiry, time.Now(), s.steady()) {
		s.counters.refuse(refusedAuth)
		return "", nil, false
	}
	who := claim{user: user, address: countedAs(r.SrcAddr)}
	password := s.config.Credentials.password(r.Username)
	return who.String(), turn.GenerateAuthKey(r.Username, r.Realm, password), true
}

// steady returns the current date as it would be if the wall clock had not been set since the server started.
func (s *Server) steady() time.Time { return s.began.Add(time.Since(s.began)) }

// expired reports whether a credential has expired. Its expiry is a date, because other servers share the secret. If
// the wall clock was set forward, credentials from before that expire by the time that has really passed.
func expired(expiry, wall, steady time.Time) bool {
	return !wall.Before(expiry) && !steady.Before(expiry)
}

// hasRoom is Pion's QuotaHandler. The place is taken when the relay is created; this check lets Pion tell the client
// the reason (486), except in a race.
func (s *Server) hasRoom(userID, _ string, _ net.Addr) bool {
	who, _ := parseClaim(userID)
	w, ok := s.registry.room(who)
	if !ok {
		s.counters.refuse(w)
		s.log.Debug("allocation refused", "user", who.user, "client", who.address, "reason", w)
	}
	return ok
}

// mayRelayTo is Pion's PermissionHandler.
func (s *Server) mayRelayTo(client net.Addr, peer net.IP) bool {
	address, _ := netip.AddrFromSlice(peer)
	if s.rules.allows(address) && s.reachable(address) {
		return true
	}
	s.counters.refuse(refusedPeer)
	s.log.Debug("peer refused", "client", client, "peer", peer)
	return false
}

// reachable reports whether an allowed address leads away from this host. An own public address is reachable, too,
// because relay.route limits it to the ports of relays, and so is an address that the configuration names.
func (s *Server) reachable(peer netip.Addr) bool {
	peer = peer.Unmap().WithZone("")
	if slices.Contains(s.rules.own, peer) || s.rules.toldOwn(peer) {
		return true
	}
	return !s.host.claims(peer) && !s.host.claims(translated(peer))
}

// events returns the handlers that tell relays and streams what Pion has granted.
func (s *Server) events() turn.EventHandler {
	at := func(relayAddr net.Addr, act func(*relay)) {
		if r := s.registry.relayAt(addrPort(relayAddr)); r != nil {
			act(r)
		}
	}
	plain := func(ip net.IP) netip.Addr {
		a, _ := netip.AddrFromSlice(ip)
		return a.Unmap()
	}
	return turn.EventHandler{
		OnAuth: func(_, _ net.Addr, _, _, _, _ string, verdict bool) {
			if !verdict {
				s.counters.refuse(refusedAuth)
			}
		},
		OnAllocationCreated: func(client, local net.Addr, _, _, _ string, _ net.Addr, _ int) {
			if c := s.registry.streamAt(streamKey{addrPort(client), addrPort(local)}); c != nil {
				c.keep()
			}
		},
		OnPermissionCreated: func(_, _ net.Addr, _, _, _ string, relayAddr net.Addr, peer net.IP) {
			at(relayAddr, func(r *relay) { r.permit(plain(peer)) })
		},
		OnPermissionDeleted: func(_, _ net.Addr, _, _, _ string, relayAddr net.Addr, peer net.IP) {
			at(relayAddr, func(r *relay) { r.forbid(plain(peer)) })
		},
		OnChannelCreated: func(_, _ net.Addr, _, _, _ string, relayAddr, _ net.Addr, _ uint16) {
			at(relayAddr, func(r *relay) { r.bindChannel(1) })
		},
		OnChannelDeleted: func(_, _ net.Addr, _, _, _ string, relayAddr, _ net.Addr, _ uint16) {
			at(relayAddr, func(r *relay) { r.bindChannel(-1) })
		},
	}
}

// appendNew appends s if list does not contain it.
func appendNew(list []string, s string) []string {
	if slices.Contains(list, s) {
		return list
	}
	return append(list, s)
}
