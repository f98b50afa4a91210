package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"sync"
	"time"

	"example.org/rtcpeer/rtcpeer"
)

// A bot is a player without a screen. It runs for the coin.
type bot struct {
	node *rtcpeer.Node
	last snapshot
	seen int // number of snapshots
}

// joinBot enters the room with a token of the site. The caller must close the bot's node.
func joinBot(ctx context.Context, url string, token string, config rtcpeer.Config) (*bot, error) {
	config.Create = rtcpeer.CreateNever
	config.AuthTimeout = authTime
	config.Auth = func(_ context.Context, peer *rtcpeer.PendingPeer) error { return peer.Send([]byte(token)) }
	node, err := rtcpeer.Join(ctx, url, config)
	return &bot{node: node}, err
}

// connected waits until the server has admitted the bot.
func (b *bot) connected(ctx context.Context) error {
	for {
		ev, err := b.node.Receive(ctx)
		if err != nil || ev.Kind == rtcpeer.PeerConnected {
			return err
		}
	}
}

// play sends an input at each tick. It returns nil when ctx is done, and an error when the node has ended.
func (b *bot) play(ctx context.Context) error {
	ticks := time.NewTicker(time.Second / tickRate)
	defer ticks.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticks.C:
		}
		if err := b.receive(); err != nil {
			return err
		}
		err := b.node.TrySend(rtcpeer.Packet{Peer: rtcpeer.Server, Mode: rtcpeer.UnreliableOrdered, Data: b.steer().encode()})
		if err != nil && !errors.Is(err, rtcpeer.ErrUnknownPeer) {
			return err
		}
	}
}

func (b *bot) receive() error {
	for {
		ev, err := b.node.TryReceive()
		if errors.Is(err, rtcpeer.ErrNoEvent) {
			return nil
		}
		if err != nil {
			return err
		}
		if ev.Kind != rtcpeer.PacketReceived || ev.Packet.Mode == rtcpeer.Reliable {
			continue
		}
		if s, ok := decodeSnapshot(ev.Packet.Data); ok {
			b.last = s
			b.seen++
		}
	}
}

func (b *bot) steer() input {
	me, ok := b.last.players[b.node.ID()]
	if !ok {
		return input{}
	}
	dx, dy := b.last.coin.x-me.at.x, b.last.coin.y-me.at.y
	far := max(math.Hypot(dx, dy), 1e-9)
	return input{int8(dx / far * math.MaxInt8), int8(dy / far * math.MaxInt8)}
}

// runBots lets n bots play until ctx is done.
func runBots(ctx context.Context, url string, key []byte, n int, config rtcpeer.Config, out io.Writer) error {
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	var playing sync.WaitGroup
	defer playing.Wait()
	for i := range n {
		token, err := newToken(key, fmt.Sprintf("bot %d", i+1), time.Now())
		if err != nil {
			return err
		}
		b, err := joinBot(ctx, url, token, config)
		if err == nil {
			if err = b.connected(ctx); err != nil {
				b.node.Close()
			}
		}
		if err != nil {
			end(err)
			return err
		}
		playing.Go(func() {
			if err := b.play(ctx); err != nil {
				end(fmt.Errorf("bot %d: %w", b.node.ID(), err))
			}
			b.node.Close()
		})
	}
	fmt.Fprintf(out, "%d bots play\n", n)
	<-ctx.Done()
	if err := context.Cause(ctx); !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}
