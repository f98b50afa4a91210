//go:build unix

package main

import (
	"fmt"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/signaling"
)

// What a room has besides its members must outlive its owner: its password, its seal or lock, and what it tells of itself.

var secretRoom = signaling.Join{Room: "secret", Password: "open sesame",
	NewRoom: signaling.NewRoom{Public: true, Metadata: []byte(`{"map":"cave"}`), MaxMembers: ofRoom + 1}}

// found makes a room of four of each kind.
func (c *manyRooms) found(t *testing.T) {
	t.Helper()
	c.told = make(map[signaling.PeerID]string)
	for i, g := range c.members(t, secretRoom, 0) {
		c.told[g.welcome.ID] = metadataOf(i + 1)
	}
	for at, m := range []signaling.Message{signaling.Lock{}, signaling.Seal{}} {
		name := signaling.RoomName(m.Kind())
		host := c.members(t, signaling.Join{Room: name}, at+1)[0]
		require.NoError(t, host.write(m))
		require.True(t, eventually(t.Context(), func() bool {
			err := (&guest{fleet: c.fleet, join: signaling.Join{Room: name}, at: at}).enter()
			return codeOf(err) == signaling.CodeLocked || codeOf(err) == signaling.CodeSealed
		}))
	}
	time.Sleep(time.Second) // so that the next owner must know of it
}

// kept returns what of that is not as it was, as it is seen at a server.
func (c *manyRooms) kept(at int) error {
	for name, want := range map[signaling.RoomName]signaling.Code{
		"secret": signaling.CodeWrongPassword, "lock": signaling.CodeLocked, "seal": signaling.CodeSealed} {
		g := &guest{fleet: c.fleet, join: signaling.Join{Room: name}, at: at}
		if err := g.enter(); codeOf(err) != want {
			return fmt.Errorf("%s: %v, want %s", name, err, want)
		}
	}
	g := &guest{fleet: c.fleet, join: signaling.Join{Room: secretRoom.Room, Password: secretRoom.Password}, at: at}
	if err := g.enter(); err != nil {
		return err
	}
	defer g.leaveNow()
	if g.welcome.Limits.Members != ofRoom+1 || len(g.welcome.Members) != ofRoom {
		return fmt.Errorf("secret: %d members of %d", len(g.welcome.Members), g.welcome.Limits.Members)
	}
	for _, m := range g.welcome.Members {
		if want := c.told[m.ID]; string(m.Metadata) != want {
			return fmt.Errorf("secret: member %d tells %q, want %q", m.ID, m.Metadata, want)
		}
	}
	return c.listed(at)
}

// listed looks for the room with a password in the list of a server.
func (c *manyRooms) listed(at int) error {
	d := websocket.Dialer{Subprotocols: []string{signaling.Subprotocol}, HandshakeTimeout: 2 * time.Second}
	conn, res, err := d.Dial(c.fleet.servers[at].url, nil)
	if err != nil {
		return err
	}
	res.Body.Close()
	defer conn.Close()
	frame, _ := signaling.JSON.Encode(signaling.List{})
	_ = conn.WriteMessage(websocket.TextMessage, frame)
	_, frame, err = conn.ReadMessage()
	if err != nil {
		return err
	}
	m, _ := signaling.JSON.Decode(frame)
	list, _ := m.(signaling.Rooms)
	if len(list.Rooms) != 1 || !list.Rooms[0].Password || string(list.Rooms[0].Metadata) != string(secretRoom.NewRoom.Metadata) {
		return fmt.Errorf("list: %s", frame)
	}
	return nil
}
