package main

import (
	"math"

	"example.org/rtcpeer/rtcpeer"
)

const (
	tickRate = 30  // steps a second
	speed    = 0.4 // in widths of the field a second
	touch    = 0.04
)

// A world is the game without a network. It belongs to one goroutine.
type world struct {
	tick    uint32
	coin    place
	players map[rtcpeer.PeerID]*player
	random  func() float64 // 0 to 1
}

// A place is a point of the field. Both coordinates are from 0 to 1.
type place struct{ x, y float64 }

// A player is one dot, with the latest input of its player.
type player struct {
	at    place
	want  input
	score uint16
}

func newWorld(random func() float64) *world {
	w := &world{players: make(map[rtcpeer.PeerID]*player), random: random}
	w.coin = w.somewhere()
	return w
}

func (w *world) somewhere() place { return place{w.random(), w.random()} }

func (w *world) enter(id rtcpeer.PeerID) { w.players[id] = &player{at: w.somewhere()} }

func (w *world) leave(id rtcpeer.PeerID) { delete(w.players, id) }

// step moves all players by one tick, and gives the coin to a player that touches it.
func (w *world) step() {
	w.tick++
	for _, p := range w.players {
		dx, dy := float64(p.want.dx)/math.MaxInt8, float64(p.want.dy)/math.MaxInt8
		if far := math.Hypot(dx, dy); far > 1 { // no player is faster than others
			dx, dy = dx/far, dy/far
		}
		p.at.x = min(max(p.at.x+dx*speed/tickRate, 0), 1)
		p.at.y = min(max(p.at.y+dy*speed/tickRate, 0), 1)
		if math.Hypot(p.at.x-w.coin.x, p.at.y-w.coin.y) < touch {
			p.score++
			w.coin = w.somewhere()
		}
	}
}
