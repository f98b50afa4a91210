//go:build !js

package main

import (
	"fmt"
	"io"
	"maps"
	"math"
	"time"

	"example.org/rtcpeer/rtcpeer"
)

// speed is how far a bot moves in a second; people are faster.
const speed = 0.3

// A bot runs for the coin, and prints the board when it changes.
type bot struct {
	out   io.Writer
	last  time.Time // of the last step
	shown map[rtcpeer.PeerID]int
}

func (b *bot) steer(g *game) place {
	now := time.Now()
	step := speed * now.Sub(b.last).Seconds()
	b.last = now
	dx, dy := g.board.Coin.X-g.me.X, g.board.Coin.Y-g.me.Y
	far := math.Hypot(dx, dy)
	if far <= step {
		return g.board.Coin
	}
	return place{g.me.X + dx/far*step, g.me.Y + dy/far*step}
}

func (b *bot) show(g *game) {
	if maps.Equal(b.shown, g.board.Scores) {
		return
	}
	b.shown = maps.Clone(g.board.Scores)
	fmt.Fprintf(b.out, "scores %v\n", b.shown)
}
