//go:build !js

package websocket_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	gorilla "github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer"
	"example.org/rtcpeer/rtcpeer/websocket"
	"example.org/rtcpeer/testdata/bubble"
)

// A connection that is dead without a word is noticed by the pings (which Godot does not send:
// godot#99747), by either end, and nobody else is touched.
func TestHalfOpen(t *testing.T) {
	dead := map[string]func(*gorilla.Conn){
		"swallows": func(c *gorilla.Conn) { go io.Copy(io.Discard, c.NetConn()) },
		"stands":   func(*gorilla.Conn) {},
	}
	for name, die := range dead {
		t.Run("guest "+name, func(t *testing.T) {
			overPipes(t, websocket.Config{}, func(t *testing.T, p *pipes, server *websocket.Server) {
				good := dial(t, pipeURL, p.config())
				wantConnected(t, server, good.ID())
				wantConnected(t, good, 1)
				bad := p.bare(t)
				id, _ := bad.id()
				wantConnected(t, server, id)
				bad.read() // who else is there
				start := time.Now()
				die(bad.conn)
				wantDisconnected(t, server, id, rtcpeer.Lost)
				require.InDelta(t, 30, time.Since(start).Seconds(), 2)
				send(t, good, 1, "still here")
				wantPacket(t, server, good.ID(), "still here")
			})
		})
		t.Run("server "+name, func(t *testing.T) {
			bubble.Test(t, func(t *testing.T) {
				p := newPipes()
				p.handle(t, http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
					conn, err := new(gorilla.Upgrader).Upgrade(w, req, nil)
					if err == nil {
						t.Cleanup(func() { conn.Close() })
						conn.WriteMessage(gorilla.BinaryMessage, []byte{5, 0, 0, 0})
						die(conn)
					}
				}))
				guest := dial(t, pipeURL, p.config())
				wantConnected(t, guest, 1)
				wantDisconnected(t, guest, 1, rtcpeer.Lost)
				_, err := guest.Receive(t.Context())
				require.ErrorIs(t, err, rtcpeer.ErrHostGone)
			})
		})
	}
}

func TestNoPings(t *testing.T) {
	overPipes(t, websocket.Config{PingInterval: -1}, func(t *testing.T, p *pipes, server *websocket.Server) {
		guest := p.bare(t)
		id, _ := guest.id()
		wantConnected(t, server, id)
		time.Sleep(time.Hour) // of the bubble
		require.Equal(t, []rtcpeer.PeerID{id}, server.Peers())
		guest.send("036869")
		wantPacket(t, server, id, "hi")
	})
}

// Nobody who has nothing to say, or a program that takes its time, is taken for dead.
func TestIdleAndSlowProgramsStayConnected(t *testing.T) {
	overPipes(t, websocket.Config{}, func(t *testing.T, p *pipes, server *websocket.Server) {
		idle, busy := dial(t, pipeURL, p.config()), dial(t, pipeURL, p.config())
		for _, n := range []rtcpeer.Peer{server, idle, busy} {
			next(t, n)
			next(t, n)
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		require.Len(t, server.Peers(), 2)

		const packets = 4000 // more than ReceiveBuffer and the queue
		go func() {
			for i := range packets {
				if err := busy.Send(t.Context(), rtcpeer.Packet{Peer: 1, Data: fmt.Append(make([]byte, 1000), i)}); err != nil {
					t.Errorf("packet %d: %v", i, err)
				}
			}
		}()
		time.Sleep(25 * time.Second) // not yet three pings
		require.Less(t, server.Stats().Waiting, packets/2, "it waits where it comes from")
		for i := range packets {
			wantPacket(t, server, busy.ID(), string(fmt.Append(make([]byte, 1000), i)))
		}
	})
}

// Whoever stops reading does not stop the others: who sends to it is told, and it is ended as slow.
func TestSlowGuest(t *testing.T) {
	overPipes(t, websocket.Config{}, func(t *testing.T, p *pipes, server *websocket.Server) {
		slow := p.bare(t)
		slowID, _ := slow.id() // the last that it reads
		wantConnected(t, server, slowID)
		a, b := dial(t, pipeURL, p.config()), dial(t, pipeURL, p.config())
		for range 2 {
			next(t, server)
			next(t, a)
			next(t, b)
		}
		next(t, a)
		next(t, b)

		for range 100 { // unreliable: dropped
			require.NoError(t, server.TrySend(rtcpeer.Packet{Peer: slowID, Mode: rtcpeer.Unreliable, Data: make([]byte, 1000)}))
			time.Sleep(10 * time.Millisecond) // of the bubble: the queue ages
		}
		require.NotZero(t, server.Stats().Dropped["buffer_full"])
		require.Less(t, server.Stats().Links[slowID].Lanes[0].Buffered, 32<<10)

		var err error
		for range 1000 { // reliable: the sender is told
			if err = server.TrySend(rtcpeer.Packet{Data: make([]byte, 10000)}); err != nil {
				break
			}
			wantPacket(t, a, 1, string(make([]byte, 10000)))
			wantPacket(t, b, 1, string(make([]byte, 10000)))
		}
		full, ok := errors.AsType[*rtcpeer.BroadcastError](err)
		require.True(t, ok, "%v", err)
		require.Equal(t, []rtcpeer.PeerID{slowID}, full.Peers)
		require.LessOrEqual(t, server.Stats().Links[slowID].Lanes[0].Buffered, 1<<20)
		wantPacket(t, a, 1, string(make([]byte, 10000))) // which had room
		wantPacket(t, b, 1, string(make([]byte, 10000)))

		start := time.Now() // relayed: it is ended, and the others do not wait for that
		data := string(make([]byte, 60000))
		send(t, a, rtcpeer.Broadcast, data)
		wantPacket(t, b, a.ID(), data)
		wantPacket(t, server, a.ID(), data)
		require.Less(t, time.Since(start), time.Second)
		wantDisconnected(t, server, slowID, rtcpeer.Slow)
		wantDisconnected(t, b, slowID, rtcpeer.ByPeer)
		require.InDelta(t, 5.5, time.Since(start).Seconds(), 0.6, "SlowAfter, and a second for its goodbye")
	})
}

// The relay's announcements are bounded as well, for one who reads none of them.
func TestAnnouncementsAreBounded(t *testing.T) {
	config := websocket.Config{PingInterval: -1, Node: rtcpeer.Config{MaxPacket: 64, SendBuffer: 256}}
	overPipes(t, config, func(t *testing.T, p *pipes, server *websocket.Server) {
		slow := p.bare(t)
		id, _ := slow.id()
		wantConnected(t, server, id)
		for range 40 { // of 18 bytes each time one comes or goes
			guest := dial(t, pipeURL, p.config())
			require.NoError(t, guest.Close())
		}
		for {
			if ev := next(t, server); ev.Peer == id {
				require.Equal(t, rtcpeer.PeerDisconnected, ev.Kind)
				require.Equal(t, rtcpeer.Lost, ev.Reason)
				return
			}
		}
	})
}

// A guest that floods fills its own share of the inbox, and no more.
func TestFlood(t *testing.T) {
	overPipes(t, websocket.Config{}, func(t *testing.T, p *pipes, server *websocket.Server) {
		good := dial(t, pipeURL, p.config())
		wantConnected(t, server, good.ID())
		flooding := p.bare(t)
		id, _ := flooding.id()
		wantConnected(t, server, id)
		go func() {
			for flooding.conn.WriteMessage(gorilla.BinaryMessage, []byte("\x03flood")) == nil {
			}
		}()
		synctest.Wait()
		require.LessOrEqual(t, server.Stats().Waiting, 256<<10/128)
		send(t, good, 1, "heard")
		for {
			if ev := next(t, server); ev.Packet.Peer == good.ID() {
				require.Equal(t, "heard", string(ev.Packet.Data))
				return
			}
		}
	})
}

// Pings are cheap to send and to answer: only the latest is.
func TestPingFlood(t *testing.T) {
	overPipes(t, websocket.Config{}, func(t *testing.T, p *pipes, server *websocket.Server) {
		guest := p.bare(t)
		id, _ := guest.id()
		wantConnected(t, server, id)
		for i := range 1000 {
			require.NoError(t, guest.conn.WriteMessage(gorilla.PingMessage, fmt.Append(nil, i)))
		}
		synctest.Wait() // the last one has been read
		var pongs []string
		guest.conn.SetPongHandler(func(s string) error {
			pongs = append(pongs, s)
			return nil
		})
		send(t, server, id, "hi")
		guest.want("036869")
		send(t, server, id, "hi")
		guest.want("036869")
		require.Less(t, len(pongs), 5)
		require.Equal(t, "999", pongs[len(pongs)-1])
	})
}

func TestStats(t *testing.T) {
	overPipes(t, websocket.Config{}, func(t *testing.T, p *pipes, server *websocket.Server) {
		guest := p.bare(t)
		id, _ := guest.id()
		wantConnected(t, server, id)
		pong := guest.conn.PingHandler()
		guest.conn.SetPingHandler(func(s string) error {
			time.Sleep(50 * time.Millisecond) // of the bubble
			return pong(s)
		})
		go guest.conn.ReadMessage()
		time.Sleep(11 * time.Second)
		guest.send("036869")
		wantPacket(t, server, id, "hi")
		stats := server.Stats().Links[id]
		require.Equal(t, 50*time.Millisecond, stats.RTT)
		require.EqualValues(t, len("\x03hi"), stats.BytesReceived)
		require.EqualValues(t, 4, stats.BytesSent, "its id")
	})
}

// Close waits for nobody longer than Linger and a second.
func TestCloseIsBounded(t *testing.T) {
	overPipes(t, websocket.Config{}, func(t *testing.T, p *pipes, server *websocket.Server) {
		var stuck []rtcpeer.PeerID
		for range 3 {
			guest := p.bare(t)
			id, _ := guest.id()
			wantConnected(t, server, id)
			stuck = append(stuck, id)
		}
		for _, id := range stuck {
			require.NoError(t, server.TrySend(rtcpeer.Packet{Peer: id, Data: []byte("never read")}))
		}
		start := time.Now()
		err := server.Close()
		undelivered, ok := errors.AsType[*rtcpeer.UndeliveredError](err)
		require.True(t, ok, "%v", err)
		require.Len(t, undelivered.Bytes, 3)
		require.LessOrEqual(t, time.Since(start), 1500*time.Millisecond)
	})
}

// A server that does not let its program have the guest says so instead of an id.
func TestRefusedAfterTheHandshake(t *testing.T) {
	overPipes(t, websocket.Config{}, func(t *testing.T, p *pipes, server *websocket.Server) {
		for range 4097 / 2 { // connected and disconnected: more events than may wait
			guest, err := websocket.Dial(t.Context(), pipeURL, p.config())
			require.NoError(t, err)
			wantConnected(t, guest, 1)
			require.NoError(t, guest.Close())
		}
		synctest.Wait()
		_, err := websocket.Dial(t.Context(), pipeURL, p.config())
		require.ErrorIs(t, err, rtcpeer.ErrRefused)
		require.ErrorContains(t, err, "does not receive its events")
	})
}
