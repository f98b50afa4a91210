package signalserver_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/signaling/signalserver"
)

// offer opens a WebSocket whose request offers frame, and returns what the server has chosen.
func (s *server) offer(t *testing.T, frame string) (*client, string) {
	t.Helper()
	d := websocket.Dialer{NetDialContext: s.dial, Subprotocols: slices.Concat([]string{signaling.Subprotocol}, signaling.OfferFrame([]byte(frame)))}
	conn, res, err := d.DialContext(t.Context(), s.url, nil)
	require.NoError(t, err)
	res.Body.Close()
	return newClient(t, conn), conn.Subprotocol()
}

func TestJoinComesWithTheRequest(t *testing.T) {
	s := serve(t, signalserver.Config{})
	first := s.member(t, signaling.Join{Room: "lobby"})

	c, chosen := s.offer(t, `{"kind":"join","room":"lobby","metadata":{"name":"Ännchen"}}`)
	require.Equal(t, signaling.SubprotocolTaken, chosen)
	c.wantWelcome()
	require.Equal(t, signaling.RoomName("lobby"), c.welcome.Room)
	first.want(signaling.Joined{Member: signaling.Member{ID: c.id(), Metadata: []byte(`{"name":"Ännchen"}`)}})

	c.send(signaling.Join{Room: "lobby"})
	c.wantRefused(signaling.CodeAlreadyJoined)
}

func TestFrameOfTheRequestIsAFrame(t *testing.T) {
	list := `{"kind":"list"}`
	for name, c := range map[string]struct {
		config signalserver.Config
		frame  string
		want   signaling.Code
	}{
		"no JSON":               {signalserver.Config{}, "{", signaling.CodeBadMessage},
		"no join":               {signalserver.Config{}, `{"kind":"seal"}`, signaling.CodeNotJoined},
		"larger than it may be": {signalserver.Config{MaxMessage: 1024}, `{"kind":"join","metadata":"` + strings.Repeat("x", 1010) + `"}`, signaling.CodeTooLarge},
		"not admitted": {signalserver.Config{Admit: func(_ context.Context, r signalserver.Request) (signalserver.Grant, error) {
			return signalserver.Grant{}, &signaling.Error{Code: signaling.CodeUnauthorized, Text: r.Join.Token}
		}}, `{"kind":"join","token":"t"}`, signaling.CodeUnauthorized},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, c.config)
			one, chosen := s.offer(t, c.frame)
			require.Equal(t, signaling.SubprotocolTaken, chosen)
			one.wantRefused(c.want)
		})
	}
	s := serve(t, signalserver.Config{})
	one, _ := s.offer(t, list)
	require.IsType(t, signaling.Rooms{}, one.receive())
	one.send(signaling.Join{})
	one.wantWelcome()
}

func TestSessionOverTheLimitIsToldWhateverItsRequestHas(t *testing.T) {
	s := serve(t, signalserver.Config{MaxSessions: 1})
	s.member(t, signaling.Join{Room: "lobby"})
	c, _ := s.offer(t, `{"kind":"join","room":"lobby"}`)
	c.wantRefused(signaling.CodeServerFull)
}

// What a server cannot use of an offer it leaves alone: the member sends its join as a frame then.
func TestUnusableOfferIsIgnored(t *testing.T) {
	s := serve(t, signalserver.Config{})
	for name, offered := range map[string]string{
		"of an earlier client": "rtcpeer.v1",
		"of a later client":    "rtcpeer.v1, rtcpeer.v1.more, more.e30",
		"broken":               "rtcpeer.v1, rtcpeer.v1.taken, frame.e30=",
		"without the answer":   "rtcpeer.v1, frame.e30",
	} {
		t.Run(name, func(t *testing.T) {
			d := websocket.Dialer{NetDialContext: s.dial}
			conn, res, err := d.DialContext(t.Context(), s.url, http.Header{"Sec-Websocket-Protocol": {offered}})
			require.NoError(t, err)
			res.Body.Close()
			require.Equal(t, signaling.Subprotocol, conn.Subprotocol())
			c := newClient(t, conn)
			c.send(signaling.Join{Room: "lobby"})
			c.wantWelcome()
		})
	}
}

// A page that is closed while its WebSocket opens cannot leave, and has no ticket to come back with.
func TestPlaceOfASilentClientIsNotKept(t *testing.T) {
	s := serve(t, signalserver.Config{Grace: time.Hour})
	first := s.member(t, signaling.Join{Room: "lobby"})
	conn, err := s.dial(t.Context(), "tcp", strings.TrimPrefix(s.url, "ws://"))
	require.NoError(t, err)
	offered := strings.Join(slices.Concat([]string{signaling.Subprotocol}, signaling.OfferFrame([]byte(`{"kind":"join","room":"lobby"}`))), ", ")
	_, err = fmt.Fprintf(conn, "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"+
		"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Protocol: %s\r\n\r\n", offered)
	require.NoError(t, err)
	joined, ok := first.receive().(signaling.Joined)
	require.True(t, ok)
	require.NoError(t, conn.Close())
	first.want(signaling.Left{ID: joined.Member.ID, Reason: signaling.LeftLost})

	again, _ := s.offer(t, `{"kind":"join","room":"lobby"}`)
	again.wantWelcome()
	first.wantJoined(again)
	again.send(signaling.List{})
	require.IsType(t, signaling.Rooms{}, again.receive())
	again.vanish()
	s.eventually(t, "it is away", func(st signalserver.Stats) bool { return st.Sessions == 1 })
	first.wantNothing()
	back, _ := s.offer(t, `{"kind":"join","resume":"`+again.welcome.Resume+`"}`)
	require.Equal(t, again.id(), back.wantWelcome().ID)
	back.vanish()
	s.eventually(t, "it is away again", func(st signalserver.Stats) bool { return st.Sessions == 1 })
	first.wantNothing()
}
