package rtcpeer_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer"
	"example.org/rtcpeer/rtcpeer/transport"
	"example.org/rtcpeer/rtcpeer/transport/memory"
	"example.org/rtcpeer/testdata/bubble"
)

// One guest uploads, and the program takes 8 ms for each packet. With one queue for all, the inputs of the others wait
// behind what the inbox has of it: 16 packets, 131 ms.
func TestInputsDoNotWaitBehindAnUpload(t *testing.T) {
	queues := map[string]func(*rtcpeer.Node) (*rtcpeer.Queue, error){
		"of the channel": func(n *rtcpeer.Node) (*rtcpeer.Queue, error) { return n.ChannelQueue(1) },
		"of the peer":    func(n *rtcpeer.Node) (*rtcpeer.Queue, error) { return n.PeerQueue(5) },
	}
	for name, queue := range queues {
		t.Run(name, func(t *testing.T) {
			bubble.Test(t, func(t *testing.T) {
				config := rtcpeer.Config{Channels: []rtcpeer.Mode{rtcpeer.Reliable}}
				nodes := group(t, rtcpeer.Star, inMemory(), config, 1, 5, 7)
				host := nodes[1]
				uploads, err := queue(host)
				require.NoError(t, err)
				done := make(chan int)
				go func() {
					var n int
					for range 100 {
						p, err := uploads.Receive(t.Context())
						if err != nil || p.Peer != 5 || binary.BigEndian.Uint32(p.Data) != uint32(n) {
							break
						}
						time.Sleep(8 * time.Millisecond)
						n++
					}
					done <- n
				}()
				go func() {
					for i := range 100 {
						data := binary.BigEndian.AppendUint32(nil, uint32(i))
						if err := nodes[5].Send(t.Context(), rtcpeer.Packet{Peer: 1, Channel: 1, Data: append(data, make([]byte, 16<<10-4)...)}); err != nil {
							t.Error(err)
						}
					}
				}()
				began := time.Now()
				go func() {
					for range 40 {
						time.Sleep(time.Second / 60)
						age := binary.BigEndian.AppendUint64(nil, uint64(time.Since(began)))
						if err := nodes[7].TrySend(rtcpeer.Packet{Peer: 1, Mode: rtcpeer.UnreliableOrdered, Data: age}); err != nil {
							t.Error(err)
						}
					}
				}()
				for range 40 {
					ev := next(t, host)
					require.Equal(t, rtcpeer.PeerID(7), ev.Packet.Peer)
					age := time.Since(began) - time.Duration(binary.BigEndian.Uint64(ev.Packet.Data))
					require.Less(t, age, time.Millisecond)
				}
				require.Equal(t, 100, <-done)
			})
		})
	}
}

func TestQueue(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		config := rtcpeer.Config{Channels: []rtcpeer.Mode{rtcpeer.Reliable}}
		nodes := group(t, rtcpeer.Mesh, inMemory(), config, 1, 5, 7)
		n := nodes[1]
		say := func(from rtcpeer.PeerID, channel int, text string) {
			require.NoError(t, nodes[from].TrySend(rtcpeer.Packet{Peer: 1, Channel: channel, Data: []byte(text)}))
			synctest.Wait()
		}
		wantNext := func(q *rtcpeer.Queue, from rtcpeer.PeerID, text string) {
			t.Helper()
			p, err := q.TryReceive()
			require.NoError(t, err)
			require.Equal(t, fmt.Sprint(from, text), fmt.Sprint(p.Peer, string(p.Data)))
		}
		for i := range 3 { // they wait already
			say(5, 1, fmt.Sprint("early", i))
			say(7, 0, fmt.Sprint("other", i))
		}
		one, err := n.ChannelQueue(1)
		require.NoError(t, err)
		for i := range 3 {
			wantNext(one, 5, fmt.Sprint("early", i))
			wantPacket(t, n, 7, 0, rtcpeer.Reliable, fmt.Sprint("other", i))
		}
		_, err = one.TryReceive()
		require.ErrorIs(t, err, rtcpeer.ErrNoEvent)

		_, err = n.ChannelQueue(1)
		require.EqualError(t, err, "rtcpeer: channel 1 already has a Queue")
		_, err = n.ChannelQueue(2)
		require.ErrorIs(t, err, rtcpeer.ErrUnknownChannel)
		_, err = n.PeerQueue(9)
		require.ErrorIs(t, err, rtcpeer.ErrUnknownPeer)

		say(5, 1, "first")
		say(7, 1, "b")
		five, err := n.PeerQueue(5) // goes before the channel's
		require.NoError(t, err)
		say(5, 1, "a")
		say(5, 0, "c")
		require.Equal(t, 4, n.Stats().Waiting)
		wantNext(five, 5, "first")
		wantNext(five, 5, "a")
		wantNext(five, 5, "c")
		wantNext(one, 7, "b")
		_, err = one.TryReceive()
		require.ErrorIs(t, err, rtcpeer.ErrNoEvent)

		// A peer's queue that is closed gives back to the channel's.
		say(5, 1, "d")
		say(5, 0, "e")
		five.Close()
		say(5, 1, "f")
		wantNext(one, 5, "d")
		wantNext(one, 5, "f")
		wantPacket(t, n, 5, 0, rtcpeer.Reliable, "e")
		_, err = five.TryReceive()
		require.ErrorIs(t, err, rtcpeer.ErrClosed)
		five, err = n.PeerQueue(5)
		require.NoError(t, err)

		// What waits is received after the peer is gone, and then the end.
		say(5, 0, "last words")
		require.NoError(t, nodes[5].Close())
		wantDisconnected(t, n, 5, rtcpeer.ByPeer)
		wantNext(five, 5, "last words")
		_, err = five.Receive(t.Context())
		require.ErrorIs(t, err, rtcpeer.ErrUnknownPeer)
		five.Close()
		_, err = five.Receive(t.Context())
		require.ErrorIs(t, err, rtcpeer.ErrClosed)

		// A queue that is closed gives back what it has, and what follows.
		say(7, 1, "d")
		one.Close()
		one.Close()
		say(7, 1, "e")
		wantPacket(t, n, 7, 1, rtcpeer.Reliable, "d")
		wantPacket(t, n, 7, 1, rtcpeer.Reliable, "e")
		_, err = one.Receive(t.Context())
		require.ErrorIs(t, err, rtcpeer.ErrClosed)

		again, err := n.ChannelQueue(1)
		require.NoError(t, err)
		waiting := make(chan error)
		go func() {
			_, err := again.Receive(t.Context())
			waiting <- err
		}()
		synctest.Wait()
		require.NoError(t, n.Close())
		require.ErrorIs(t, <-waiting, rtcpeer.ErrClosed)
	})
}

// A peer is disconnected while it gets a queue. The queue has what had come, and its end. If the peer comes back, it can
// have another one.
func TestQueueOfAPeerThatLeaves(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		newTransport := inMemory()
		r := newRoom(rtcpeer.Mesh)
		nodes := r.group(t, newTransport, rtcpeer.Config{}, 1, 5)
		n := nodes[1]
		require.NoError(t, nodes[5].TrySend(rtcpeer.Packet{Peer: 1, Data: []byte("last words")}))
		n.AfterPeers(func() {
			require.NoError(t, nodes[5].Close())
			synctest.Wait()
		})
		q, err := n.PeerQueue(5)
		require.NoError(t, err)
		wantDisconnected(t, n, 5, rtcpeer.ByPeer)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		p, err := q.Receive(ctx)
		require.NoError(t, err)
		require.Equal(t, "last words", string(p.Data))
		_, err = q.Receive(ctx)
		require.ErrorIs(t, err, rtcpeer.ErrUnknownPeer)

		r.join(t, 5, newTransport(), rtcpeer.Config{})
		wantEvent(t, n, rtcpeer.PeerConnected, 5)
		_, err = n.PeerQueue(5)
		require.NoError(t, err)
	})
}

// A reliable channel whose queue nobody receives is held up, and nothing else of its peer.
func TestQueueIsBounded(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		config := rtcpeer.Config{Channels: []rtcpeer.Mode{rtcpeer.Reliable}}
		nodes := group(t, rtcpeer.Mesh, inMemory(), config, 1, 5)
		q, err := nodes[1].ChannelQueue(1)
		require.NoError(t, err)
		go func() {
			for range 1000 {
				if nodes[5].Send(t.Context(), rtcpeer.Packet{Peer: 1, Channel: 1, Data: make([]byte, 10<<10)}) != nil {
					return
				}
			}
		}()
		synctest.Wait()
		require.LessOrEqual(t, nodes[1].Stats().Waiting, 25, "256 KiB")
		require.NoError(t, nodes[5].TrySend(rtcpeer.Packet{Peer: 1, Data: []byte("hi")}))
		wantPacket(t, nodes[1], 5, 0, rtcpeer.Reliable, "hi")
		for range 1000 {
			_, err := q.Receive(t.Context())
			require.NoError(t, err)
		}
	})
}

// A game whose server decides: guests do not know of each other, and what one says to all reaches the host.
func TestNoRelay(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		network := memory.NewNetwork(memory.Options{})
		r := newRoom(rtcpeer.Star)
		host := r.join(t, 1, network.Transport(), rtcpeer.Config{NoRelay: true})
		require.False(t, host.Relays())
		five, seven := r.join(t, 5, network.Transport(), rtcpeer.Config{}), r.join(t, 7, network.Transport(), rtcpeer.Config{})
		game := sitBare(t, r, 9, 1, network.Transport())
		for range 3 {
			require.Equal(t, rtcpeer.PeerConnected, next(t, host).Kind)
		}
		for _, guest := range []*rtcpeer.Node{five, seven} {
			require.Equal(t, rtcpeer.Event{Kind: rtcpeer.PeerConnected, Peer: 1}, next(t, guest))
			require.Equal(t, []rtcpeer.PeerID{1}, guest.Peers())
			require.ErrorIs(t, guest.TrySend(rtcpeer.Packet{Peer: 9, Data: []byte("x")}), rtcpeer.ErrUnknownPeer)
		}
		require.NoError(t, five.TrySend(rtcpeer.Packet{Data: []byte("to all")}))
		wantPacket(t, host, 5, 0, rtcpeer.Reliable, "to all")
		game.send(0, "07030500000003aa") // to 5, which it cannot know
		game.send(0, "0703ffffffff03aa") // to all but the host
		require.NoError(t, host.TrySend(rtcpeer.Packet{Data: []byte("snapshot")}))
		for _, guest := range []*rtcpeer.Node{five, seven} {
			wantPacket(t, guest, 1, 0, rtcpeer.Reliable, "snapshot")
		}
		game.want(0, "03736e617073686f74")
		require.NoError(t, seven.Close())
		wantDisconnected(t, host, 7, rtcpeer.ByPeer)
		synctest.Wait()
		wantNoEvent(t, five)
		require.EqualValues(t, 1, host.Stats().Dropped["not_relayed"])
	})
}

// Config.Relay is asked for each receiver of a packet that the host would relay. Here, what 5 sends does not reach 7, but does
// reach the host.
func TestRelayAsksTheHost(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		network := memory.NewNetwork(memory.Options{})
		r := newRoom(rtcpeer.Star)
		asked := make(chan string, 100)
		host := r.join(t, 1, network.Transport(), rtcpeer.Config{Relay: func(from, to rtcpeer.PeerID, p rtcpeer.Packet) bool {
			asked <- fmt.Sprint(from, to, p.Peer, p.Mode, string(p.Data), p.Command)
			return from != 5 || to != 7
		}})
		nodes := map[rtcpeer.PeerID]*rtcpeer.Node{1: host}
		for _, id := range []rtcpeer.PeerID{5, 7, 9} {
			nodes[id] = r.join(t, id, network.Transport(), rtcpeer.Config{})
			synctest.Wait()
		}
		for _, n := range nodes {
			for range 3 {
				require.Equal(t, rtcpeer.PeerConnected, next(t, n).Kind)
			}
		}
		require.NoError(t, nodes[5].TrySend(rtcpeer.Packet{Mode: rtcpeer.UnreliableOrdered, Data: []byte("all")}))
		wantPacket(t, host, 5, 0, rtcpeer.UnreliableOrdered, "all")
		wantPacket(t, nodes[9], 5, 0, rtcpeer.UnreliableOrdered, "all")
		require.NoError(t, nodes[5].TrySend(rtcpeer.Packet{Peer: 7, Data: []byte("you")}))
		require.NoError(t, nodes[7].TrySend(rtcpeer.Packet{Peer: 5, Data: []byte("back")}))
		wantPacket(t, nodes[5], 7, 0, rtcpeer.Reliable, "back")
		synctest.Wait()
		wantNoEvent(t, nodes[7])
		require.EqualValues(t, 2, host.Stats().Dropped["not_relayed"])
		var got []string
		for len(asked) > 0 {
			got = append(got, <-asked)
		}
		require.ElementsMatch(t, []string{"5 7 5 unreliable_orderedallraw", "5 9 5 unreliable_orderedallraw", "5 7 5 reliableyouraw", "7 5 7 reliablebackraw"}, got)
	})
}

// A host that needs 10 ms to relay a packet gets a thousand in a second, for five seconds. Unreliable packets that it relays
// have not waited long; the others are dropped and counted. Reliable ones are never dropped, and a host that keeps up drops
// nothing, although there is always a packet under way.
func TestStalePacketsAreDropped(t *testing.T) {
	for name, work := range map[string]time.Duration{"too slow": 10 * time.Millisecond, "as fast as they come": time.Millisecond} {
		for _, mode := range []rtcpeer.Mode{rtcpeer.Unreliable, rtcpeer.UnreliableOrdered, rtcpeer.Reliable} {
			t.Run(fmt.Sprintf("%s/%v", name, mode), func(t *testing.T) {
				bubble.Test(t, func(t *testing.T) {
					const sent = 5000
					network := memory.NewNetwork(memory.Options{})
					r := newRoom(rtcpeer.Star)
					host := r.join(t, 1, network.Transport(), rtcpeer.Config{Relay: func(rtcpeer.PeerID, rtcpeer.PeerID, rtcpeer.Packet) bool {
						time.Sleep(work)
						return true
					}})
					five, seven := r.join(t, 5, network.Transport(), rtcpeer.Config{}), r.join(t, 7, network.Transport(), rtcpeer.Config{})
					for _, n := range []*rtcpeer.Node{five, seven} {
						next(t, n)
						next(t, n)
					}
					began := time.Now()
					go func() {
						for range sent {
							time.Sleep(time.Millisecond)
							packet := rtcpeer.Packet{Peer: 7, Mode: mode, Data: fmt.Append(nil, time.Since(began).Milliseconds())}
							if err := five.Send(t.Context(), packet); err != nil {
								return
							}
						}
					}()
					ctx, stop := context.WithTimeout(t.Context(), 2*time.Minute)
					defer stop()
					arrived, oldest := 0, time.Duration(0)
					for {
						ev, err := seven.Receive(ctx)
						if err != nil {
							break
						}
						require.Equal(t, rtcpeer.PacketReceived, ev.Kind)
						at, err := strconv.Atoi(string(ev.Packet.Data))
						require.NoError(t, err)
						arrived++
						oldest = max(oldest, time.Since(began)-time.Duration(at)*time.Millisecond)
					}
					stale := host.Stats().Dropped["stale"]
					require.EqualValues(t, sent, uint64(arrived)+stale)
					switch {
					case mode == rtcpeer.Reliable || work == time.Millisecond:
						require.Zero(t, stale)
					default:
						require.Greater(t, arrived, 400, "what it can do")
						require.LessOrEqual(t, oldest, 250*time.Millisecond)
					}
				})
			})
		}
	}
}

// inMemory returns the transports of one network.
func inMemory() func() transport.Transport {
	network := memory.NewNetwork(memory.Options{})
	return func() transport.Transport { return network.Transport() }
}
