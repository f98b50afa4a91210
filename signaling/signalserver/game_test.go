package signalserver_test

import (
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/signaling"
	membus "example.org/rtcpeer/signaling/cluster/memory"
	"example.org/rtcpeer/signaling/godot"
	"example.org/rtcpeer/signaling/signalserver"
	"example.org/rtcpeer/testdata/bubble"
)

// A game speaks the protocol of Godot's demo.
type game struct {
	t        *testing.T
	conn     *websocket.Conn
	id       signaling.PeerID
	room     signaling.RoomName
	received chan godotFrame // closed with the socket
}

type godotFrame struct {
	Type int              `json:"type"`
	ID   signaling.PeerID `json:"id"`
	Data string           `json:"data"`
}

// game enters a room as a Godot game does, and returns after the welcome. With an empty name it founds a mesh.
func (s *server) game(t *testing.T, room signaling.RoomName) *game {
	t.Helper()
	d := websocket.Dialer{NetDialContext: s.dial}
	conn, res, err := d.DialContext(t.Context(), s.url, nil)
	require.NoError(t, err)
	res.Body.Close()
	g := &game{t: t, conn: conn, received: make(chan godotFrame, 4096)}
	g.send(godotFrame{Data: string(room)})
	go func() {
		defer close(g.received)
		for {
			var f godotFrame
			if conn.ReadJSON(&f) != nil {
				return
			}
			g.received <- f
		}
	}()
	t.Cleanup(func() {
		conn.Close()
		for range g.received {
		}
	})
	g.id = g.receive().ID
	for f := g.receive(); ; f = g.receive() { // the other members, and then the lobby
		if f.Type == 0 {
			g.room = signaling.RoomName(f.Data)
			return g
		}
	}
}

func (g *game) send(f godotFrame) {
	g.t.Helper()
	require.NoError(g.t, g.conn.WriteJSON(f))
}

func (g *game) receive() godotFrame {
	g.t.Helper()
	select {
	case f, ok := <-g.received:
		require.True(g.t, ok, "the socket of the game was closed")
		return f
	case <-time.After(patience):
		g.t.Fatal("the game has received nothing")
	}
	return godotFrame{}
}

// cutFor cuts a server off from the others for a while, and waits until all is as before.
func (s *sharing) cutFor(t *testing.T, d time.Duration) {
	t.Helper()
	s.bus.Cut(true)
	time.Sleep(d) // of fake time
	s.bus.Cut(false)
	s.wantReady(t)
	time.Sleep(10 * time.Second)
}

// The server of a game cannot reach the others for some seconds. The game keeps its place, although its protocol has no
// resumption: its connection does not break.
func TestServerOfAGameIsCutOff(t *testing.T) {
	for _, d := range []time.Duration{2 * time.Second, 4 * time.Second, 8 * time.Second, 20 * time.Second} {
		t.Run(d.String(), func(t *testing.T) {
			bubble.Test(t, func(t *testing.T) {
				servers := share(t, new(membus.Hub), 2, signalserver.Config{Plain: godot.Server()})
				host := servers[0].member(t, signaling.Join{Room: "r"})
				g := servers[1].game(t, "r")
				host.want(signaling.Joined{Member: signaling.Member{ID: g.id, OneAttempt: true}})
				servers[1].cutFor(t, d)
				host.wantNothing()
				g.wantSignals(host)
			})
		})
	}
}

// The same for a game that has founded the room: the room goes on, on whatever server it is.
func TestServerOfTheGameThatHostsIsCutOff(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		servers := share(t, new(membus.Hub), 2, signalserver.Config{Plain: godot.Server()})
		g := servers[1].game(t, "")
		guest := servers[0].member(t, signaling.Join{Room: g.room})
		require.Equal(t, godotFrame{Type: 2, ID: guest.id()}, g.receive())
		time.Sleep(time.Second)             // of fake time: the record is written
		servers[1].cutFor(t, 8*time.Second) // the server of the guest has the room now
		servers[1].cutFor(t, 4*time.Second)
		require.Equal(t, signaling.PeerID(signaling.Host), g.id)
		for _, m := range guest.rest() {
			require.Equal(t, signaling.KindResume, m.Kind(), "%v", m)
		}
		g.wantSignals(guest)
		late := servers[0].member(t, signaling.Join{Room: g.room})
		require.Len(t, late.welcome.Members, 2)
	})
}

// The server of a game is stopped, so that the game loses its connection. It cannot come back, and the others learn at once
// that it has left.
func TestServerOfAGameIsStopped(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		servers := share(t, new(membus.Hub), 2, signalserver.Config{Plain: godot.Server()})
		host := servers[0].member(t, signaling.Join{Room: "r"})
		g := servers[1].game(t, "r")
		host.want(signaling.Joined{Member: signaling.Member{ID: g.id, OneAttempt: true}})
		began := time.Now()
		shutDown(t, servers[1].Server)
		host.want(signaling.Left{ID: g.id, Reason: signaling.LeftLost})
		require.Less(t, time.Since(began), 5*time.Second)
	})
}

// wantSignals has the game and a member send to each other.
func (g *game) wantSignals(c *client) {
	g.t.Helper()
	c.signal(g.id, `{"type":"offer","sdp":"v=0"}`)
	require.Equal(g.t, godotFrame{Type: 4, ID: c.id(), Data: "v=0"}, g.receive())
	g.send(godotFrame{Type: 5, ID: c.id(), Data: "v=0"})
	c.want(signaling.Signal{From: g.id, Data: []byte(`{"type":"answer","sdp":"v=0"}`)})
}
