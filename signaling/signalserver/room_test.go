package signalserver_test

import (
	"regexp"
	"testing"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/signaling/signalserver"
)

func TestMembersOfMeshMeetEachOther(t *testing.T) {
	s := serve(t, signalserver.Config{})
	channels := []signaling.Mode{signaling.Reliable}
	host := s.member(t, signaling.Join{Room: "lobby", Channels: channels, Metadata: []byte(`{"name":"<ann>"}`)})
	require.Equal(t, signaling.Host, host.id())
	require.Equal(t, signaling.Mesh, host.welcome.Topology)
	require.Equal(t, []signaling.Member{}, host.welcome.Members)
	about := signaling.Member{ID: 1, Channels: channels, Metadata: []byte(`{"name":"<ann>"}`)}

	a := s.member(t, signaling.Join{Room: "lobby"})
	require.Equal(t, []signaling.Member{about}, a.welcome.Members)
	host.wantJoined(a)

	b := s.member(t, signaling.Join{Room: "lobby", Topology: signaling.Mesh})
	require.ElementsMatch(t, []signaling.Member{about, {ID: a.id()}}, b.welcome.Members)
	require.Equal(t, signaling.Host, b.welcome.Host)
	host.wantJoined(b)
	a.wantJoined(b)

	b.send(signaling.Leave{})
	b.wantClosed(websocket.CloseNormalClosure, "")
	host.wantLeft(b, signaling.LeftByItself)
	a.wantLeft(b, signaling.LeftByItself)

	host.send(signaling.Leave{})
	host.wantClosed(websocket.CloseNormalClosure, "")
	a.wantLeft(host, signaling.LeftByItself)
	c := s.member(t, signaling.Join{Room: "lobby"})
	require.NotEqual(t, signaling.Host, c.id(), "the mesh goes on, and nobody else becomes 1")
	a.wantJoined(c)
}

func TestMembersOfStarMeetTheirHostOnly(t *testing.T) {
	s := serve(t, signalserver.Config{})
	host := s.member(t, signaling.Join{Room: "game", Topology: signaling.Star})
	a := s.member(t, signaling.Join{Room: "game"})
	require.Equal(t, signaling.Star, a.welcome.Topology)
	require.Equal(t, []signaling.Member{{ID: 1}}, a.welcome.Members)
	host.wantJoined(a)
	b := s.member(t, signaling.Join{Room: "game", Topology: signaling.Star})
	require.Equal(t, []signaling.Member{{ID: 1}}, b.welcome.Members)
	host.wantJoined(b)
	a.wantNothing()

	a.signal(b.id(), `"psst"`)
	a.wantError(signaling.CodeUnknownPeer)
	b.wantNothing()
	a.signal(1, `"up"`)
	host.wantSignal(a, `"up"`)
	host.signal(b.id(), `"down"`)
	b.wantSignal(host, `"down"`)

	b.send(signaling.Leave{})
	host.wantLeft(b, signaling.LeftByItself)
	a.wantNothing()

	host.send(signaling.Leave{})
	a.wantRefused(signaling.CodeHostLeft)
	s.eventually(t, "the room ends with its host", func(st signalserver.Stats) bool {
		return st.Rooms == 0 && st.Members == 0 && st.Sessions == 0
	})
	again := s.member(t, signaling.Join{Room: "game"})
	require.Equal(t, signaling.Host, again.id(), "another room of that name")
	require.Equal(t, signaling.Mesh, again.welcome.Topology)
}

func TestSignalIsStampedAndNotTouched(t *testing.T) {
	s := serve(t, signalserver.Config{})
	a := s.member(t, signaling.Join{Room: "r"})
	b := s.member(t, signaling.Join{Room: "r"})
	a.wantJoined(b)
	for _, data := range []string{
		`null`, `0`, `"<&>\u2028"`, `{"type":"offer","sdp":"v=0\r\n"}`, `[ 1,  {"a" : 1.50e3} ]`,
	} {
		b.sendText(`{"kind":"signal","to":1,"data":` + data + `,"new":{"field":true}}`)
		a.wantSignal(b, data)
	}
	a.signal(12345, `1`)
	a.wantError(signaling.CodeUnknownPeer)
	a.signal(b.id(), `2`)
	b.wantSignal(a, `2`)
}

func TestSignalsStayInTheirRoom(t *testing.T) {
	s := serve(t, signalserver.Config{})
	a := s.member(t, signaling.Join{Room: "a"})
	b := s.member(t, signaling.Join{Room: "b"})
	c := s.member(t, signaling.Join{Room: "b"})
	b.wantJoined(c)
	a.signal(c.id(), `"hi"`)
	a.wantError(signaling.CodeUnknownPeer)
	c.wantNothing()
	b.wantNothing()
}

func TestRoomWithoutNameGetsOne(t *testing.T) {
	s := serve(t, signalserver.Config{})
	a := s.member(t, signaling.Join{})
	b := s.member(t, signaling.Join{})
	require.Regexp(t, regexp.MustCompile(`^[a-z2-7]{10}$`), a.welcome.Room)
	require.NotEqual(t, a.welcome.Room, b.welcome.Room)
	c := s.member(t, signaling.Join{Room: a.welcome.Room})
	a.wantJoined(c)
	b.wantNothing()
}

func TestSealedRoomTakesNobodyNew(t *testing.T) {
	s := serve(t, signalserver.Config{})
	host := s.member(t, signaling.Join{Room: "r"})
	a := s.member(t, signaling.Join{Room: "r"})
	host.wantJoined(a)

	a.send(signaling.Seal{})
	a.wantError(signaling.CodeNotHost)
	host.send(signaling.Seal{})
	host.want(signaling.Sealed{})
	a.want(signaling.Sealed{})
	host.send(signaling.Seal{})
	host.wantNothing()
	a.wantNothing()

	late := s.client(t)
	late.send(signaling.Join{Room: "r"})
	late.wantRefused(signaling.CodeSealed)
	back := s.member(t, signaling.Join{Resume: a.welcome.Resume})
	require.Equal(t, a.id(), back.id())
	require.True(t, back.welcome.Sealed)
}

// Features and incarnations count as well.
func TestFeaturesAreBoundedByOneWelcome(t *testing.T) {
	s := serve(t, signalserver.Config{})
	features := make([]string, signaling.MaxFeatures)
	for i := range features {
		features[i] = string(make1K(signaling.MaxFeature, '\x01')) // six bytes each in JSON
	}
	j := signaling.Join{Room: "r", Features: features, Incarnation: string(make1K(signaling.MaxIncarnation, '"'))}
	for n := 1; ; n++ {
		c := s.client(t)
		c.send(j)
		if m := c.receive(); m.Kind() == signaling.KindError {
			require.ErrorIs(t, m.(*signaling.Error), &signaling.Error{Code: signaling.CodeRoomFull})
			require.Greater(t, n, 60)
			return
		}
		require.Less(t, n, 80, "the welcome should be full by now")
	}
}

func TestMetadataIsBoundedByOneWelcome(t *testing.T) {
	s := serve(t, signalserver.Config{})
	channels := make([]signaling.Mode, signaling.MaxChannels)
	for i := range channels {
		channels[i] = signaling.UnreliableOrdered
	}
	j := signaling.Join{Room: "r", Channels: channels, Metadata: []byte(`"` + string(make1K(1022, '<')) + `"`)}
	for n := 1; ; n++ {
		c := s.client(t)
		c.send(j)
		if m := c.receive(); m.Kind() == signaling.KindError {
			require.ErrorIs(t, m.(*signaling.Error), &signaling.Error{Code: signaling.CodeRoomFull})
			require.Greater(t, n, 30)
			return
		}
		require.Less(t, n, 50, "the welcome should be full by now")
	}
}

func make1K(n int, c byte) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = c
	}
	return b
}
