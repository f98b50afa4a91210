package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"example.org/rtcpeer/rtcpeer"
)

// A server is the host of the room: the world and its players. It belongs to the goroutine of play, except the
// names, which authentication writes.
type server struct {
	// Fixed at construction.
	node *rtcpeer.Node
	key  []byte // of the site's tokens
	out  io.Writer

	world  *world
	heard  map[rtcpeer.PeerID]time.Time // when a player last sent an input
	wrong  map[rtcpeer.PeerID]int       // number of packets of a player that are not of this game
	gauge  gauge
	packet []byte // the snapshot, reused

	mu    sync.Mutex // guards names
	names names      // of the authenticated players
}

const (
	maxIdle    = time.Minute
	authTime   = 15 * time.Second // enough for busy machines
	maxWrong   = 10
	maxPlayers = 256
	gaugeEach  = 10 * time.Second
)

// newServer creates a room and becomes its host. The caller must call close.
func newServer(ctx context.Context, url string, key []byte, config rtcpeer.Config, out io.Writer) (*server, error) {
	s := &server{
		key: key, out: out, world: newWorld(rand.Float64), names: make(names),
		heard: make(map[rtcpeer.PeerID]time.Time), wrong: make(map[rtcpeer.PeerID]int),
	}
	config.Topology, config.Create, config.NoRelay, config.MaxPeers = rtcpeer.Star, rtcpeer.CreateOnly, true, maxPlayers
	config.Auth, config.AuthTimeout = s.authenticate, authTime
	var err error
	s.node, err = rtcpeer.Join(ctx, url, config)
	return s, err
}

func (s *server) close() error { return s.node.Close() }

// authenticate checks the token of a player before it is connected. It is called in a goroutine of its own.
func (s *server) authenticate(_ context.Context, peer *rtcpeer.PendingPeer) error {
	token, err := peer.Receive()
	if err != nil {
		return err
	}
	name, err := checkToken(s.key, string(token), time.Now())
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.names[peer.ID()] = name
	return nil
}

// play steps the world. It returns nil when ctx is done, and an error when the node has ended.
func (s *server) play(ctx context.Context) error {
	ticks := time.NewTicker(time.Second / tickRate)
	defer ticks.Stop()
	s.gauge.begin(s.node.Stats())
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticks.C:
		}
		began := time.Now()
		if err := s.receive(ctx, began); err != nil {
			return err
		}
		s.world.step()
		if err := s.tell(ctx, began); err != nil {
			return err
		}
		s.gauge.ticked(time.Since(began))
		if s.gauge.age() >= gaugeEach {
			fmt.Fprintln(s.out, s.gauge.report(s.node.Stats()))
		}
	}
}

// receive handles everything that has arrived since the last tick.
func (s *server) receive(ctx context.Context, now time.Time) error {
	for {
		ev, err := s.node.TryReceive()
		if errors.Is(err, rtcpeer.ErrNoEvent) {
			return nil
		}
		if err != nil {
			return err
		}
		switch ev.Kind {
		case rtcpeer.PeerConnected:
			err = s.enter(ev.Peer, now)
		case rtcpeer.PeerDisconnected:
			err = s.leave(ev.Peer, ev.Reason)
		case rtcpeer.PacketReceived:
			err = s.take(ctx, ev.Packet, now)
		case rtcpeer.PeerFailed, rtcpeer.PeerRefused:
			s.forget(ev.Peer)
			fmt.Fprintf(s.out, "player %d refused: %v\n", ev.Peer, ev.Err)
		}
		if err != nil {
			return err
		}
	}
}

// enter adds a player to the world. The player gets all names, and the others get its name. The next snapshot
// contains it.
func (s *server) enter(id rtcpeer.PeerID, now time.Time) error {
	s.world.enter(id)
	s.heard[id] = now
	s.mu.Lock()
	all := make(names, len(s.world.players)) // without players that are authenticated but not connected
	for player := range s.world.players {
		all[player] = s.names[player]
	}
	s.mu.Unlock()
	fmt.Fprintf(s.out, "player %d is %q\n", id, all[id])
	if err := s.send(id, rtcpeer.Reliable, all.encode()); err != nil {
		return err
	}
	return s.send(-id, rtcpeer.Reliable, names{id: all[id]}.encode())
}

func (s *server) leave(id rtcpeer.PeerID, why rtcpeer.DisconnectReason) error {
	s.world.leave(id)
	delete(s.heard, id)
	delete(s.wrong, id)
	s.forget(id)
	fmt.Fprintf(s.out, "player %d left: %v\n", id, why)
	return s.send(rtcpeer.Broadcast, rtcpeer.Reliable, names{id: ""}.encode())
}

func (s *server) forget(id rtcpeer.PeerID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.names, id)
}

// take applies an input from the next step on. Of several in one tick, the last one counts.
func (s *server) take(ctx context.Context, p rtcpeer.Packet, now time.Time) error {
	in, ok := decodeInput(p.Data)
	if !ok {
		if s.wrong[p.Peer]++; s.wrong[p.Peer] == maxWrong {
			return s.kick(ctx, p.Peer, "too many invalid packets")
		}
		return nil
	}
	if player := s.world.players[p.Peer]; player != nil {
		player.want = in
		s.heard[p.Peer] = now
	}
	return nil
}

// tell sends the snapshot, and kicks players that have sent nothing for too long.
func (s *server) tell(ctx context.Context, now time.Time) error {
	s.packet = s.world.appendSnapshot(s.packet[:0])
	if err := s.send(rtcpeer.Broadcast, rtcpeer.UnreliableOrdered, s.packet); err != nil {
		return err
	}
	for id, last := range s.heard {
		if now.Sub(last) > maxIdle {
			s.heard[id] = now // ask the signaling server only once
			if err := s.kick(ctx, id, "no input for a minute"); err != nil {
				return err
			}
		}
	}
	return nil
}

// kick asks the signaling server to remove a player from the room.
func (s *server) kick(ctx context.Context, id rtcpeer.PeerID, why string) error {
	fmt.Fprintf(s.out, "player %d was kicked: %s\n", id, why)
	if err := s.node.Kick(ctx, id, why); err != nil && !errors.Is(err, rtcpeer.ErrUnknownPeer) {
		return err
	}
	return nil
}

// send does not wait, because the game goes on. It ignores players that have just gone. If a broadcast does not fit into
// a player's buffer for reliable packets, it disconnects the player: a few hundred names at most should always fit.
func (s *server) send(to rtcpeer.PeerID, mode rtcpeer.Mode, data []byte) error {
	err := s.node.TrySend(rtcpeer.Packet{Peer: to, Mode: mode, Data: data})
	if full, ok := errors.AsType[*rtcpeer.BroadcastError](err); ok {
		for _, id := range slices.Clone(full.Peers) {
			_ = s.node.Disconnect(id) // an error means that it has left by itself
		}
		return nil
	}
	if errors.Is(err, rtcpeer.ErrUnknownPeer) || errors.Is(err, rtcpeer.ErrBufferFull) {
		return nil
	}
	return err
}
