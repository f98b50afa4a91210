package main

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/signaling"
)

func startAdmin(t *testing.T, more ...string) *program {
	t.Helper()
	return start(t, nil, append(more, "--admin-listen=127.0.0.1:0", "--admin-token="+adminToken)...)
}

func TestAdministrationNeedsTheToken(t *testing.T) {
	p := startAdmin(t)
	address := p.other(t, "--admin-listen")
	for _, path := range []string{"/rooms", "/rooms/lobby", "/drain", "/metrics", "/debug/pprof/", "/debug/pprof/heap", "/rooms/lobby/lock", "/bans", "/bans/1", "/admin"} {
		for _, header := range []http.Header{
			nil,
			{"Authorization": {""}},
			{"Authorization": {"Bearer "}},
			{"Authorization": {"Bearer " + adminToken + "x"}},
			{"Authorization": {"Bearer " + adminToken[1:]}},
			{"Authorization": {"Basic " + adminToken}},
		} {
			status, body := request(t, "GET", address+path, header)
			require.Equal(t, http.StatusUnauthorized, status, path)
			require.NotContains(t, body, adminToken)
		}
		status, _ := fetch(t, pageOf(p)+path[1:])
		require.NotEqual(t, http.StatusUnauthorized, status, "%s: not on the listener of members", path)
	}
	for path, want := range map[string]int{"/rooms": 200, "/metrics": 200, "/debug/pprof/heap": 200, "/debug/pprof/cmdline": 404, "/rooms/none": 404, "/other": 404, "/drain": 405, "/rooms/none/lock": 405, "/bans": 200, "/bans/1": 405} {
		status, _ := p.administer(t, "GET", path)
		require.Equal(t, want, status, path)
	}
	require.Equal(t, exitOK, p.stop())
	for line := range p.log {
		require.NotContains(t, line, adminToken)
	}
}

// Who guesses the token fills no log, and is counted.
func TestRefusedAdministrationIsLoggedWithALimit(t *testing.T) {
	p := startAdmin(t)
	address := p.other(t, "--admin-listen")
	before := time.Now()
	const many = 1000
	for range many {
		status, _ := request(t, "DELETE", address+"/rooms/lobby", http.Header{"Authorization": {"Bearer guess"}})
		require.Equal(t, http.StatusUnauthorized, status)
	}
	require.EqualValues(t, many, scrape(t, pageOf(p)+"metrics")["admin_refused_total"])
	seconds := int(time.Since(before).Seconds()) + 1
	require.Equal(t, exitOK, p.stop())
	refused := 0
	for line := range p.log {
		if strings.Contains(line, "administration request without a valid token refused") {
			refused++
		}
	}
	require.Positive(t, refused)
	require.LessOrEqual(t, refused, 100+10*seconds) // loglimit's
}

func TestAdministration(t *testing.T) {
	p := startAdmin(t)
	_, body := p.administer(t, "GET", "/rooms")
	require.JSONEq(t, `[]`, body)

	host, guest := call(t, p.url, nil), call(t, p.url, nil)
	host.join(signaling.Join{Room: "lobby", Topology: signaling.Star})
	w := guest.join(signaling.Join{Room: "lobby", Metadata: json.RawMessage(`{"name":"Ben"}`)})
	host.receive()

	var rooms []struct {
		Name    signaling.RoomName
		Members int
	}
	_, body = p.administer(t, "GET", "/rooms")
	require.NoError(t, json.Unmarshal([]byte(body), &rooms))
	require.Len(t, rooms, 1)
	require.EqualValues(t, "lobby", rooms[0].Name)
	require.Equal(t, 2, rooms[0].Members)
	var members []struct {
		ID       signaling.PeerID
		Remote   string
		Metadata json.RawMessage
	}
	_, body = p.administer(t, "GET", "/rooms/lobby")
	require.NoError(t, json.Unmarshal([]byte(body), &members))
	require.Len(t, members, 2)
	require.Equal(t, w.ID, members[1].ID)
	require.Equal(t, "127.0.0.1", members[1].Remote)
	require.JSONEq(t, `{"name":"Ben"}`, string(members[1].Metadata))
	require.NotContains(t, body, w.Resume)

	id := strconv.Itoa(int(w.ID))
	for path, want := range map[string]int{"/rooms/none/1": 404, "/rooms/lobby/x": 404, "/rooms/lobby/0": 404, "/rooms/none": 404} {
		status, _ := p.administer(t, "DELETE", path)
		require.Equal(t, want, status, path)
	}
	status, _ := p.administer(t, "DELETE", "/rooms/lobby/"+id+"?reason=bad+words")
	require.Equal(t, http.StatusNoContent, status)
	kicked := guest.receive().(*signaling.Error)
	require.Equal(t, signaling.CodeKicked, kicked.Code)
	require.Contains(t, kicked.Text, "bad words")
	require.Equal(t, w.ID, host.receive().(signaling.Left).ID)

	status, _ = p.administer(t, "DELETE", "/rooms/lobby")
	require.Equal(t, http.StatusNoContent, status)
	require.Equal(t, signaling.CodeRoomClosed, host.receive().(*signaling.Error).Code)
	_, body = p.administer(t, "GET", "/rooms")
	require.JSONEq(t, `[]`, body)
}

// A drained server sends its members elsewhere and takes nobody, until it is told otherwise.
func TestDrain(t *testing.T) {
	p := startAdmin(t)
	member := call(t, p.url, nil)
	member.join(signaling.Join{Room: "lobby"})
	answered := make(chan int, 1)
	go func() {
		status, _ := p.administer(t, "POST", "/drain")
		answered <- status
	}()
	require.Equal(t, signaling.CodeShuttingDown, member.receive().(*signaling.Error).Code)
	_, _, err := member.conn.ReadMessage()
	require.True(t, websocket.IsCloseError(err, websocket.CloseGoingAway), "%v", err)
	require.Equal(t, http.StatusNoContent, <-answered)

	_, res, err := websocket.DefaultDialer.DialContext(t.Context(), p.url, nil)
	require.ErrorIs(t, err, websocket.ErrBadHandshake)
	res.Body.Close()
	require.Equal(t, http.StatusServiceUnavailable, res.StatusCode)
	require.NotEmpty(t, res.Header.Get("Retry-After"))
	require.EqualValues(t, 1, scrape(t, pageOf(p)+"metrics")["draining"])

	status, _ := p.administer(t, "DELETE", "/drain")
	require.Equal(t, http.StatusNoContent, status)
	require.True(t, call(t, p.url, nil).join(signaling.Join{Room: "lobby"}).ID.Valid())
}
