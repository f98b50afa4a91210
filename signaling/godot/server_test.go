package godot_test

import (
	"testing"
	"testing/synctest"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/signaling/signalserver"
)

// What closes a session: the Node server's rules, with its words. Sent as the first frame, or by a
// member that is not the host.
func TestBadInputs(t *testing.T) {
	s := serve(t, signalserver.Config{MaxMessage: 4096})
	const first, joined = false, true
	sealed := s.member(t, "", 0)
	sealed.send(seal, 0, "")
	sealed.want(seal, 0, "")
	for name, c := range map[string]struct {
		joined bool
		frame  string
		text   string
	}{
		"not JSON":              {first, `hello`, "Invalid message format"},
		"empty":                 {first, ``, "Invalid message format"},
		"an array":              {first, `[0,0,""]`, "Invalid message format"},
		"null":                  {first, `null`, "Invalid message format"},
		"a number":              {first, `7`, "Invalid message format"},
		"two values":            {first, `{"type":0,"id":0}{"type":0,"id":0}`, "Invalid message format"},
		"no type":               {first, `{"id":0,"data":""}`, "Invalid message format"},
		"no id":                 {first, `{"type":0,"data":""}`, "Invalid message format"},
		"type in words":         {first, `{"type":"0","id":0}`, "Invalid message format"},
		"type null":             {first, `{"type":null,"id":0}`, "Invalid message format"},
		"type a boolean":        {first, `{"type":false,"id":0}`, "Invalid message format"},
		"id in words":           {first, `{"type":0,"id":"0"}`, "Invalid message format"},
		"negative type":         {joined, `{"type":-1,"id":0}`, "Invalid message format"},
		"negative id":           {joined, `{"type":4,"id":-5}`, "Invalid message format"},
		"rounded down below 0":  {joined, `{"type":4,"id":-0.5}`, "Invalid message format"},
		"other case":            {first, `{"Type":0,"ID":0}`, "Invalid message format"},
		"not UTF-8":             {joined, "{\"type\":4,\"id\":1,\"data\":\"\xff\"}", "Invalid message format"},
		"offer, first":          {first, `{"type":4,"id":1,"data":"v=0"}`, "Invalid message when not in a lobby"},
		"offer to 0, first":     {first, `{"type":4,"id":0,"data":"v=0"}`, "Invalid message when not in a lobby"},
		"seal, first":           {first, `{"type":7,"id":0}`, "Invalid message when not in a lobby"},
		"no command, first":     {first, `{"type":99,"id":0}`, "Invalid message when not in a lobby"},
		"no such lobby":         {first, `{"type":0,"id":0,"data":"nowhere"}`, "Lobby does not exists"},
		"no lobby's name":       {first, `{"type":0,"id":0,"data":"a lobby"}`, "Lobby does not exists"},
		"a sealed lobby":        {first, `{"type":0,"id":0,"data":"` + sealed.lobby + `"}`, "Lobby is sealed"},
		"second JOIN":           {joined, `{"type":0,"id":0,"data":""}`, "Already in a lobby"},
		"JOIN of another lobby": {joined, `{"type":0,"id":0,"data":"` + sealed.lobby + `"}`, "Already in a lobby"},
		"ID":                    {joined, `{"type":1,"id":1}`, "Invalid command"},
		"PEER_CONNECT":          {joined, `{"type":2,"id":1}`, "Invalid command"},
		"PEER_DISCONNECT":       {joined, `{"type":3,"id":1}`, "Invalid command"},
		"a type of the future":  {joined, `{"type":8,"id":1}`, "Invalid command"},
		"a huge type":           {joined, `{"type":1e300,"id":1}`, "Invalid command"},
		"to nobody":             {joined, `{"type":4,"id":2147483647,"data":"v=0"}`, "Invalid destination"},
		"to 0":                  {joined, `{"type":5,"id":0,"data":"v=0"}`, "Invalid destination"},
		"to no id":              {joined, `{"type":6,"id":2147483648,"data":"\n0\n0\nc"}`, "Invalid destination"},
		"to a huge id":          {joined, `{"type":4,"id":1e300,"data":"v=0"}`, "Invalid destination"},
		"seal of a member":      {joined, `{"type":7,"id":0}`, "Only host can seal the lobby"},
		"too large":             {joined, `{"type":4,"id":1,"data":"` + string(make([]byte, 4096)) + `"}`, "too_large"},
	} {
		t.Run(name, func(t *testing.T) {
			host := s.member(t, "", 0)
			g := s.game(t, "/")
			if c.joined {
				g.send(join, 0, host.lobby)
				g.wantID()
				host.want(peerConnect, g.id, "")
			}
			g.sendText(c.frame)
			g.wantClosed(4000, c.text)
			if c.joined {
				host.want(peerDisconnect, g.id, "")
			}
		})
	}
}

func TestBinaryFrame(t *testing.T) {
	g := serve(t, signalserver.Config{}).game(t, "/")
	require.NoError(t, g.conn.WriteMessage(websocket.BinaryMessage, []byte(`{"type":0,"id":0}`)))
	g.wantClosed(4000, "Invalid transfer mode, must be text")
}

func TestLimitsOfTheDemoProtocol(t *testing.T) {
	s := serve(t, signalserver.Config{MaxRooms: 1})
	s.member(t, "", 0)
	g := s.game(t, "/")
	g.send(join, 0, "")
	g.wantClosed(4000, "Too many lobbies open, disconnecting")

	s = serve(t, signalserver.Config{MaxSessions: 1})
	s.member(t, "", 0)
	s.game(t, "/").wantClosed(4000, "Too many peers connected")
}

// What is odd and yet understood, as by the Node server.
func TestUnusualInputsAreUnderstood(t *testing.T) {
	s := serve(t, signalserver.Config{})
	for name, frame := range map[string]string{
		"as Godot writes it":  `{"data":"","id":0,"type":0}`,
		"floats":              `{"type":0.0,"id":0.0,"data":""}`,
		"exponents":           `{"type":0e0,"id":0E+2,"data":""}`,
		"rounded down":        `{"type":0.9,"id":0.9,"data":""}`,
		"no data":             `{"type":0,"id":0}`,
		"data is null":        `{"type":0,"id":0,"data":null}`,
		"data is no string":   `{"type":0,"id":0,"data":{"a":[1]}}`,
		"further fields":      `{"type":0,"id":0,"data":"","colour":"red"}`,
		"white space":         " {\n\t\"type\" : 0 , \"id\" : 0 } ",
		"the last one counts": `{"type":99,"type":0,"id":0}`,
	} {
		t.Run(name, func(t *testing.T) {
			g := s.game(t, "/any/path?x=y")
			g.sendText(frame)
			g.want(identify, 1, "true")
			require.Regexp(t, `^\{"type":0,"id":0,"data":"\w{16}"\}$`, g.text())
		})
	}
	g := s.game(t, "/")
	g.sendText(`{"type":0,"id":2.5}`)
	g.want(identify, 1, "") // any id but 0 makes a star
}

// In this order: the id, who is there, the lobby; then those who come.
func TestOrderOfAnswers(t *testing.T) {
	s := serve(t, signalserver.Config{})
	host := s.member(t, "", 0)
	require.EqualValues(t, 1, host.id)
	second := s.member(t, host.lobby, 1) // the id of a JOIN counts for a new lobby only
	third := s.game(t, "/")
	third.send(join, 0, host.lobby)
	first := third.next()
	require.Equal(t, message{Type: identify, ID: first.ID, Data: "true"}, first)
	require.Greater(t, first.ID, int64(1))
	require.NotEqual(t, second.id, first.ID)
	third.want(peerConnect, 1, "")
	third.want(peerConnect, second.id, "")
	third.want(join, 0, host.lobby)
	host.want(peerConnect, second.id, "")
	host.want(peerConnect, first.ID, "")
	second.want(peerConnect, first.ID, "")
}

func TestStarAnnouncesHostAndMemberAlone(t *testing.T) {
	s := serve(t, signalserver.Config{})
	host := s.member(t, "", 1)
	a, b := s.member(t, host.lobby, 1), s.member(t, host.lobby, 1)
	host.want(peerConnect, a.id, "")
	host.want(peerConnect, b.id, "")
	a.wantNothing(host)
	b.vanish()
	host.want(peerDisconnect, b.id, "")
	a.wantNothing(host)
	a.send(offer, 1, "v=0")
	host.want(offer, a.id, "v=0")
	a.send(offer, b.id, "v=0")
	a.wantClosed(4000, "Invalid destination")
}

func TestLobbyEndsWithItsHost(t *testing.T) {
	for _, flag := range []int{0, 1} {
		s := serve(t, signalserver.Config{})
		host := s.member(t, "", flag)
		a := s.member(t, host.lobby, flag)
		b := s.browser(t, signaling.Join{Room: signaling.RoomName(host.lobby)})
		if flag == 0 {
			a.want(peerConnect, b.id, "")
		}
		host.vanish()
		a.wantClosed(4000, "Room host has disconnected")
		require.Equal(t, signaling.CodeHostLeft, b.hear().(*signaling.Error).Code)
		b.wantClosed(1008, "host_left")
		late := s.game(t, "/")
		late.send(join, 0, host.lobby)
		late.wantClosed(4000, "Lobby does not exists")
	}
}

// A game and a browser in one room: every signal is translated, both ways, and nothing is sent that the
// other does not know.
func TestGameAndBrowser(t *testing.T) {
	s := serve(t, signalserver.Config{})
	b := s.browser(t, signaling.Join{Room: "lobby", Topology: signaling.Mesh, Channels: []signaling.Mode{signaling.Reliable}})
	g := s.member(t, "lobby", 1)
	require.Equal(t, signaling.Joined{Member: signaling.Member{ID: signaling.PeerID(g.id), OneAttempt: true}}, b.hear())

	g.send(offer, 1, "v=0\r\n")
	b.wantSignal(g.id, `{"type":"offer","sdp":"v=0\r\n"}`)
	g.send(candidate, 1, "\n0\n1\ncandidate:1 1 UDP 2114977791 192.0.2.2 38207 typ host")
	b.wantSignal(g.id, `{"type":"candidate","candidate":"candidate:1 1 UDP 2114977791 192.0.2.2 38207 typ host","sdpMid":"0","sdpMLineIndex":1}`)
	g.send(candidate, 1, "\n0\n0\n")
	b.wantSignal(g.id, `{"type":"candidate"}`)
	g.send(answer, 1, "v=0 <&>")
	b.wantSignal(g.id, `{"type":"answer","sdp":"v=0 <&>"}`)

	b.signal(g.id, `{"type":"answer","attempt":1,"sdp":"v=0 <&>\r\n"}`)
	require.Equal(t, `{"type":5,"id":1,"data":"v=0 <&>\r\n"}`, g.text())
	b.signal(g.id, `{"type":"candidate","attempt":1,"candidate":"candidate:1","sdpMid":"","sdpMLineIndex":0}`)
	g.want(candidate, 1, "\n0\n0\ncandidate:1")
	for _, unsaid := range []string{
		`{"type":"candidate","attempt":1,"candidate":""}`,
		`{"type":"candidate","attempt":1,"candidate":null}`,
		`{"type":"candidate","candidate":"candidate:1\n2\n3"}`,
		`{"type":"candidate","candidate":"candidate:1","sdpMid":"0\n0"}`,
		`{"type":"refuse","text":"no"}`,
		`{"type":"repair","attempt":1,"link":"abc"}`,
		`{"type":"dance"}`,
		`"anything"`,
	} {
		b.signal(g.id, unsaid)
	}
	b.signal(g.id, `{"type":"offer","attempt":2,"sdp":"v=0"}`)
	g.want(offer, 1, "v=0")
	b.signal(g.id, `{"type":"offer","attempt":3,"sdp":"v=0 3","link":"abc","repair":true}`)
	g.want(offer, 1, "v=0 3")

	g.vanish()
	require.Equal(t, signaling.Left{ID: signaling.PeerID(g.id), Reason: signaling.LeftLost}, b.hear())
}

// The room of a browser keeps its own rules: it waits for its members, and stays when it is sealed.
func TestGameInTheRoomOfABrowser(t *testing.T) {
	s := serve(t, signalserver.Config{})
	b := s.browser(t, signaling.Join{Room: "lobby", Topology: signaling.Star})
	g := s.game(t, "/")
	g.send(join, 0, "lobby")
	first := g.next()
	require.Equal(t, message{Type: identify, ID: first.ID}, first)
	g.want(peerConnect, 1, "")
	g.want(join, 0, "lobby")
	b.hear()

	b.vanish()
	again := s.browser(t, signaling.Join{Resume: b.welcome.Resume})
	require.True(t, again.welcome.Resumed)
	require.Equal(t, []signaling.Member{{ID: signaling.PeerID(first.ID), OneAttempt: true}}, again.welcome.Members)
	again.say(signaling.Seal{})
	g.want(seal, 0, "")
	again.say(signaling.Leave{})
	g.wantClosed(4000, "Room host has disconnected")
}

// The demo's clients cannot take a second peer of an id that they have, so that one goes first. What the
// member can, and that it is another program, the demo has no words for.
func TestGameMeetsARestartedMember(t *testing.T) {
	s := serve(t, signalserver.Config{})
	b := s.browser(t, signaling.Join{Room: "lobby", Topology: signaling.Mesh})
	g := s.member(t, "lobby", 0)
	able := signaling.Join{Resume: b.welcome.Resume, Features: []string{signaling.FeatureRepair}, Incarnation: "one"}
	b = s.browser(t, able)
	require.Equal(t, []signaling.Member{{ID: signaling.PeerID(g.id), OneAttempt: true}}, b.welcome.Members, "a game lists nothing")
	g.want(peerDisconnect, 1, "")
	g.want(peerConnect, 1, "")
	b = s.browser(t, able)
	b.signal(g.id, `{"type":"offer","sdp":"nothing in between"}`)
	g.want(offer, 1, "nothing in between")
}

// The answer to a JOIN is one message of many frames: it fits an outbox that is smaller.
func TestManyMembersAreToldToALatecomer(t *testing.T) {
	s := serve(t, signalserver.Config{OutboxFrames: 4})
	members := []*game{s.member(t, "", 0)}
	for range 10 {
		g := s.member(t, members[0].lobby, 0)
		for _, other := range members {
			other.want(peerConnect, g.id, "") // so that one frame at most waits for each of them
		}
		members = append(members, g)
	}
}

func TestShutdown(t *testing.T) {
	s := serve(t, signalserver.Config{})
	g := s.member(t, "", 0)
	require.NoError(t, s.Shutdown(t.Context()))
	g.wantClosed(4000, "shutting_down")
}

func TestOtherSubprotocolIsRefused(t *testing.T) {
	s := serve(t, signalserver.Config{})
	d := websocket.Dialer{Subprotocols: []string{"chat"}}
	_, res, err := d.DialContext(t.Context(), s.url, nil)
	require.Error(t, err)
	require.Equal(t, 400, res.StatusCode)
	res.Body.Close()
}

// A room that migrates ends with its host while a game is in it, or left because the host was gone: games cannot follow
// another host. All are told, and the others hear why.
func TestGameInARoomThatMigrates(t *testing.T) {
	features := []string{signaling.FeatureMigrate, signaling.FeatureHost}
	j := signaling.Join{Room: "r", Topology: signaling.Star, Features: features, NewRoom: signaling.NewRoom{Migrates: true}}
	wantEnd := func(t *testing.T, b *browser, why string) {
		for {
			switch m := b.hear().(type) {
			case *signaling.Error:
				require.Equal(t, signaling.CodeHostLeft, m.Code)
				require.Contains(t, m.Text, why)
				return
			default:
				require.IsNotType(t, signaling.HostChanged{}, m)
			}
		}
	}
	leaves := func(host, _ *game) { (&browser{game: host}).say(signaling.Leave{}) }
	for name, tt := range map[string]struct {
		goes func(host, game *game)
		why  string
	}{
		"the host leaves":                     {leaves, "cannot follow another host"},
		"the host is lost":                    {func(host, _ *game) { host.vanish() }, "cannot follow another host"},
		"the host is lost, and then the game": {func(host, game *game) { host.vanish(); synctest.Wait(); game.vanish() }, "could not follow another host"},
		"the game notices before the server":  {func(host, game *game) { game.vanish(); synctest.Wait(); leaves(host, nil) }, "could not follow another host"},
	} {
		t.Run(name, func(t *testing.T) {
			within(t, signalserver.Config{}, func(t *testing.T, s *server) {
				host := s.browser(t, j)
				guest := s.browser(t, j)
				g := s.member(t, "r", 1)
				tt.goes(host.game, g)
				wantEnd(t, guest, tt.why)
				if tt.why == "cannot follow another host" { // else it has gone by itself
					g.wantClosed(4000, "Room host has disconnected")
				}
			})
		})
	}
	t.Run("the game is the host", func(t *testing.T) {
		within(t, signalserver.Config{}, func(t *testing.T, s *server) {
			g := s.member(t, "", 1)
			j := j
			j.Room = signaling.RoomName(g.lobby)
			guest := s.browser(t, j)
			require.Zero(t, guest.welcome.Term, "a game makes no room that migrates")
			g.vanish()
			wantEnd(t, guest, "is gone")
		})
	})
}
