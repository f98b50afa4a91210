package signalserver_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.org/rtcpeer/signaling"
	"example.org/rtcpeer/signaling/signalserver"
)

type admit = func(context.Context, signalserver.Request) (signalserver.Grant, error)

// granted admits everybody with g.
func granted(g signalserver.Grant) admit {
	return func(context.Context, signalserver.Request) (signalserver.Grant, error) { return g, nil }
}

var allRights = signalserver.Grant{MayCreate: true, MayHost: true}

func TestAdmitIsAskedAboutEachJoin(t *testing.T) {
	asked := make(chan signalserver.Request, 8)
	s := serve(t, signalserver.Config{Admit: func(_ context.Context, r signalserver.Request) (signalserver.Grant, error) {
		asked <- r
		return allRights, nil
	}})
	host := s.member(t, signaling.Join{Room: "r", Token: "t", Metadata: []byte(`"Ann"`)})
	r := <-asked
	require.Equal(t, signaling.Join{Room: "r", Token: "t", Metadata: []byte(`"Ann"`)}, r.Join)
	require.Equal(t, netip.MustParseAddr("127.0.0.1"), r.Remote)
	require.Equal(t, signaling.Subprotocol, r.Header.Get("Sec-WebSocket-Protocol"))
	require.NotEmpty(t, r.Host)
	require.NotNil(t, r.URL)
	require.True(t, r.Creates)
	require.False(t, r.Resume)

	s.member(t, signaling.Join{Room: "r"})
	require.False(t, (<-asked).Creates)

	s.resume(t, host)
	r = <-asked
	require.True(t, r.Resume)
	require.Equal(t, host.id(), r.ID)
	require.EqualValues(t, "r", r.Join.Room)

	c := s.client(t)
	c.send(signaling.List{Token: "t2"})
	c.want(signaling.Rooms{Rooms: []signaling.PublicRoom{}})
	r = <-asked
	require.True(t, r.List)
	require.Equal(t, "t2", r.Join.Token)

	c = s.client(t)
	c.send(signaling.Join{Resume: "forged"})
	c.wantRefused(signaling.CodeResumeRefused)
	require.Empty(t, asked, "who shows no valid ticket is not asked about")
}

func TestAdmitRefuses(t *testing.T) {
	var log strings.Builder
	for name, c := range map[string]struct {
		err  error
		want signaling.Code
		text string
	}{
		"with its own words":    {&signaling.Error{Code: signaling.CodeUnauthorized, Text: "no token"}, signaling.CodeUnauthorized, "no token"},
		"with a word of others": {&signaling.Error{Code: "banned", Text: "for ever"}, "banned", "for ever"},
		"and fails closed":      {errors.New("secret backend down"), signaling.CodeInternal, "the server cannot check admissions at the moment"},
		"and ends the session":  {&signaling.Error{Code: signaling.CodeNotHost}, signaling.CodeInternal, "the server cannot check admissions at the moment"},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, signalserver.Config{
				Log:   slog.New(slog.NewTextHandler(&log, nil)),
				Admit: func(context.Context, signalserver.Request) (signalserver.Grant, error) { return allRights, c.err },
			})
			m := s.client(t)
			m.send(signaling.Join{Room: "r"})
			e := m.wantError(c.want)
			require.Equal(t, c.text, e.Text)
			require.Zero(t, s.Stats().Rooms)
			require.EqualValues(t, 1, s.Stats().Refused[c.want])
			m.conn.Close()
			shutDown(t, s.Server)
		})
	}
	require.Contains(t, log.String(), "secret backend down")
}

// While one waits for its admission the others go on, and the end of its session ends the wait.
func TestAdmitDoesNotDelayOtherSessions(t *testing.T) {
	waiting, ended := make(chan bool), make(chan error, 1)
	s := serve(t, signalserver.Config{Admit: func(ctx context.Context, r signalserver.Request) (signalserver.Grant, error) {
		if r.Join.Token == "slow" {
			require.NoError(t, ctx.Err())
			close(waiting)
			<-ctx.Done()
			ended <- ctx.Err()
		}
		return allRights, nil
	}})
	slow := s.client(t)
	slow.send(signaling.Join{Room: "r", Token: "slow"})
	<-waiting
	a := s.member(t, signaling.Join{Room: "r"})
	b := s.member(t, signaling.Join{Room: "r"})
	a.wantJoined(b)
	shutDown(t, s.Server)
	require.ErrorIs(t, <-ended, context.Canceled)
	slow.wantRefused(signaling.CodeShuttingDown)
}

func TestGrantsSayWhoCreatesAndHosts(t *testing.T) {
	s := serve(t, signalserver.Config{Admit: func(_ context.Context, r signalserver.Request) (signalserver.Grant, error) {
		return signalserver.Grant{MayCreate: strings.Contains(r.Join.Token, "create"), MayHost: strings.Contains(r.Join.Token, "host")}, nil
	}})
	nobody := s.client(t)
	nobody.send(signaling.Join{Room: "r", Token: "host"})
	nobody.wantRefused(signaling.CodeForbidden)

	guest := s.member(t, signaling.Join{Room: "r", Topology: signaling.Star, Token: "create"})
	require.NotEqual(t, signaling.Host, guest.id())
	require.Equal(t, signaling.Host, guest.welcome.Host, "it is told who will be")
	require.Empty(t, guest.welcome.Members)
	host := s.member(t, signaling.Join{Room: "r", Token: "host"})
	require.Equal(t, signaling.Host, host.id())
	guest.wantJoined(host)
	second := s.member(t, signaling.Join{Room: "r", Token: "host"})
	require.NotEqual(t, signaling.Host, second.id())

	matched := s.client(t)
	matched.send(signaling.Join{Token: "create", Match: &signaling.Match{Key: "k", Size: 2}})
	matched.wantRefused(signaling.CodeForbidden)
}

func TestGrantDescribesTheMember(t *testing.T) {
	for name, c := range map[string]struct {
		grant     signalserver.Grant
		own, want string
	}{
		"nothing":                   {signalserver.Grant{}, `{"a":1}`, `{"a":1}`},
		"a name":                    {signalserver.Grant{Name: "Ann <3"}, ``, `{"name":"Ann <3"}`},
		"a name for that given":     {signalserver.Grant{Name: "Ann"}, `{"a":1,"name":"Eve"}`, `{"a":1,"name":"Ann"}`},
		"a name for what is null":   {signalserver.Grant{Name: "Ann"}, `null`, `{"name":"Ann"}`},
		"a name for what is a list": {signalserver.Grant{Name: "Ann"}, `[1]`, `{"name":"Ann"}`},
		"metadata":                  {signalserver.Grant{Metadata: []byte(`7`)}, `{"a":1}`, `7`},
		"both":                      {signalserver.Grant{Name: "Ann", Metadata: []byte(`{"b":2}`)}, `{"a":1}`, `{"b":2,"name":"Ann"}`},
	} {
		t.Run(name, func(t *testing.T) {
			c.grant.MayCreate, c.grant.MayHost = true, true
			s := serve(t, signalserver.Config{Admit: granted(c.grant)})
			s.member(t, signaling.Join{Room: "r", Metadata: json.RawMessage(c.own)})
			b := s.member(t, signaling.Join{Room: "r"})
			require.Equal(t, c.want, string(b.welcome.Members[0].Metadata))
		})
	}
	for name, g := range map[string]struct {
		signalserver.Grant
		want signaling.Code
	}{
		"too large":     {signalserver.Grant{Name: strings.Repeat("x", signaling.MaxMetadata)}, signaling.CodeForbidden},
		"not JSON":      {signalserver.Grant{Metadata: []byte("{")}, signaling.CodeInternal},
		"already ended": {signalserver.Grant{Expires: time.Now()}, signaling.CodeExpired},
	} {
		t.Run(name, func(t *testing.T) {
			g.MayCreate = true
			c := serve(t, signalserver.Config{Admit: granted(g.Grant)}).client(t)
			c.send(signaling.Join{Room: "r"})
			c.wantRefused(g.want)
		})
	}
}

// aMinute admits everybody, and who has the token "a minute" for that long.
func aMinute(_ context.Context, r signalserver.Request) (signalserver.Grant, error) {
	g := allRights
	if r.Join.Token == "a minute" {
		g.Expires = time.Now().Add(time.Minute)
	}
	return g, nil
}

func TestMembershipEndsWithItsGrant(t *testing.T) {
	config := signalserver.Config{ResumeKey: key, Recovery: -1, Admit: aMinute}
	within(t, config, func(t *testing.T, s *server) {
		host := s.member(t, signaling.Join{Room: "r"})
		a := s.member(t, signaling.Join{Room: "r", Token: "a minute"})
		host.wantJoined(a)
		began := time.Now()
		time.Sleep(30 * time.Second)
		back := s.resume(t, a) // the token of the admission is not shown again
		a.wantRefused(signaling.CodeReplaced)
		host.wantLeft(back, signaling.LeftExpired)
		require.InDelta(t, time.Minute, time.Since(began), float64(2*time.Second))
		back.wantRefused(signaling.CodeExpired)
		members, _ := s.Members("r")
		require.Len(t, members, 1)

		after := serveInMemory(t, config)
		c := after.client(t)
		c.send(signaling.Join{Resume: back.welcome.Resume})
		c.wantRefused(signaling.CodeExpired)
	})
}

func TestICEServersAreRenewed(t *testing.T) {
	var calls atomic.Int32
	config := signalserver.Config{
		ICEServers: []signaling.ICEServer{{URLs: []string{"stun:s"}}},
		ICEServersFor: func(room signaling.RoomName, id signaling.PeerID) ([]signaling.ICEServer, time.Duration) {
			calls.Add(1)
			name := string(room) + time.Now().Format("-15:04:05")
			return []signaling.ICEServer{{URLs: []string{"turn:t"}, Username: name, Credential: "c"}}, 2 * time.Minute
		},
	}
	within(t, config, func(t *testing.T, s *server) {
		a := s.member(t, signaling.Join{Room: "r"})
		want := func() []signaling.ICEServer {
			return []signaling.ICEServer{{URLs: []string{"stun:s"}}, {URLs: []string{"turn:t"}, Username: "r" + time.Now().Format("-15:04:05"), Credential: "c"}}
		}
		require.Equal(t, want(), a.welcome.ICEServers)
		for range 3 {
			began := time.Now()
			m := a.receive()
			require.InDelta(t, 90*time.Second, time.Since(began), float64(2*time.Second))
			require.Equal(t, signaling.ICEServers{Servers: want()}, m)
		}
		a.vanish()
		time.Sleep(2 * time.Hour)
		require.EqualValues(t, 4, calls.Load(), "nobody is there to renew them for")
	})
}

func TestICEServersThatAreTooLargeAreLeftOut(t *testing.T) {
	s := serve(t, signalserver.Config{ICEServersFor: func(signaling.RoomName, signaling.PeerID) ([]signaling.ICEServer, time.Duration) {
		return []signaling.ICEServer{{Username: strings.Repeat("x", 9000)}}, 0
	}})
	a := s.member(t, signaling.Join{Room: "r"})
	require.Empty(t, a.welcome.ICEServers)
	require.EqualValues(t, 1, s.Stats().Dropped["ice_servers"])
}

func TestObserverHearsOfEachPhase(t *testing.T) {
	var heard [6]atomic.Int32
	phases := []signalserver.Phase{signalserver.PhaseJoin, signalserver.PhaseResume, signalserver.PhaseMatch,
		signalserver.PhaseAdmit, signalserver.PhaseSignal, signalserver.PhaseWrite}
	s := serve(t, signalserver.Config{Admit: granted(allRights), Observe: func(p signalserver.Phase, took time.Duration) {
		for i := range phases {
			if phases[i] == p && took >= 0 {
				heard[i].Add(1)
			}
		}
	}})
	host, a := pair(t, s, signaling.Mesh)
	host.signal(a.id(), `1`)
	a.wantSignal(host, `1`)
	s.resume(t, a)
	couple(t, s, "k")
	shutDown(t, s.Server)
	got := map[signalserver.Phase]int32{}
	for i, p := range phases {
		got[p] = heard[i].Load()
	}
	require.GreaterOrEqual(t, got[signalserver.PhaseWrite], int32(6))
	delete(got, signalserver.PhaseWrite)
	require.Equal(t, map[signalserver.Phase]int32{"join": 2, "resume": 1, "match": 2, "admit": 5, "signal": 1}, got)
	st := s.Stats()
	require.NotZero(t, st.BytesIn)
	require.NotZero(t, st.BytesOut)
	require.EqualValues(t, 6, st.FramesIn)
	require.GreaterOrEqual(t, st.FramesOut, uint64(6))
}
