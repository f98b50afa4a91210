package signalserver_test

import (
	"strings"
	"testing"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/signaling/signalserver"
)

// What ends a session, sent as the first frame or after a join.
func TestFatalErrors(t *testing.T) {
	s := serve(t, signalserver.Config{MaxMessage: 4096})
	const first, joined = false, true
	for name, c := range map[string]struct {
		joined bool
		frame  string
		code   signaling.Code
	}{
		"no JSON":              {first, `hello`, signaling.CodeBadMessage},
		"empty":                {first, ``, signaling.CodeBadMessage},
		"not an object":        {first, `[]`, signaling.CodeBadMessage},
		"no kind":              {first, `{}`, signaling.CodeBadMessage},
		"not UTF-8":            {joined, "{\"kind\":\"signal\",\"to\":1,\"data\":\"\xff\"}", signaling.CodeBadMessage},
		"room name":            {first, `{"kind":"join","room":"a b"}`, signaling.CodeBadRoom},
		"topology":             {first, `{"kind":"join","topology":"ring"}`, signaling.CodeBadMessage},
		"signal without to":    {joined, `{"kind":"signal","data":1}`, signaling.CodeBadMessage},
		"signal with from":     {joined, `{"kind":"signal","from":1,"data":1}`, signaling.CodeBadMessage},
		"the server's kind":    {joined, `{"kind":"sealed"}`, signaling.CodeBadMessage},
		"an error":             {joined, `{"kind":"error","code":"slow","text":""}`, signaling.CodeBadMessage},
		"huge, first":          {first, strings.Repeat("x", 100_000), signaling.CodeTooLarge},
		"huge, later":          {joined, strings.Repeat("x", 1<<20), signaling.CodeTooLarge},
		"one byte over":        {joined, strings.Repeat(" ", 4096) + `1`, signaling.CodeTooLarge},
		"signal before join":   {first, `{"kind":"signal","to":1,"data":1}`, signaling.CodeNotJoined},
		"leave before join":    {first, `{"kind":"leave"}`, signaling.CodeNotJoined},
		"second join":          {joined, `{"kind":"join"}`, signaling.CodeAlreadyJoined},
		"the other topology":   {first, `{"kind":"join","room":"there","topology":"star"}`, signaling.CodeTopologyMismatch},
		"a token of one's own": {first, `{"kind":"join","resume":"me"}`, signaling.CodeResumeRefused},
	} {
		t.Run(name, func(t *testing.T) {
			there := s.member(t, signaling.Join{Room: "there"})
			m := s.client(t)
			if c.joined {
				m.send(signaling.Join{})
				m.wantWelcome()
			}
			// The server may refuse a huge frame, and we may have answered, before it is all sent.
			m.conn.WriteMessage(websocket.TextMessage, []byte(c.frame))
			m.wantRefused(c.code)
			require.NotZero(t, s.Stats().Refused[c.code])
			there.wantNothing()
			there.send(signaling.Leave{})
			there.wantClosed(websocket.CloseNormalClosure, "")
		})
	}
}

func TestTopologyMismatchNamesBoth(t *testing.T) {
	s := serve(t, signalserver.Config{})
	s.member(t, signaling.Join{Room: "r"})
	c := s.client(t)
	c.send(signaling.Join{Room: "r", Topology: signaling.Star})
	require.Equal(t, `room "r" is a mesh, not a star`, c.wantError(signaling.CodeTopologyMismatch).Text)
}

func TestErrorsThatDoNotEndTheSession(t *testing.T) {
	s := serve(t, signalserver.Config{})
	_, a := pair(t, s, signaling.Mesh)
	a.sendText(`{"kind":"dance"}`)
	a.wantError(signaling.CodeUnknownKind)
	a.signal(a.id(), `1`)
	a.wantError(signaling.CodeUnknownPeer)
	a.signal(signaling.MaxPeerID, `1`)
	a.wantError(signaling.CodeUnknownPeer)
	a.send(signaling.Seal{})
	a.wantError(signaling.CodeNotHost)
	a.wantNothing()
}

func TestUnknownKindBeforeJoin(t *testing.T) {
	c := serve(t, signalserver.Config{}).client(t)
	c.sendText(`{"kind":"dance"}`)
	c.wantError(signaling.CodeUnknownKind)
	c.send(signaling.Join{})
	c.wantWelcome()
}

func TestBinaryFrame(t *testing.T) {
	c := serve(t, signalserver.Config{}).client(t)
	require.NoError(t, c.conn.WriteMessage(websocket.BinaryMessage, []byte(`{"kind":"join"}`)))
	c.wantRefused(signaling.CodeBadMessage)
}

func TestFull(t *testing.T) {
	for name, c := range map[string]struct {
		config signalserver.Config
		room   signaling.RoomName
		code   signaling.Code
	}{
		"members":  {signalserver.Config{MaxMembers: 1}, "a", signaling.CodeRoomFull},
		"rooms":    {signalserver.Config{MaxRooms: 1}, "b", signaling.CodeServerFull},
		"sessions": {signalserver.Config{MaxSessions: 1}, "a", signaling.CodeServerFull},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, c.config)
			a := s.member(t, signaling.Join{Room: "a"})
			refused := s.client(t)
			refused.conn.WriteMessage(websocket.TextMessage, []byte(`{"kind":"join","room":"`+c.room+`"}`))
			refused.wantRefused(c.code)
			a.wantNothing()

			a.send(signaling.Leave{})
			a.wantClosed(websocket.CloseNormalClosure, "")
			s.eventually(t, "there is room again", func(st signalserver.Stats) bool { return st.Sessions == 0 && st.Rooms == 0 })
			s.member(t, signaling.Join{Room: c.room})
		})
	}
}
