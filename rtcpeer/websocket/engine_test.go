//go:build !js

package websocket_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	gorilla "github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/rtcpeer"
	"example.org/rtcpeer/rtcpeer/websocket"
)

// An engine is a guest that reads as Godot's does (modules/websocket): only while it is polled, once a frame; into a
// buffer of 64 KiB and 4,096 packets, beyond which it drops; and if a close frame comes in a poll, it drops what it has
// read in that poll. Its pongs go out when it has read all that is there (WSLPeer::poll: wslay_event_recv, then
// wslay_event_send).
type engine struct {
	conn *gorilla.Conn
	gate *gatedConn
	done chan struct{} // closed when nothing more can be read

	mu      sync.Mutex
	queue   []string // of this poll
	size    int
	pings   []string
	dropped int
}

const (
	engineBuffer  = 64<<10 - 1 // inbound_buffer_size
	enginePackets = 4096       // max_queued_packets
	engineFrame   = time.Second / 60
)

// engine connects one, which is polled by the test.
func (p *pipes) engine(t *testing.T) *engine {
	t.Helper()
	e := &engine{done: make(chan struct{})}
	d := gorilla.Dialer{NetDialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := p.DialContext(ctx, network, addr)
		if err == nil {
			e.gate = &gatedConn{Conn: conn, open: make(chan struct{})}
			e.gate.set(true)
			conn = e.gate
		}
		return conn, err
	}}
	conn, _, err := d.DialContext(t.Context(), pipeURL, nil)
	require.NoError(t, err)
	e.conn = conn
	conn.SetPingHandler(func(data string) error {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.pings = append(e.pings, data)
		return nil
	})
	e.gate.set(false)
	go e.read()
	t.Cleanup(func() {
		conn.Close()
		e.gate.set(true)
		<-e.done
	})
	return e
}

func (e *engine) read() {
	defer close(e.done)
	for {
		_, data, err := e.conn.ReadMessage()
		e.mu.Lock()
		switch {
		case err != nil:
			e.dropped += len(e.queue)
			e.queue = nil
			e.mu.Unlock()
			return
		case e.size+len(data) > engineBuffer || len(e.queue) == enginePackets:
			e.dropped++
		default:
			e.queue = append(e.queue, string(data))
			e.size += len(data)
		}
		e.mu.Unlock()
	}
}

// poll is one frame of the game: it reads what is there, and takes it.
func (e *engine) poll() []string {
	e.gate.set(true)
	synctest.Wait()
	e.gate.set(false)
	synctest.Wait()
	e.mu.Lock()
	queue, pings := e.queue, e.pings
	e.queue, e.size, e.pings = nil, 0, nil
	e.mu.Unlock()
	for _, data := range pings {
		_ = e.conn.WriteMessage(gorilla.PongMessage, []byte(data)) // if it is over, read finds the end
	}
	time.Sleep(engineFrame)
	return queue
}

// play polls until n packets have come, or the connection is over, or nothing comes any more.
func (e *engine) play(n int) (packets []string) {
	for frames := 0; len(packets) < n && frames < 600 && !e.over(); frames++ {
		packets = append(packets, e.poll()...)
	}
	return packets
}

func (e *engine) over() bool {
	select {
	case <-e.done:
		return true
	default:
		return false
	}
}

// A gatedConn reads nothing while its gate is closed.
type gatedConn struct {
	net.Conn
	mu   sync.Mutex
	open chan struct{} // closed while it is open
}

func (c *gatedConn) set(open bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if open {
		c.Conn.SetReadDeadline(time.Time{})
		close(c.open)
	} else {
		c.open = make(chan struct{})
		c.Conn.SetReadDeadline(time.Unix(1, 0))
	}
}

func (c *gatedConn) Read(p []byte) (int, error) {
	for {
		c.mu.Lock()
		open := c.open
		c.mu.Unlock()
		<-open
		n, err := c.Conn.Read(p)
		if n > 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
			return n, err
		}
	}
}

// A game reads once a frame into 64 KiB: more than that must not be on its way.
func TestGameIsNotOverrun(t *testing.T) {
	for _, row := range []struct{ packets, size int }{{3000, 1 << 10}, {20000, 8}, {40, 65528}, {200, 40 << 10}} {
		t.Run(fmt.Sprintf("%d packets of %d bytes", row.packets, row.size), func(t *testing.T) {
			overPipes(t, websocket.Config{}, func(t *testing.T, p *pipes, server *websocket.Server) {
				game := p.engine(t)
				require.Len(t, game.play(1)[0], 4, "its id")
				id := next(t, server).Peer
				sending := make(chan error, 1)
				go func() {
					for i := range row.packets {
						data := append(make([]byte, row.size-8), fmt.Sprintf("%08d", i)...)
						if err := server.Send(t.Context(), rtcpeer.Packet{Peer: id, Data: data}); err != nil {
							sending <- err
							return
						}
					}
					sending <- nil
				}()
				got := game.play(row.packets)
				require.Zero(t, game.dropped, "of %d", row.packets)
				require.Len(t, got, row.packets)
				for i, packet := range got {
					require.Equal(t, fmt.Sprintf("%08d", i), packet[len(packet)-8:])
				}
				require.NoError(t, <-sending)
			})
		})
	}
}

// What was sent before the end is read before the close frame comes.
func TestGameReadsWhatWasSaidBeforeTheEnd(t *testing.T) {
	ends := map[string]func(*websocket.Server, rtcpeer.PeerID) error{
		"Disconnect": func(s *websocket.Server, id rtcpeer.PeerID) error { return s.Disconnect(id) },
		"Close":      func(s *websocket.Server, _ rtcpeer.PeerID) error { return s.Close() },
	}
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			overPipes(t, websocket.Config{}, func(t *testing.T, p *pipes, server *websocket.Server) {
				game := p.engine(t)
				game.play(1)
				id := next(t, server).Peer
				ended := make(chan error, 1)
				go func() {
					for i := range 5 {
						if err := server.Send(t.Context(), rtcpeer.Packet{Peer: id, Data: fmt.Append(nil, i)}); err != nil {
							ended <- err
							return
						}
					}
					ended <- end(server, id)
				}()
				require.Equal(t, []string{"\x030", "\x031", "\x032", "\x033", "\x034"}, game.play(6), "and then the end")
				require.NoError(t, <-ended)
				require.True(t, game.over())
			})
		})
	}
}

// A packet that is larger than the engine's buffer would end the game's connection (1009). It is an error, and a relay counts
// it; the guests of this package have it.
func TestPacketTooLargeForAGame(t *testing.T) {
	config := websocket.Config{Node: rtcpeer.Config{MaxPacket: 128 << 10}}
	overPipes(t, config, func(t *testing.T, p *pipes, server *websocket.Server) {
		game := p.engine(t)
		require.Len(t, game.play(1)[0], 4, "its id")
		id := next(t, server).Peer
		config.DialContext = p.DialContext
		guest, err := websocket.Dial(t.Context(), pipeURL, config)
		require.NoError(t, err)
		defer guest.Close()
		require.Equal(t, rtcpeer.PeerConnected, next(t, server).Kind)
		require.Equal(t, rtcpeer.PeerConnected, next(t, guest).Kind)
		require.Equal(t, rtcpeer.PeerConnected, next(t, guest).Kind)
		require.Len(t, game.play(1), 1, "who is there")

		large := make([]byte, 100<<10)
		for _, mode := range []rtcpeer.Mode{rtcpeer.Reliable, rtcpeer.Unreliable} {
			require.ErrorIs(t, server.TrySend(rtcpeer.Packet{Peer: id, Mode: mode, Data: large}), rtcpeer.ErrPacketTooLarge)
		}
		require.ErrorIs(t, server.TrySend(rtcpeer.Packet{Data: large}), rtcpeer.ErrPacketTooLarge, "the others have it")
		require.Len(t, next(t, guest).Packet.Data, len(large))
		require.NoError(t, guest.TrySend(rtcpeer.Packet{Peer: id, Data: large}))
		synctest.Wait()
		require.EqualValues(t, 1, server.Stats().Dropped["too_large"])
		require.NoError(t, server.TrySend(rtcpeer.Packet{Peer: id, Data: []byte("it is still there")}))
		require.Equal(t, []string{"\x03it is still there"}, game.play(1))
	})
}
