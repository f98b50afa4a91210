package main

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"time"

	"example.org/rtcpeer/rtcpeer"
)

// frame is how long one turn of the loop takes.
const frame = time.Second / 60

// touch is how close to the coin a dot must be to score. The field is 1 wide and 1 high.
const touch = 0.04

// A game is the state of the game as one player knows it. It belongs to one goroutine, that of play.
type game struct {
	peer  rtcpeer.Peer
	me    place
	dots  map[rtcpeer.PeerID]place // of the other players from which a place has arrived
	board board
}

// A pilot is the player: a bot, or a person at a page.
type pilot interface {
	// steer returns where the player's dot goes in this frame.
	steer(*game) place
	// show is called after each frame.
	show(*game)
}

// inRoom returns the configuration of all players: a star, in which each guest has only one link, and which
// continues when its host quits.
func inRoom() rtcpeer.Config {
	return rtcpeer.Config{Topology: rtcpeer.Star, NewRoom: rtcpeer.NewRoom{Migrates: true}}
}

func newGame(p rtcpeer.Peer) *game {
	return &game{
		peer:  p,
		me:    somewhere(),
		dots:  make(map[rtcpeer.PeerID]place),
		board: board{Coin: somewhere(), Scores: make(map[rtcpeer.PeerID]int)},
	}
}

// play runs the game. It returns nil when ctx is done, and an error when the room is over.
func (g *game) play(ctx context.Context, p pilot) error {
	frames := time.NewTicker(frame)
	defer frames.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-frames.C:
		}
		if err := g.receive(); err != nil {
			return err
		}
		g.me = p.steer(g).inField()
		if err := g.send(rtcpeer.Broadcast, rtcpeer.UnreliableOrdered, g.me.encode()); err != nil {
			return err
		}
		if err := g.judge(); err != nil {
			return err
		}
		p.show(g)
	}
}

// receive handles everything that has arrived.
func (g *game) receive() error {
	for {
		ev, err := g.peer.TryReceive()
		if errors.Is(err, rtcpeer.ErrNoEvent) {
			return nil
		}
		if err != nil {
			return err
		}
		switch ev.Kind {
		case rtcpeer.PeerConnected:
			err = g.welcome(ev.Peer)
		case rtcpeer.PeerDisconnected:
			delete(g.dots, ev.Peer)
		case rtcpeer.PacketReceived:
			g.take(ev.Packet)
		}
		if err != nil {
			return err
		}
	}
}

// welcome sends the board to a newcomer.
func (g *game) welcome(id rtcpeer.PeerID) error {
	return g.send(id, rtcpeer.Reliable, g.board.encode())
}

// take handles a packet, if it is one of this game; other programs may be in the room. Of two boards the one
// with more points is the later one. If both have the same points, all players keep the board of the lower id.
func (g *game) take(p rtcpeer.Packet) {
	if p.Mode == rtcpeer.Reliable {
		b, ok := decodeBoard(p.Data)
		if more := b.points() - g.board.points(); ok && (more > 0 || more == 0 && p.Peer < g.peer.ID()) {
			g.board = b
		}
		return
	}
	if at, ok := decodePlace(p.Data); ok {
		g.dots[p.Peer] = at
	}
}

// judge gives the point to the player that touches the coin, if this player is the referee.
func (g *game) judge() error {
	if !g.referee() {
		return nil
	}
	winner, ok := g.winner()
	if !ok {
		return nil
	}
	g.board.Scores[winner]++
	g.board.Coin = somewhere()
	return g.send(rtcpeer.Broadcast, rtcpeer.Reliable, g.board.encode())
}

func (g *game) winner() (rtcpeer.PeerID, bool) {
	if g.me.near(g.board.Coin) {
		return g.peer.ID(), true
	}
	for id, at := range g.dots {
		if at.near(g.board.Coin) {
			return id, true
		}
	}
	return 0, false
}

func (g *game) referee() bool {
	for _, id := range g.peer.Peers() {
		if id < g.peer.ID() {
			return false
		}
	}
	return true
}

// send does not wait, because the game goes on. It ignores players that are gone. A player that reads so slowly
// that a board does not fit into its buffer gets the next one.
func (g *game) send(to rtcpeer.PeerID, mode rtcpeer.Mode, data []byte) error {
	err := g.peer.TrySend(rtcpeer.Packet{Peer: to, Mode: mode, Data: data})
	if errors.Is(err, rtcpeer.ErrUnknownPeer) || errors.Is(err, rtcpeer.ErrBufferFull) {
		return nil
	}
	return err
}

func somewhere() place { return place{rand.Float64(), rand.Float64()} }

func (p place) near(q place) bool { return math.Hypot(p.X-q.X, p.Y-q.Y) < touch }
